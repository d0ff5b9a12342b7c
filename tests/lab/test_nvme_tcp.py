# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVMe/TCP with Debian's own kernel at both ends, on a machine that QEMU emulates: a node made by the role, and a target of two portals.

No Cinder driver takes part: the target is filled by hand, and what Cinder's nvmet target would hand out goes to legacy_connection.
"""

from __future__ import annotations

import subprocess
import time
import uuid

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import seal
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import Lab
from ansible_collections.baremetal.legacy_storage.tests.lab.nvme_target import CABLES, Target

# The machine has to be booted and made a node first, which takes minutes.
pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.extra, pytest.mark.timeout(3600)]
HOST = "emulated1"
NODE = {"node_iscsi": False, "node_encryption": False, "node_kernel_modules_extra": ["nvme_tcp"], "node_packages_extra": ["nvme-cli"]}
LEFT = (
    "ls -d /sys/class/nvme/nvme* /sys/class/block/nvme* /dev/nvme[0-9]* /dev/disk/by-id/legacy-storage-* /dev/disk/by-id/nvme-* "
    "/var/lib/baremetal.legacy_storage/node/attachments/* 2>/dev/null || true"
)


class Volume:
    """A volume of the target, to be attached to the machine."""

    def __init__(self, lab, target):
        self.lab, self.target, self.id, self.size = lab, target, str(uuid.uuid4()), 1
        self._made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._info = target.volume(self.id, self.size)

    def attach(self, multipath="required"):
        """Connect it and return the one result."""
        connector = self.lab.run(HOST, "legacy_connector_info")["connector"]
        export = {"id": self.id, "backend": "nvme", "volume_id": self.id, "volume_name": "nvme-tcp", "host": connector["host"], "size": self.size}
        export.update(protocol="nvmeof", connection_info=self._info, exported_at=self._made)
        export["sealed_connection_info"] = seal(connector["sealing_key"], self._info)
        return self._one(self.lab.run(HOST, "legacy_connection", export=export, multipath=multipath))

    def detach(self):
        """Disconnect it and return the one result."""
        return self._one(self.lab.run(HOST, "legacy_connection", volume_id=self.id, state="absent"))

    @staticmethod
    def _one(told):
        assert not told.get("failed"), told["msg"]
        (result,) = told["connections"]
        return dict(result, warnings=told.get("warnings", []))

    @property
    def link(self):
        return "/dev/disk/by-id/legacy-storage-" + self.id

    @property
    def device(self):
        return self.lab.sh(HOST, "basename $(readlink -e %s)" % self.link)

    def states(self):
        """Return the state of each controller of the volume's subsystem, sorted."""
        command = "for each in /sys/class/nvme/nvme*; do grep -qs %s $each/subsysnqn && cat $each/state; done; true" % self.target.nqn(self.id)
        return sorted(self.lab.sh(HOST, command).split())

    def write(self, text):
        """Write text to the device's first block, past all caches; return it as read from there."""
        write = "printf %%-4096s %s | dd of=%s bs=4096 oflag=direct iflag=fullblock conv=notrunc status=none" % (text, self.link)
        return self.lab.sh(HOST, "%s && dd if=%s bs=4096 count=1 iflag=direct status=none" % (write, self.link)).strip()


@pytest.fixture(scope="module", name="machine")
def fixture_machine(collection_root, tmp_path_factory):
    """The machine, made a node by the role; afterwards it is gone."""
    tool = [collection_root / "lab/lab", "emulated"]
    try:
        subprocess.run([*tool, "up"], check=True, stdin=subprocess.DEVNULL, timeout=1800)
        lab = Lab(collection_root, tmp_path_factory.mktemp("emulated"), ["emulated"])
        lab.playbook_seconds = 2400
        status, told = lab.playbook("site", **NODE)
        assert status == 0, told
        yield lab
    finally:
        subprocess.run([*tool, "down"], check=True, stdin=subprocess.DEVNULL, timeout=300)


@pytest.fixture(scope="module", name="target")
def fixture_target(machine):
    """The storage system on it."""
    target = Target(machine, HOST)
    target.begin()
    return target


@pytest.fixture(name="volume")
def fixture_volume(machine, target):
    """A volume of 1 GiB; afterwards the cables are plugged, and nothing of it is left on the node before the target takes it back."""
    volume = Volume(machine, target)
    yield volume
    for cable in CABLES:
        target.cable(cable, "up")
    volume.detach()
    assert machine.sh(HOST, LEFT) == ""
    target.remove(volume.id)


def test_a_volume_is_attached_over_both_portals_grows_in_use_and_goes_without_a_trace(volume):
    done = volume.attach()
    assert done["changed"]
    attachment = done["attachment"]
    assert attachment["path"] == volume.link
    assert [path["state"] for path in attachment["paths"]] == ["active", "active"]
    assert volume.states() == ["live", "live"]
    assert volume.lab.sh(HOST, "cat /sys/class/block/%s/uuid" % volume.device) == volume.id
    assert volume.write("over-two-portals") == "over-two-portals"
    assert not volume.attach()["changed"]

    volume.target.grow(volume.id, 2)
    volume.size = 2
    assert volume.attach()["attachment"]["size"] == 2
    assert volume.lab.sh(HOST, "blockdev --getsize64 " + volume.link) == str(2 << 30)
    assert volume.lab.sh(HOST, "dd if=%s bs=4096 count=1 iflag=direct status=none" % volume.link).strip() == "over-two-portals"

    assert volume.detach()["changed"]
    assert volume.lab.sh(HOST, LEFT) == ""
    assert not volume.detach()["changed"]


def test_a_volume_in_use_is_not_taken_away(volume):
    volume.attach()
    volume.lab.sh(HOST, "systemd-run --unit=holder sh -c 'exec sleep 600 < %s'" % volume.link)
    try:
        told = volume.lab.run(HOST, "legacy_connection", volume_id=volume.id, state="absent")
        assert told["failed"]
        assert "sleep" in told["msg"]
        assert volume.states() == ["live", "live"]
    finally:
        volume.lab.sh(HOST, "systemctl stop holder")


def test_with_one_portal_silent_writing_goes_on_and_the_path_comes_back_with_it(volume):
    volume.attach()
    volume.target.cable("a", "down")
    assert volume.write("by-the-other-portal") == "by-the-other-portal"
    volume.lab.wait(HOST, "grep -lx connecting /sys/class/nvme/nvme*/state", 60)
    assert volume.write("still-there") == "still-there"
    volume.target.cable("a", "up")
    volume.lab.wait(HOST, "[ $(grep -lx live /sys/class/nvme/nvme*/state | wc -l) = 2 ] && echo both", 60)
    assert not volume.attach()["changed"]


def test_a_portal_that_was_away_is_told_of_and_connected_by_the_next_task(volume):
    volume.target.cable("b", "down")
    done = volume.attach("preferred")
    assert any("%s:4420" % CABLES["b"][3] in warning for warning in done["warnings"])
    assert volume.states() == ["live"]
    assert volume.write("by-one-portal") == "by-one-portal"
    volume.target.cable("b", "up")
    assert volume.attach("preferred")["changed"]
    assert volume.states() == ["live", "live"]
    assert volume.write("by-both") == "by-both"
