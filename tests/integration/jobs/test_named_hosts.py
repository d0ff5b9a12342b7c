# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that a playbook's variables name: one that is none, or that --limit leaves out, is an error and no empty success."""

from __future__ import annotations

import re

import pytest
import yaml

pytestmark = pytest.mark.extra  # whole playbooks, many of them

RETIRE = {"retire_node": "node1"}
DRAIN = {"drain_node": "node1", "drain_to": "node2"}
REPLACE = {"replace_node": "node1", "replace_by": "node2", "replace_fenced": True}


def refused(rack, playbook, words, arguments=(), **variables):
    """Run a playbook that must end with these words, before it asks anybody."""
    run = rack.run(playbook, arguments=arguments, **variables)
    assert run.code and words in run.failure and "Nothing was changed." in run.failure, run.output
    assert [told["task"] for told in run.tasks] == ["Refuse a host that there is not"]


@pytest.mark.parametrize(
    ("playbook", "variables", "parameter"),
    [
        ("retire_node", RETIRE, "storage_controller"),
        ("drain_node", DRAIN, "drain_host"),
        ("drain_node", DRAIN, "storage_controller"),
        ("replace_node", REPLACE, "replace_host"),
        ("replace_node", REPLACE, "storage_controller"),
        ("store_export", {"store_file": "/nowhere"}, "store_controller"),
        ("attachments_listing", {"listing_file": "/nowhere"}, "listing_host"),
    ],
)
def test_a_name_that_no_host_has_is_refused_with_the_variable_that_gave_it(rack, playbook, variables, parameter):
    words = '%s: "typo" is no host of this inventory. Name one as the inventory does; its controllers are: controller1.' % parameter
    refused(rack, playbook, words, **dict(variables, **{parameter: "typo"}))


def test_an_inventory_without_controllers_and_a_limit_that_leaves_the_named_host_out_are_refused(rack):
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    for playbook, variables, words in [
        ("retire_node", RETIRE, 'storage_controller: "storage_controllers[0]" is left out by --limit'),
        ("drain_node", DRAIN, 'drain_host: "localhost" is left out by --limit'),
    ]:
        refused(rack, playbook, words, arguments=["--limit", "node1"], **variables)
    assert rack.run("retire_node", arguments=["--limit", "controller1"], **RETIRE).changed == ["Detach everything"]
    del rack.inventory["all"]["children"]["storage_controllers"]
    refused(rack, "retire_node", "its controllers are: none, since there is nobody in the group storage_controllers", **RETIRE)


def test_each_playbook_that_lets_a_variable_say_where_it_runs_looks_whether_that_host_is_there(collection_root):
    seen = set()
    for path in sorted((collection_root / "playbooks").glob("*.yml")):
        plays = yaml.safe_load(path.read_text())
        looked = {one["parameter"] for play in plays for one in play.get("vars", {}).get("known_hosts", [])}
        named = {match[1] for play in plays for match in [re.match(r"\{\{ (\w+) \| default\('", str(play.get("hosts")))] if match}
        assert named <= looked, path.name
        seen |= named
    assert seen == {"storage_controller", "store_controller", "drain_host", "replace_host"}
