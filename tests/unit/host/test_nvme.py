# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVMe over fabrics: paths, what stays, and what a detach takes away, in kernels made of files. What connects is a fake; tests/contract has os-brick's."""

from __future__ import annotations

import shutil
import types

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import access, connections, detach, facts, links, neighbours, nvme, paths, usage
from ansible_collections.baremetal.legacy_storage.plugins.host.node import Node
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import seal

NQN = "nqn.2026-01.org.example:array"
OURS, OTHER = "9c6b0000-1111-4222-8333-444455556666", "9c6b0000-1111-4222-8333-444455557777"
PORTALS = [("10.0.1.1", "4420"), ("10.0.2.1", "4420")]
DATA = {"target_nqn": NQN, "vol_uuid": OURS.upper().replace("-", ""), "portals": [[address, int(port), "tcp"] for address, port in PORTALS]}
EARLIER = {"nqn": NQN, "target_portal": "10.0.1.1", "target_port": 4420, "transport_type": "tcp", "ns_id": 1}


def place(kernel, first="live", second="live", access="", others=()):
    """A namespace with a path at each of two portals, and ``others`` ({name of the path at the first: device}) beside it."""
    kernel.namespace("nvme0n1", OURS)
    kernel.controller("nvme0", NQN, PORTALS[0], {"nvme0c0n1": "", **dict.fromkeys(others, "")}, first)
    kernel.controller("nvme1", NQN, PORTALS[1], {"nvme0c1n1": access}, second)
    kernel.controller("nvme2", "nqn.other", PORTALS[0], {"nvme3n1": ""})
    kernel.write("sys/class/nvme/nvme3/address", "0000:01:00.0\n")  # a drive in this host
    kernel.write("sys/module/nvme_core/parameters/multipath", "Y\n")


@pytest.mark.parametrize(
    ("first", "second", "access", "states"),
    [
        ("live", "live", "", ["active", "active"]),
        ("live", "connecting", "", ["active", "connecting"]),
        ("live", "live", "optimized", ["active", "active"]),
        ("live", "live", "non-optimized", ["active", "active"]),
        ("live", "live", "inaccessible", ["active", "inaccessible"]),
        ("deleting", "dead", "optimized", ["deleting", "dead"]),
    ],
)
def test_paths_are_the_controllers_and_active_where_something_can_be_sent(kernel, first, second, access, states):
    place(kernel, first, second, access)
    told = [{"device": "/dev/nvme%d" % number, "state": state} for number, state in enumerate(states)]
    assert nvme.paths(kernel.system, "nvme0n1") == told
    assert facts.paths(kernel.system, facts.Seen("nvme0n1")) == told


def test_without_the_kernels_multipath_a_namespace_has_the_path_of_its_own_controller(kernel):
    kernel.namespace("nvme4n2", OURS)
    kernel.controller("nvme4", NQN, PORTALS[0], {"nvme4n2": ""})
    kernel.controller("nvme5", NQN, PORTALS[1], {"nvme5n2": ""})
    assert nvme.paths(kernel.system, "nvme4n2") == [{"device": "/dev/nvme4", "state": "active"}]
    assert not nvme.native_multipath(kernel.system)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (DATA, ["nvme0n1"]),
        (EARLIER, ["nvme0n1"]),
        (dict(EARLIER, volume_nguid=OURS.replace("-", "")), ["nvme0n1"]),
        (dict(EARLIER, ns_id=2), []),
        (dict(EARLIER, ns_id=None), []),
        (dict(EARLIER, target_portal="10.0.9.9"), []),
        (dict(DATA, vol_uuid=OTHER), []),
        ({"vol_uuid": OURS, "volume_replicas": [dict(DATA, vol_uuid=OTHER), DATA], "replica_count": 2, "alias": "x"}, ["nvme0n1"]),
        ({"nqn": NQN}, []),
        ({"target_portal": "10.0.1.1:3260", "target_iqn": "iqn.x"}, []),
    ],
)
def test_a_namespace_is_found_in_every_form_of_connection_info(kernel, data, found):
    place(kernel)
    assert nvme.devices_at(kernel.system, data) == found


