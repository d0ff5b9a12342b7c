# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths to a volume that go: portals that cannot be reached, and an array whose targets are taken down and set up again."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.case import CONTROLLER, NETWORKS, NODE, fault, record_is

pytestmark = pytest.mark.extra

TARGETS_DOWN = "targetctl clear"
TARGETS_UP = "targetctl restore"


@fault("one of two portals", "writing")
def test_io_goes_on_when_one_portal_goes_and_both_paths_are_there_when_it_is_back(case):
    case.attach()
    writer = case.write()
    case.broken()
    case.cables("down", networks=NETWORKS[:1])
    writer.goes_on(60)
    case.back()
    case.cables("up", networks=NETWORKS[:1])
    case.all_paths_active()
    writer.goes_on(10)


@fault("one portal, then the other", "writing")
def test_io_goes_on_while_the_paths_take_turns_to_fail(case):
    case.attach()
    writer = case.write()
    for network in NETWORKS:
        case.broken()
        case.cables("down", networks=[network])
        writer.goes_on(60)
        case.back()
        case.cables("up", networks=[network])
        case.all_paths_active()


@fault("both portals, for 25 s", "writing")
def test_io_waits_while_both_portals_are_away_and_goes_on_when_they_are_back(case):
    case.attach()
    writer = case.write()
    case.cables("down")
    assert writer.waits(25)
    assert not writer.error
    case.cables("up")
    case.mended()
    writer.goes_on(60)
    case.back()
    case.all_paths_active()


@fault("both portals, until multipath gives up", "writing")
def test_a_program_is_told_an_error_when_both_portals_stay_away_and_may_write_again_when_they_are_back(case):
    case.attach()
    writer = case.write()
    case.cables("down")
    assert writer.fails(180) == "Input/output error"
    case.cables("up")
    case.mended()
    case.all_paths_active()
    assert case.lab.sh(NODE, "dd if=%s of=/dev/null bs=4k count=1 iflag=direct status=none && echo read" % case.path) == "read"
    case.back()


@fault("both portals", "attaching")
def test_portals_that_go_during_an_attach_are_named_and_the_next_run_attaches(case):
    process = case.begin()
    assert case.lab.when(NODE, record_is("connecting"), "echo now") == "now"
    case.cables("down")
    case.refused(process, "172.30.[12].10")
    case.cables("up")
    case.mended()


@fault("both portals", "detaching")
def test_a_detach_without_a_path_unmaps_only_what_is_gone_from_the_node(case):
    case.attach()
    process = case.begin("absent")
    assert case.lab.when(NODE, record_is("disconnecting"), "echo now") == "now"
    case.cables("down")
    result = case.lab.end(process)
    left = case.lab.leftovers(NODE)
    if result.get("failed"):
        assert case.exports(), "the volume was unmapped while the node still had %s" % left
    else:
        assert left == {}
    case.cables("up")
    case.mended()


@fault("both portals", "attached, then detaching")
def test_a_volume_whose_portals_are_away_is_detached_or_refused_and_detached_when_they_are_back(case):
    case.attach()
    case.cables("down")
    result = case.lab.end(case.begin("absent"))
    left = case.lab.leftovers(NODE)
    if result.get("failed"):
        assert case.exports(), "the volume was unmapped while the node still had %s" % left
    else:
        assert left == {}
    case.cables("up")
    case.mended()


@fault("the array's targets, set up again after 10 s", "writing")
def test_io_goes_on_when_the_targets_were_restarted(case):
    case.attach()
    writer = case.write()
    case.repair(CONTROLLER, "[ -d /sys/kernel/config/target/iscsi ] || %s" % TARGETS_UP)
    case.lab.sh(CONTROLLER, "%s; sleep 10; %s" % (TARGETS_DOWN, TARGETS_UP))
    case.mended()
    writer.goes_on(90)
    case.back()
    case.all_paths_active()


@fault("the array's targets, set up again at once", "detaching")
def test_a_volume_is_detached_though_its_targets_were_just_restarted(case):
    case.attach()
    process = case.begin("absent")
    assert case.lab.when(NODE, record_is("disconnecting"), "echo now") == "now"
    case.lab.sh(CONTROLLER, "%s; %s" % (TARGETS_DOWN, TARGETS_UP))
    case.mended()
    if case.lab.end(process).get("failed"):
        assert case.exports(), "the volume is not unmapped before the node's devices are known to be gone"
    else:
        case.back()
