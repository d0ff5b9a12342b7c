# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses a device, in kernels made of files."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import usage

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
