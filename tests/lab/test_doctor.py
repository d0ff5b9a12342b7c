# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor's playbook on real hosts: it finds what was spoilt behind the collection, touches none of it, and its remedies mend it."""

from __future__ import annotations

import re

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import BACKEND

pytestmark = pytest.mark.extra

ORPHAN = "volume-00000000-0000-5000-8000-000000000001"  # a name as the collection gives
GROUP = "cinder-volumes"
RECORDS = "/var/lib/baremetal.legacy_storage/node/attachments"
VOLUMES = "lvs --noheadings -o lv_name %s" % GROUP


def told(output):
    """Return [(severity, where)] of a report."""
    return re.findall(r"(ERROR|WARNING|NOTE|MENDED): ([^\"]+)\"", output)


@pytest.fixture(name="spoilt")
def fixture_spoilt(lab):
    """A volume whose LV is gone and an LV that nobody knows."""
    vanished = lab.run("controller1", "legacy_volume", backend=BACKEND, name="vanished", size=1)
    assert not vanished.get("failed"), vanished["msg"]
    lab.sh("controller1", "lvremove -fy %s/volume-%s" % (GROUP, vanished["volume"]["id"]))
    lab.sh("controller1", "lvcreate -qq -y -V 1G -T %s/%s-pool -n %s" % (GROUP, GROUP, ORPHAN))
    yield
    lab.sh("controller1", "lvremove -fy %s/%s 2>/dev/null || :" % (GROUP, ORPHAN))
    assert not lab.run("controller1", "legacy_volume", backend=BACKEND, name="vanished", state="absent").get("failed")


def test_what_was_spoilt_behind_the_collection_is_told_left_alone_and_mended_by_its_remedies(lab, volume, spoilt):
    assert not lab.attach("node1", volume).get("failed")
    lab.sh("node1", "mv %s/*.json $(mktemp -d)/" % RECORDS)
    before = (lab.sh("controller1", VOLUMES), lab.exports(), lab.sh("node1", "lsblk -no NAME"))
    code, output = lab.playbook("doctor", doctor_mend=True)
    assert code != 0, output
    findings = told(output)
    assert ("ERROR", "volume %s/vanished" % BACKEND) in findings, output
    assert ("WARNING", "volume %s on backend %s" % (ORPHAN, BACKEND)) in findings, output
    assert ("WARNING", "export %s/%s on node1" % (BACKEND, volume)) in findings, output
    assert (lab.sh("controller1", VOLUMES), lab.exports(), lab.sh("node1", "lsblk -no NAME")) == before
    lab.sh("controller1", "lvremove -fy %s/%s" % (GROUP, ORPHAN))
    gone = lab.run("controller1", "legacy_volume", backend=BACKEND, name="vanished", state="absent")
    assert not gone.get("failed"), gone["msg"]
    again = lab.attach("node1", volume)
    assert not again.get("failed"), again["msg"]
    code, output = lab.playbook("doctor", doctor_fail_on="warning")
    assert code == 0 and not [found for found in told(output) if found[0] != "NOTE"], output


def test_a_dead_nodes_volume_is_taken_back_only_when_the_doctor_is_told_that_it_is_fenced(lab, volume):
    assert not lab.attach("node1", volume).get("failed")
    lab.power("node1", "cut")
    try:
        code, output = lab.playbook("doctor", doctor_mend=True)
        assert code != 0 and ("ERROR", "node node1") in told(output), output
        assert len(lab.exports()) == 1, "it may only be slow"
        code, output = lab.playbook("doctor", doctor_mend=True, doctor_fenced=["node1"], doctor_fail_on="never")
        assert ("MENDED", "export %s/%s on node1" % (BACKEND, volume)) in told(output), output
        assert lab.exports() == []
    finally:
        lab.power("node1", "on")