def test_a_controller_without_a_namespace_is_left_over_and_disconnected_and_no_other(kernel):
    place(kernel)
    assert nvme.empty_controllers(kernel.system, DATA) == []
    shutil.rmtree(kernel.root / "sys/class/nvme/nvme1/nvme0c1n1")
    assert nvme.empty_controllers(kernel.system, DATA) == ["controller nvme1 of %s at traddr=10.0.2.1,trsvcid=4420,src_addr=10.0.0.9" % NQN]
    nvme.disconnect_empty(kernel.system, DATA)
    assert [(kernel.root / "sys/class/nvme" / name / "delete_controller").read_text() for name in ("nvme0", "nvme1", "nvme2")] == ["", "1", ""]


class Attached:
    """A node with an NVMe volume. Its connector is a fake: it finds the namespace, and leaves whatever the array shows."""

    def __init__(self, kernel, folder, monkeypatch, data=None):
        self.kernel, self.connects = kernel, 0
        self.node = Node(types.SimpleNamespace(state_dir=str(folder / "state"), lock_dir=str(folder / "lock"), host="node1"), lambda _text: None, kernel.system)
        self.info = {"driver_volume_type": "nvmeof", "data": DATA if data is None else data}
        monkeypatch.setattr(detach, "_GONE_WAIT", 0)
        monkeypatch.setattr(paths, "_WAIT", 0)
        monkeypatch.setattr(detach, "flush", lambda path: None)
        monkeypatch.setattr(access, "_set", lambda *_args: None)
        monkeypatch.setattr(usage, "_free", lambda path: True)
        monkeypatch.setattr(links, "possible", lambda system, key: False)
        monkeypatch.setattr(self.node, "connector_for", lambda *_args, **_more: self)

    def connect(self):
        self.connects += 1
        self.kernel.write("dev/nvme0n1", bytes(1 << 20))
        return {"type": "block", "path": self.kernel.system.node("nvme0n1")}

    def login_failures(self):
        return []

    def disconnect(self, device_info, force=False):
        nvme.disconnect_empty(self.kernel.system, self.info["data"])

    def export(self, name="v"):
        return Export("e-" + name, "vendor-a", name, name, "node1", 1, "nvmeof", {"data": self.info["data"]}, seal(self.node.sealing_key().public, self.info))

    def record(self, name="v", uuid=OURS, **changes):
        identity = {"kind": "nvme", "serial": "uuid." + uuid, "key": "uuid." + uuid} if uuid else {}
        values = dict({"state": "connected", "boot_id": "boot-1", "multipath": "preferred", "attached": True}, **changes)
        self.node.records.put(AttachmentRecord(self.export(name), identity=identity, **values))

    def ensure(self, check=False, **request):
        answer = connections.ensure(self.node, [request], check)
        return answer["connections"][0], answer["diff"]

    def attach(self, multipath, check=False):
        return self.ensure(check, export=self.export().to_dict(), multipath=multipath)


@pytest.fixture(name="attached")
def fixture_attached(kernel, tmp_path, monkeypatch):
    """The node."""
    return Attached(kernel, tmp_path, monkeypatch)


@pytest.mark.parametrize("multipath", ["no", "preferred", "required"])
def test_check_mode_and_run_tell_the_same_of_multipath_whether_multipathd_runs_or_not(attached, kernel, multipath):
    place(kernel)
    kernel.process("77", "multipathd")
    foretold, expected = attached.attach(multipath, check=True)
    done, diff = attached.attach(multipath)
    assert not foretold.get("failed") and not done.get("failed"), (foretold, done)
    assert (foretold["operations"], foretold["attachment"]["mapped"]) == (done["operations"], done["attachment"]["mapped"]) == (["connect"], False)
    assert expected == diff
    assert attached.attach(multipath)[0]["operations"] == []


