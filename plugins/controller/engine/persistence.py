# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cinderlib's persistence, backed by our store.

cinderlib's own DB plugin loses volume types and QoS on a later save, matches backends with LIKE and writes after
the fact (cinderlib 5.2.0). This one only keeps what drivers put on a volume; names, sizes and states are written
by the operations themselves, ahead of the array.
"""

from __future__ import annotations

import types
import uuid

from cinder import exception
from cinder import objects as cinder_objects
from cinderlib import objects
from cinderlib.persistence import base

from ...module_utils.model.identity import clone_snapshot_id

# Fields that drivers return in model updates or set on the object, and want back on the next call.
VOLUME_FIELDS = (
    "provider_location",
    "provider_auth",
    "provider_id",
    "provider_geometry",
    "admin_metadata",
    "replication_status",
    "replication_extended_status",
    "replication_driver_data",
    "previous_status",
    "multiattach",
    "shared_targets",
    "service_uuid",
    "encryption_key_id",
    "bootable",
    "host",
    "_name_id",
    "group_id",  # the group on the array that it is in, as long as there are group snapshots of it
)
SNAPSHOT_FIELDS = ("provider_location", "provider_auth", "provider_id", "encryption_key_id")


GROUP_TYPE = str(uuid.UUID(int=1))  # of every group there is: its snapshots are consistent


class Database(base.DB):
    """What drivers ask the database of a Cinder service directly, as far as cinderlib's stand-in does not know it."""

    def resource_exists(self, context, model, resource_id):
        """Tell whether a volume or snapshot is managed here. What is just being adopted is not yet."""
        found = self.persistence.get_volumes(resource_id) if model is self._volume_model else self.persistence.get_snapshots(resource_id)
        return any(item.status not in ("managing", "creating") for item in found)

    def group_get(self, context, group_id):
        """Return one of Cinder's groups."""
        return self.persistence.group(group_id)

    def group_type_get(self, context, identity, inactive=False, expected_fields=None):
        """Return the one type of groups that there is."""
        specs = {"consistent_group_snapshot_enabled": "<is> True"}
        return {"id": GROUP_TYPE, "name": "consistent", "description": None, "is_public": True, "group_specs": specs}

    def group_type_get_by_name(self, context, name):
        """Return a type of groups by its name: no driver knows ours."""
        raise exception.GroupTypeNotFoundByName(group_type_name=name)

    def volume_get_all_by_group(self, context, group_id, filters=None):
        """Return the volumes of a consistency group, what Cinder had before groups: none."""
        return []

    _volume_model = cinder_objects.Volume.model


def _give_id(snapshot):
    """Give a snapshot that a driver makes for itself an id: one by which it clones, that under which the store knows it."""
    if not snapshot.obj_attr_is_set("id"):
        clone_id = snapshot.display_name.partition("tmp-snap-")[2] if snapshot.display_name else None
        snapshot.id = clone_snapshot_id(clone_id) if clone_id else str(uuid.uuid4())


