# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller's code relies on in cinder, cinderlib and oslo: what is private, undocumented or was changed before."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
import os
import sys
import tempfile

from engine_here import COLLECTION, ours, set_up
from relied_on import begins_with, has, relied_on, takes

FIRST = COLLECTION + "engine"
CEPH, COMPAT, ENGINE, EXPORTS, GROUPS, LVM, OPTIONS, PERSISTENCE, REMOTEFS, REPLICATION, SNAPSHOTS, VOLUMES = (
    "plugins/controller/engine/%s.py" % name
    for name in (
        "ceph", "compat", "engine", "exports", "groups", "lvm", "options", "persistence", "remotefs", "replication", "snapshots", "volumes",
    )
)


def _backend(cinderlib, name="one"):
    return cinderlib.Backend(
        volume_backend_name=name,
        volume_driver="sparse_files.SparseFileDriver",
        sparse_files_dir=tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]),
    )


def _volume(cinderlib, **fields):
    """Return a volume made as the persistence makes it, known to cinderlib's store."""
    _backend(cinderlib)
    volume = cinderlib.objects.Volume("one", id=ID, name="v", size=1, host="here@one#pool", status="available", **fields)
    cinderlib.Backend.persistence.set_volume(volume)
    return volume


ID = "11111111-2222-3333-4444-555555555555"


@relied_on(COMPAT)
def lio_runs_all_of_rtstool_through_one_function():
    """LioAdm runs cinder-rtstool by its static _execute; our change keeps the CHAP password out of the argument list, and the same code runs."""
    import pathlib

    from cinder import exception
    from cinder.volume.targets import lio

    folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]))
    set_up()
    out, _err = lio.LioAdm._execute("cinder-rtstool", "verify")
    assert out == "", out
    python = folder / "python"
    python.write_text('#!/bin/sh\necho "$@" >> %s/arguments\ncat >> %s/told\n' % (folder, folder))
    python.chmod(0o755)
    real, sys.executable = sys.executable, str(python)
    try:
        target = object.__new__(lio.LioAdm)
        target.iscsi_target_prefix, target._get_target, target._persist_configuration = "iqn.x:", lambda iqn: iqn, lambda volume_id: None
        type(target).iscsi_protocol = "iscsi"
        target.create_iscsi_target("iqn.x:v", 0, 0, "/dev/x", ("user", "canary-chap"), portals_ips=["192.0.2.1"], portals_port=3260)
        volume = {"id": "v", "provider_location": "192.0.2.1:3260,1 iqn.x:v 0", "provider_auth": "CHAP user canary-chap"}
        try:
            target.initialize_connection(volume, {"initiator": "iqn.y"})
        except (AttributeError, exception.CinderException):
            pass  # what its base class goes on to do is no matter of ours
    finally:
        sys.executable = real
    arguments, told = (folder / "arguments").read_text(), (folder / "told").read_text()
    assert "canary-chap" not in arguments, arguments
    create, add = (json.loads(line) for line in told.replace("][", "]\n[").splitlines())
    assert create == ["cinder-rtstool", "create", "/dev/x", "iqn.x:v", "user", "canary-chap", "False", "-p3260", "-a192.0.2.1"], create
    assert add == ["cinder-rtstool", "add-initiator", "iqn.x:v", "user", "canary-chap", "iqn.y"], add


@relied_on(COMPAT)
def rtstool_takes_a_list_of_arguments():
    """cinder.cmd.rtstool.main takes what sys.argv would be, and refuses what it does not know."""
    from cinder.cmd import rtstool

    takes(rtstool.main, "argv")
    assert rtstool.main(["cinder-rtstool", "verify"]) == 0


@relied_on(COMPAT)
def drivers_reach_eventlets_threads_by_this_name():
    """Cinder and its drivers call ``tpool.execute(function, ...)`` through the module, or through a Proxy, which does; ours calls in the same thread."""
    import pathlib
    import threading

    import cinder
    from eventlet import tpool

    set_up()
    assert tpool.execute(threading.current_thread) is threading.current_thread()
    begins_with(tpool.Proxy.__init__, "obj", "autowrap")
    seen = []
    proxy = tpool.Proxy(_Noting(seen))
    proxy.note("here")
    assert seen == [("here", threading.current_thread())], seen
    by_hand = [path for path in pathlib.Path(cinder.__file__).parent.glob("**/*.py") if "from eventlet.tpool import" in path.read_text(encoding="utf-8")]
    assert not by_hand, by_hand


