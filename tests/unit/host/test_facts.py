# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is concluded from sysfs: identity, size, leftovers, in kernels made of files."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import devices, facts
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export

OURS, OTHER = "6001405309c19a76a5f4ce398272f655", "60014051111111111111111111111111"
GIB = 1024 ** 3
IQN = "iqn.2026-01.org.example:v1"
DATA = {"target_portals": ["10.0.1.1:3260", "10.0.2.1:3260"], "target_iqns": [IQN, IQN], "target_luns": [4, 4]}


def record(key="mpath-3" + OURS, kind="scsi", serial="3" + OURS, path="/dev/dm-0"):
    export = Export("e", "vendor-a", "v", "database", "node1", 1, "iscsi", {"data": DATA})
    return AttachmentRecord(export, "connected", "boot-1", "required", {"path": path}, "/dev/disk/by-id/x", {"kind": kind, "serial": serial, "key": key})


@pytest.fixture(name="answers")
def fixture_answers(monkeypatch):
    """What disks answer when they are asked; a disk that is not in it tells what the kernel remembers."""
    told = {}
    monkeypatch.setattr(devices, "fresh_serial", lambda system, name: told.get(name, devices.cached_serial(system, name)))
    return told


@pytest.fixture(name="mapped")
def fixture_mapped(kernel, disk_page, answers):
    """A map of two paths."""
    kernel.block("sda", page=disk_page(OURS))
    kernel.block("sdb", page=disk_page(OURS))
    kernel.block("dm-0", uuid="mpath-3" + OURS, below=("sda", "sdb"))
    return kernel


def test_a_map_is_found_by_its_uuid_and_never_by_its_name(mapped):
    seen = facts.look(mapped.system, record(path="/dev/dm-7"))
    assert (seen.name, seen.mapped, seen.disks, seen.identity) == ("dm-0", True, ("sda", "sdb"), "right")


def test_a_path_that_tells_another_identity_makes_the_device_wrong(mapped, answers):
    """A LUN number given to another volume: the kernel's cached page still says the old one (CVE-2023-2088)."""
    answers["sdb"] = "3" + OTHER
    seen = facts.look(mapped.system, record())
    assert (seen.identity, seen.wrong) == ("wrong", ("sdb",))
    assert facts.look(mapped.system, record(), ask=False).identity == "right"


def test_one_silent_path_is_a_failed_path_and_all_silent_is_unknown(mapped, answers):
    answers["sda"] = None
    assert facts.look(mapped.system, record()).identity == "right"
    answers["sdb"] = None
    assert facts.look(mapped.system, record()).identity == "unknown"


def test_paths_without_their_map_are_no_device(kernel, disk_page, answers):
    kernel.block("sda", page=disk_page(OURS))
    seen = facts.look(kernel.system, record())
    assert (seen.identity, seen.name, seen.disks) == ("none", None, ("sda",))


def test_a_foreign_path_in_our_map_is_wrong(kernel, disk_page, answers):
    kernel.block("sda", page=disk_page(OURS))
    kernel.block("sdb", page=disk_page(OTHER))
    kernel.block("dm-0", uuid="mpath-3" + OURS, below=("sda", "sdb"))
    assert facts.look(kernel.system, record()).wrong == ("sdb",)


def test_the_smallest_of_map_and_paths_counts(kernel, disk_page, answers):
    kernel.block("sda", 3 * GIB, disk_page(OURS))
    kernel.block("sdb", 2 * GIB, disk_page(OURS))
    kernel.block("dm-0", 3 * GIB, uuid="mpath-3" + OURS, below=("sda", "sdb"))
    assert facts.look(kernel.system, record()).size == 2 * GIB


def test_a_single_path(kernel, disk_page, answers):
    kernel.block("sdc", page=disk_page(OURS))
    seen = facts.look(kernel.system, record(key="3" + OURS, path="/dev/sda"))
    assert (seen.name, seen.identity, seen.mapped) == ("sdc", "right", False)


