# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that lost its power comes back with its volumes, mounted, without a playbook run."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.extra

# Appends numbers to a file, each of them on the disk before it tells so on the console's side of the network: what it told must be there afterwards.
WRITER = "i=0; while :; do i=$((i+1)); echo $i >> /data/numbers && sync /data/numbers && echo $i > /dev/shm/last; done"
FSTAB = "%s /data ext4 _netdev,nofail,x-systemd.device-timeout=5min 0 2"


def _survive(lab, path):
    """Put a file system on a volume, cut the power while it is written to, and look whether it is mounted again with all that was synced."""
    lab.sh("node1", "mkfs.ext4 -q -F %s && mkdir -p /data && echo '%s' >> /etc/fstab && sync && systemctl daemon-reload && mount /data" % (path, FSTAB % path))
    try:
        lab.sh("node1", "systemd-run --unit=writer sh -c '%s'; sleep 3" % WRITER)
        synced = int(lab.sh("node1", "cat /dev/shm/last"))
        assert synced > 10
        lab.cut_and_boot("node1")
        assert lab.wait("node1", "findmnt -no SOURCE /data", 120)
        numbers = lab.sh("node1", "cat /data/numbers").split()
        assert numbers[:synced] == [str(number) for number in range(1, synced + 1)]
        assert "is connected again" in lab.sh("node1", "journalctl -b -u legacy-storage-attachments -o cat --no-pager")
    finally:
        lab.sh("node1", "umount /data; sed -i '/legacy-storage-/d' /etc/fstab; sync; systemctl daemon-reload")


def test_a_power_cut_under_a_busy_file_system_loses_nothing_that_was_synced_and_it_is_mounted_again_at_boot(lab, volume):
    path = lab.attach("node1", volume)["attachment"]["path"]
    _survive(lab, path)
    again = lab.attach("node1", volume)
    assert not again.get("failed"), again["msg"]
    assert (again["operations"], again["attachment"]["path"], len(again["attachment"]["paths"])) == ([], path, 2)


def test_a_volume_on_nfs_is_a_block_device_with_its_data_again_after_a_power_cut(lab):
    backend = lab.prepare_backend("nfs")
    attachment = {"controller": "controller1", "backend": backend, "volume": "cut", "multipath": "no"}
    assert not lab.run("controller1", "legacy_volume", backend=backend, name="cut", size=1).get("failed")
    try:
        path = lab.run("node1", "legacy_attachment", **attachment)["attachment"]["path"]
        _survive(lab, path)
        again = lab.run("node1", "legacy_attachment", **attachment)
        assert not again.get("failed"), again["msg"]
        assert (again["operations"], again["attachment"]["path"], again["attachment"]["device"][:9]) == ([], path, "/dev/loop")
    finally:
        detached = lab.run("node1", "legacy_attachment", state="absent", **attachment)
        deleted = lab.run("controller1", "legacy_volume", backend=backend, name="cut", state="absent")
    assert not detached.get("failed"), detached["msg"]
    assert not deleted.get("failed"), deleted["msg"]
    assert not lab.run("controller1", "legacy_backend", name=backend, state="absent").get("failed")
    assert lab.leftovers("node1") == {}


def test_a_node_boots_without_its_array_and_gets_its_volume_when_the_array_is_back(lab, volume):
    path = lab.attach("node1", volume)["attachment"]["path"]
    lab.power("node1", "cut")
    for network in ("storage-a", "storage-b"):
        lab.cable("controller1", network, "down")
    try:
        lab.power("node1", "on")
        assert "is not connected yet" in lab.told_at_boot("node1", "not connected yet", 240)
    finally:
        for network in ("storage-a", "storage-b"):
            lab.cable("controller1", network, "up")
    assert lab.wait("node1", "readlink -e " + path, 300)
    lab.boot_service_is_done("node1", 120)
    again = lab.attach("node1", volume)
    assert not again.get("failed"), again["msg"]
    assert (again["operations"], len(again["attachment"]["paths"])) == ([], 2)