class StorePersistence(base.PersistenceDriverBase):
    """What cinderlib and the drivers read and save through."""

    def __init__(self, store, host):
        self._store = store
        self._host = host
        self._db = Database(self)
        # Drivers that make themselves a client of another Cinder service, as NFS's of Nova, let the database's connections go first: none here.
        self._db.get_engine = lambda: types.SimpleNamespace(name="sqlite")
        # Drivers that clone through a snapshot of their own, as NFS's, make it and end it within the call; its row is the cloning operation's.
        cinder_objects.Snapshot.create = _give_id
        cinder_objects.Snapshot.destroy = lambda snapshot: None
        # What Cinder's objects look up when a driver asks a volume for its group, or a group for what is in it.
        cinder_objects.Group.get_by_id = lambda context, identity, *rest, **more: self.group(identity)
        cinder_objects.GroupSnapshot.get_by_id = lambda context, identity, *rest, **more: self.open_group_snapshot(identity)[0]
        cinder_objects.GroupList.get_all = lambda context, filters=None, **more: self._groups(filters or {})
        cinder_objects.GroupSnapshotList.get_all_by_group = lambda context, identity, **more: self._group_snapshots(identity)
        cinder_objects.SnapshotList.get_all_for_group_snapshot = lambda context, identity, **more: _snapshot_list(
            self.open_group_snapshot(identity)[2]
        )
        cinder_objects.VolumeList.get_all_by_generic_group = lambda context, identity, **more: self.group(identity).volumes
        super().__init__()

    @property
    def db(self):
        """The object drivers know as ``self.db``."""
        return self._db

    def get_volumes(self, volume_id=None, volume_name=None, backend_name=None):
        """Return cinderlib volumes, filtered exactly."""
        with self._store.reading() as reader:
            driven = reader.driven_volumes(ids=None if volume_id is None else [volume_id], backend=backend_name, name=volume_name)
            return [self.volume(reader, item) for item in driven]

    def get_snapshots(self, snapshot_id=None, snapshot_name=None, volume_id=None):
        """Return cinderlib snapshots, filtered exactly."""
        with self._store.reading() as reader:
            driven = reader.driven_snapshots(
                ids=None if snapshot_id is None else [snapshot_id],
                volume_ids=None if volume_id is None else [volume_id],
                name=snapshot_name,
            )
            return [self.snapshot(reader, item) for item in driven]

    def get_connections(self, connection_id=None, volume_id=None):
        """Return cinderlib connections, filtered exactly."""
        with self._store.reading() as reader:
            driven = reader.driven_exports(
                ids=None if connection_id is None else [connection_id], volume_ids=None if volume_id is None else [volume_id]
            )
            volumes = {item.resource.id: item for item in reader.driven_volumes(ids=[export.resource.volume_id for export in driven])}
            return [_connection(self.bare_volume(volumes[item.resource.volume_id]), item) for item in driven]

    def get_key_values(self, key=None):
        """Return what drivers keep for themselves."""
        with self._store.reading() as reader:
            return [objects.KeyValue(name, value) for name, value in reader.key_values(key).items()]

    def set_volume(self, volume):
        """Keep the driver's fields of a volume whose row was written ahead."""
        self.keep("volume", volume, VOLUME_FIELDS)
        super().set_volume(volume)

    def set_snapshot(self, snapshot):
        """Keep the driver's fields of a snapshot whose row was written ahead."""
        self.keep("snapshot", snapshot, SNAPSHOT_FIELDS)
        super().set_snapshot(snapshot)

    def set_key_value(self, key_value):
        """Keep a driver's own key."""
        with self._store.writing() as writer:
            writer.set_key_value(key_value.key, key_value.value)

    def delete_key_value(self, key_value):
        """Forget a driver's own key."""
        with self._store.writing() as writer:
            writer.set_key_value(key_value.key, None)

    def keep(self, noun, thing, fields):
        """Save the driver's fields of a cinderlib volume or snapshot."""
        with self._store.writing() as writer:
            writer.set_driver_data(noun, thing.id, driver_data(thing, fields))

    def locate(self, volume_id, location):
        """Save where a volume is about to be made; nothing else is known of it yet."""
        with self._store.writing() as writer:
            writer.set_driver_data("volume", volume_id, {"provider_location": location})

    def volume(self, reader, driven):
        """Return the cinderlib volume of a Driven one, with its snapshots and connections."""
        identity = driven.resource.id
        return self.joined(driven, reader.driven_snapshots(volume_ids=[identity]), reader.driven_exports(volume_ids=[identity]))

    def joined(self, driven, snapshots=(), exports=()):
        """Return the cinderlib volume of a Driven one with these Driven snapshots and exports, which are all that it has."""
        volume = self.bare_volume(driven)
        for item in snapshots:
            snapshot = self.bare_snapshot(volume, item)
            volume._snapshots.append(snapshot)
            volume._ovo.snapshots.objects.append(snapshot._ovo)
        for item in exports:
            connection = _connection(volume, item)
            volume._connections.append(connection)
            volume._ovo.volume_attachment.objects.append(connection._ovo)
        volume._ovo.obj_reset_changes()
        return volume

    def snapshot(self, reader, driven):
        """Return the cinderlib snapshot of a Driven one, with its volume."""
        (owner,) = reader.driven_volumes(ids=[driven.resource.volume_id])
        return self.bare_snapshot(self.bare_volume(owner), driven)

    def is_joined(self, identity):
        """Tell whether every volume of a recorded group snapshot is in its group."""
        _taken, group_id, volumes, _snapshots = self._parts(identity)
        return all(volume._ovo.group_id == group_id for volume in volumes)

    def open_group_snapshot(self, identity):
        """Return (Cinder's group snapshot, cinderlib volumes, cinderlib snapshots) of a recorded one."""
        driven, group_id, volumes, snapshots = self._parts(identity)
        record = driven.resource
        taken = cinder_objects.GroupSnapshot(
            context=objects.CONTEXT,
            id=record.id,
            group_id=group_id,
            project_id=objects.CONTEXT.project_id,
            user_id=objects.CONTEXT.user_id,
            name=record.id,  # some drivers put it into names on the array, where it must stay
            description=record.description,
            status=record.status,
            group_type_id=GROUP_TYPE,
            created_at=driven.created_at,
        )
        taken.group = _group(group_id, volumes)
        taken.snapshots = _snapshot_list(snapshots)
        for snapshot in snapshots:
            snapshot._ovo.group_snapshot = taken
        taken.obj_reset_changes()
        return taken, volumes, snapshots

    def group(self, group_id):
        """Return Cinder's object of the group with this id."""
        with self._store.reading() as reader:
            found = reader.driven_group_snapshots(group_id=group_id)
        if not found:
            raise exception.GroupNotFound(group_id=group_id)
        return _group(group_id, self._parts(found[0].resource.id)[2])

    def _parts(self, identity):
        with self._store.reading() as reader:
            found = reader.driven_group_snapshots(ids=[identity])
            if not found:
                raise exception.GroupSnapshotNotFound(group_snapshot_id=identity)
            members = reader.driven_snapshots(group_snapshot_ids=[identity])
            owners = reader.driven_volumes(ids=[item.resource.volume_id for item in members])
            volumes = {item.resource.id: self.volume(reader, item) for item in owners}
        snapshots = [self.bare_snapshot(volumes[item.resource.volume_id], item) for item in members]
        return found[0], found[0].resource.group_id, list(volumes.values()), snapshots

    def _groups(self, filters):
        with self._store.reading() as reader:
            known = sorted({item.resource.group_id for item in reader.driven_group_snapshots()})
        groups = [self.group(group_id) for group_id in known]
        fitting = [group for group in groups if all(getattr(group, key, None) == value for key, value in filters.items())]
        return cinder_objects.GroupList(context=objects.CONTEXT, objects=fitting)

    def _group_snapshots(self, group_id):
        with self._store.reading() as reader:
            found = reader.driven_group_snapshots(group_id=group_id)
        taken = [self.open_group_snapshot(item.resource.id)[0] for item in found]
        return cinder_objects.GroupSnapshotList(context=objects.CONTEXT, objects=taken)

    def bare_volume(self, driven):
        """Return the cinderlib volume of a Driven one, without what hangs on it."""
        record, data = driven.resource, dict(driven.data)
        pool = record.pool or record.backend
        driver_metadata = data.pop("driver_metadata", None) or {}
        data.setdefault("host", "%s@%s#%s" % (self._host, record.backend, pool))
        source = record.source
        volume = objects.Volume(
            record.backend,
            id=record.id,
            name=record.name,
            description=record.description,
            size=record.size,
            status=record.status,
            attach_status="attached" if record.attached_to else "detached",
            metadata=dict(driver_metadata, **record.metadata),
            admin_metadata=data.pop("admin_metadata", None) or {},
            extra_specs=dict(record.extra_specs),
            qos_specs=dict(record.qos_specs),
            source_volid=source.id if source and source.kind == "volume" else None,
            snapshot_id=source.id if source and source.kind == "snapshot" else None,
            **data,
        )
        vars(volume)["users_metadata"] = record.metadata
        if volume._ovo.group_id:
            del volume._ovo.group  # cinderlib sets it to None; so it is looked up when a driver asks
        return volume

    def bare_snapshot(self, volume, driven):
        """Return the cinderlib snapshot of a Driven one on its cinderlib volume."""
        record = driven.resource
        snapshot = objects.Snapshot(
            volume,
            id=record.id,
            name=record.name,
            description=record.description,
            status=record.status,
            metadata=dict(record.metadata),
            group_snapshot_id=record.group_snapshot_id,
            **dict(driven.data, volume_size=record.size),
        )
        if record.group_snapshot_id:
            del snapshot._ovo.group_snapshot
        return snapshot


