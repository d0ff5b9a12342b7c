# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for an array that mirrors to another one: two directories, each with the files of its volumes.

A replicated volume is one file with a name in both directories (a hard link), so what a host writes is on the other array at once, and what
happens to the first directory does not touch it. A fail over makes the target's file one of its own, as an array that splits its mirror
does; a fail back copies it over the first array's and mirrors again. A volume without replication is in the first directory alone. A test
lets an array die by moving its directory away.

A file ``refuse_target`` among the faults makes ``failover_host`` refuse its target with that text.
"""

from __future__ import annotations

import os

from cinder import exception, interface
from cinder.objects import fields
from cinder.volume import volume_utils
from sparse_files import SparseFileDriver

STATUS = fields.ReplicationStatus


@interface.volumedriver
class ReplicatedFileDriver(SparseFileDriver):
    """Volumes as sparse files, mirrored to the directories that replication_device names (backend_id, directory)."""

    def __init__(self, *args, active_backend_id=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._active = active_backend_id

    def do_setup(self, context):
        """Find the directory of the array that is active."""
        super().do_setup(context)
        self._devices = {item["backend_id"]: item["directory"] for item in self.configuration.safe_get("replication_device") or ()}
        for item in self.configuration.safe_get("replication_device") or ():
            if "password" not in item:
                raise exception.InvalidConfigurationValue(option="replication_device", value=item["backend_id"])
        if self._active:
            self._dir = self._devices[self._active]

    def check_for_setup_error(self):
        """Refuse an array that is not there."""
        if not os.path.isdir(self._dir):
            password = [item["password"] for item in self.configuration.safe_get("replication_device") or ()]
            raise exception.VolumeBackendAPIException(data="array %s does not answer (tried %s)" % (self._dir, password))
        super().check_for_setup_error()

    def _log(self, what, method):
        if os.path.isdir(self._dir):
            super()._log(what, method)

    def _told(self):
        told = dict(super()._told(), replication_enabled=bool(self._devices) and not self._active, replication_targets=sorted(self._devices))
        return dict(told, capacities_seen_at=self._active)

    def _mirror(self, volume):
        """Give a replicated volume's file a name on every other array."""
        if not volume.is_replicated() or self._active:
            return {}
        for directory in self._devices.values():
            path = os.path.join(directory, volume.name)
            if os.path.exists(path):
                os.unlink(path)
            os.link(self._path(volume), path)
        return {"replication_status": STATUS.ENABLED, "replication_driver_data": "canary-mirror-%s" % volume.id}

    def create_volume(self, volume):
        """Make an empty volume, mirrored if its type says so."""
        return dict(super().create_volume(volume), **self._mirror(volume))

    def create_cloned_volume(self, volume, src_vref):
        """Make a volume with another one's content, mirrored if its type says so."""
        return dict(super().create_cloned_volume(volume, src_vref), **self._mirror(volume))

    def create_volume_from_snapshot(self, volume, snapshot):
        """Make a volume with a snapshot's content, mirrored if its type says so."""
        return dict(super().create_volume_from_snapshot(volume, snapshot), **self._mirror(volume))

    def delete_volume(self, volume):
        """Delete a volume on all arrays."""
        super().delete_volume(volume)
        for directory in self._devices.values():
            path = os.path.join(directory, volume.name)
            if os.path.exists(path) and not self._active:
                os.unlink(path)

    def retype(self, context, volume, new_type, diff, host):
        """Begin or end mirroring where the volume lies; says nothing of it, as some drivers do, so the caller must know."""
        done = super().retype(context, volume, new_type, diff, host)
        old, new = (volume_utils.is_boolean_str(word) if word else False for word in diff["extra_specs"].get("replication_enabled", (None, None)))
        for directory in self._devices.values() if done and old != new else ():
            path = os.path.join(directory, volume.name)
            if new and not os.path.exists(path):
                os.link(self._path(volume), path)
            elif not new and os.path.exists(path):
                os.unlink(path)
        return done

    def failover_host(self, context, volumes, secondary_id=None, groups=None):
        """Serve from a target's directory, or from the first one again."""
        refused = os.path.join(self._dir, "faults", "refuse_target")
        if os.path.exists(refused):
            with open(refused, encoding="utf-8") as stream:
                raise exception.InvalidReplicationTarget(reason=stream.read())
        self._call("failover_host")
        back = secondary_id == "default"
        place = self.configuration.sparse_files_dir if back else self._devices[secondary_id]
        if not os.path.isdir(place):
            raise exception.VolumeBackendAPIException(data="array %s does not answer" % place)
        updates = [{"volume_id": volume.id, "updates": self._turn(volume, place, back)} for volume in volumes]
        self._dir, self._active = place, None if back else secondary_id
        return secondary_id, updates, []

    def _turn(self, volume, place, back):
        path, source = os.path.join(place, volume.name), os.path.join(self._dir if back else place, volume.name)
        if not os.path.exists(source):
            return {"status": "error", "replication_status": STATUS.FAILOVER_ERROR}
        with open(source, "rb") as original, open(path + ".new", "wb") as stream:
            stream.write(original.read(1024**2))  # the tests write at the front
            stream.truncate(os.path.getsize(source))
        os.rename(path + ".new", path)
        if back:
            os.unlink(source)
            os.link(path, source)
        return {"provider_location": path}
