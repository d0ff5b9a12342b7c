# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVMEOF: os-brick's real connector together with our host half, on fake subsystems (fake_nvme.py). No kernel with NVMe over fabrics was there."""

from __future__ import annotations

import os

from fake_nvme import FakeNvme, Namespace
from relied_on import relied_on

FIRST = "ansible_collections.baremetal.legacy_storage.plugins.host.brick"
USERS = ("plugins/host/brick.py", "plugins/host/nvme.py", "plugins/host/paths.py", "plugins/host/attach.py", "plugins/host/detach.py")
VOLUME, OTHER = "11111111-1111-5111-8111-111111111111", "22222222-2222-5222-8222-222222222222"
OWN, SHARED = "nqn.nvme-subsystem-1-" + VOLUME, "nqn.2016-06.io.spdk:shared"
PORTALS = [("192.0.2.60", "4420"), ("192.0.2.61", "4420")]


def _info(nqn=OWN, uuid=VOLUME, **more):
    """What Cinder's targets hand out with nvmeof_conn_info_version = 2 (connections/nvmeof_portals.json)."""
    return {
        "driver_volume_type": "nvmeof",
        "data": dict({"target_nqn": nqn, "vol_uuid": uuid, "portals": [[*portal, "tcp"] for portal in PORTALS], "ns_id": "1"}, **more),
    }


def _own():
    """A storage system that gives each volume a subsystem of its own."""
    return FakeNvme({OWN: {1: Namespace(VOLUME)}, "nqn.other": {1: Namespace(OTHER)}}, PORTALS)


def _shared():
    """A storage system that has two volumes in one subsystem."""
    return FakeNvme({SHARED: {1: Namespace(OTHER), 2: Namespace(VOLUME)}}, PORTALS)


@relied_on(*USERS)
def two_portals_become_one_device_and_go_without_a_trace():
    """A volume at two portals is the kernel's one device with two live paths, reached by its stable path; flushed, then detached, it leaves nothing."""
    node = _own()
    before = node.all_there_is()
    told = node.attached(VOLUME, _info(), multipath="required")
    assert [path["state"] for path in told["paths"]] == ["active", "active"] and not told["mapped"], told
    assert told["path"] == "/dev/disk/by-id/legacy-storage-" + VOLUME and node.link(VOLUME) == "nvme70n1", told
    assert node.controllers() == {"nvme30": (OWN, PORTALS[0]), "nvme31": (OWN, PORTALS[1])} and not node.warned, node.warned
    node.commands.clear()
    node.detached(VOLUME)
    flushed = node.commands.index("blockdev --flushbufs /dev/nvme70n1")
    assert flushed < node.commands.index("nvme disconnect -d /dev/nvme30") < node.commands.index("nvme disconnect -d /dev/nvme31"), node.commands
    left = set(node.all_there_is()) - set(before)
    assert not [path for path in left if not os.path.isdir(path)], left


@relied_on(*USERS)
def the_earlier_form_with_one_portal_is_taken():
    """With nvmeof_conn_info_version = 1 (connections/nvmeof_one_portal.json) the namespace is known by its number at that portal, and goes."""
    node = _own()
    data = {"target_portal": PORTALS[0][0], "target_port": "4420", "nqn": OWN, "transport_type": "tcp", "ns_id": "1"}
    info = {"driver_volume_type": "nvmeof", "data": data}
    assert node.attached(VOLUME, info, multipath="preferred")["device"] == "/dev/nvme70n1" and not node.warned
    node.detached(VOLUME)
    assert node.controllers() == {}


@relied_on(*USERS)
def one_portal_of_two_is_not_taken_where_two_are_required():
    """Where one portal does not answer, multipath: required fails, names it, and disconnects the other one."""
    node = _own()
    node.away = {PORTALS[1]}
    message = node.refused(VOLUME, _info(), multipath="required")
    assert "1 active path(s), not 2" in message and "192.0.2.61:4420" in message and "192.0.2.60:4420" not in message, message
    assert node.controllers() == {} and node.node.records.get(VOLUME) is None and node.link(VOLUME) is None, node.controllers()


