# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses a device, in kernels made of files."""

from __future__ import annotations

import os

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import devices, usage

MOUNT = "36 35 {number} / {place} rw shared:1 - ext4 /dev/dm-0 rw\n"


@pytest.fixture(name="stack")
def fixture_stack(kernel, disk_page):
    """A map of two paths: 8:3 over 8:1 and 8:2."""
    kernel.block("sda", page=disk_page("6001405309c19a76a5f4ce398272f655"))
    kernel.block("sdb", page=disk_page("6001405309c19a76a5f4ce398272f655"))
    kernel.block("dm-0", uuid="mpath-3600", below=("sda", "sdb"))
    return kernel


def users(kernel):
    return usage.users(kernel.system, kernel.system.node("dm-0"), ("dm-0", "sda", "sdb"))


def test_a_map_over_its_paths_is_no_use(stack):
    stack.process("5", "multipathd", opened=[stack.system.node("sda")])
    stack.process("6", "(udev-worker)", opened=[stack.system.node("dm-0")])
    assert users(stack) == []


def test_mounts_also_in_other_namespaces(stack):
    stack.write("proc/self/mountinfo", MOUNT.format(number="8:3", place="/srv/my\\040data"))
    stack.process("41", "pause", MOUNT.format(number="8:3", place="/var/lib/kubelet/x"), namespace="mnt:[2]")
    stack.process("42", "app", MOUNT.format(number="8:3", place="/data"), namespace="mnt:[2]")
    assert users(stack) == ["mounted at /srv/my data", "mounted at /var/lib/kubelet/x (in the mount namespace of process 41)"]


def test_a_volume_group_on_it_and_its_mount(stack):
    stack.block("dm-1", uuid="LVM-data-pg", below=("dm-0",))
    stack.write("proc/self/mountinfo", MOUNT.format(number="8:4", place="/pg"))
    assert users(stack) == ["mounted at /pg", "%s (logical volume data-pg) stands on it" % stack.system.node("dm-1")]


def test_encryption_and_raid(stack):
    stack.block("dm-1", uuid="CRYPT-LUKS2-x", below=("dm-0",))
    stack.block("md0", below=("dm-0",))
    (stack.root / "sys/class/block/md0/md").mkdir()
    assert users(stack) == [
        "%s (encrypted device LUKS2-x) stands on it" % stack.system.node("dm-1"), "%s (RAID array) stands on it" % stack.system.node("md0"),
    ]


def test_swap_and_open_files(stack):
    node = stack.system.node("dm-0")
    stack.write("proc/swaps", "Filename Type Size Used Priority\n%s partition 1 0 -2\n" % node)
    stack.process("7", "postgres", opened=["/dev/null", node, node])
    assert users(stack) == ["swap on %s" % node, "%s is open in process 7 (postgres)" % node]


def test_a_mounted_partition(stack):
    stack.block("dm-0p1")
    for place in ("dm-0/dm-0p1", "dm-0p1"):  # one folder in a real sysfs
        stack.write("sys/class/block/%s/partition" % place, "1\n")
    stack.write("proc/self/mountinfo", MOUNT.format(number="8:4", place="/part"))
    assert users(stack) == ["mounted at /part"]


def test_a_file_behind_a_loop_device(kernel, tmp_path):
    path = tmp_path / "volume.raw"
    path.write_bytes(b"")
    assert usage.users(kernel.system, str(path)) == []
    kernel.block("loop0")
    kernel.write("sys/class/block/loop0/loop/backing_file", str(path) + "\n")
    kernel.process("8", "qemu", opened=[str(path)])
    kernel.write("proc/self/mountinfo", MOUNT.format(number="8:1", place="/loop"))
    assert usage.users(kernel.system, str(path)) == [
        "it backs %s" % kernel.system.node("loop0"), "mounted at /loop", "%s is open in process 8 (qemu)" % path,
    ]


def test_an_encrypted_device_that_is_called_a_part_is_no_partition(stack):
    stack.block("dm-1", uuid="CRYPT-LUKS2-0123-backup_part", below=("dm-0",))
    stack.block("dm-2", uuid="part1-mpath-3600", below=("dm-0",))
    assert users(stack) == ["%s (encrypted device LUKS2-0123-backup_part) stands on it" % stack.system.node("dm-1")]


def test_btrfs_whose_mounts_have_numbers_of_their_own(stack):
    stack.write("proc/self/mountinfo", "36 35 0:47 /@ /srv/data rw - btrfs /dev/sdz rw,subvol=/@\n")
    stack.write("sys/fs/btrfs/1b2c/devices/sdz", "")
    assert users(stack) == []
    stack.write("sys/fs/btrfs/1b2c/devices/dm-0", "")
    assert users(stack) == ["it is a part of the btrfs file system 1b2c"]


def test_mounts_that_only_name_their_device(stack, monkeypatch):
    monkeypatch.setattr(stack.system, "node", lambda name: "/dev/" + name)
    stack.write("proc/self/mountinfo", "36 35 0:47 / /srv/data rw shared:7 - bcachefs /dev/sdz:/dev/dm-0 rw\n")
    assert "mounted at /srv/data" in usage._mounts(stack.system, {}, {"/dev/dm-0"})


def test_a_mount_is_seen_though_the_first_process_of_its_namespace_is_locked_into_a_folder_or_has_just_ended(stack):
    stack.process("40", "ended", "", namespace="mnt:[2]")
    stack.process("41", "sshd", "30 1 0:9 / / rw - tmpfs none rw\n", namespace="mnt:[2]")
    os.symlink("/run/sshd", stack.root / "proc/41/root")
    stack.process("42", "app", MOUNT.format(number="8:3", place="/data"), namespace="mnt:[2]")
    os.symlink("/", stack.root / "proc/42/root")
    assert users(stack) == ["mounted at /data (in the mount namespace of process 42)"]


@pytest.mark.parametrize(("kind", "expected"), [("tmpfs", True), ("overlay", True), ("nfs4", False)])
def test_a_device_that_is_open_in_a_container_under_another_name(stack, monkeypatch, kind, expected):
    """What lies on a server is not asked: it may be away."""
    asked = []
    monkeypatch.setattr(devices.System, "number", lambda _system, path: asked.append(path) or "8:3")  # a fake: nodes cannot be made everywhere
    stack.process("50", "postgres", "30 1 0:9 / / rw - %s none rw\n" % kind, opened=["pipe:[1]", "/set1-data"])
    assert users(stack) == (["%s is open in process 50 (postgres)" % stack.system.node("dm-0")] if expected else [])
    assert bool(asked) == expected


def test_a_loop_device_over_it_as_the_kubelet_makes_one(stack, monkeypatch):
    place = "/var/lib/kubelet/plugins/dev/pod1"
    monkeypatch.setattr(devices.System, "number", lambda _system, path: "8:3" if path == place else "")
    stack.block("loop3")
    stack.write("sys/class/block/loop3/loop/backing_file", place + "\n")
    stack.write("proc/self/mountinfo", "36 35 0:6 /dm-0 %s rw - devtmpfs udev rw\n37 35 8:4 / /x rw - ext4 /dev/loop3 rw\n" % place)
    assert users(stack) == ["it backs %s" % stack.system.node("loop3"), "mounted at /x"]
