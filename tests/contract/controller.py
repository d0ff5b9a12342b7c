# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller's code relies on in cinder and cinderlib: a backend, the objects and the store they are kept in, and how drivers are called."""

from __future__ import annotations

import inspect
import os
import tempfile

from engine_here import COLLECTION, ID, _backend, _volume, ours, set_up
from relied_on import begins_with, has, relied_on, takes

FIRST = COLLECTION + "engine"
COMPAT, ENGINE, EXPORTS, GROUPS, PERSISTENCE, SNAPSHOTS, VOLUMES = (
    "plugins/controller/engine/%s.py" % name
    for name in ("compat", "engine", "exports", "groups", "persistence", "snapshots", "volumes")
)


@relied_on(ENGINE, COMPAT)
def setup_takes_our_settings():
    """cinderlib.setup takes its settings by keyword and hands all others to Cinder's configuration."""
    import cinderlib
    from cinder.volume import configuration
    from oslo_config import cfg

    takes(cinderlib.setup, "file_locks_path", "host", "persistence_config", "fail_on_missing_backend", "disable_logs")
    set_up()
    assert cfg.CONF.host == "here"
    assert cfg.CONF.image_conversion_dir == cfg.CONF.state_path == cfg.CONF.oslo_concurrency.lock_path
    assert cfg.CONF.coordination.backend_url == "file://" + cfg.CONF.state_path
    assert configuration.SHARED_CONF_GROUP == ours("options")._GROUP


@relied_on(PERSISTENCE)
def persistence_is_an_instance_with_these_methods():
    """cinderlib takes an instance of a PersistenceDriverBase as its store, and asks it by these names."""
    from cinderlib import persistence
    from cinderlib.persistence import base

    class Mine(base.PersistenceDriverBase):
        pass

    mine = Mine()
    assert persistence.setup({"storage": mine}) is mine
    for name in (
        "get_volumes",
        "get_snapshots",
        "get_connections",
        "get_key_values",
        "set_volume",
        "set_snapshot",
        "set_key_value",
        "delete_key_value",
    ):
        mine = getattr(ours("persistence").StorePersistence, name)
        assert mine is not getattr(base.PersistenceDriverBase, name)
        if name != "delete_key_value":  # whose argument cinderlib itself calls now key, now key_value
            begins_with(mine, *list(inspect.signature(getattr(base.PersistenceDriverBase, name)).parameters)[1:])
    wanted = {
        name
        for name, value in vars(base.PersistenceDriverBase).items()
        if "NotImplementedError" in getattr(getattr(getattr(value, "fget", value), "__code__", None), "co_names", ())
    }
    assert wanted and wanted <= set(vars(ours("persistence").StorePersistence)), "cinderlib asks its store for more: %s" % sorted(wanted)


@relied_on(PERSISTENCE, VOLUMES)
def drivers_find_volumes_in_our_store():
    """cinderlib.persistence.base.DB answers what drivers ask of their ``db`` out of the store, or of volumes being created."""
    from cinderlib.persistence import base

    cinderlib = set_up()
    volume = _volume(cinderlib)
    assert isinstance(cinderlib.Backend.persistence.db, base.DB)
    assert cinderlib.Backend.persistence.db.volume_get(None, ID) is volume._ovo
    young = cinderlib.objects.Volume("one", id="22222222-2222-3333-4444-555555555555", size=1, host="here@one#pool")
    backend = cinderlib.Backend.backends["one"]
    backend._start_creating_volume(young)
    assert cinderlib.Backend.persistence.db.volume_get(None, young.id) is young._ovo
    assert backend._volumes_inflight.pop(young.id) is young


@relied_on(ENGINE, VOLUMES)
def a_backend_is_its_driver_and_is_there_once():
    """Backend starts its driver; the same name and options give the same one; it tells its pools and statistics."""
    cinderlib = set_up()
    folder = tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"])
    make = {"volume_driver": "sparse_files.SparseFileDriver", "sparse_files_dir": folder}
    backend = cinderlib.Backend(volume_backend_name="one", **make)
    assert cinderlib.Backend(volume_backend_name="one", **make) is backend
    assert backend.driver.configuration.sparse_files_dir == folder
    assert backend.pool_names and isinstance(backend.pool_names[0], str)
    takes(backend.stats, "refresh")
    assert backend.stats(refresh=True)["pools"]


@relied_on(PERSISTENCE)
def objects_carry_what_the_store_keeps():
    """Volume, Snapshot and Connection take their fields by name, and hold Cinder's object, with its lists, as ``_ovo``."""
    cinderlib = set_up()
    objects = cinderlib.objects
    volume = _volume(cinderlib, metadata={"a": "b"}, admin_metadata={"c": "d"}, provider_location="place")
    assert (volume._ovo.provider_location, volume._ovo.display_name, volume._ovo.host) == ("place", "v", "here@one#pool")
    assert volume._snapshots == volume._connections == []
    assert volume._ovo.snapshots.objects == volume._ovo.volume_attachment.objects == []
    snapshot = objects.Snapshot(volume, id="33333333-2222-3333-4444-555555555555", name="s", description="", status="available", metadata={}, volume_size=1)
    assert (snapshot._ovo.volume_id, snapshot._ovo.volume) == (ID, volume._ovo)
    properties = {"host": "node"}
    connection = objects.Connection(
        volume.backend,
        id="44444444-2222-3333-4444-555555555555",
        volume=volume,
        connector=properties,
        connection_info={"conn": {"driver_volume_type": "iscsi", "data": {}}, "connector": properties},
        status="attached",
        attached_host="node",
        attach_mode="rw",
    )
    assert (connection._ovo.volume_id, connection._ovo.attached_host) == (ID, "node")
    volume._ovo.obj_reset_changes()
    assert not volume._ovo.obj_what_changed()
    assert objects.CONTEXT.is_admin
    pair = objects.KeyValue("key", "value")
    assert (pair.key, pair.value) == ("key", "value")