class _Noting:
    """What a driver's library may be: notes in which thread it is called."""

    def __init__(self, seen):
        self._seen = seen

    def note(self, what):
        """Note it."""
        import threading

        self._seen.append((what, threading.current_thread()))


@relied_on(COMPAT)
def drivers_locks_are_these_two():
    """Cinder's ``coordination.synchronized`` asks COORDINATOR.coordinator for its locks, and ``utils.synchronized(external=True)`` lockutils.external_lock."""
    from cinder import coordination, utils
    from oslo_concurrency import lockutils

    begins_with(lockutils.external_lock, "name", "lock_file_prefix", "lock_path")
    held = []
    set_up()
    on_this_host = lockutils.external_lock
    ours("compat").share_locks(_Coordinator(held))

    @coordination.synchronized("volume-{name}")
    def coordinated(name):
        return list(held)

    @utils.synchronized("clones", external=True)
    def external():
        return list(held)

    @utils.synchronized("clones")
    def of_this_process():
        return list(held)

    (name,) = coordinated("data")
    assert name.endswith(b"volume-data"), name
    (name,) = external()
    assert name.startswith(b"external-"), name
    assert of_this_process() == held == []
    with lockutils.lock("other", lock_file_prefix="os-brick-", external=True, lock_path=os.environ["CONTRACT_DIR"]):
        assert held == [], "a lock that is not Cinder's stays with this host"
    assert lockutils.external_lock is not on_this_host


class _Coordinator:
    """A stand-in for tooz's, which notes what is held."""

    def __init__(self, held):
        self._held = held

    def get_lock(self, name):
        """Return a lock; it can be used as one of tooz and of fasteners."""
        from tooz import locking

        held = self._held

        class Lock(locking.Lock):
            """One lock."""

            def acquire(self, blocking=True, shared=False, timeout=None):
                """Hold it."""
                held.append(self.name)
                return True

            def release(self):
                """Give it back."""
                held.remove(self.name)
                return True

        return Lock(name)


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


def _mirrored(folder, **changes):
    device = {"backend_id": "beta", "directory": tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]), "password": "x"}
    make = {"volume_driver": "replicated_files.ReplicatedFileDriver", "sparse_files_dir": folder, "replication_device": [device]}
    return device, dict(make, volume_backend_name="one", **changes)


@relied_on(COMPAT, ENGINE)
def a_driver_is_told_which_target_serves_its_backend():
    """Backend makes its driver by the module's ``importutils.import_object`` with ``active_backend_id``, in the thread that asks for it, and it is
    made anew once it was taken out of ``Backend.backends``."""
    cinderlib = set_up()
    device, make = _mirrored(tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]))
    with ours("compat").starting("beta"):
        driver = cinderlib.Backend(**make).driver
    assert (driver._active, driver._dir) == ("beta", device["directory"])
    cinderlib.Backend.backends.pop("one")
    driver = cinderlib.Backend(**make).driver
    assert (driver._active, driver._dir) == (None, make["sparse_files_dir"])


@relied_on(COMPAT, REPLICATION)
def a_driver_whose_array_is_dead_can_be_made_to_fail_over():
    """Backend starts its driver by these three methods and takes its pools from ``capabilities``; what they raise can be kept from it."""
    cinderlib = set_up()
    problems = []
    device, make = _mirrored("/no/such/array")
    with ours("compat").starting(None, problems):
        backend = cinderlib.Backend(**make)
    assert problems and "does not answer" in str(problems[0]), problems
    answer = backend.driver.failover_host(cinderlib.objects.CONTEXT, [], secondary_id="beta", groups=[])
    assert answer == ("beta", [], []) and backend.driver._dir == device["directory"]


@relied_on(REPLICATION, OPTIONS)
def cinder_fails_over_by_these_names():
    """Drivers take context, volumes, secondary_id and groups; refuse a target by InvalidReplicationTarget; and call the first array "default"."""
    from cinder import exception
    from cinder.objects import fields, volume
    from cinder.volume import driver, manager

    begins_with(driver.BaseVD.failover_host, "context", "volumes", "secondary_id", "groups")
    assert issubclass(exception.InvalidReplicationTarget, exception.CinderException)
    words = importlib.import_module("ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.replication")
    assert manager.VolumeManager.FAILBACK_SENTINEL == words.PRIMARY
    assert {words.ENABLED, words.DISABLED, words.FAILED_OVER, words.IN_ERROR, words.NOT_CAPABLE} <= set(fields.ReplicationStatus.ALL)
    assert {"replication_status", "replication_driver_data", "previous_status"} <= set(volume.Volume.fields)
    declared = {option.dest: option for option in driver.volume_opts}[words.OPTION]
    assert declared.multi and declared.secret


