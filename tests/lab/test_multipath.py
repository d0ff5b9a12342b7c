# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``multipath`` promises where the storage system has two portals and one of them, or none, is wanted or there."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import ATTACHMENT

pytestmark = pytest.mark.extra


def attach(lab, volume, multipath):
    return lab.run("node1", "legacy_attachment", volume=volume, **dict(ATTACHMENT, multipath=multipath))


def test_required_is_refused_with_one_of_two_paths_and_leaves_nothing(lab, volume):
    lab.cable("node1", "storage-a", "down")
    result = attach(lab, volume, "required")
    assert result["failed"] and "1 active path(s), not 2" in result["msg"] and "172.30.1.10:3260" in result["msg"], result["msg"]
    assert lab.leftovers("node1") == {}
    assert lab.exports() == [], "what this task exported it takes back"


def test_no_is_a_plain_disk_though_there_are_two_portals(lab, volume):
    result = attach(lab, volume, "no")
    assert not result.get("failed"), result["msg"]
    assert result["attachment"]["multipath"] is False
    assert lab.sh("node1", "lsblk -dno TYPE %s" % result["attachment"]["path"]) == "disk"
    assert lab.sh("node1", "multipath -ll") == ""
    assert not attach(lab, volume, "no")["changed"]


def test_preferred_takes_the_one_path_that_is_there_says_so_and_gets_the_other_when_it_is_back(lab, volume):
    lab.cable("node1", "storage-a", "down")
    result = attach(lab, volume, "preferred")
    assert not result.get("failed"), result["msg"]
    assert any("172.30.1.10:3260" in str(text) for text in result["warnings"])
    path = result["attachment"]["path"]
    written = "dd if=/dev/zero of=%s bs=1M count=4 oflag=direct status=none && echo written" % path
    assert lab.sh("node1", written) == "written"
    again = attach(lab, volume, "preferred")
    assert (again.get("failed", False), again["changed"]) == (False, False), "nobody waits for what does not answer"
    lab.cable("node1", "storage-a", "up")
    assert lab.wait("node1", "timeout 2 bash -c '</dev/tcp/172.30.1.10/3260' && echo back", 60)
    again = attach(lab, volume, "preferred")
    assert not again.get("failed"), again["msg"]
    assert (again["attachment"]["path"], [one["state"] for one in again["attachment"]["paths"]]) == (path, ["active", "active"])
    assert not attach(lab, volume, "preferred")["changed"]


def test_a_path_that_fails_while_multipathd_is_away_is_told_by_the_kernel(lab, volume):
    path = attach(lab, volume, "required")["attachment"]["path"]
    lab.sh("node1", "systemctl stop multipathd.socket multipathd.service 2>&1")
    try:
        told = lab.run("node1", "legacy_attachment_info")["attachments"]
        assert [one["state"] for one in told[0]["paths"]] == ["active", "active"]
        lab.cable("node1", "storage-a", "down")
        assert lab.sh("node1", "dd if=%s of=/dev/null bs=1M count=8 iflag=direct status=none && echo read" % path) == "read"
        told = lab.run("node1", "legacy_attachment_info")["attachments"]
        assert [one["state"] == "active" for one in told[0]["paths"]].count(True) == 1, told
    finally:
        lab.sh("node1", "systemctl start multipathd.socket multipathd.service 2>&1")