@relied_on(PERSISTENCE)
def fields_that_drivers_use_exist():
    """Cinder's objects have every field whose value we keep for the driver."""
    import cinderlib

    persistence = ours("persistence")
    for cls, names in ((cinderlib.objects.Volume, persistence.VOLUME_FIELDS), (cinderlib.objects.Snapshot, persistence.SNAPSHOT_FIELDS)):
        gone = [name for name in names if name not in cls.OVO_CLASS.fields]
        assert not gone, "%s has no field %s any more" % (cls.__name__, ", ".join(gone))


@relied_on(PERSISTENCE, COMPAT)
def extra_specs_and_qos_reach_the_driver():
    """A volume's type, its extra specs and its QoS are found on the object and by its id, which is the volume's."""
    from cinder.volume import qos_specs, volume_types

    cinderlib = set_up()
    volume = _volume(cinderlib, extra_specs={"thin": "yes"}, qos_specs={"maxIOPS": "100"})
    assert volume._ovo.volume_type_id == ID
    assert volume._ovo.volume_type.extra_specs == {"thin": "yes"}
    assert volume._ovo.volume_type.qos_specs.specs == {"maxIOPS": "100"}
    context = cinderlib.objects.CONTEXT
    assert volume_types.get_volume_type(context, ID)["extra_specs"] == {"thin": "yes"}
    assert volume_types.get_volume_type_extra_specs(ID) == {"thin": "yes"}
    assert volume_types.get_volume_type(context, ID)["qos_specs"]["specs"] == {"maxIOPS": "100"}
    assert qos_specs.objects


@relied_on(PERSISTENCE, GROUPS)
def a_driver_finds_the_group_of_a_volume_and_its_type():
    """Cinder's objects look groups up by class methods that we replace, and the type of a group through its database."""
    from cinder import objects
    from cinder.volume import group_types, volume_utils

    lookups = ((objects.GroupSnapshot, "get_by_id"), (objects.GroupList, "get_all"), (objects.GroupSnapshotList, "get_all_by_group"))
    for cls, name in (*lookups, (objects.SnapshotList, "get_all_for_group_snapshot")):
        has(cls, name)
    persistence = ours("persistence")
    known = persistence.StorePersistence(None, "here")
    known.group = lambda identity: objects.Group(id=identity, group_type_id=persistence.GROUP_TYPE, volumes=objects.VolumeList(objects=[]))
    cinderlib = set_up(persistence_config={"storage": known})
    _backend(cinderlib)
    volume = cinderlib.objects.Volume("one", id=ID, size=1, host="here@one#pool", group_id=ID)._ovo
    del volume.group
    assert volume.group.id == volume_utils.group_get_by_id(ID).id == ID
    assert volume_utils.is_group_a_cg_snapshot_type(volume.group) and not volume.group.is_replicated
    assert not group_types.is_default_cgsnapshot_type(volume.group.group_type_id)
    assert not objects.VolumeList.get_all_by_generic_group(None, ID).objects


@relied_on(VOLUMES, SNAPSHOTS, EXPORTS)
def a_missing_thing_is_not_found():
    """Drivers say that a thing is not on the array by an exception below cinder.exception.NotFound."""
    from cinder import exception

    for name in ("VolumeNotFound", "SnapshotNotFound", "GroupNotFound", "GroupSnapshotNotFound"):
        assert issubclass(getattr(exception, name), exception.NotFound), name


@relied_on(VOLUMES, SNAPSHOTS, EXPORTS, GROUPS)
def drivers_are_called_with_these_arguments():
    """The driver's functions take what we give them, in this order."""
    from cinder.volume import driver

    cls = driver.VolumeDriver
    begins_with(cls.create_volume, "volume")
    begins_with(cls.delete_volume, "volume")
    begins_with(cls.create_volume_from_snapshot, "volume", "snapshot")
    begins_with(cls.create_cloned_volume, "volume", "src_vref")
    begins_with(cls.extend_volume, "volume", "new_size")
    begins_with(cls.create_snapshot, "snapshot")
    begins_with(cls.delete_snapshot, "snapshot")
    begins_with(cls.create_group, "context", "group")
    begins_with(cls.update_group, "context", "group")
    takes(cls.update_group, "add_volumes", "remove_volumes")
    begins_with(cls.delete_group, "context", "group", "volumes")
    begins_with(cls.create_group_snapshot, "context", "group_snapshot", "snapshots")
    begins_with(cls.delete_group_snapshot, "context", "group_snapshot", "snapshots")
    begins_with(cls.validate_connector, "connector")
    begins_with(cls.create_export, "context", "volume", "connector")
    begins_with(cls.remove_export, "context", "volume")
    begins_with(cls.initialize_connection, "volume", "connector")
    begins_with(cls.terminate_connection, "volume", "connector")
    takes(cls.terminate_connection, "force")
    begins_with(cls.manage_existing_get_size, "volume", "existing_ref")
    takes(cls.get_volume_stats, "refresh")
