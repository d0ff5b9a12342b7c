# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Cinder driver for tests: volumes are sparse files in a directory, handed out through os-brick's ``local`` protocol.

It stores data for real, needs no root, and can be told to fail or to be slow by files in its ``faults`` directory:
a file named like a method makes that method raise (its text is the message) or, if it begins with "sleep", wait; with "not offered" the
method is one that the driver does not have, with "gone" it does not find what it needs, and if it begins with "bug" it raises what a careless driver raises.
A file ``pools`` among the faults has the names of its pools.
"""

from __future__ import annotations

import json
import os
import time

from cinder import coordination, exception, interface, utils
from cinder.volume import configuration, driver, volume_utils
from cinder.volume.drivers import remotefs
from eventlet import tpool
from oslo_config import cfg

OPTIONS = [
    cfg.StrOpt("sparse_files_dir", help="Directory that holds the volumes."),
    cfg.StrOpt("sparse_files_password", secret=True, help="Checked for nothing; a secret to look for in logs."),
    cfg.StrOpt(
        "sparse_files_without",
        help="Something that this driver should not be able to do: revert, to forget sources, refusing to shrink, looking, groups, joining, consistency.",
    ),
    cfg.IntOpt("sparse_files_capacity", default=1000, help="Capacity to report, in GiB."),
    cfg.StrOpt("sparse_files_label", help="For nothing.", deprecated_for_removal=True, deprecated_reason="Labels\n   are not read."),
]
cfg.CONF.register_opts(OPTIONS, group=configuration.SHARED_CONF_GROUP)
GIB = 1024**3


def _written(handle):
    """Yield (start, end) of all that was ever written to a sparse file."""
    end = 0
    while True:
        try:
            start = os.lseek(handle, end, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole is left
            return
        end = os.lseek(handle, start, os.SEEK_HOLE)
        yield start, end


@interface.volumedriver
class SparseFileDriver(driver.VolumeDriver):
    """Volumes as sparse files."""

    VERSION = "1.0.0"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)

    @staticmethod
    def get_driver_options():
        """Return the options of this driver."""
        return OPTIONS

    def do_setup(self, context):
        """Find the directory."""
        self._dir = self.configuration.sparse_files_dir

    def check_for_setup_error(self):
        """Refuse a directory that is not there."""
        if not self._dir or not os.path.isdir(self._dir):
            raise exception.VolumeBackendAPIException(data="sparse_files_dir %s is no directory" % self._dir)
        self._call("check_for_setup_error")

    def _update_volume_stats(self):
        self._stats = {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name"),
            "vendor_name": "tests",
            "driver_version": self.VERSION,
            "storage_protocol": "local",
            "multiattach": True,
            "max_over_subscription_ratio": "20.0",
            "pools": [
                dict(self._told(), pool_name=name, total_capacity_gb=self.configuration.sparse_files_capacity, free_capacity_gb="500")
                for name in self._pool_names()
            ],
        }

    def _pool_names(self):
        path = os.path.join(self._dir, "faults", "pools")
        if not os.path.exists(path):
            return ["first", "second"]
        with open(path, encoding="utf-8") as stream:
            return stream.read().split()

    def _told(self):
        return {"thin_provisioning_support": True, "thick_provisioning_support": False, "QoS_support": "<is> True", "provisioned_capacity_gb": "unknown"}

    def _log(self, what, method):
        with open(os.path.join(self._dir, "calls.log"), "a", encoding="utf-8") as log:
            log.write("%.6f %s %s\n" % (time.time(), what, method))

    def _call(self, method):
        self._log("begin", method)
        fault = os.path.join(self._dir, "faults", method)
        if os.path.exists(fault):
            with open(fault, encoding="utf-8") as stream:
                text = stream.read().strip()
            if text.startswith("sleep"):
                time.sleep(float(text.split()[1]))
            elif text == "not offered":
                raise NotImplementedError
            elif text == "there":
                raise exception.Duplicate()
            elif text == "gone":
                raise exception.VolumeNotFound(volume_id=method)
            elif text.startswith("bug"):
                raise AttributeError(text)
            else:
                raise exception.VolumeBackendAPIException(data=text.replace("%(sparse_files_password)s", str(self.configuration.sparse_files_password)))
        self._log("end", method)

    def _path(self, thing):
        return os.path.join(self._dir, thing.name)

    def create_volume(self, volume):
        """Make an empty volume; through eventlet's threads, as Ceph's driver calls its library."""
        self._call("create_volume")
        tpool.execute(self._make, volume)
        return {"provider_location": self._path(volume), "provider_auth": "CHAP tester canary-%s" % volume.id}

    def _make(self, volume):
        with open(self._path(volume), "xb") as stream:
            stream.truncate(volume.size * GIB)

    def _copy(self, source, target, size):
        with open(self._path(target), "xb") as stream, open(source, "rb") as original:
            stream.truncate(size * GIB)
            for start, end in _written(original.fileno()):
                stream.seek(start)
                stream.write(os.pread(original.fileno(), end - start, start))
        return {"provider_location": self._path(target)}

    @utils.synchronized("sparse-files-clones", external=True)
    def create_cloned_volume(self, volume, src_vref):
        """Make a volume with another one's content."""
        self._call("create_cloned_volume")
        if self.configuration.sparse_files_without == "forgetting":
            with open(self._path(src_vref) + ".cloned", "w", encoding="utf-8"):
                pass
            with open("%s@%s" % (self._path(src_vref), volume.name), "x", encoding="utf-8"):  # the snapshot for the clone's sake, which outlives it
                pass
        return self._copy(self._path(src_vref), volume, volume.size)

    def create_volume_from_snapshot(self, volume, snapshot):
        """Make a volume with a snapshot's content."""
        self._call("create_volume_from_snapshot")
        return self._copy(self._path(snapshot), volume, volume.size)

    def delete_volume(self, volume):
        """Delete a volume; one that is not there is deleted already."""
        self._call("delete_volume")
        if os.path.exists(self._path(volume) + ".cloned"):  # as Ceph's driver keeps what was cloned
            if os.path.exists(self._path(volume) + ".deleted"):
                raise exception.VolumeBackendAPIException(data="%s.deleted exists" % volume.name)
            os.rename(self._path(volume), self._path(volume) + ".deleted")
            os.unlink(self._path(volume) + ".cloned")
        for path in (self._path(volume), os.path.join(self._dir, "specs-" + volume.id)):
            if os.path.exists(path):
                os.unlink(path)

    def extend_volume(self, volume, new_size):
        """Grow a volume; as many arrays do, refuse the size there is. Ceph's does not, and cuts off what is past the new end."""
        self._call("extend_volume")
        if self.configuration.sparse_files_without != "refusing to shrink" and os.path.getsize(self._path(volume)) >= new_size * GIB:
            raise exception.VolumeBackendAPIException(data="new size matches existing size")
        os.truncate(self._path(volume), new_size * GIB)

    def migrate_volume(self, context, volume, host):
        """Move a volume between pools, which are but a name here: only while there is a file ``moves`` among the faults."""
        self._call("migrate_volume")
        return os.path.exists(os.path.join(self._dir, "faults", "moves")), None

    def retype(self, context, volume, new_type, diff, host):
        """Keep a volume's specs beside it; another ``tier`` would need other disks."""
        self._call("retype")
        old, new = diff["extra_specs"].get("tier", (None, None))
        if old != new:
            return False
        told = self.db.volume_type_get(context, new_type.id)  # as drivers do that know only the new type's id
        specs = {"extra_specs": dict(told["extra_specs"]), "qos_specs": dict((told.get("qos_specs") or {}).get("specs", {}))}
        path = os.path.join(self._dir, "specs-" + volume.id)
        if any(specs.values()):
            with open(path, "w", encoding="utf-8") as stream:
                json.dump(specs, stream, sort_keys=True)
        elif os.path.exists(path):
            os.unlink(path)
        return True, {"provider_geometry": json.dumps(specs, sort_keys=True)}

    def revert_to_snapshot(self, context, volume, snapshot):
        """Put a snapshot's content back."""
        if self.configuration.sparse_files_without == "revert":
            raise NotImplementedError()
        self._call("revert_to_snapshot")
        os.unlink(self._path(volume))
        self._copy(self._path(snapshot), volume, snapshot.volume_size)

    def manage_existing_get_size(self, volume, existing_ref):
        """Tell the size in GiB of a file."""
        if self.configuration.sparse_files_without == "looking":
            raise NotImplementedError()
        path = os.path.join(self._dir, existing_ref["source-name"])
        if not os.path.exists(path):
            raise exception.ManageExistingInvalidReference(existing_ref=existing_ref, reason="there is no such file")
        return -(-os.path.getsize(path) // GIB)

    manage_existing_snapshot_get_size = manage_existing_get_size

    def manage_existing(self, volume, existing_ref):
        """Take a file over: as many arrays do, under another name; it gets its own back when it is let go."""
        self._call("manage_existing")
        self._take(volume, existing_ref["source-name"])
        return {"provider_location": self._path(volume), "provider_id": existing_ref["source-name"], "metadata": {"lun": existing_ref["source-name"]}}

    def manage_existing_snapshot(self, snapshot, existing_ref):
        """Take a file over as a snapshot."""
        self._call("manage_existing_snapshot")
        self._take(snapshot, existing_ref["source-name"])
        return {"provider_id": existing_ref["source-name"]}

    def _take(self, thing, name):
        known = volume_utils.extract_id_from_volume_name(name)
        if volume_utils.check_already_managed_volume(known):
            raise exception.ManageExistingAlreadyManaged(volume_ref=name)
        os.rename(os.path.join(self._dir, name), self._path(thing))

    def unmanage(self, volume):
        """Let a file go."""
        self._call("unmanage")
        if volume.provider_id and os.path.exists(self._path(volume)):
            os.rename(self._path(volume), os.path.join(self._dir, volume.provider_id))

    def unmanage_snapshot(self, snapshot):
        """Let a snapshot's file go."""
        self._call("unmanage_snapshot")
        if snapshot.provider_id and os.path.exists(self._path(snapshot)):
            os.rename(self._path(snapshot), os.path.join(self._dir, snapshot.provider_id))

    def get_manageable_volumes(self, cinder_volumes, marker, limit, offset, sort_keys, sort_dirs):
        """List the files that may be volumes, those that Cinder has as well."""
        self._call("get_manageable_volumes")
        return self._manageable("volume-", {volume.name: volume.id for volume in cinder_volumes}, {})

    def get_manageable_snapshots(self, cinder_snapshots, marker, limit, offset, sort_keys, sort_dirs):
        """List the files that may be snapshots, those that Cinder has as well."""
        self._call("get_manageable_snapshots")
        return self._manageable("snapshot-", {snapshot.name: snapshot.id for snapshot in cinder_snapshots}, {"source_reference": {}})

    def _manageable(self, prefix, known, more):
        other = "snapshot-" if prefix == "volume-" else "volume-"
        own = ("calls.log", "exports", "faults", "groups")
        names = [name for name in sorted(os.listdir(self._dir)) if name not in own and not name.startswith((other, "specs-")) and not name.endswith(".lock")]
        found = []
        for name in names:
            if name.startswith(prefix) or prefix == "volume-":
                path = os.path.join(self._dir, name)
                why = "already managed" if name in known else "in use" if os.path.exists(path + ".lock") else None
                entry = dict(more, reference={"source-name": name}, size=-(-os.path.getsize(path) // GIB), cinder_id=known.get(name))
                found.append(dict(entry, safe_to_manage=why is None, reason_not_safe=why, extra_info=None))
        return found

    @coordination.synchronized("sparse-files-snapshots")
    def create_snapshot(self, snapshot):
        """Keep a copy of a volume; one at a time, as many a driver sees to."""
        self._call("create_snapshot")
        self._copy(os.path.join(self._dir, snapshot.volume_name), snapshot, snapshot.volume_size)

    def delete_snapshot(self, snapshot):
        """Delete a snapshot; one that is not there is deleted already, one that is in use stays."""
        self._call("delete_snapshot")
        if os.path.exists(os.path.join(self._dir, "faults", "busy-" + snapshot.volume_id)):
            raise exception.SnapshotIsBusy(snapshot_name=snapshot.name)
        if os.path.exists(self._path(snapshot)):
            os.unlink(self._path(snapshot))

    def _exports(self, volume):
        return os.path.join(self._dir, "exports", volume.name)

    def create_export(self, context, volume, connector):
        """Open a volume's door."""
        self._call("create_export")
        os.makedirs(self._exports(volume), exist_ok=True)
        return {"provider_location": self._path(volume)}

    def ensure_export(self, context, volume):
        """Nothing to do."""

    def initialize_connection(self, volume, connector):
        """Let a host in."""
        self._call("initialize_connection")
        with open(os.path.join(self._exports(volume), connector["host"]), "w", encoding="utf-8") as stream:
            stream.write(connector.get("initiator") or "")
        return {
            "driver_volume_type": "local",
            "data": {"device_path": self._path(volume), "auth_username": "tester", "auth_password": "canary-chap-%s" % volume.id},
        }

    def terminate_connection(self, volume, connector, **kwargs):
        """Shut a host out; refuses, as some arrays do, a host that is not in."""
        self._call("terminate_connection")
        path = os.path.join(self._exports(volume), connector["host"])
        if not os.path.exists(path):
            raise exception.VolumeBackendAPIException(data="host is not mapped")
        os.unlink(path)

    def remove_export(self, context, volume):
        """Close a volume's door."""
        self._call("remove_export")
        if os.path.isdir(self._exports(volume)):
            os.rmdir(self._exports(volume))


@interface.volumedriver
class GroupingDriver(SparseFileDriver):
    """The same, and snapshots of several volumes at once: of those that are in a group, under the group snapshot's name.

    As some arrays do, it deletes what is in a group together with it, and keeps a volume in one group at most.
    """

    def _path(self, thing):
        return self._member(thing) or super()._path(thing)

    def _member(self, thing):
        if not getattr(thing, "group_snapshot_id", None):
            return None
        return os.path.join(self._dir, "snapshot-group-%s-%s" % (thing.group_snapshot.id, thing.volume_id))

    def _group(self, group):
        return os.path.join(self._dir, "groups", group.id)

    def _members(self, group):
        if not os.path.exists(self._group(group)):
            raise exception.GroupNotFound(group_id=group.id)
        with open(self._group(group), encoding="utf-8") as stream:
            return json.load(stream)

    def _write(self, group, members):
        with open(self._group(group), "w", encoding="utf-8") as stream:
            json.dump(sorted(members), stream)

    def _without(self, what):
        return self.configuration.sparse_files_without == what

    def extend_volume(self, volume, new_size):
        """Grow a volume; as some drivers do, look first whether it is in a group."""
        if volume.group_id and volume.name not in self._members(volume.group):
            raise exception.VolumeBackendAPIException(data="the volume is not in its group")
        super().extend_volume(volume, new_size)

    def create_group(self, context, group):
        """Make an empty group."""
        if self._without("groups") or not volume_utils.is_group_a_cg_snapshot_type(group) or group.is_replicated:
            raise NotImplementedError()
        self._call("create_group")
        os.makedirs(os.path.join(self._dir, "groups"), exist_ok=True)
        if os.path.exists(self._group(group)):
            raise exception.VolumeBackendAPIException(data="there is a group %s" % group.id)
        self._write(group, [])
        return {"status": "available"}

    def update_group(self, context, group, add_volumes=None, remove_volumes=None):
        """Let volumes into a group, or out of it."""
        if self._without("groups") or self._without("joining"):
            raise NotImplementedError()
        self._call("update_group")
        members = set(self._members(group))
        for volume in add_volumes:
            for other in os.listdir(os.path.join(self._dir, "groups")):
                with open(os.path.join(self._dir, "groups", other), encoding="utf-8") as stream:
                    if volume.name in json.load(stream) and other != group.id:
                        raise exception.VolumeBackendAPIException(data="%s is in group %s" % (volume.name, other))
        members |= {volume.name for volume in add_volumes}
        members -= {volume.name for volume in remove_volumes}
        self._write(group, members)
        return None, [{"id": volume.id, "replication_driver_data": "canary-group"} for volume in add_volumes], None

    def delete_group(self, context, group, volumes):
        """Delete a group with everything that is still in it."""
        if self._without("groups"):
            raise NotImplementedError()
        self._call("delete_group")
        for name in self._members(group) + [volume.name for volume in (*volumes, *group.volumes)]:
            os.unlink(os.path.join(self._dir, name))
        os.unlink(self._group(group))
        return {"status": "deleted"}, None

    def create_group_snapshot(self, context, group_snapshot, snapshots):
        """Keep copies of all volumes in the group."""
        if self._without("consistency") or not volume_utils.is_group_a_cg_snapshot_type(group_snapshot):
            raise NotImplementedError()
        self._call("create_group_snapshot")
        if not self._without("groups"):
            inside = sorted(snapshot.volume.name for snapshot in snapshots if snapshot.volume.group_id == group_snapshot.group.id)
            if self._members(group_snapshot.group) != inside or len(group_snapshot.group.volumes) != len(inside):
                raise exception.VolumeBackendAPIException(data="the group holds other volumes")
        told = []
        for snapshot in snapshots:
            broken = os.path.exists(os.path.join(self._dir, "faults", "break-" + snapshot.volume_id))
            if not broken:
                self._copy(os.path.join(self._dir, snapshot.volume_name), snapshot, snapshot.volume_size)
            told.append({"id": snapshot.id, "status": "error" if broken else "available", "provider_id": "member-of-%s" % group_snapshot.id})
        return {"status": "available"}, told

    def delete_group_snapshot(self, context, group_snapshot, snapshots):
        """Delete the copies; one that is not there is deleted already, one that is in use stays."""
        self._call("delete_group_snapshot")
        told = []
        for snapshot in snapshots:
            busy = os.path.exists(os.path.join(self._dir, "faults", "busy-" + snapshot.volume_id))
            if not busy and os.path.exists(self._path(snapshot)):
                os.unlink(self._path(snapshot))
            told.append({"id": snapshot.id, "status": "error_deleting" if busy else "deleted"})
        return {"status": "deleted"}, told


@interface.volumedriver
class OneByOneDriver(SparseFileDriver):
    """What several vendors' drivers do: it declares consistent group snapshots, and takes one snapshot after the other."""

    def _told(self):
        return dict(super()._told(), consistent_group_snapshot_enabled=True)

    def create_group_snapshot(self, context, group_snapshot, snapshots):
        """Take them one after the other."""
        for snapshot in snapshots:
            self.create_snapshot(snapshot)
        return None, None


class NovaFileDriver(SparseFileDriver):
    """As SparseFileDriver, but its snapshots are taken by Cinder's RemoteFS, which leaves those of attached volumes to Nova."""

    _create_snapshot = remotefs.RemoteFSSnapDriverBase._create_snapshot
    _create_snapshot_online = remotefs.RemoteFSSnapDriverBase._create_snapshot_online

    def create_snapshot(self, snapshot):
        """Take a snapshot."""
        self._call("create_snapshot")
        return self._create_snapshot(snapshot)


class RemoteFileDriver(SparseFileDriver):
    """As SparseFileDriver, but copies leave their originals' size as they find it, as those of Cinder's RemoteFS do."""

    driver_prefix = "sparse_files"

    def create_volume_from_snapshot(self, volume, snapshot):
        """Make a volume with a snapshot's content and size."""
        self._call("create_volume_from_snapshot")
        return self._copy(self._path(snapshot), volume, snapshot.volume_size)

    def create_cloned_volume(self, volume, src_vref):
        """Make a volume with another one's content and size."""
        self._call("create_cloned_volume")
        return self._copy(self._path(src_vref), volume, src_vref.size)

    def extend_volume(self, volume, new_size):
        """Grow a volume that the store knows at the size that it has."""
        if os.path.getsize(self._path(volume)) != volume.size * GIB:
            raise exception.VolumeBackendAPIException(data="the volume is not as large as it is said to be")
        super().extend_volume(volume, new_size)

    create_volume_from_snapshot.__module__ = create_cloned_volume.__module__ = "cinder.volume.drivers.remotefs"