def test_nothing_there(kernel):
    assert facts.look(kernel.system, record()).identity == "none"
    assert facts.look(kernel.system, None).identity == "none"


def test_a_device_of_another_volume_at_the_address_is_a_leftover(kernel, disk_page, answers):
    kernel.block("sda", page=disk_page(OTHER))
    kernel.block("sdb", page=disk_page(OTHER))
    kernel.session("1", ("10.0.1.1", "3260"), IQN, {"sda": 4, "sdb": 5})
    known, _seen = facts.gather(kernel.system, None, "v", DATA)
    assert (known.leftovers, known.identity) == (("sda",), "none")


def test_our_own_paths_are_no_leftovers(mapped, disk_page):
    mapped.session("1", ("10.0.1.1", "3260"), IQN, {"sda": 4})
    mapped.session("2", ("10.0.2.1", "3260"), IQN, {"sdb": 4})
    known, _seen = facts.gather(mapped.system, record(), "v", DATA)
    assert (known.leftovers, known.identity, known.size, known.boot_id) == ((), "right", 1, "boot-1")


def test_who_uses_a_leftover_is_told(kernel, disk_page, answers):
    kernel.block("sda", page=disk_page(OTHER))
    kernel.session("1", ("10.0.1.1", "3260"), IQN, {"sda": 4})
    kernel.process("9", "dd", opened=[kernel.system.node("sda")])
    known, _seen = facts.gather(kernel.system, None, "v", DATA)
    assert known.users == ("%s is open in process 9 (dd)" % kernel.system.node("sda"),)


def test_multipathd_is_known_by_its_process(kernel):
    assert not facts.gather(kernel.system, None, "v", None)[0].multipathd
    kernel.process("77", "multipathd")
    assert facts.gather(kernel.system, None, "v", None)[0].multipathd


def test_a_file(kernel, tmp_path):
    path = tmp_path / "volume.raw"
    ours = record(kind="file", serial=str(path), key=None, path=str(path))
    assert facts.look(kernel.system, ours).identity == "none"
    with open(path, "wb") as stream:
        stream.truncate(2 * GIB)
    seen = facts.look(kernel.system, ours)
    assert (seen.identity, seen.size, seen.path) == ("right", 2 * GIB, str(path))
    moved = tmp_path / "moved.raw"
    path.rename(moved)
    path.symlink_to(moved)
    assert facts.look(kernel.system, ours).identity == "wrong"


# What Linux 6.1 and dmsetup 1.02.185 print of a map with a path that failed.
STATUS = "0 2097152 multipath 2 0 0 0 2 1 A 0 1 2 8:0 A 0 0 1 E 0 1 2 8:16 F 1 0 1 \n"


@pytest.mark.parametrize(
    ("told", "kernel_tells", "states"),
    [
        ("sda|failed\nsdb|active\n", None, ["failed", "active"]),
        ("", STATUS, ["active", "failed"]),  # multipathd is away
        ("sda|active\n", STATUS, ["active", "failed"]),  # multipathd was told to forget a path
        ("sda|undef\nsdb|undef\n", STATUS, ["active", "failed"]),  # multipathd was started anew and has not come to its map yet
        ("", "", ["unknown", "unknown"]),
    ],
)
def test_the_state_of_paths_in_a_map_is_what_multipathd_tells_or_else_the_kernel(mapped, monkeypatch, told, kernel_tells, states):
    def run(*command, **_more):
        assert kernel_tells is not None and command[0] == "dmsetup"
        return kernel_tells, None

    monkeypatch.setattr(facts.multipathd, "ask", lambda _command: told)
    monkeypatch.setattr(facts.multipathd.programs, "run", run)
    for number, name in (("8:0", "sda"), ("8:16", "sdb")):
        mapped.write("sys/class/block/%s/dev" % name, number)
    seen = facts.look(mapped.system, record())
    assert facts.paths(mapped.system, seen) == [{"device": "/dev/sd" + letter, "state": state} for letter, state in zip("ab", states)]


