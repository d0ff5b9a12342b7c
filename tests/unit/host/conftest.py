# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel made of files: block devices, iSCSI sessions and processes below a folder."""

from __future__ import annotations

import os
import shutil

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import devices

GIB = 1024 ** 3


def page83(*designators):
    """The device identification page with ``(code set, type, bytes)`` designators."""
    body = b"".join(bytes((code_set, kind, 0, len(value))) + value for code_set, kind, value in designators)
    return b"\x00\x83" + len(body).to_bytes(2, "big") + body


def naa(text):
    """The page of a disk whose serial is ``3<text>``."""
    return page83((1, 3, bytes.fromhex(text)))


class Kernel:
    """Builds the tree; what has been built can be looked at through ``system``."""

    def __init__(self, root):
        self.root = root
        self.system = devices.System(str(root))
        self._minor = 0
        (root / "dev").mkdir()
        self.write("proc/sys/kernel/random/boot_id", "boot-1\n")
        self.write("proc/swaps", "Filename Type Size Used Priority\n")
        self.process("self", "python3")

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            target.write_bytes(text)
        else:
            target.write_text(text)

    def block(self, name, size=GIB, page=None, uuid=None, below=(), state="running"):
        """Add a block device, over the devices ``below``."""
        self._minor += 1
        base = "sys/class/block/%s/" % name
        self.write(base + "size", "%d\n" % (size // 512))
        self.write(base + "dev", "8:%d\n" % self._minor)
        self.write("dev/" + name, "")
        (self.root / base / "holders").mkdir()
        (self.root / base / "slaves").mkdir()
        if page is not None:
            self.write(base + "device/vpd_pg83", page)
            self.write(base + "device/state", state + "\n")
        if uuid:
            self.write(base + "dm/uuid", uuid + "\n")
            self.write(base + "dm/name", uuid.split("-", 1)[1] + "\n")
        for lower in below:
            self.write(base + "slaves/" + lower, "")
            self.write("sys/class/block/%s/holders/%s" % (lower, name), "")

    def gone(self, name):
        """Take a block device away."""
        for lower in (self.root / "sys/class/block" / name / "slaves").iterdir():
            (self.root / "sys/class/block" / lower.name / "holders" / name).unlink()
        shutil.rmtree(self.root / "sys/class/block" / name)
        (self.root / "dev" / name).unlink()

    def session(self, sid, portal, iqn, disks):
        """Add an iSCSI session with ``{disk: lun}``."""
        base = "sys/class/iscsi_session/session%s/" % sid
        self.write(base + "targetname", iqn + "\n")
        connection = "sys/class/iscsi_connection/connection%s:0/" % sid
        self.write(connection + "persistent_address", portal[0] + "\n")
        self.write(connection + "persistent_port", portal[1] + "\n")
        (self.root / base / "device").mkdir(exist_ok=True)
        for disk, lun in disks.items():
            self.write(base + "device/target%s:0:0/%s:0:0:%d/block/%s/dev" % (sid, sid, lun, disk), "")

    def port(self, target, name, disks):
        """Add a Fibre Channel target port (``3:0:0``, its port name) with ``{disk: lun}``."""
        base = "sys/class/fc_transport/target%s/" % target
        self.write(base + "port_name", name + "\n")
        (self.root / base / "device/power").mkdir(parents=True, exist_ok=True)
        for disk, lun in disks.items():
            self.write(base + "device/%s:%d/block/%s/dev" % (target, lun, disk), "")

    def controller(self, name, nqn, portal, namespaces, state="live"):
        """Add an NVMe controller at a portal with ``{path (nvme0c1n1) or namespace's device: ANA state or ""}``."""
        base = "sys/class/nvme/%s/" % name
        self.write(base + "subsysnqn", nqn + "\n")
        self.write(base + "address", "traddr=%s,trsvcid=%s,src_addr=10.0.0.9\n" % portal)
        self.write(base + "state", state + "\n")
        self.write(base + "delete_controller", "")
        for path, access in namespaces.items():
            self.write(base + "%s/%s" % (path, "ana_state" if access else "size"), access + "\n")

    def namespace(self, name, uuid, number=1, size=GIB):
        """Add the device of an NVMe namespace."""
        self.block(name, size)
        for attribute, value in (("wwid", "uuid." + uuid), ("uuid", uuid), ("nguid", uuid), ("nsid", str(number))):
            self.write("sys/class/block/%s/%s" % (name, attribute), value + "\n")

    def process(self, pid, command, mountinfo="", opened=(), namespace="mnt:[1]"):
        """Add a process that holds the paths ``opened`` open."""
        self.write("proc/%s/comm" % pid, command + "\n")
        self.write("proc/%s/mountinfo" % pid, mountinfo)
        (self.root / ("proc/%s/fd" % pid)).mkdir(exist_ok=True)
        (self.root / ("proc/%s/ns" % pid)).mkdir(exist_ok=True)
        os.symlink(namespace, self.root / ("proc/%s/ns/mnt" % pid))
        for number, path in enumerate(opened):
            os.symlink(path, self.root / ("proc/%s/fd/%d" % (pid, number)))


@pytest.fixture(name="kernel")
def fixture_kernel(tmp_path):
    """An empty kernel."""
    root = tmp_path / "root"
    root.mkdir()
    return Kernel(root)


@pytest.fixture(name="disk_page")
def fixture_disk_page():
    """The function that makes a disk's page from its NAA name."""
    return naa


@pytest.fixture(name="vpd_page")
def fixture_vpd_page():
    """The function that makes a page from designators."""
    return page83
