# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What failing over relies on: how cinderlib starts a driver, what Cinder's names for it are, and what its RBD driver does."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import tempfile
import time
import types

from engine_here import COLLECTION, ours, set_up
from relied_on import begins_with, has, relied_on

FIRST = COLLECTION + "engine"
CEPH, COMPAT, ENGINE, OPTIONS, REPLICATION = ("plugins/controller/engine/%s.py" % name for name in ("ceph", "compat", "engine", "options", "replication"))


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


def _fail_twice(asked, failure, name, _cluster, _operation):
    asked.append(name)
    if len(asked) <= 2:
        raise failure


@relied_on(CEPH)
def one_demotion_that_fails_does_not_count_for_the_clusters_death():
    """RBDDriver asks _demote_volumes which images the cluster in charge has given up; the others it promotes by force."""
    from cinder import exception
    from cinder.volume.drivers import rbd

    ceph = ours("ceph")
    ceph.time = types.SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: None)
    volumes = [types.SimpleNamespace(name=name) for name in ("one", "two", "three")]
    for failure, demoted, expected in (
        (TimeoutError("an operation"), [True, True, True], ["one", "one", "one", "two", "three"]),
        (exception.VolumeBackendAPIException(data="no connection"), [False, False, False], ["one"]),
    ):
        asked, driver = [], object.__new__(rbd.RBDDriver)
        ceph.mend(driver)
        driver._exec_on_volume, driver._active_config = functools.partial(_fail_twice, asked, failure), {}
        assert driver._demote_volumes(volumes) == demoted and asked == expected
    ceph.time = time
    source = inspect.getsource(rbd.RBDDriver._connect_to_rados)
    assert "VolumeBackendAPIException" in source and "rados_osd_op_timeout" in source, "who cannot connect is told from who is slow by this"


@relied_on(REPLICATION)
def what_a_class_says_of_fail_over_is_true():
    """Drivers that can fail over have a failover_host of their own, and those that cannot have none that does anything."""
    offers, load = ours("features").offers, ours("options").load_driver
    for path, able in (("rbd.RBDDriver", True), ("pure.PureISCSIDriver", True), ("lvm.LVMVolumeDriver", False), ("nfs.NfsDriver", False)):
        assert offers(load("cinder.volume.drivers." + path), "replication") is able, path
