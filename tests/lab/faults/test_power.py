# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Power that goes: from the node, and from the controller, which is the array as well in the lab."""

from __future__ import annotations

import time

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.case import CONTROLLER, NODE, WORKER, fault, record_is
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import BACKEND

pytestmark = pytest.mark.extra

FREEZE = "pkill -STOP -f '%s'; echo frozen" % WORKER  # it stays where it is until the power is gone
MAPPED = "ls -d /sys/kernel/config/target/iscsi/iqn*/tpgt_1/acls/* >/dev/null 2>&1"


def unsettled(case):
    """Return how many operations the store knows that a run did not finish."""
    found = case.lab.run(CONTROLLER, "legacy_doctor")["findings"]
    return len([finding for finding in found if finding["check"] == "unsettled"])


@fault("the node's power", "attaching")
def test_an_attach_in_which_the_node_lost_its_power_is_finished_by_the_next_run(case):
    process = case.begin()
    assert case.lab.when(NODE, record_is("connecting"), "echo now") == "now"
    case.power(NODE, "cut")
    case.broken()
    case.lab.end(process)
    case.power(NODE, "on")


@fault("the node's power", "detaching")
def test_a_detach_in_which_the_node_lost_its_power_is_finished_by_the_next_run(case):
    case.attach()
    process = case.begin("absent")
    assert case.lab.when(NODE, record_is("disconnecting"), FREEZE) == "frozen"
    case.power(NODE, "cut")
    case.broken()
    case.lab.end(process)
    assert case.exports(), "the volume is not unmapped before the node's devices are known to be gone"
    case.power(NODE, "on")


@fault("the node's power", "writing")
def test_a_node_that_lost_its_power_has_its_volume_again_and_all_that_was_written(case):
    case.attach()
    writer = case.write()
    time.sleep(3)
    case.power(NODE, "cut")
    case.broken()
    writer.stop()
    case.power(NODE, "on")
    assert case.lab.when(NODE, "[ -e %s ]" % case.path, "echo there") == "there"
    case.back()


@fault("the controller's power", "writing")
def test_io_waits_for_an_array_that_lost_its_power_and_goes_on(case):
    case.attach()
    writer = case.write()
    case.power(CONTROLLER, "cut")
    case.broken()
    case.power(CONTROLLER, "on")
    if not writer.error:
        writer.goes_on(60)
    assert case.lab.sh(NODE, "dd if=%s of=/dev/null bs=4k count=1 iflag=direct status=none && echo read" % case.path) == "read"
    case.back()


@fault("the controller's power", "creating a volume")
def test_a_volume_whose_creation_lost_its_controller_is_created_by_the_next_run(case):
    name = case.volume + "-second"
    created = {"backend": BACKEND, "name": name, "size": 1}
    before = case.lab.sh(CONTROLLER, "ls /dev/cinder-volumes").split()
    process = case.lab.begin(CONTROLLER, "legacy_volume", created)
    appeared = "[ $(ls /dev/cinder-volumes | wc -l) -gt %d ]" % len(before)
    assert case.lab.when(CONTROLLER, appeared, FREEZE) == "frozen"
    case.power(CONTROLLER, "cut")
    case.broken()
    case.lab.end(process)
    case.power(CONTROLLER, "on")
    assert unsettled(case) == 1
    again = case.lab.run(CONTROLLER, "legacy_volume", **created)
    assert not again.get("failed"), again["msg"]
    case.back()
    assert len(case.lab.sh(CONTROLLER, "ls /dev/cinder-volumes").split()) == len(before) + 1
    assert not case.lab.run(CONTROLLER, "legacy_volume", backend=BACKEND, name=name, state="absent").get("failed")


@fault("the controller's power", "attaching")
def test_an_attach_in_which_the_controller_lost_its_power_is_finished_by_the_next_run(case):
    process = case.begin()
    assert case.lab.when(CONTROLLER, MAPPED, FREEZE) == "frozen"
    case.power(CONTROLLER, "cut")
    case.broken()
    case.refused(process, CONTROLLER)
    assert case.lab.leftovers(NODE) == {}
    case.power(CONTROLLER, "on")


@fault("the controller's power", "detaching")
def test_a_detach_in_which_the_controller_lost_its_power_is_finished_by_the_next_run(case):
    case.attach()
    process = case.begin("absent")
    assert case.lab.when(CONTROLLER, "! " + MAPPED, FREEZE) == "frozen"
    case.power(CONTROLLER, "cut")
    case.broken()
    case.refused(process, CONTROLLER)
    assert case.lab.leftovers(NODE) == {}
    case.power(CONTROLLER, "on")