def test_a_disk_that_multipath_did_not_take_is_no_active_path(mapped, disk_page, monkeypatch):
    mapped.block("sdc", page=disk_page(OURS))
    monkeypatch.setattr(facts.multipathd, "path_states", lambda: {"sda": "active", "sdb": "active"})
    seen = facts.look(mapped.system, record())
    assert {"device": "/dev/sdc", "state": "outside the map"} in facts.paths(mapped.system, seen)


def test_a_path_whose_transport_is_down(kernel, disk_page, answers):
    kernel.block("sda", page=disk_page(OURS), state="transport-offline")
    seen = facts.look(kernel.system, record(key="3" + OURS))
    assert facts.paths(kernel.system, seen) == [{"device": "/dev/sda", "state": "transport-offline"}]


def test_a_blocked_disk_is_not_asked(kernel, disk_page, monkeypatch):
    monkeypatch.setattr(devices.scsi, "ask_serial", lambda *_: pytest.fail("would wait for the transport's time-out"))
    kernel.block("sda", page=disk_page(OURS), state="blocked")
    assert devices.fresh_serial(kernel.system, "sda") is None


def test_identities(kernel, disk_page, answers):
    kernel.block("sda", page=disk_page(OURS))
    kernel.block("sdb", page=disk_page(OURS))
    kernel.block("dm-0", uuid="mpath-3" + OURS, below=("sda",))
    kernel.block("dm-1", uuid="LVM-abc")
    kernel.block("nvme0n1")
    kernel.write("sys/class/block/nvme0n1/wwid", "uuid.9c6b\n")
    kernel.block("rbd0")
    for name, text in (("cluster_fsid", "c"), ("pool_id", "2"), ("image_id", "ab")):
        kernel.write("sys/bus/rbd/devices/0/" + name, text + "\n")
    kernel.block("loop3")

    def identify(name):
        return devices.identify(kernel.system, kernel.system.node(name))

    assert identify("dm-0") == {"kind": "scsi", "serial": "3" + OURS, "key": "mpath-3" + OURS}
    assert identify("sdb") == {"kind": "scsi", "serial": "3" + OURS, "key": "3" + OURS}
    assert identify("dm-1") == {"kind": "dm", "serial": "LVM-abc", "key": "LVM-abc"}
    assert identify("nvme0n1") == {"kind": "nvme", "serial": "uuid.9c6b", "key": "uuid.9c6b"}
    assert identify("rbd0") == {"kind": "rbd", "serial": "rbd-c-2-ab", "key": "rbd-c-2-ab"}
    assert identify("loop3") == {"kind": "node", "serial": "loop3", "key": None}
    assert identify("missing") is None
    for name in ("dm-0", "dm-1", "nvme0n1", "rbd0", "loop3"):
        assert devices.find(kernel.system, identify(name))[0] == name


def test_a_device_that_only_its_drivers_link_names_is_known_by_that_link(kernel):
    """PowerFlex, StorPool: a boot may give the kernel's name to another volume."""
    kernel.block("scinia")
    kernel.block("scinib")
    link = kernel.root / "dev/disk/by-id/emc-vol-1-2"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../scinia")
    identity = devices.identify(kernel.system, str(link))
    assert identity == {"kind": "node", "serial": str(link), "key": None}
    assert facts.look(kernel.system, record(kind="node", serial=str(link), key=None, path=str(link))).name == "scinia"
    link.unlink()
    assert devices.find(kernel.system, identity) == (None, [])
    link.symlink_to("../../scinib")
    assert facts.look(kernel.system, record(kind="node", serial=str(link), key=None, path=str(link))).name == "scinib"


def test_udevs_own_serial_is_the_key(kernel, disk_page, answers):
    kernel.block("sda", page=disk_page(OURS))
    kernel.write("run/udev/data/b8:1", "E:ID_BUS=scsi\nE:ID_SERIAL=3600-as-udev-says\n")
    assert devices.identify(kernel.system, kernel.system.node("sda"))["key"] == "3600-as-udev-says"