def driver_data(thing, fields):
    """Return {field: plain value} of what a driver left on a cinderlib object."""
    data = {}
    for field in fields:
        if thing._ovo.obj_attr_is_set(field):
            value = getattr(thing._ovo, field)
            if value not in (None, {}):
                data[field] = value
    users = vars(thing).get("users_metadata")
    if users is not None:  # some drivers keep what they must know of a volume beside the user's own metadata
        data["driver_metadata"] = {key: value for key, value in thing._ovo.metadata.items() if key not in users}
    return data


def _group(group_id, volumes):
    """Return Cinder's object of a group that some cinderlib volumes are of; those that are in it by now are its volumes."""
    types = [volume._ovo.volume_type for volume in volumes if volume._ovo.volume_type_id]
    inside = [volume._ovo for volume in volumes if volume._ovo.group_id == group_id]
    group = cinder_objects.Group(
        context=objects.CONTEXT,
        id=group_id,
        user_id=objects.CONTEXT.user_id,
        project_id=objects.CONTEXT.project_id,
        cluster_name=None,
        host=volumes[0]._ovo.host,
        availability_zone=volumes[0]._ovo.availability_zone,
        name="group",
        description="",
        group_type_id=GROUP_TYPE,
        volume_type_ids=[item.id for item in types],
        status="available",
        group_snapshot_id=None,
        source_group_id=None,
        replication_status="not-capable",
    )
    group.volumes = cinder_objects.VolumeList(context=objects.CONTEXT, objects=inside)
    group.volume_types = cinder_objects.VolumeTypeList(context=objects.CONTEXT, objects=types)
    group.obj_reset_changes()
    return group


def _snapshot_list(snapshots):
    return cinder_objects.SnapshotList(context=objects.CONTEXT, objects=[snapshot._ovo for snapshot in snapshots])


def _connection(volume, driven):
    record = driven.resource
    connection_info = {"conn": driven.data, "connector": record.connector} if driven.data else {"conn": {}, "connector": record.connector}
    return objects.Connection(
        volume.backend,
        id=record.id,
        volume=volume,
        connector=record.connector,
        connection_info=connection_info,
        status="attached",
        attached_host=record.host,
        attach_mode="rw",
    )


__all__ = ["StorePersistence", "VOLUME_FIELDS", "SNAPSHOT_FIELDS", "driver_data"]
