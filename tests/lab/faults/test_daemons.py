# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that die: iscsid and multipathd on a node, and warm workers. ../test_failures.py kills workers at work."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.case import CONTROLLER, NETWORKS, NODE, WORKER, fault, record_is

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
    case.all_paths_active()
    case.back()


@fault("iscsid", "attaching")
def test_an_attach_during_which_iscsid_died_is_finished_by_itself_or_by_the_next_run(case):
    process = case.begin()
    assert case.lab.when(NODE, record_is("connecting"), ISCSID) == "killed"
    case.broken()
    result = case.lab.end(process)
    if result.get("failed"):
        assert "iscsid" in result["msg"] or "portal" in result["msg"].lower(), result["msg"]


@fault("iscsid", "detaching")
def test_a_detach_during_which_iscsid_died_is_finished_by_itself_or_by_the_next_run(case):
    case.attach()
    process = case.begin("absent")
    assert case.lab.when(NODE, record_is("disconnecting"), ISCSID) == "killed"
    case.broken()
    if case.lab.end(process).get("failed"):
        assert case.exports(), "the volume is not unmapped before the node's devices are known to be gone"


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
    case.all_paths_active()
    case.back()
    assert case.lab.attach(NODE, case.volume)["operations"] == []


@fault("multipathd", "attaching")
def test_an_attach_during_which_multipathd_died_is_finished_by_itself_or_by_the_next_run(case):
    process = case.begin()
    assert case.lab.when(NODE, record_is("connecting"), MULTIPATHD) == "killed"
    case.broken()
    result = case.lab.end(process)
    if result.get("failed"):
        assert "multipath" in result["msg"], result["msg"]


@fault("multipathd, and it stays away", "detaching")
def test_a_volume_is_detached_without_multipathd(case):
    case.attach()
    case.repair(NODE, "systemctl unmask --runtime multipathd.service multipathd.socket; systemctl start multipathd.socket multipathd.service")
    case.lab.sh(NODE, "systemctl mask --runtime multipathd.service multipathd.socket; " + MULTIPATHD)
    case.broken()
    if case.lab.end(case.begin("absent")).get("failed"):
        assert case.exports(), "the volume is not unmapped before the node's devices are known to be gone"


@fault("the warm workers of both hosts", "idle")
def test_nobody_notices_that_a_warm_worker_died_between_two_tasks(case):
    case.attach()
    for host in (CONTROLLER, NODE):
        case.lab.sh(host, "pkill -9 -f '%s'; true" % WORKER)
    case.broken()
    assert not case.lab.end(case.begin("absent")).get("failed")
    case.back()
