# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths to a volume that go: portals that cannot be reached, and an array whose targets are taken down and set up again."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.case import CONTROLLER, NETWORKS, NODE, fault

pytestmark = pytest.mark.extra

TARGETS_DOWN = "targetctl clear"
TARGETS_UP = "targetctl restore"


def all_paths_active(case):
    """Wait until the volume has both of its paths again."""
    assert case.lab.when(NODE, "[ $(multipathd show paths raw format '%t %o' | grep -c '^active') = 2 ]", "echo active"), "a path did not come back"


@fault("one of two portals", "writing")
def test_io_goes_on_when_one_portal_goes_and_both_paths_are_there_when_it_is_back(case):
    case.attach()
    writer = case.write()
    case.broken()
    case.cables("down", networks=NETWORKS[:1])
    writer.goes_on(60)
    case.back()
    case.cables("up", networks=NETWORKS[:1])
    all_paths_active(case)
    writer.goes_on(10)


@fault("the array's targets, set up again after 10 s", "writing")
def test_io_goes_on_when_the_targets_were_restarted(case):
    case.attach()
    writer = case.write()
    case.repair(CONTROLLER, "[ -d /sys/kernel/config/target/iscsi ] || %s" % TARGETS_UP)
    case.lab.sh(CONTROLLER, "%s; sleep 10; %s" % (TARGETS_DOWN, TARGETS_UP))
    case.mended()
    writer.goes_on(90)
    case.back()
    all_paths_active(case)
