# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on who looks for a driver: all of Cinder's are there, and what is told of their options holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.lab.functional import run, table

ROOT = Path(__file__).resolve().parents[2]
IN_TREE = 92  # drivers; cinder 28.0.0 has 94, 29.0.0 has 97


@pytest.fixture(scope="module", name="plain")
def fixture_plain(make_controller_in, tmp_path_factory):
    """A controller without a backend."""
    return make_controller_in(tmp_path_factory.mktemp("drivers") / "controller", backend=None)


@pytest.fixture(scope="module", name="everything")
def fixture_everything(plain):
    """All drivers with their options, read once."""
    return plain.ask("driver.list", {"options": True}, cold=True)


def test_every_driver_of_cinder_can_be_imported_on_a_controller(everything):
    assert everything["broken"] == []
    assert len(everything["drivers"]) >= IN_TREE


def test_every_option_that_is_told_is_accepted_with_its_default(plain, everything):
    backends = []
    for number, driver in enumerate(everything["drivers"]):
        options = {"options": {}, "secret_options": {}}
        for option in driver["options"]:
            if option["default"] is not None and not str(option["default"]).startswith("$"):
                options[option["parameter"]][option["name"]] = option["default"]
        backends.append(dict(options, name="backend-%d" % number, driver=driver["name"], probe=False))
    answer = plain.ask("backend.ensure", {"backends": backends}, check=True, cold=True)
    assert [item["msg"] for item in answer["backends"] if item.get("failed")] == []


def test_a_list_of_all_drivers_is_short(controller):
    drivers = controller.ask("driver.list", {}, cold=True)["drivers"]
    assert {"cinder.volume.drivers.lvm.LVMVolumeDriver", "cinder.volume.drivers.pure.PureISCSIDriver"} <= {item["name"] for item in drivers}
    assert not any("options" in item for item in drivers)


def test_a_driver_is_found_by_a_part_of_its_path_and_tells_where_its_secrets_belong(controller):
    answer = controller.ask("driver.list", {"names": ["hpe3pariscsi"]}, cold=True)
    (driver,) = answer["drivers"]
    assert driver["name"] == "cinder.volume.drivers.hpe.hpe_3par_iscsi.HPE3PARISCSIDriver"
    assert driver["python_packages"] == [{"import": "hpe3parclient", "requirement": "python-3parclient>=4.2.10", "installed": False}]
    options = {option["name"]: option for option in driver["options"]}
    assert options["hpe3par_password"]["parameter"] == "secret_options"
    assert options["hpe3par_username"]["parameter"] == "options"
    assert "reserved_percentage" in {option["name"] for option in answer["common_options"]}


def test_a_driver_outside_of_cinder_is_told_by_its_dotted_path(controller):
    (driver,) = controller.ask("driver.list", {"names": ["sparse_files.SparseFileDriver"]}, cold=True)["drivers"]
    assert {option["name"] for option in driver["options"]} >= {"sparse_files_dir", "sparse_files_password"}


@pytest.mark.parametrize(
    ("name", "words"),
    [("NetAppIscsi", "NetAppCmodeISCSIDriver"), ("qqqqqq", "Leave names out"), ("nowhere.Driver", "cannot be imported")],
)
def test_a_driver_that_there_is_not_is_refused_with_the_nearest(controller, name, words):
    with pytest.raises(StorageError, match=words) as refused:
        controller.ask("driver.list", {"names": [name]}, cold=True)
    assert name in refused.value.message


def test_an_option_that_a_driver_declares_only_when_it_starts_is_known(controller):
    """Infortrend's driver is one of those; its options were once taken for unknown."""
    backend = {"name": "inf", "driver": "cinder.volume.drivers.infortrend.infortrend_iscsi_cli.InfortrendCLIISCSIDriver", "probe": False}
    assert controller.ensure("backend", check=True, cold=True, **backend, options={"infortrend_pools_name": ["POOL-1"]})["changed"]
    refused = controller.ensure("backend", check=True, cold=True, **backend, options={"infortrend_pool_name": ["POOL-1"]})
    assert refused["failed"] and "'infortrend_pools_name'" in refused["msg"]


@pytest.mark.parametrize("order", [1, -1], ids=["before it", "after it"])
def test_an_option_of_another_backends_driver_is_refused(controller, order):
    """Both drivers are loaded in one process; a backend with a typo in its driver was once registered with options that nothing reads."""
    ceph = {"name": "ceph", "driver": "cinder.volume.drivers.rbd.RBDDriver", "options": {"rbd_pool": "volumes"}, "probe": False}
    array = {"name": "array", "driver": "cinder.volume.drivers.pure.PureISCSIDriver", "options": {"san_ip": "192.0.2.1", "rbd_pool": "volumes"}}
    answer = controller.ask("backend.ensure", {"backends": [ceph, dict(array, probe=False)][::order]}, check=True, cold=True)
    results = {item["name"]: item for item in answer["backends"]}
    assert results["ceph"]["changed"], results
    assert "options.rbd_pool: %s has no such option" % array["driver"] in results["array"]["msg"]


