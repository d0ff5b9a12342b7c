# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes that are files get block devices, known by the file below them. losetup is a fake here; the Molecule scenario `nfs` has the real one."""

from __future__ import annotations

import os
import types

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import connections, devices, facts, loop, mounts, programs
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.connections import Wanted, plan

GIB = 1024 ** 3
NAME = "volume-11111111-1111-5111-8111-111111111111"
DATA = {"export": "10.0.1.1:/srv", "name": NAME}


@pytest.fixture(name="share")
def fixture_share(tmp_path):
    """A mounted share with the volume's file in it; returns the folder of mounts and the file's path."""
    folder = tmp_path / "mounts" / "5d41402abc4b2a76b9719d911017c592"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(b"")
    return folder.parent, folder / NAME


class Losetup:
    """A fake of the programs that are run: loop devices appear and go in the kernel made of files."""

    def __init__(self, kernel):
        self.kernel, self.commands, self.fails, self.direct = kernel, [], (), "1"

    def add(self, name, path, size=GIB):
        self.kernel.block(name, size)
        self.kernel.write("sys/class/block/%s/loop/backing_file" % name, "%s\n" % path)
        self.kernel.write("sys/class/block/%s/loop/dio" % name, self.direct)

    def __call__(self, *command, limit=60):
        self.commands.append(command)
        if any(word in command for word in self.fails):
            return "", "%s failed: as told." % " ".join(command)
        if "--show" in command:
            self.add("loop4", command[-1])
            return "/dev/loop4\n", None
        if "--detach" in command:
            (self.kernel.root / "sys/class/block" / os.path.basename(command[-1]) / "loop/backing_file").unlink()
        return "", None


@pytest.fixture(name="losetup")
def fixture_losetup(kernel, monkeypatch):
    """The fake, in place of every program."""
    fake = Losetup(kernel)
    monkeypatch.setattr(programs, "run", fake)
    return fake


class Share:
    """os-brick's side: knows where the file is and does nothing when it is disconnected."""

    def __init__(self, path):
        self.path, self.disconnected = str(path), []

    def connect(self):
        return {"path": self.path}

    def disconnect(self, device_info, force=False):
        self.disconnected.append(device_info)


def looped(kernel, share, warn=pytest.fail):
    folder, path = share
    brick = Share(path)
    return loop.Looped(kernel.system, brick, lambda: loop.over(kernel.system, str(folder), "nfs", DATA), warn), brick


def record(path, kind="loop", protocol="nfs"):
    export = Export("e", "files", "v", "database", "node1", 1, protocol, {"data": DATA})
    identity = {"kind": kind, "serial": str(path), "key": "loop%s" % path if kind == "loop" else None}
    return AttachmentRecord(export, "connected", "boot-1", "no", {"path": str(path)}, None, identity, attached=True)


def test_a_file_becomes_a_block_device_of_512_byte_sectors_with_direct_io(kernel, share, losetup):
    connector, _brick = looped(kernel, share)
    info = connector.connect()
    assert info == {"path": kernel.system.node("loop4"), "file": str(share[1])}
    assert losetup.commands[0] == ("losetup", "--find", "--show", "--partscan", "--sector-size", "512", str(share[1]))
    assert losetup.commands[1] == ("losetup", "--direct-io=on", kernel.system.node("loop4"))
    assert devices.identify(kernel.system, info["path"]) == {"kind": "loop", "serial": str(share[1]), "key": "loop%s" % share[1]}


def test_a_loop_device_that_is_there_is_taken_and_no_second_one_made(kernel, share, losetup):
    losetup.add("loop7", share[1])
    assert looped(kernel, share)[0].connect()["path"] == kernel.system.node("loop7")
    assert losetup.commands == []


def test_a_file_system_without_direct_io_is_told(kernel, share, losetup):
    told = []
    losetup.direct = "0"
    looped(kernel, share, told.append)[0].connect()
    assert len(told) == 1 and "no direct I/O" in told[0]


def test_a_host_without_the_loop_driver_is_told_so(kernel, share, losetup):
    losetup.fails = ("--find",)
    with pytest.raises(StorageError, match="no block device: losetup .* Is the kernel's module loop there"):
        looped(kernel, share)[0].connect()


def test_disconnecting_takes_every_device_over_the_file_and_writes_the_file_out(kernel, share, losetup):
    losetup.add("loop1", share[1])
    losetup.add("loop2", "%s (deleted)" % share[1])
    losetup.add("loop3", share[1].parent / "volume-22222222-2222-5222-8222-222222222222")
    connector, brick = looped(kernel, share)
    connector.disconnect({"path": "/dev/loop1", "file": str(share[1])})
    node = kernel.system.node
    assert losetup.commands == [("losetup", "--detach", node("loop1")), ("sync", str(share[1])), ("losetup", "--detach", node("loop2"))]
    assert brick.disconnected == [{"path": str(share[1]), "file": str(share[1])}]


