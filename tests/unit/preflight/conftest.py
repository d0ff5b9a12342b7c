# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host made of files, to be looked at: its settings, its devices as sysfs shows them, and what its programs answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan import preflight
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.preflight.look import AREAS, look
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.preflight.machine import Machine

RECORDED = Path(__file__).parent / "recorded"
UNIT = "Id=%s\nLoadState=loaded\nActiveState=%s\nUnitFileState=%s\n"
PARAMETERS = {
    "half": "node",
    "node_name": "node1",
    "node_config": "/etc/baremetal.legacy_storage/node.json",
    "iscsi": True,
    "multipath": True,
    "encryption": True,
    "kubernetes": None,
    "kubelet_dir": "/var/lib/kubelet",
    "kernel_modules": [],
    "programs": [],
    "python": None,
    "portals": [],
    "portal_timeout": 3,
    "directories": {"/opt/node": 0},
    "only": AREAS,
}


class Host:
    """A host that is well, as Debian 12 with the role applied is; a test makes of it what it wants."""

    def __init__(self, root):
        self.root = root
        self.units = {unit: ("active", "enabled") for unit in ("iscsid.socket", "iscsid.service", "multipathd.service")}
        self.answers = {}
        self.write("/etc/os-release", 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
        self.write("/run/systemd/system/x", "")
        self.write("/etc/baremetal.legacy_storage/node.json", "{}")
        self.write("/etc/iscsi/iscsid.conf", "node.startup = manual\nnode.session.scan = manual\n")
        self.write("/etc/iscsi/initiatorname.iscsi", (RECORDED / "initiatorname.iscsi").read_text())
        self.write("/etc/multipath/conf.d/baremetal-legacy-storage.conf", "defaults {\n\tfind_multipaths strict\n}\noverrides {\n\tno_path_retry 12\n}\n")
        self.write("/proc/sys/kernel/hostname", "node1\n")
        self.write("/proc/sys/kernel/osrelease", "6.1.0-40-amd64\n")
        self.write("/proc/self/mountinfo", "27 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n")
        self.write("/usr/bin/python3.11", "", 0o755)
        (root / "usr/bin/python3").symlink_to("python3.11")
        for program in preflight.PROGRAMS:
            self.write("/usr/sbin/" + program, "", 0o755)
        for module in ("iscsi_tcp", "dm_multipath", "dm_crypt"):
            self.write("/sys/module/%s/refcnt" % module, "1")
        self.disk("sda", "ata1/host0/target0:0:0/0:0:0:0", "ATA", "SSD", number="8:0")
        self.write("/sys/devices/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1/partition", "1")
        self.link("/sys/class/block/sda1", "/sys/devices/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1")
        self.link("/sys/dev/block/8:1", "/sys/devices/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1")

    def write(self, path, text, mode=0o644):
        """Write a file."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def gone(self, path):
        """Take a file away."""
        (self.root / path.lstrip("/")).unlink()

    def link(self, path, to):
        """Make a symbolic link within the host."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(self.root / to.lstrip("/"))

    def disk(self, name, place, vendor="", product="", number=None):
        """Add a whole disk at a place below /sys/devices, as the kernel lays it out."""
        folder = "/sys/devices/%s/block/%s" % (place, name)
        self.write(folder + "/size", "2097152\n")
        self.write("/sys/devices/%s/vendor" % place, vendor + "\n")
        self.write("/sys/devices/%s/model" % place, product + "\n")
        self.link(folder + "/device", "/sys/devices/" + place)
        self.link("/sys/class/block/" + name, folder)
        if number:
            self.link("/sys/dev/block/" + number, folder)

    def map(self, device, name, paths, uuid="mpath-36001405", number=None):
        """Add a map of device-mapper over disks."""
        folder = "/sys/devices/virtual/block/" + device
        self.write(folder + "/dm/uuid", uuid + "\n")
        self.write(folder + "/dm/name", name + "\n")
        for path in paths:
            self.write(folder + "/slaves/" + path, "")
        self.link("/sys/class/block/" + device, folder)
        if number:
            self.link("/sys/dev/block/" + number, folder)

    def session(self, number, target, disks, vendor="LIO-ORG", product="volume", state="LOGGED_IN"):
        """Log in to a target that shows disks."""
        place = "platform/host%d/session%d" % (number, number)
        for lun, name in enumerate(disks):
            self.disk(name, "%s/target%d:0:0/%d:0:0:%d" % (place, number, number, lun), vendor, product)
        folder = "/sys/devices/%s/iscsi_session/session%d" % (place, number)
        self.write(folder + "/targetname", target + "\n")
        self.write(folder + "/state", state + "\n")
        self.link(folder + "/device", "/sys/devices/" + place)
        self.link("/sys/class/iscsi_session/session%d" % number, folder)
        self.write("/sys/class/iscsi_connection/connection%d:0/persistent_address" % number, "192.0.2.10\n")
        self.write("/sys/class/iscsi_connection/connection%d:0/persistent_port" % number, "3260\n")

    def lvm(self, output=None):
        """Install LVM: what lvmconfig prints, by default as on Debian 12 where nobody has set anything."""
        self.answers["full"] = (0, output or (RECORDED / "lvmconfig").read_text())

    def run(self, argv):
        """Answer as a program would."""
        if argv[0] == "systemctl":
            return None if self.units is None else (0, "\n".join(UNIT % (name, *its) for name, its in self.units.items()))
        return self.answers.get(argv[-1])

    def facts(self, **parameters):
        """Return what is seen of it."""
        facts = look(Machine(str(self.root), self.run), preflight.completed(dict(PARAMETERS, **parameters)))
        if facts.get("clock"):
            facts["clock"]["synchronised"] = True  # this machine's own clock is none of the host's
        return facts

    def findings(self, **parameters):
        """Return what is found."""
        return preflight.judge(self.facts(**parameters), preflight.completed(dict(PARAMETERS, **parameters)))

    def told(self, **parameters):
        """Return [(severity, check)] of what is found."""
        return [(finding.severity, finding.check) for finding in self.findings(**parameters)]


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    """A host that is well."""
    return Host(tmp_path)
