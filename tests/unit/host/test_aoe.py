# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AoE target is known by what it says of itself, and a device of one never passes for another's. Frames as vblade sends them."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import aoe, devices, facts
from ansible_collections.baremetal.legacy_storage.plugins.host.connectors.aoe import Aoe
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

GIB = 1024 ** 3
DATA = {"target_shelf": 7, "target_lun": 3}
OURS = aoe.Target("SN-1", "EtherDrive SR2461", "", GIB // 512)
OTHER = aoe.Target("SN-2", "EtherDrive SR2461", "", GIB // 512)
VBLADE = aoe.Target("7.3:controller1", "Coraid EtherDrive vblade", "", GIB // 512)


def ata(text, length):
    """A text as ATA keeps it: padded with blanks, the two characters of each word exchanged."""
    padded = text.ljust(length).encode()
    return b"".join(padded[at + 1:at + 2] + padded[at:at + 1] for at in range(0, length, 2))


def page(serial, model, sectors, lba48=True):
    """The answer to IDENTIFY DEVICE."""
    whole = bytearray(512)
    whole[20:40], whole[54:94] = ata(serial, 20), ata(model, 40)
    whole[120:124] = struct.pack("<I", min(sectors, 0x0FFFFFFF))
    if lba48:
        whole[166:168], whole[200:208] = struct.pack("<H", 1 << 10), struct.pack("<Q", sectors)
    return bytes(12) + bytes(whole)


def frame(shelf=7, slot=3, flags=0x18, command=1, tag=0x80000007, body=b""):
    """A frame from a target, from its Ethernet header on."""
    return b"\x02\x1e\0\0\0\x0b" + b"\x02\x1e\0\0\x01\x0a" + struct.pack("!HBBHBBI", 0x88A2, flags, 0, shelf, slot, command, tag) + body


@pytest.fixture(name="told")
def fixture_told(kernel, monkeypatch):
    """A host with the kernel's device e7.3, and the list of what answers there."""
    kernel.block("etherd!e7.3")
    kernel.write("dev/etherd/e7.3", "")
    kernel.write("sys/class/block/etherd!e7.3/state", "up\n")
    kernel.write("sys/class/block/etherd!e7.3/diskseq", "41\n")
    targets = [OURS]
    monkeypatch.setattr(aoe, "ask", lambda system, shelf, slot: targets if (shelf, slot) == (7, 3) else [])
    return targets


def record(kernel, serial):
    export = Export("e", "shelf", "v", "database", "node1", 1, "aoe", {"data": DATA})
    identity = {"kind": "aoe", "serial": serial, "key": "appearance-41"}
    return AttachmentRecord(export, "connected", "boot-1", "no", {"path": kernel.system.node("etherd!e7.3")}, "/dev/disk/by-id/x", identity)


@pytest.mark.parametrize("sectors", [2097152, 1 << 33])
def test_a_disk_tells_serial_model_and_size(sectors):
    assert aoe.parse_disk(page("7.3:abc", "Coraid EtherDrive vblade", sectors)) == {
        "serial": "7.3:abc", "model": "Coraid EtherDrive vblade", "sectors": sectors,
    }
    assert aoe.parse_disk(page("x", "y", 1000, lba48=False))["sectors"] == 1000
    assert aoe.parse_disk(b"short") is None


def test_a_config_string_ends_where_it_says():
    assert aoe.parse_config(struct.pack("!HHBBH", 16, 0x4019, 2, 0x10, 5) + b"vol-1" + bytes(20)) == "vol-1"
    assert aoe.parse_config(b"") == ""


@pytest.mark.parametrize(
    "foreign",
    [
        frame(tag=0x80000008), frame(shelf=8), frame(slot=4), frame(flags=0x10), frame(flags=0x1C), frame()[:20], b"",
        frame()[:12] + b"\x08\0" + frame()[14:],
    ],
    ids=["tag", "shelf", "slot", "question", "error", "short", "empty", "type"],
)
def test_only_answers_to_our_question_from_the_address_count(foreign):
    assert aoe.parse(frame(body=b"x"), 0x80000007, 7, 3) == (b"\x02\x1e\0\0\x01\x0a", 1, b"x")
    assert aoe.parse(foreign, 0x80000007, 7, 3) == (None, None, b"")


def test_partitions_and_other_devices_have_no_address():
    assert aoe.address("etherd!e7.3") == (7, 3)
    assert [aoe.address(name) for name in ("etherd!e7.3p1", "sda", "etherd!discover")] == [None] * 3


def test_the_identity_holds_address_serial_and_config_string_and_can_name_a_file():
    assert aoe.identity(OURS, 7, 3) == "aoe-e7.3-SN-1"
    assert aoe.identity(aoe.Target("7.3:c", "v", "vol-1", 1), 7, 3) == "aoe-e7.3-7.3:c:vol-1"
    odd = aoe.identity(aoe.Target("../x", "v", "a b/" * 300, 1), 7, 3)
    assert len(odd) < 100
    assert "/" not in odd


def test_only_interfaces_that_are_up_and_allowed_speak_aoe(kernel):
    for name, flags, kind in (("eth0", "0x1003", "1"), ("eth1", "0x1002", "1"), ("lo", "0x9", "772"), ("eth2", "0x1003", "1")):
        kernel.write("sys/class/net/%s/flags" % name, flags + "\n")
        kernel.write("sys/class/net/%s/type" % name, kind + "\n")
    assert aoe.interfaces(kernel.system) == ["eth0", "eth2"]
    kernel.write("sys/module/aoe/parameters/aoe_iflist", "eth2 eth9\n")
    assert aoe.interfaces(kernel.system) == ["eth2"]


def test_a_device_is_right_only_while_its_target_tells_the_volumes_identity(kernel, told):
    ours = record(kernel, aoe.identity(OURS, 7, 3))
    assert (facts.look(kernel.system, ours).identity, facts.look(kernel.system, ours).name) == ("right", "etherd!e7.3")
    told[:] = [OTHER]
    assert (facts.look(kernel.system, ours).identity, facts.look(kernel.system, ours).wrong) == ("wrong", ("etherd!e7.3",))
    told[:] = [OURS, OTHER]
    assert facts.look(kernel.system, ours).identity == "wrong"
    told[:] = []
    assert facts.look(kernel.system, ours).identity == "unknown"
    told[:] = [OURS]
    kernel.write("sys/class/block/etherd!e7.3/state", "down\n")
    assert facts.look(kernel.system, ours).identity == "unknown"


def test_the_key_for_udev_is_the_appearance_of_the_device_and_not_its_address(kernel, told):
    assert devices.identify(kernel.system, kernel.system.node("etherd!e7.3"))["key"] == "appearance-41"
    (kernel.root / "sys/class/block/etherd!e7.3/diskseq").unlink()
    assert devices.identify(kernel.system, kernel.system.node("etherd!e7.3"))["key"] is None


@pytest.mark.parametrize(
    ("targets", "data", "code", "words"),
    [
        ([], {}, "host", "no AoE target answers as e7.3"),
        ([OURS, OTHER], {}, "conflict", "Several AoE targets answer as e7.3"),
        ([OTHER], {"target_serial": "SN-1"}, "conflict", "its serial is 'SN-2', not 'SN-1'"),
        ([VBLADE], {}, "conflict", "no config string"),
    ],
)
def test_what_is_not_surely_the_volume_is_not_connected(kernel, told, targets, data, code, words):
    kernel.write("sys/module/aoe/refcnt", "0\n")
    told[:] = targets
    with pytest.raises(StorageError) as caught:
        Aoe(kernel.system, dict(DATA, **data)).connect()
    assert caught.value.code == code
    assert words in caught.value.message


def test_the_same_target_over_two_interfaces_is_one(kernel, told):
    kernel.write("sys/module/aoe/refcnt", "0\n")
    kernel.write("dev/etherd/revalidate", "")
    kernel.process("9", "dd", opened=[kernel.system.node("etherd!e7.3")])  # so the device is looked at again, not taken away
    told[:] = [OURS, OURS]
    assert Aoe(kernel.system, DATA).connect()["path"] == kernel.system.node("etherd!e7.3")
    assert (kernel.root / "dev/etherd/revalidate").read_text() == "e7.3"


def test_vblade_with_a_config_string_or_a_serial_to_expect_is_told_apart(kernel):
    assert not aoe.distinguishes(VBLADE, 7, 3)
    assert aoe.distinguishes(aoe.Target(VBLADE.serial, VBLADE.model, "vol-1", 1), 7, 3)
    assert aoe.distinguishes(OURS, 7, 3)
    assert not aoe.distinguishes(aoe.Target("7.3", "other", "", 1), 7, 3)


@pytest.mark.parametrize("data", [{}, {"target_shelf": 7}, {"target_shelf": "x", "target_lun": 1}, {"target_shelf": 7, "target_lun": 255}])
def test_an_address_that_is_none_is_refused(kernel, data):
    with pytest.raises(StorageError, match="is no AoE target_"):
        Aoe(kernel.system, data)


def test_a_device_at_the_address_is_what_stays(kernel, told):
    assert Aoe(kernel.system, DATA).stays() == ["device " + kernel.system.node("etherd!e7.3")]
    assert Aoe(kernel.system, {"target_shelf": "7", "target_lun": "4"}).stays() == []
