# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two controllers with a store each, which call their backend alike, and a node that has a volume of both."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.extra  # whole playbooks


@pytest.fixture(name="other")
def fixture_other(rack, make_controller):
    """A second controller; the node has the first one's volume ``data`` and this one's ``mail``, both of a backend ``one``."""
    other = make_controller("other")
    assert not other.ensure("volume", backend="one", name="mail", size="1").get("failed")
    hosts = rack.inventory["all"]["children"]["storage_controllers"]["hosts"]
    hosts["controller2"] = {"controller_config": str(other.config)}
    rack.attach(controller="controller1", backend="one", volume="data")
    rack.attach(controller="controller2", backend="one", volume="mail", controller_config=str(other.config))
    del rack.inventory["all"]["children"]["storage_nodes"]["hosts"]["node2"], rack.inventory["all"]["children"]["storage_nodes"]["hosts"]["node3"]
    return other


def test_the_doctor_and_the_report_find_nothing_wrong_where_each_controller_knows_its_own(rack, other):
    assert rack.done("doctor", doctor_fail_on="warning").result("Compare")["findings"] == []
    page = rack.root / "storage.html"
    rack.done("report", report_path=str(page))
    assert "All is well" in page.read_text()


def test_a_volume_of_a_controller_that_does_not_answer_is_a_warning_that_tells_nobody_to_stop_its_use(rack, other):
    other.config.rename(other.config.with_suffix(".away"))
    told = [item for outcome in [rack.run("doctor")] for item in outcome.tasks if item["task"] == "Compare" and item["host"] == "controller1"]
    (finding,) = told[0]["result"]["findings"]
    assert (finding["severity"], finding["check"], finding["where"]) == ("warning", "unknown_volume", "node node1, volume one/mail")


def test_a_node_is_retired_by_each_controller_for_its_own_volumes_and_another_one_s_are_named(rack, other):
    theirs = other.ask("volume.list", {"backend": "one", "names": ["mail"]})["volumes"]
    refused = rack.run("retire_node", retire_node="node1")
    assert "Still on node1: one/mail (%s), which controller1 does not know" % theirs[0]["id"] in refused.failure, refused.output
    assert "for controller2. What none" in refused.failure and refused.changed == ["Detach everything"]
    assert (rack.attached_to("data"), len(rack.records())) == ([], 1)
    assert other.ask("volume.list", {"backend": "one", "names": ["mail"]})["volumes"] == theirs
    done = rack.done("retire_node", retire_node="node1", storage_controller="controller2")
    assert "node1 has no volume of controller2 any more. Run this for each other controller with a store of its own, too" in done.output
    assert (other.ask("volume.list", {"backend": "one", "names": ["mail"]})["volumes"][0]["attached_to"], rack.records()) == ([], [])
