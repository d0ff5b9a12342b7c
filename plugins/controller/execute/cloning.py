# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshot that some drivers make a clone by (RemoteFS: NFS, Quobyte): they take it and delete it again within the cloning."""

from __future__ import annotations

from ...module_utils.model.identity import clone_snapshot_id
from ...module_utils.model.resources import Snapshot
from ...module_utils.plan.operations import Operation


class CloneSnapshot:
    """That snapshot of a volume's source; where the driver needs none, or the volume is no clone, nothing.

    It stands in the store as any other whose creation is under way. So whoever next touches the source of a clone that was killed deletes it first.
    Otherwise the source stayed in the overlay that such a snapshot is, and hosts were given that for the volume.
    """

    def __init__(self, work, volume):
        self._work = work
        self._snapshot = self._entry = None
        if not volume.is_clone or not work.engine().volumes.clones_by_snapshot(volume):
            return
        with work.store.reading() as reader:
            (driven,) = reader.driven_volumes(ids=[volume.source.id])
        owner, name = driven.resource, "snapshot for clone %s" % volume.id
        self._snapshot = Snapshot(clone_snapshot_id(volume.id), volume.backend, name, owner.id, owner.name, owner.size, "creating")

    def begin(self, writer):
        """Record it, before the array is asked."""
        snapshot = self._snapshot
        if snapshot is not None:
            arguments = {key: getattr(snapshot, key) for key in ("id", "volume_id", "volume_name", "size")}
            self._entry = writer.begin(Operation("create", "snapshot", snapshot.backend, snapshot.name, arguments), snapshot.id)
            writer.add_snapshot(snapshot)

    def delete(self):
        """Delete it on the array, if the driver did not."""
        if self._snapshot is not None:
            self._work.engine().snapshots.delete(self._snapshot.id)

    def end(self, writer):
        """Forget it: it is gone."""
        if self._snapshot is not None:
            writer.drop_snapshot(self._snapshot.id)
            writer.settle(self._entry)
