# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that die: iscsid and multipathd on a node, and warm workers. ../test_failures.py kills workers at work."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.case import NETWORKS, NODE, fault

pytestmark = pytest.mark.extra

ISCSID, MULTIPATHD = "pkill -9 -x iscsid; echo killed", "pkill -9 -x multipathd; echo killed"
RUNS = "for i in $(seq 300); do pidof %s && exit 0; sleep 0.1; done; exit 1"


@fault("iscsid", "writing")
def test_io_goes_on_without_iscsid_and_a_path_that_goes_afterwards_comes_back(case):
    case.attach()
    writer = case.write()
    case.lab.sh(NODE, ISCSID)
    case.broken()
    writer.goes_on(30)
    case.lab.sh(NODE, RUNS % "iscsid")
    case.cables("down", networks=NETWORKS[:1])
    writer.goes_on(60)
    case.cables("up", networks=NETWORKS[:1])
    assert case.lab.when(NODE, "[ $(multipathd show paths raw format '%t %o' | grep -c '^active') = 2 ]", "echo active"), "the path did not come back"
    case.back()


@fault("multipathd", "writing")
def test_io_goes_on_without_multipathd_and_paths_are_watched_again_by_the_next_one(case):
    case.attach()
    writer = case.write()
    case.lab.sh(NODE, MULTIPATHD)
    case.broken()
    writer.goes_on(30)
    case.lab.sh(NODE, RUNS % "multipathd")
    case.cables("down", networks=NETWORKS[:1])
    writer.goes_on(60)
    case.cables("up", networks=NETWORKS[:1])
    assert case.lab.when(NODE, "[ $(multipathd show paths raw format '%t %o' | grep -c '^active') = 2 ]", "echo active"), "the path did not come back"
    case.back()
    assert case.lab.attach(NODE, case.volume)["operations"] == []
