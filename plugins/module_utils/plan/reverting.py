# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reverting a volume to a snapshot. Pure.

What is wanted is a content, not an event: a volume that was reverted to the snapshot and that no host could write to since
holds that content still, so nothing is done. Everything written since the snapshot is lost, so it happens only by name.
"""

from __future__ import annotations

from ..model.errors import StorageError, missing_parent
from .operations import Operation


def plan_revert(landscape, current, wanted):
    """Return the operations that give a volume a snapshot's content.

    :raises StorageError: what Cinder does not allow, since arrays do not: an older snapshot, another size, an attached volume.
    """
    if wanted.revert_to is None:
        return []
    snapshot = landscape.snapshot(wanted.backend, wanted.revert_to)
    if snapshot is None:
        raise missing_parent("revert_to", "there is no snapshot %r on backend %s." % (wanted.revert_to, wanted.backend))
    if snapshot.volume_id != current.id:
        raise StorageError(
            "conflict",
            "revert_to: %r is a snapshot of volume %r, not of %r. To copy it, create a volume with source_snapshot."
            % (snapshot.name, snapshot.volume_name, current.name),
            "revert_to",
        )
    if current.reverted_to == snapshot.id:
        return []
    if snapshot.status != "available":
        raise StorageError(
            "conflict", "revert_to: snapshot %r is in status %s; it must be available." % (snapshot.name, snapshot.status), "revert_to"
        )
    if current.attached_to:
        raise StorageError(
            "in_use",
            "revert_to: volume %r is attached to %s, whose file system would not survive it. Detach it first with legacy_attachment."
            % (current.name, ", ".join(current.attached_to)),
            "revert_to",
        )
    others = [item for item in landscape.snapshots_of(current) if item.id != snapshot.id]
    adopted = [item.name for item in (snapshot, *others) if item.adopted_from]
    if others and adopted:
        raise StorageError(
            "conflict",
            "revert_to: %s came to the store by being adopted, so nobody here knows whether %r is the latest snapshot of volume %r, and reverting to an "
            "older one loses the newer ones on many arrays. Delete or release the others first, or copy %r with source_snapshot."
            % (", ".join(adopted), snapshot.name, current.name, snapshot.name),
            "revert_to",
        )
    newer = landscape.newer_snapshots(snapshot)
    if newer:
        raise StorageError(
            "conflict",
            "revert_to: %r is not the latest snapshot of volume %r; reverting would go over %s. Delete what is newer first, or copy %r with source_snapshot."
            % (snapshot.name, current.name, ", ".join(item.name for item in newer), snapshot.name),
            "revert_to",
        )
    if snapshot.size != current.size:
        raise StorageError(
            "conflict",
            "revert_to: volume %r has %d GiB, but had %d GiB when %r was taken, and volumes never shrink. Create a volume with source_snapshot instead."
            % (current.name, current.size, snapshot.size, snapshot.name),
            "revert_to",
        )
    arguments = {"id": current.id, "snapshot_id": snapshot.id, "snapshot_name": snapshot.name}
    return [Operation("revert", "volume", current.backend, current.name, arguments)]