@pytest.mark.parametrize("fails", ["--detach", "sync"])
def test_a_step_of_disconnecting_that_failed_is_told_after_the_others(kernel, share, losetup, fails):
    losetup.add("loop1", share[1])
    losetup.fails = (fails,)
    connector, brick = looped(kernel, share)
    with pytest.raises(StorageError, match="was not disconnected: .*as told"):
        connector.disconnect(None, force=True)
    assert brick.disconnected == [{}]


def test_extending_asks_the_device_to_look_at_the_file(kernel, share, losetup):
    losetup.add("loop1", share[1])
    looped(kernel, share)[0].extend()
    assert losetup.commands == [("losetup", "--set-capacity", kernel.system.node("loop1"))]
    share[1].unlink()
    with pytest.raises(StorageError, match="its file cannot be opened"):
        looped(kernel, share)[0].extend()


def test_a_volume_is_seen_without_touching_its_share(kernel, share, losetup):
    """A dead NFS server must not hang whoever asks what is attached."""
    losetup.add("loop1", share[1], 2 * GIB)
    share[1].unlink()
    seen = facts.look(kernel.system, record(share[1]))
    assert (seen.name, seen.identity, seen.size) == ("loop1", "right", 2 * GIB)


def test_another_device_over_the_file_is_a_leftover_and_its_user_is_told(kernel, share, losetup):
    losetup.add("loop1", share[1])
    losetup.add("loop2", share[1])
    kernel.process("9", "dd", opened=[kernel.system.node("loop2")])
    known, _seen = facts.gather(kernel.system, record(share[1]), "v", DATA, ["loop1", "loop2"])
    assert known.leftovers == ("loop2",)
    assert known.users == ("%s is open in process 9 (dd)" % kernel.system.node("loop2"),)


def test_gpfs_volumes_are_found_by_their_path_and_local_ones_have_no_loop_device(kernel, share, losetup):
    losetup.add("loop1", share[1])
    data = {"name": NAME, "device_path": str(share[1])}
    assert loop.over(kernel.system, "/nowhere", "gpfs", data) == ["loop1"]
    assert loop.over(kernel.system, str(share[0]), "local", data) == []
    assert loop.over(kernel.system, str(share[0]), "nfs", {}) == []


def wanted():
    return Wanted("v", "present", "no", False, record("x").export)


def test_what_was_attached_as_a_file_gets_its_device_once_nobody_uses_it(kernel, share, losetup):
    """Records of before files got block devices."""
    os.truncate(share[1], GIB)
    old = record(share[1], kind="file")
    known, _seen = facts.gather(kernel.system, old, "v", DATA)
    assert plan(old, known, wanted()) == ["link"]
    losetup.add("loop1", share[1])  # somebody mounted it by himself
    known, _seen = facts.gather(kernel.system, old, "v", DATA, ["loop1"])
    assert known.users == ("it backs %s" % kernel.system.node("loop1"),)
    assert plan(old, known, wanted()) == []


@pytest.fixture(name="mounted")
def fixture_mounted(kernel, share):
    """Two shares are mounted, and something elsewhere; returns their folders."""
    other = share[0] / "second share"
    other.mkdir()
    places = [str(place).replace(" ", "\\040") for place in (share[1].parent, other, "/mnt")]
    kernel.write("proc/self/mountinfo", "".join("30 1 0:9 / %s rw - nfs4 server:/srv rw\n" % place for place in places))
    return share[1].parent, other


def test_only_shares_that_hold_no_file_in_use_are_unmounted(kernel, share, mounted, losetup):
    losetup.add("loop1", mounted[0] / "volume-of-somebody")
    assert mounts.unmount_unused(kernel.system, str(share[0]), ["/mnt/x"]) == []
    assert losetup.commands == [("umount", str(mounted[1]))]
    assert not mounted[1].exists()


def test_a_file_of_another_attachment_keeps_its_share_mounted(kernel, share, mounted, losetup):
    mounts.unmount_unused(kernel.system, str(share[0]), [str(share[1]), str(mounted[1] / "a")])
    assert losetup.commands == []


def test_a_share_that_does_not_let_go_is_told(kernel, share, mounted, losetup):
    losetup.fails = ("umount",)
    assert len(mounts.unmount_unused(kernel.system, str(share[0]), [])) == 2
    assert mounted[0].exists()


def test_programs_tell_what_they_print_or_why_they_failed_and_are_not_waited_for():
    assert programs.run("echo", "yes") == ("yes\n", None)
    assert programs.run("sh", "-c", "echo no >&2; exit 3")[1].endswith("failed: no.")
    assert programs.run("sleep", "30", limit=0.1)[1] == "sleep 30 did not end within 0.1 s."
    assert programs.run("/no/such/program")[1].startswith("/no/such/program cannot be run")


@pytest.mark.parametrize(("protocol", "linked"), [("gpfs", True), ("nfs", True), ("local", False)])
def test_check_mode_foretells_the_link_for_files_that_get_a_device_and_the_file_for_a_local_one(kernel, share, protocol, linked):
    node = types.SimpleNamespace(system=kernel.system)
    told = connections._predicted(node, record(share[1], protocol=protocol), facts.Seen(), ["connect"], {"device_path": str(share[1])})
    assert told["path"] == ("/dev/disk/by-id/legacy-storage-v" if linked else str(share[1]))