@relied_on(*USERS)
def one_portal_of_two_is_told_where_two_are_preferred():
    """With multipath: preferred the volume is attached by the other portal, and the warning names the one; it is connected when it is required."""
    node = _own()
    node.away = {PORTALS[0]}
    assert len(node.attached(VOLUME, _info(), multipath="preferred")["paths"]) == 1
    assert "192.0.2.60:4420" in " ".join(node.warned), node.warned
    node.away = set()
    assert len(node.attached(VOLUME, _info(), multipath="required")["paths"]) == 2


@relied_on(*USERS)
def a_portal_that_is_back_is_connected_by_the_next_task():
    """With multipath: preferred the next task connects a portal that takes connections again; nobody waits for one that does not."""
    node = _own()
    node.away = {PORTALS[0]}
    node.attached(VOLUME, _info(), multipath="preferred")
    assert not node.ask("present", VOLUME, _info(), multipath="preferred")["changed"]
    node.away = set()
    result = node.ask("present", VOLUME, _info(), multipath="preferred")
    assert result["changed"] and len(result["attachment"]["paths"]) == 2, result
    assert not node.ask("present", VOLUME, _info(), multipath="preferred")["changed"]


@relied_on(*USERS)
def a_portal_that_answers_and_lets_nobody_in_is_told_by_each_task_and_changes_nothing():
    """Each task tries it and warns of it, and says changed only where something was."""
    node = _own()
    node.refusing = {PORTALS[0]}
    node.attached(VOLUME, _info(), multipath="preferred")
    for _again in range(2):
        node.warned.clear()
        result = node.ask("present", VOLUME, _info(), multipath="preferred")
        assert (result["changed"], result["operations"], result.get("failed")) == (False, [], None), result
        assert "192.0.2.60:4420" in " ".join(node.warned), node.warned
    node.refusing = set()
    result = node.ask("present", VOLUME, _info(), multipath="preferred")
    assert result["changed"] and len(result["attachment"]["paths"]) == 2, result


@relied_on(*USERS)
def one_portal_is_enough_where_multipath_is_not_wanted():
    """multipath: no connects one portal, and warns of nothing."""
    node = _own()
    assert len(node.attached(VOLUME, _info(), multipath="no")["paths"]) == 1 and not node.warned
    node.detached(VOLUME)
    assert node.controllers() == {}


@relied_on(*USERS)
def a_path_that_the_storage_system_keeps_closed_is_told_and_not_waited_for():
    """A path that is inaccessible (ANA) is no second path; with preferred a warning says so."""
    node = _own()
    node.subsystems[OWN][1].ana = {PORTALS[1]: "inaccessible"}
    message = node.refused(VOLUME, _info(), multipath="required")
    assert "nvme31 is inaccessible" in message, message
    told = node.attached(VOLUME, _info(), multipath="preferred")
    assert [path["state"] for path in told["paths"]] == ["active", "inaccessible"], told
    assert "1 active path(s) of 2" in " ".join(node.warned), node.warned


@relied_on(*USERS)
def a_namespace_is_found_by_its_uuid_and_not_by_its_number():
    """In a subsystem of several volumes the one with the volume's UUID is handed out, whatever number it has; one that is not there is not."""
    node = _shared()
    told = node.attached(VOLUME, _info(SHARED, ns_id="1"), multipath="required")
    assert told["device"] == "/dev/nvme70n2" and node.link(VOLUME) == "nvme70n2", told
    missing = "33333333-3333-5333-8333-333333333333"
    message = node.refused(missing, _info(SHARED, uuid=missing), multipath="preferred")
    assert "no device appeared" in message, message
    assert len(node.namespaces()["nvme70n2"]) == 2 and node.node.records.get(missing) is None


@relied_on(*USERS)
def a_number_that_became_another_volume_is_not_the_volume():
    """Where the storage system gave the number of an attached volume to another one, a task refuses it, and the stable path does not lead to it."""
    node = _own()
    data = {"target_portal": PORTALS[0][0], "target_port": "4420", "nqn": OWN, "transport_type": "tcp", "ns_id": "1"}
    info = {"driver_volume_type": "nvmeof", "data": data}
    node.attached(VOLUME, info, multipath="preferred")
    node.subsystems[OWN][1] = Namespace("44444444-4444-5444-8444-444444444444")
    node.scan("nvme30")
    assert node.link(VOLUME) is None
    message = node.refused(VOLUME, info, multipath="preferred")
    assert "another volume than before" in message, message
    assert node.link(VOLUME) is None