@relied_on(CEPH)
def cinders_rbd_driver_replicates_by_these_methods():
    """RBDDriver fails over through _exec_on_volume and begins and ends replication by methods of its own, which an instance's may stand in for. It ends it
    by taking features away unasked, and reads the key that nodes get once, when it is made."""
    from cinder.volume.drivers import rbd

    driver = rbd.RBDDriver
    begins_with(driver.failover_host, "context", "volumes", "secondary_id", "groups")
    begins_with(driver._exec_on_volume, "volume_name", "remote", "operation")
    for method in (driver._enable_replication, driver._disable_replication):
        begins_with(method, "volume")
    begins_with(driver._connect_to_rados, "pool", "remote", "timeout")
    has(driver, "_get_target_config", "_get_config_tuple", "_disconnect_from_rados", "_dumps", "get_manageable_snapshots")
    sources = {name: inspect.getsource(getattr(driver, name)) for name in ("_demote_volumes", "_failover_volume", "failover", "__init__")}
    assert "self._exec_on_volume(vol_name, self._active_config," in sources["_demote_volumes"]
    assert "'mirror_image_promote', not is_demoted" in sources["_failover_volume"]
    assert "keyring_data" in sources["__init__"] and "_demote_volumes(volumes)" in sources["failover"]
    assert "mirror_image_get_info" not in inspect.getsource(rbd), "the driver looks itself: see what of engine/ceph.py it needs still"


@relied_on(REPLICATION)
def what_a_class_says_of_fail_over_is_true():
    """Drivers that can fail over have a failover_host of their own, and those that cannot have none that does anything."""
    offers, load = ours("features").offers, ours("options").load_driver
    for path, able in (("rbd.RBDDriver", True), ("pure.PureISCSIDriver", True), ("lvm.LVMVolumeDriver", False), ("nfs.NfsDriver", False)):
        assert offers(load("cinder.volume.drivers." + path), "replication") is able, path


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


@relied_on(COMPAT)
def cinder_asks_our_store_and_no_database():
    """Cinder's functions for its database answer out of our store; those without an answer raise AttributeError and make no file."""
    from cinder import objects
    from cinder.db import api

    cinderlib = set_up()
    volume = _volume(cinderlib)
    context = cinderlib.objects.CONTEXT
    assert api.volume_get(context, ID) is volume._ovo
    assert objects.Volume.get_by_id(context, ID) is volume._ovo
    assert [item.id for item in api.volume_get_all_by_host(context, "here@one#pool")] == [ID]
    assert api.image_volume_cache_get_by_volume_id(context, ID) is None
    for name, arguments in (("volume_update", [ID, {}]), ("volume_type_get_all", []), ("service_get_all", [])):
        try:
            getattr(api, name)(context, *arguments)
        except AttributeError:
            continue
        raise AssertionError("cinder.db.api.%s found a database" % name)
    volume._ovo.save()


@relied_on(COMPAT)
def changes_to_cinderlib_are_where_they_work():
    """cinderlib installs its field types through serialization.wrap_to_primitive; Cinder's database is pluggable or it is not."""
    import cinderlib
    from cinder.db import api
    from cinderlib import serialization

    begins_with(serialization.wrap_to_primitive, "cls")
    assert "wrap_to_primitive" in serialization.setup.__code__.co_names
    if hasattr(api, "IMPL"):
        assert "IMPL" in api.volume_get.__code__.co_names
    else:
        assert list(inspect.signature(api.volume_get).parameters) == ["context", "volume_id"]
    assert importlib.metadata.version("cinderlib") == "5.2.0", "read what changed, and whether engine/compat.py still fits"
    assert "rbd_keyring_conf" in inspect.getsource(cinderlib.Backend._validate_and_set_options)


@relied_on(COMPAT)
def changes_to_cinderlib_are_still_needed():
    """Without engine/compat.py, cinderlib fails on cinder 29 and does not on 28: when that ends, so may the change."""
    import cinderlib
    from cinder.volume import volume_types

    set_up(cinderlib.setup)
    volume = _volume(cinderlib, extra_specs={"thin": "yes"})
    failures = []
    for ask in (volume.volume_type.obj_to_primitive, lambda: volume_types.get_volume_type(cinderlib.objects.CONTEXT, ID)):
        try:
            ask()
            failures.append(None)
        except Exception as error:  # whatever Cinder's database says when there is none
            failures.append(type(error).__name__)
    new = int(importlib.metadata.version("cinder").partition(".")[0]) >= 29
    assert all(failures) if new else not any(failures), failures


