# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that lost its power comes back with its volumes, mounted, without a playbook run."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab import power_cut

pytestmark = pytest.mark.extra


def test_a_power_cut_under_a_busy_file_system_loses_nothing_that_was_synced_and_it_is_mounted_again_at_boot(lab, volume):
    path = lab.attach("node1", volume)["attachment"]["path"]
    power_cut.survive(lab, "node1", path)
    again = lab.attach("node1", volume)
    assert not again.get("failed"), again["msg"]
    assert (again["operations"], again["attachment"]["path"], len(again["attachment"]["paths"])) == ([], path, 2)


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
