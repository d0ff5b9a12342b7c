# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning snapshots. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

from ..model.errors import StorageError
from .adopting import plan_adopt_snapshot, plan_release_snapshot, refuse_other_origin, snapshots_volume
from .group_snapshots import refuse_members
from .naming import plan_rename
from .operations import Operation


def plan_snapshot(landscape, wanted):
    """Return the operations that make ``wanted`` (a WantedSnapshot) true.

    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    landscape.backend(wanted.backend)
    renaming = plan_rename(landscape, landscape.snapshot, "snapshot", wanted)
    landscape = landscape.after(renaming)
    current = landscape.snapshot(wanted.backend, wanted.name)
    if current is not None:
        _refuse_other_volume(current, wanted)
    if wanted.state == "absent":
        refuse_members([current], "state")
        return [] if current is None else [delete_snapshot(current)]
    if wanted.state == "released":
        refuse_members([current], "state")
        return [] if current is None else plan_release_snapshot(current)
    if current is None:
        return plan_adopt_snapshot(landscape, wanted) if wanted.adopt else [_plan_create(landscape, wanted)]
    return renaming + _plan_change(landscape, current, wanted)


def delete_snapshot(snapshot):
    """Return the operation that deletes a snapshot."""
    arguments = {"id": snapshot.id, "volume_id": snapshot.volume_id, "volume_name": snapshot.volume_name}
    return Operation("delete", "snapshot", snapshot.backend, snapshot.name, arguments)


def _plan_create(landscape, wanted):
    volume = snapshots_volume(landscape, wanted)
    arguments = {
        "id": landscape.free_id("snapshot", wanted.backend, wanted.name),
        "volume_id": volume.id,
        "volume_name": volume.name,
        "size": volume.size,
        "description": wanted.description or "",
        "metadata": wanted.metadata or {},
    }
    return Operation("create", "snapshot", wanted.backend, wanted.name, arguments)


def _refuse_other_volume(current, wanted):
    """Whoever names a volume means a snapshot of that one, also when it is to go."""
    if wanted.volume is not None and wanted.volume not in (current.volume_id, current.volume_name):
        raise StorageError(
            "conflict",
            "volume: snapshot %r exists and is of volume %r, not %r. %s"
            % (
                current.name,
                current.volume_name,
                wanted.volume,
                "Choose another name, or delete that snapshot first." if wanted.state == "present" else "Nothing was done with it.",
            ),
            "volume",
        )


def _plan_change(landscape, current, wanted):
    if current.status != "available":
        if current.group_snapshot_id is not None:
            raise StorageError(
                "conflict",
                "name: snapshot %r is in status %s, as a member of group snapshot %r. Run the task of that one again, or delete it, with "
                "legacy_group_snapshot." % (current.name, current.status, current.group_snapshot),
                "name",
            )
        raise StorageError(
            "conflict", "name: snapshot %r is in status %s. Delete it with state=absent." % (current.name, current.status), "name"
        )
    refuse_other_origin(current, wanted, "snapshot")
    changes = {
        key: getattr(wanted, key)
        for key in ("description", "metadata")
        if getattr(wanted, key) is not None and getattr(wanted, key) != getattr(current, key)
    }
    if not changes:
        return []
    return [Operation("update", "snapshot", current.backend, current.name, dict(changes, id=current.id))]