@relied_on(*USERS)
def a_neighbour_in_the_subsystem_keeps_its_controllers():
    """Detaching one of two volumes of a subsystem fails until the storage system has taken it back; the other one's controllers stay, and go with it."""
    node = _shared()
    node.attached(VOLUME, _info(SHARED), multipath="required")
    node.attached(OTHER, _info(SHARED, uuid=OTHER), multipath="required")
    result = node.ask("absent", VOLUME)
    assert result["failed"] and "its controllers have other namespaces" in result["msg"] and "/dev/nvme70n2" in result["msg"], result
    assert node.node.records.get(VOLUME).state == "disconnecting" and len(node.controllers()) == 2 and node.link(VOLUME) is None
    del node.subsystems[SHARED][2]
    for controller in node.controllers():
        node.scan(controller)
    node.detached(VOLUME)
    assert node.namespaces() == {"nvme70n1": ["nvme30", "nvme31"]} and node.link(OTHER) == "nvme70n1"
    assert not node.ask("present", OTHER, _info(SHARED, uuid=OTHER), multipath="required")["changed"]
    node.detached(OTHER)
    assert node.controllers() == {}


@relied_on(*USERS)
def controllers_without_a_namespace_go():
    """Where the storage system took the volume back before it was detached, the controllers that are left are disconnected."""
    node = _own()
    node.attached(VOLUME, _info(), multipath="required")
    node.subsystems[OWN].clear()
    for controller in node.controllers():
        node.scan(controller)
    assert len(node.controllers()) == 2 and node.namespaces() == {}
    node.detached(VOLUME)
    assert node.controllers() == {}


@relied_on(*USERS)
def what_cannot_be_flushed_stays_attached():
    """A namespace that cannot be flushed is not disconnected: the record is kept, and the message says what stayed."""
    node = _own()
    node.attached(VOLUME, _info(), multipath="required")
    node.failing = ["blockdev --flushbufs"]
    result = node.ask("absent", VOLUME)
    assert result["failed"] and "What stayed" in result["msg"], result
    assert len(node.controllers()) == 2 and node.node.records.get(VOLUME) is not None
    node.failing = []
    node.detached(VOLUME)
    assert node.controllers() == {}


@relied_on(*USERS)
def the_device_and_every_path_grow():
    """An extended volume has its new size on the device and at each live controller, though the storage system gave no notice; one that is away waits."""
    node = _own()
    node.attached(VOLUME, _info(), multipath="required")
    node.subsystems[OWN][1].size = 2
    result = node.ask("present", VOLUME, _info(), size=2, multipath="required")
    assert result["operations"] == ["extend"] and result["attachment"]["size"] == 2, result
    sizes = {node.read("/sys/class/nvme/%s/size" % path) for path in ("nvme30/nvme70c30n1", "nvme31/nvme70c31n1")}
    assert sizes == {node.read("/sys/class/block/nvme70n1/size")} == {str(2 * 2 ** 21)}
    node.subsystems[OWN][1].size = 3
    node.scan("nvme30")  # the notice came by one controller only
    result = node.ask("present", VOLUME, _info(), size=3, multipath="preferred")
    assert result["operations"] == ["extend"] and node.read("/sys/class/nvme/nvme31/nvme70c31n1/size") == str(3 * 2 ** 21), result
    node.subsystems[OWN][1].size = 4
    node.change("nvme31", "connecting")
    result = node.ask("present", VOLUME, _info(), size=4, multipath="preferred")
    assert not result.get("failed") and result["attachment"]["size"] == 4, result


@relied_on("plugins/host/brick.py")
def a_node_tells_its_name():
    """The connector of a node has its NQN and whether the kernel's own multipath is on, as Cinder's drivers expect them."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import brick

    node = _own()
    node.answers["nvme"] = node.answers["findmnt"] = node.answers["dmidecode"] = node.answers["blkid"] = lambda *_words: ""
    node.answers["cat"], node.answers["multipathd"] = node.read, lambda *_words: ""
    node.write("/etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.x:y\n")
    told = brick.properties("node1", "192.0.2.1", True)
    assert told["nqn"] == node.read("/etc/nvme/hostnqn") and told["nvme_native_multipath"] is True, told