def test_required_paths_are_counted(attached, kernel):
    place(kernel, second="connecting")
    done, _diff = attached.attach("required")
    assert "multipath: required, but the namespace has 1 active path(s), not 2: /dev/nvme0 is active; /dev/nvme1 is connecting" in done["msg"]
    assert attached.connects == 2  # a portal may have been slow


def test_required_paths_are_refused_before_connecting_where_the_kernel_has_no_multipath(attached, kernel):
    place(kernel)
    kernel.write("sys/module/nvme_core/parameters/multipath", "N\n")
    done, _diff = attached.attach("required")
    assert "NVMe multipath is not on" in done["msg"] and attached.connects == 0


@pytest.mark.parametrize("shared", [False, True])
def test_a_detach_ends_when_the_namespace_and_its_controllers_are_gone(attached, kernel, shared, monkeypatch):
    triggered = []
    monkeypatch.setattr(links, "trigger", lambda _system, name: triggered.append(name))
    place(kernel, others=("nvme0c0n2",) if shared else ())
    attached.record()
    done, _diff = attached.ensure(volume_id="v", state="absent")
    assert "device %s" % kernel.system.node("nvme0n1") in done["msg"] and ("its controllers have other namespaces" in done["msg"]) is shared
    assert attached.node.records.get("v").state == "disconnecting"
    assert triggered == ["nvme0n1"] * shared, "no link of ours stays with a device that does"
    kernel.gone("nvme0n1")  # the storage system has taken it back
    for path in ("nvme0/nvme0c0n1", "nvme1/nvme0c1n1"):
        shutil.rmtree(kernel.root / "sys/class/nvme" / path)
    done, _diff = attached.ensure(volume_id="v", state="absent")
    assert "controller nvme1" in done["msg"] and "controller nvme2" not in done["msg"] and ("controller nvme0 of" in done["msg"]) is not shared
    shutil.rmtree(kernel.root / "sys/class/nvme/nvme1")  # as the kernel does
    if not shared:
        shutil.rmtree(kernel.root / "sys/class/nvme/nvme0")
    assert not attached.ensure(volume_id="v", state="absent")[0].get("failed") and attached.node.records.ids() == []


def test_what_a_killed_run_connected_is_seen_though_its_record_does_not_say_what_it_is(attached, kernel):
    place(kernel, others=("nvme0c0n2",))
    attached.record(uuid=None, state="connecting", attached=False)
    done, _diff = attached.ensure(volume_id="v", state="absent")
    assert "device %s" % kernel.system.node("nvme0n1") in done["msg"]
    done, _diff = attached.attach("preferred")
    assert (done["operations"], done.get("failed")) == (["connect"], None)


def test_a_detach_that_could_not_end_can_be_taken_back(attached, kernel):
    place(kernel, others=("nvme0c0n2",))
    attached.record(state="disconnecting", attached=False)
    done, _diff = attached.attach("preferred")
    assert (done["operations"], done["attachment"]["state"]) == (["connect"], "connected")


def test_a_namespace_of_another_volume_under_the_same_number_is_not_taken_for_ones_own(kernel, tmp_path, monkeypatch):
    attached = Attached(kernel, tmp_path, monkeypatch, EARLIER)
    place(kernel)
    attached.record("new")
    attached.record("old", OTHER)
    assert set(neighbours.theirs(attached.node, "old", {"serial": "uuid." + OTHER}, EARLIER)) == {"nvme0n1"}
    assert not attached.ensure(volume_id="old", state="absent")[0].get("failed")
    assert attached.node.records.ids() == ["new"]
    attached.record("older", None, state="connecting", attached=False)
    assert not attached.ensure(volume_id="older", state="absent")[0].get("failed")
    assert attached.node.records.ids() == ["new"] and nvme.devices_at(kernel.system, EARLIER) == ["nvme0n1"]