@relied_on(REMOTEFS, PERSISTENCE)
def remotefs_works_on_files_by_these_names():
    """RemoteFS and Quobyte choose a share by _find_share before they make a file, mount and name files by these methods, and clone by a snapshot so named."""
    from cinder.volume.drivers import nfs, quobyte, remotefs

    for driver in (nfs.NfsDriver, quobyte.QuobyteDriver):
        has(driver, "_ensure_share_mounted", "_get_mount_point_for_share", "_find_share", "_get_new_snap_path", "_local_volume_dir", "_delete")
        takes(driver._qemu_img_info, "path", "volume_name")
        for method in (remotefs.RemoteFSDriver.create_volume, driver._create_volume_from_snapshot):
            source = inspect.getsource(inspect.unwrap(method))
            assert "volume.provider_location = self._find_share(volume)" in source, source
    base = remotefs.RemoteFSSnapDriverBase
    begins_with(base._local_path_volume_info, "volume")
    begins_with(base._write_info_file, "info_path", "snap_info")
    takes(base._read_info_file, "info_path", "empty_if_missing")
    begins_with(base._rebase_img, "image", "backing_file", "volume_format")
    clone = inspect.getsource(base._create_cloned_volume)
    assert "'display_name': 'tmp-snap-%s' % volume.id" in clone and "temp_snapshot.create()" in clone, clone
    commit = inspect.getsource(base._img_commit)
    assert commit.index("self._execute(*cmd") < commit.index("self._delete(path)"), commit


@relied_on(LVM)
def lvm_clones_by_a_snapshot_of_this_name():
    """Without a thin pool the driver copies a clone from the snapshot clone-snap-ID, and deletes it by what our code gives it."""
    import types

    from cinder.volume.drivers import lvm

    assert "'name': 'clone-snap-%s' % volume['id']" in inspect.getsource(lvm.LVMVolumeDriver.create_cloned_volume)
    deleted = []
    group = types.SimpleNamespace(get_volume=lambda name: {"name": name, "size": "2.00"} if name not in deleted else None, delete=deleted.append)
    driver = object.__new__(lvm.LVMVolumeDriver)
    driver.vg = group
    driver.configuration = types.SimpleNamespace(lvm_type="default", volume_clear="none")
    for _again in range(2):
        ours("lvm").delete_clone_snapshot(driver, types.SimpleNamespace(id=ID))
    assert deleted == ["clone-snap-" + ID], deleted
    driver.configuration.lvm_type, driver.vg = "thin", None
    ours("lvm").delete_clone_snapshot(driver, types.SimpleNamespace(id=ID))
    ours("lvm").delete_clone_snapshot(object(), types.SimpleNamespace(id=ID))


@relied_on(REMOTEFS, VOLUMES)
def remotefs_copies_files_and_an_option_says_in_which_format():
    """NFS' driver copies in remotefs, Quobyte's in its own module; driver_prefix with _qcow2_volumes names the option by which new files are qcow2."""
    from cinder.volume.drivers import nfs, quobyte

    for driver, place in ((nfs.NfsDriver, "remotefs"), (quobyte.QuobyteDriver, "quobyte")):
        assert driver.create_cloned_volume.__module__ == driver.create_volume_from_snapshot.__module__ == "cinder.volume.drivers." + place
        assert driver.driver_prefix + "_qcow2_volumes" in {option.name for option in driver.get_driver_options()}


@relied_on("controller/engine/features.py")
def remotefs_leaves_snapshots_of_attached_volumes_to_nova():
    """RemoteFS's _create_snapshot calls _create_snapshot_online for an attached volume, which asks Nova; NFS' and Quobyte's create_snapshot call it."""
    from ansible_collections.baremetal.legacy_storage.plugins.controller.engine.features import snapshots_attached
    from cinder.volume.drivers import nfs, quobyte, rbd, remotefs

    base = remotefs.RemoteFSSnapDriverBase
    assert "_is_volume_attached" in inspect.getsource(base._create_snapshot) and "_create_snapshot_online" in inspect.getsource(base._create_snapshot)
    assert "self._nova.create_volume_snapshot" in inspect.getsource(base._create_snapshot_online)
    told = {driver.__name__: snapshots_attached(driver) for driver in (nfs.NfsDriver, quobyte.QuobyteDriver, rbd.RBDDriver)}
    assert told == {"NfsDriver": False, "QuobyteDriver": False, "RBDDriver": True}, told


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
