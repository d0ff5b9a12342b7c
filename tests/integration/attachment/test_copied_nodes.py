# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that got a copy of a node's disk takes nothing from that node, and the role gives it an identity of its own.

Both nodes of the rack are this machine, so the copy's state is made to say another one. tests/lab/test_copied_node.py boots a real host from a copy.
"""

from __future__ import annotations

import json
import shutil
import types

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.attachment.conftest import ATTACHMENT, Rack

OTHER = {"uuid": "", "serial": "of another machine", "macs": ["52:54:00:00:00:01"]}
VOLUME = {"controller": "controller1", "backend": "one", "volume": "data", "multipath": "no"}
TASKS = [{ATTACHMENT: dict(VOLUME, state=state), "check_mode": check, "ignore_errors": True} for state in ("present", "absent") for check in (True, False)]


@pytest.fixture(name="copied")
def fixture_copied(rack):
    """A rack whose node2 got a copy of node1's disk while ``data`` was attached there."""
    assert not rack.attach(**VOLUME).only()["failed"]
    first, second = rack.root / "node1", rack.root / "node2"
    shutil.copytree(first / "state", second / "state", dirs_exist_ok=True)
    settings = json.loads((second / "node.json").read_text())
    (second / "node.json").write_text(json.dumps(dict(settings, host="node1")))
    return rack


def test_a_task_for_a_copy_neither_connects_nor_takes_the_volume_from_its_original(copied):
    (copied.root / "node2/state/machine.json").write_text(json.dumps(OTHER))
    results = copied.play(TASKS, "node2").results["node2"]
    assert len(results) == 4
    for result in results:
        assert result["failed"] and "This is not the machine" in result["msg"] and "detach nothing" in result["msg"]
    assert copied.attached_to("data") == ["node1"] and len(copied.records("node2")) == 1
    assert copied.attach(**VOLUME).only()["changed"] is False, "the node itself goes on"


@pytest.mark.extra
def test_a_host_that_says_it_is_another_host_of_the_inventory_is_refused_unless_told_so_and_a_renamed_one_is_not(copied):
    hosts = copied.inventory["all"]["children"]["nodes"]["hosts"]
    hosts["told-by-task"] = dict(hosts["node1"], said="node1")  # other names of one host
    hosts["told-by-variable"] = dict(hosts["node1"], node_name="{{ 'node' ~ 1 }}")
    task = {ATTACHMENT: dict(VOLUME, state="absent", node_name="{{ said | default(omit) }}"), "check_mode": "{{ inventory_hostname != 'node2' }}"}
    run = copied.play([task], "node2,told-by-task,told-by-variable")
    refused = run.only("node2")
    assert refused["failed"] and "says that it is the node 'node1', which is another host of the inventory" in refused["msg"]
    assert copied.attached_to("data") == ["node1"]
    assert [(run.only(name)["failed"], run.only(name)["changed"]) for name in ("told-by-task", "told-by-variable")] == [(False, True)] * 2
    hosts["renamed"] = hosts.pop("node1")
    detached = copied.attach("renamed", state="absent", **VOLUME).only("renamed")
    assert not detached["failed"] and detached["changed"]
    assert copied.attached_to("data") == []


# {host: what the role is told, what it was before, what the settings on the disk call it, which of the files on it stay, why it is refused}
ALL = {"attachments/v.json", "links/wwn", "read-only/wwn", "sealing.key", "machine.json"}
HOSTS = {
    "itself": ({"node_machine": "copied"}, "this", "itself", ALL, None),  # a wrong word does no harm
    "unsaid": ({}, "another", "node1", ALL, "serial number of another machine"),
    "copy": ({"node_machine": "copied"}, "another", "node1", {"machine.json"}, None),
    "exchanged": ({"node_machine": "exchanged"}, "another", "exchanged", ALL, None),
    "bare-copy": ({}, "another", "node1", {"machine.json"}, None),
    "older-renamed": ({}, "unknown", "node1", ALL - {"machine.json"}, "its settings call it node1"),
    "older-copy": ({"node_machine": "copied"}, "unknown", "node1", {"machine.json"}, None),
    "fresh": ({}, "unknown", "fresh", {"machine.json"}, None),
}


@pytest.fixture(name="hosts")
def fixture_hosts(tmp_path):
    """A rack of HOSTS, whose states are made of files: the role's tasks about the machine look at no more."""
    rack = Rack(tmp_path, types.SimpleNamespace(config="/nowhere"), HOSTS)
    for name, (variables, before, called, _stays, _why) in HOSTS.items():
        folder = tmp_path / name / "state"
        for path in ALL - {"machine.json"} if name != "fresh" else ():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text("of the original")
        folder.mkdir(exist_ok=True)
        if name == "bare-copy":
            (folder / "attachments/v.json").unlink()
        if before != "unknown":
            (folder / "machine.json").write_text(json.dumps(OTHER if before == "another" else _here(rack)))
        config = tmp_path / name / "node.json"
        config.write_text(json.dumps(dict(json.loads(config.read_text()), host=called)))
        rack.inventory["all"]["children"]["nodes"]["hosts"][name].update(variables, node_state_dir=str(folder), node_name=name)
    return rack


def _here(rack):
    """Return this machine's fingerprint."""
    if not hasattr(rack, "here"):
        look = {"baremetal.legacy_storage.legacy_preflight_info": {"only": ["names"]}}
        rack.here = rack.play([look], "itself").only("itself")["facts"]["names"]["machine"]["seen"]
        assert any(rack.here.values()), "this machine has neither firmware nor adapters to be known by"
    return rack.here


def _apply(rack, check=False):
    """Run the part of role node that is about the machine on all hosts."""
    look = {"node_config": "{{ node_config }}", "node_name": "{{ node_name }}", "only": ["names"]}
    tasks = [{"baremetal.legacy_storage.legacy_preflight_info": look, "register": "node_preflight"}]
    tasks += [{"ansible.builtin.include_role": {"name": "baremetal.legacy_storage.node", "tasks_from": name}} for name in ("machine", "remember")]
    return rack.play(tasks, "nodes", check).results


def _files(rack, name):
    folder = rack.root / name / "state"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.extra
def test_the_role_gives_a_copy_its_own_identity_keeps_a_nodes_and_refuses_where_nobody_said_which_it_is(hosts):
    before = {name: _files(hosts, name) for name in HOSTS}
    predicted = _apply(hosts, check=True)
    assert {name: _files(hosts, name) for name in HOSTS} == before
    results = _apply(hosts)
    here = _here(hosts)
    for name, (_variables, machine, _called, stays, why) in HOSTS.items():
        after = _files(hosts, name)
        assert set(after) == stays, name
        told = [result["msg"] for result in results[name] if result["failed"]]
        assert len(told) == (why is not None) and all(why in msg for msg in told), name
        changed = any(result.get("changed") for result in results[name])
        assert changed == (after != before[name]) == any(result.get("changed") for result in predicted[name]), name
        if why is None:
            assert json.loads(after["machine.json"]) == here, name
        if machine == "this":
            assert not changed, name
    again = _apply(hosts)
    assert not any(result.get("changed") for name in HOSTS for result in again[name])
