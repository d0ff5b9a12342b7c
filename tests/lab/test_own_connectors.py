# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AoE and DRBD when things break: another volume at the address, a target that is gone, a power cut, a killed task, a wrong secret.

The drivers are the lab's own (tests/lab/drivers), the protocols are the kernel's.
"""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.extra]
DRIVERS = Path(__file__).parent / "drivers"
COMMON = {"volume_group": "cinder-volumes", "lvm_type": "thin", "target_helper": "lioadm"}
BACKENDS = {
    "aoe": ("lvm_aoe", "LvmAoeDriver", {"aoe_interface": "vec1"}),
    "drbd": ("lvm_drbd", "LvmDrbdDriver", {"target_ip_address": "172.30.0.10"}),
}
# Not AoE's devices: the kernel looks for targets once a minute, and may find one again, for nobody, until its export is gone.
LEFT = "ls -d /sys/class/block/drbd* /dev/disk/by-id/legacy-storage-* /run/baremetal.legacy_storage/links/* 2>/dev/null || true"
RECORD = "grep -qs '\"state\": *\"%s\"' /var/lib/baremetal.legacy_storage/node/attachments/*.json"
WORKER = "[w]orker[.](serve|listen)"
PURELIB = "/opt/baremetal.legacy_storage/controller/bin/python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))'"


class Volume:
    """A volume of 1 GiB on one of the two backends, to be attached to node1."""

    def __init__(self, lab, protocol):
        self.lab, self.protocol, self.name = lab, protocol, "%s-%d" % (protocol, int(time.time()))
        self.id = lab.run("controller1", "legacy_volume", backend=protocol, name=self.name, size=1)["volume"]["id"]

    def attach(self, state="present", node="node1"):
        return self.lab.run(node, "legacy_attachment", controller="controller1", backend=self.protocol, volume=self.name, state=state)

    @property
    def link(self):
        return "/dev/disk/by-id/legacy-storage-" + self.id

    def write(self, text):
        self.lab.sh("node1", "printf %%-4096s %s | dd of=%s conv=notrunc,fsync status=none; blockdev --flushbufs %s" % (text, self.link, self.link))

    def read(self):
        return self.lab.sh("node1", "dd if=%s bs=4096 count=1 iflag=direct status=none" % self.link)

    def remove(self):
        detached = self.attach("absent")
        assert not detached.get("failed"), detached["msg"]
        gone = self.lab.run("controller1", "legacy_volume", backend=self.protocol, name=self.name, state="absent")
        assert not gone.get("failed"), gone["msg"]


@pytest.fixture(scope="module", name="backends")
def fixture_backends(lab):
    """Both backends, registered."""
    place = lab.sh("controller1", PURELIB)
    for name, (module, driver, options) in BACKENDS.items():
        text = base64.b64encode((DRIVERS / (module + ".py")).read_bytes()).decode()
        lab.sh("controller1", "echo %s | base64 -d > %s/%s.py" % (text, place, module))
        done = lab.run("controller1", "legacy_backend", name=name, driver="%s.%s" % (module, driver), options=dict(COMMON, **options))
        assert not done.get("failed"), done["msg"]
    yield lab
    for name in BACKENDS:
        done = lab.run("controller1", "legacy_backend", name=name, state="absent")
        assert not done.get("failed"), done["msg"]


@pytest.fixture(name="volume", params=list(BACKENDS))
def fixture_volume(backends, request):
    """A volume on each backend; afterwards nothing of it is left on the node."""
    volume = Volume(backends, request.param)
    yield volume
    volume.remove()
    assert backends.sh("node1", LEFT) == ""


def test_after_a_power_cut_the_volume_is_back_under_its_path_without_a_task(volume):
    assert not volume.attach().get("failed")
    volume.write("before-the-cut")
    volume.lab.cut_and_boot("node1")
    volume.lab.wait("node1", "readlink -e " + volume.link, 120)
    assert volume.read().strip() == "before-the-cut"
    assert not volume.attach()["changed"]


def test_a_volume_whose_storage_is_gone_is_told_so_and_comes_back_with_it(volume):
    assert not volume.attach().get("failed")
    volume.write("kept")
    volume.lab.cable("controller1", "storage-a", "down") if volume.protocol == "aoe" else volume.lab.sh(
        "controller1", "drbdadm disconnect volume-%s" % volume.id
    )
    try:
        if volume.protocol == "drbd":
            volume.lab.sh("node1", "for i in $(seq 30); do drbdsetup status | grep -q UpToDate || exit 0; sleep 1; done")
        told = volume.attach()
        assert told["failed"]
        assert "no path to it answers" in told["msg"]
        assert "Nothing was changed" in told["msg"]
    finally:
        volume.lab.cable("controller1", "storage-a", "up")
        if volume.protocol == "drbd":
            volume.lab.sh("controller1", "drbdadm connect volume-%s" % volume.id)
            volume.lab.sh("node1", "for i in $(seq 60); do drbdsetup status | grep -q UpToDate && exit 0; sleep 1; done; exit 1")
    assert not volume.attach().get("failed")
    assert volume.read().strip() == "kept"


@pytest.mark.parametrize("moment", [RECORD % "connecting", "ls /sys/class/block | grep -qE 'etherd|drbd'"], ids=["recorded", "device-there"])
def test_a_task_that_was_killed_while_it_attached_is_finished_by_the_next(volume, moment):
    process = volume.lab.begin("node1", "legacy_attachment", {"controller": "controller1", "backend": volume.protocol, "volume": volume.name})
    assert volume.lab.kill_when("node1", moment, WORKER) == "killed"
    volume.lab.end(process)
    done = volume.attach()
    assert not done.get("failed"), done["msg"]
    volume.write("after-all")
    assert volume.read().strip() == "after-all"


def test_a_task_that_was_killed_while_it_detached_is_finished_by_the_next(volume):
    assert not volume.attach().get("failed")
    process = volume.lab.begin(
        "node1", "legacy_attachment", {"controller": "controller1", "backend": volume.protocol, "volume": volume.name, "state": "absent"}
    )
    assert volume.lab.kill_when("node1", RECORD % "disconnecting", WORKER) == "killed"
    assert volume.lab.end(process)["failed"]
    assert not volume.attach("absent").get("failed")
    assert volume.lab.sh("node1", LEFT) == ""


@pytest.mark.parametrize("volume", ["aoe"], indirect=True)
def test_another_volume_at_the_address_never_gets_the_path(volume):
    """CVE-2023-2088, as AoE has it: shelf and slot go to another volume under a node that has the old one."""
    assert not volume.attach().get("failed")
    volume.write("ours")
    unit = "lab-aoe-%s.service" % volume.id
    volume.lab.sh("controller1", "truncate -s 1G /root/foreign; printf foreign | dd of=/root/foreign conv=notrunc status=none")
    command = volume.lab.sh("controller1", "sed -n 's/.*vblade \\(.* .* .*\\) .*/\\1/p' /etc/systemd/system/%s" % unit)
    volume.lab.sh("controller1", "systemctl stop %s; systemd-run --unit=foreign vblade %s /root/foreign" % (unit, command))
    try:
        (seen,) = volume.lab.run("node1", "legacy_attachment_info")["attachments"]
        assert not seen["verified"]
        assert any("shows another volume" in problem for problem in seen["problems"])
        told = volume.attach()
        assert told["failed"]
        assert "is another volume" in told["msg"]
        assert volume.lab.sh("node1", "ls %s 2>/dev/null || true" % volume.link) == ""
    finally:
        volume.lab.sh("controller1", "systemctl stop foreign; rm -f /root/foreign; systemctl start " + unit)
    done = volume.attach()
    assert not done.get("failed"), done["msg"]
    assert volume.read().strip() == "ours"


@pytest.mark.parametrize("volume", ["drbd"], indirect=True)
def test_the_secret_of_a_resource_is_in_no_argument_and_no_file_while_it_is_attached(volume):
    watch = "for i in $(seq 3000); do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q 'shared-secret[=]' && echo seen && exit; done"
    volume.lab.sh("node1", "(%s) > /root/watched 2>/dev/null < /dev/null & echo $! > /root/watch.pid" % watch)
    assert not volume.attach().get("failed")
    secret = volume.lab.sh("controller1", "sed -n 's/.*shared-secret \"\\([0-9a-f]*\\)\".*/\\1/p' /etc/drbd.d/volume-%s.res" % volume.id)
    assert len(secret) == 32
    assert volume.lab.sh("node1", "kill $(cat /root/watch.pid) 2>/dev/null; cat /root/watched; rm -f /root/watch*") == ""
    assert volume.lab.sh("node1", "grep -rlsa %s /etc /run /var /root /tmp /home || true" % secret) == ""