def test_what_a_driver_outside_of_cinder_imports_declares_and_every_backend_takes_is_accepted(controller):
    """ReplicatedFileDriver inherits its options from another module; the rest are Cinder's, its target helpers' and its image cache's."""
    options = {
        "sparse_files_dir": str(controller.array),
        "reserved_percentage": 5,
        "target_helper": "spdk-nvmeof",
        "target_protocol": "nvmet_tcp",
        "nvmet_port_id": 2,
        "spdk_rpc_port": 8001,
        "image_volume_cache_enabled": False,
        "suppress_requests_ssl_warnings": True,
    }
    backend = {"name": "mirrored", "driver": "replicated_files.ReplicatedFileDriver", "options": options, "probe": False}
    result = controller.ensure("backend", check=True, cold=True, **backend)
    assert result["changed"], result


def test_a_name_that_an_option_had_formerly_is_refused_with_the_one_it_has_now(controller):
    """Of every backend's, and of a driver's own; both were renamed by Cinder."""
    lvm = {"name": "lvm", "driver": "cinder.volume.drivers.lvm.LVMVolumeDriver", "options": {"iscsi_secondary_ip_addresses": ["192.0.2.1"]}, "probe": False}
    netapp = {"name": "ontap", "driver": "cinder.volume.drivers.netapp.dataontap.iscsi_cmode.NetAppCmodeISCSIDriver", "options": {"netapp_volume_list": "a"}}
    answer = controller.ask("backend.ensure", {"backends": [lvm, dict(netapp, probe=False)]}, check=True, cold=True)
    told = [item["msg"] for item in answer["backends"]]
    assert "options.iscsi_secondary_ip_addresses: was renamed; this driver calls it 'target_secondary_ip_addresses' now." in told[0]
    assert "options.netapp_volume_list: was renamed; this driver calls it 'netapp_pool_name_search_pattern' now." in told[1]


def test_ceph_keyring_is_told_and_accepted_though_cinder_declares_it_no_more(controller):
    (driver,) = controller.ask("driver.list", {"names": ["cinder.volume.drivers.rbd.RBDDriver"]}, cold=True)["drivers"]
    (option,) = [option for option in driver["options"] if option["name"] == "rbd_keyring_conf"]
    assert (option["type"], option["deprecated"]) == ("str", False)
    backend = {"name": "ceph", "driver": driver["name"], "probe": False, option["parameter"]: {"rbd_keyring_conf": "/etc/ceph/keyring"}}
    result = controller.ensure("backend", check=True, cold=True, **backend)
    assert result["changed"], result


@pytest.mark.exhaustive  # it is made with the release that is the default
def test_the_page_of_drivers_is_what_the_command_makes_of_record_and_declarations(everything):
    page = table.render(run.read_record(), everything["drivers"])
    assert (ROOT / "docs/drivers.md").read_text(encoding="utf-8") == page, "run make drivers"


def test_what_a_driver_can_do_is_read_from_its_sources(everything):
    told = {driver["name"]: driver for driver in everything["drivers"]}
    lvm = told["cinder.volume.drivers.lvm.LVMVolumeDriver"]
    assert set(lvm["features"]) >= {"adopt_volume", "migrate", "multiattach", "revert_to_snapshot"}
    assert "replication" not in lvm["features"], "its base class has the method, and only raises"
    pure = told["cinder.volume.drivers.pure.PureFCDriver"]
    assert "active_active" in pure["features"] and "active_active" not in lvm["features"], "LVM's was written for one host"
    assert pure["protocols"] == ["FC"] and {"group_snapshot", "replication"} <= set(pure["features"])
    assert told["cinder.volume.drivers.nfs.NfsDriver"]["protocols"] == ["NFS"]


def test_a_driver_that_takes_one_snapshot_after_the_other_is_not_said_to_take_them_at_one_moment(everything):
    able = {driver["name"] for driver in everything["drivers"] if "group_snapshot" in driver["features"]}
    names = {name.rpartition(".")[2] for name in able}
    assert {
        "PureISCSIDriver",
        "PowerStoreDriver",
        "UnityDriver",
        "HPE3PARISCSIDriver",
        "NetAppCmodeISCSIDriver",
        "NetAppCmodeNfsDriver",
        "StorwizeSVCFCDriver",
    } <= names
    assert not names & {"PowerFlexDriver", "GPFSDriver", "GPFSNFSDriver", "LVMVolumeDriver", "RBDDriver", "NfsDriver"}


def test_what_a_driver_stumbled_over_when_it_started_is_told(controller):
    with controller.fault("check_for_setup_error", "bug: 'NoneType' object has no attribute 'pool'"):
        result = controller.ensure("backend", **controller.backend_parameters("two"), probe=True)
    assert result["failed"] and "no attribute 'pool'" in result["msg"], result


def test_the_nfs_driver_starts_as_far_as_its_mount(controller):
    """It makes itself a client of Nova first, which Cinder lets dispose of database connections that there are none of."""
    backend = {"name": "nfs", "driver": "cinder.volume.drivers.nfs.NfsDriver", "options": {"nas_host": "127.0.0.1", "nas_share_path": "/nowhere"}}
    result = controller.ensure("backend", **backend, probe=True, cold=True)
    assert result["failed"] and "attribute" not in result["msg"], result
