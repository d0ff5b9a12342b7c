# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fibre Channel: what stands at the address of a volume, in kernels made of files, and that it is never overlooked. No such hardware was there."""

from __future__ import annotations

import types

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import connections, detach, devices, facts, fibre_channel
from ansible_collections.baremetal.legacy_storage.plugins.host.node import Node
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import seal

ONE, OTHER = "50014380186b3f64", "50014380186b3f65"
OURS = "6001405309c19a76a5f4ce398272f655"
DATA = {"target_wwn": [ONE.upper(), OTHER], "target_lun": 4}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (DATA, ["sda", "sdb"]),
        ({"target_wwn": OTHER, "target_luns": [4]}, ["sdb"]),
        ({"target_wwns": [ONE, OTHER], "target_luns": [5, 4]}, ["sdb", "sdc"]),
        ({"target_wwns": [ONE], "target_lun": 300}, ["sdd"]),
        ({"target_wwns": [ONE], "target_lun": 300, "addressing_mode": "SAM2"}, ["sde"]),
        ({"target_wwns": [ONE], "target_lun": 1}, []),
        ({"target_portal": "10.0.1.1:3260", "target_iqn": "iqn.x", "target_lun": 4}, []),
        ({}, []),
    ],
)
def test_disks_are_known_by_port_and_lun(kernel, data, found):
    kernel.port("3:0:0", "0x" + ONE, {"sda": 4, "sdc": 5, "sdd": 300, "sde": 0x4000 + 300})
    kernel.port("4:0:7", "0x" + OTHER, {"sdb": 4, "sdf": 14})
    kernel.port("4:0:8", "0x50014380186b3f99", {"sdg": 4})
    assert fibre_channel.disks_at(kernel.system, data) == found


def test_a_disk_of_another_volume_at_the_address_is_a_leftover(kernel, disk_page, monkeypatch):
    monkeypatch.setattr(devices, "fresh_serial", devices.cached_serial)
    kernel.block("sda", page=disk_page(OURS))
    kernel.port("3:0:0", "0x" + ONE, {"sda": 4})
    assert facts.gather(kernel.system, None, "v", DATA)[0].leftovers == ("sda",)


@pytest.mark.parametrize("masked", [None, {"21": [ONE.upper(), OTHER], "22": [ONE, OTHER]}, {"0x21": [ONE], "22": [OTHER]}])
@pytest.mark.parametrize(
    ("seen", "paths", "missing"),
    [
        ({"3": [ONE], "4": [OTHER]}, 2, []),  # two fabrics, though the driver may have named every port for every adapter
        ({"3": [ONE], "4": []}, 1, [OTHER]),
        ({"3": [], "4": []}, 0, [ONE, OTHER]),
    ],
)
def test_a_port_is_named_that_no_adapter_sees_where_one_way_is_left(kernel, masked, seen, paths, missing):
    for number, (host, ports) in enumerate(seen.items()):
        kernel.write("sys/class/fc_host/host%s/port_name" % host, "0x2%d\n" % (number + 1))
        for each, port in enumerate([*ports, "50014380186b3f99"]):
            kernel.write("sys/class/fc_remote_ports/rport-%s:0-%d/port_name" % (host, each), "0x%s\n" % port)
            kernel.write("sys/class/fc_remote_ports/rport-%s:0-%d/port_state" % (host, each), "Online\n")
    data = dict(DATA, initiator_target_map=masked)
    assert len(fibre_channel.visible(kernel.system, data)) == paths
    assert fibre_channel.invisible(kernel.system, data) == ["Port %s is seen by no adapter of this host." % port for port in missing]


def test_a_port_whose_link_is_down_is_not_seen(kernel):
    kernel.write("sys/class/fc_host/host3/port_name", "0x21\n")
    kernel.write("sys/class/fc_remote_ports/rport-3:0-1/port_name", "0x%s\n" % ONE)
    kernel.write("sys/class/fc_remote_ports/rport-3:0-1/port_state", "Blocked\n")
    assert fibre_channel.visible(kernel.system, DATA) == set()


@pytest.fixture(name="killed")
def fixture_killed(kernel, tmp_path, disk_page, monkeypatch):
    """A node whose run was killed after the disk appeared, and before the record said what it is: what connects is a fake."""
    node = Node(types.SimpleNamespace(state_dir=str(tmp_path / "state"), lock_dir=str(tmp_path / "lock"), host="node1"), print, kernel.system)
    info = {"driver_volume_type": "fibre_channel", "data": DATA}
    export = Export("e", "vendor-a", "v", "v", "node1", 1, "fibre_channel", info, seal(node.sealing_key().public, info))
    node.records.put(AttachmentRecord(export, "connecting", "boot-1", "no"))
    kernel.block("sda", page=disk_page(OURS))
    kernel.port("3:0:0", "0x" + ONE, {"sda": 4})
    monkeypatch.setattr(devices, "fresh_serial", devices.cached_serial)
    monkeypatch.setattr(detach, "_GONE_WAIT", 0)
    return node


@pytest.mark.parametrize("taken", [False, True])
def test_detaching_what_a_killed_run_connected_is_done_when_the_disk_is_seen_to_be_gone(killed, kernel, monkeypatch, taken):
    """Else the controller would unmap a LUN that this host still has as a disk (CVE-2023-2088)."""

    def disconnect(_device, force=False):
        if taken:
            kernel.gone("sda")
            (kernel.root / "sys/class/fc_transport/target3:0:0/device/3:0:0:4/block/sda/dev").unlink()
            (kernel.root / "sys/class/fc_transport/target3:0:0/device/3:0:0:4/block/sda").rmdir()

    monkeypatch.setattr(killed, "connector_for", lambda *_args, **_more: types.SimpleNamespace(disconnect=disconnect))
    (result,) = connections.ensure(killed, [{"volume_id": "v", "state": "absent"}], False)["connections"]
    if taken:
        assert not result.get("failed") and killed.records.ids() == []
    else:
        assert "What stayed: device %s" % kernel.system.node("sda") in result["msg"] and killed.records.get("v").state == "disconnecting"


def test_a_failed_step_is_no_reason_to_keep_what_is_seen_to_be_gone(killed, kernel, monkeypatch):
    kernel.gone("sda")
    (kernel.root / "sys/class/fc_transport/target3:0:0/port_name").write_text("0x0\n")
    told = []
    monkeypatch.setattr(killed, "warn", told.append)

    def disconnect(_device, force=False):
        raise detach.StorageError("host", "No Fibre Channel host was found.")

    monkeypatch.setattr(killed, "connector_for", lambda *_args, **_more: types.SimpleNamespace(disconnect=disconnect))
    (result,) = connections.ensure(killed, [{"volume_id": "v", "state": "absent"}], False)["connections"]
    assert not result.get("failed") and told == ["Volume v is disconnected, but: No Fibre Channel host was found."]
