# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts share although it must be each one's own is found over the whole inventory, and each problem is told once."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.preflight_finding import Finding
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.preflight_inventory import report
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.preflight_portals import portals
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("node", "initiator", "hostnqn", "hostid", "machine_id")


def host(name, findings=(), offset=None, uncertainty=0.1, **names):
    """Return what legacy_preflight_info tells of a host that shares nothing but what is said."""
    own = dict({key: "%s of %s" % (key, name) for key in NAMES}, host=name, half="node", initiators=[], live=False, live_nvme=False)
    result = {"facts": {"names": dict(own, **names), "unseen": []}, "findings": [finding.to_public() for finding in findings]}
    return result if offset is None else dict(result, clock_offset={"seconds": offset, "uncertainty": uncertainty})


def told(results, **more):
    return [(its["severity"], its["check"], its["hosts"]) for its in report(results, **more)["findings"]]


def inventory(**hosts):
    return {name: host(name, **its) for name, its in hosts.items()}


def test_hosts_that_are_well_are_ready_and_nothing_is_found():
    result = report(inventory(node1={}, node2={}))
    assert result["findings"] == []
    assert [its["state"] for its in result["hosts"]] == ["ready", "ready"]
    assert result["counts"] == {"errors": 0, "warnings": 0, "notes": 0, "hosts": 2, "ready": 2, "unreachable": 0, "failed": 0}


@pytest.mark.parametrize(
    ("fact", "severity", "check"),
    [("node", "error", "node_name"), ("hostnqn", "error", "nvme"), ("hostid", "error", "nvme"), ("machine_id", "warning", "machine_id")],
)
def test_a_name_that_hosts_share_is_told_once_for_all_of_them(fact, severity, check):
    shared = {fact: "x"}
    assert told(inventory(node1=shared, node2={}, node3=shared)) == [(severity, check, ["node1", "node3"])]
    assert told(inventory(node1={fact: ""}, node2={fact: ""})) == [], "what nobody has is not shared"


def test_a_shared_initiator_name_is_mended_by_the_role_unless_two_hosts_live_under_it():
    result = report(inventory(node1={"initiator": "iqn.x"}, node2={"initiator": "iqn.x", "live": True}))
    (finding,) = result["findings"]
    assert finding["severity"] == "error" and finding["by_role"] and "leaves the name to node2" in finding["remedy"]
    assert [its["problems"] for its in result["hosts"]] == [[], []], "so the role has no reason to refuse"
    result = report(inventory(node1={"initiator": "iqn.x", "live": True}, node2={"initiator": "iqn.x", "live": True}, node3={}))
    (finding,) = result["findings"]
    assert finding["hosts"] == ["node1", "node2"] and not finding["by_role"] and "destroys data" in finding["problem"]
    assert [len(its["problems"]) for its in result["hosts"]] == [1, 1, 0]


def test_a_controller_that_shares_a_nodes_initiator_name_is_not_left_to_the_role_which_gives_names_to_nodes_only():
    result = report(inventory(node1={"initiator": "iqn.x"}, controller1={"initiator": "iqn.x", "half": "controller"}))
    (finding,) = result["findings"]
    assert not finding["by_role"] and "initiatorname.iscsi of controller1 while" in finding["remedy"]
    result = report(inventory(node1={"initiator": "iqn.x"}, controller1={"initiator": "iqn.x", "half": "controller", "live": True}))
    assert "initiatorname.iscsi of node1 while" in result["findings"][0]["remedy"], "who has sessions keeps the name"


def test_a_name_that_could_not_be_seen_is_not_taken_for_shared():
    assert told(inventory(node1={"initiator": None}, node2={"initiator": None})) == []


def test_equal_findings_of_several_hosts_are_one_and_errors_come_first():
    note, error = Finding("note", "unseen", "p.", "r."), Finding("error", "kernel", "q.", "s.")
    results = {"node2": host("node2", [note]), "node1": host("node1", [note, error])}
    assert told(results) == [("error", "kernel", ["node1"]), ("note", "unseen", ["node2", "node1"])]
    states = {its["name"]: its["state"] for its in report(results)["hosts"]}
    assert states == {"node2": "ready", "node1": "errors"}


def test_hosts_that_were_not_reached_are_named_with_the_reason():
    results = {"node1": {"unreachable": True, "msg": "no\nroute"}, "node2": {"failed": True, "msg": "boom"}, "node3": {"msg": "It was not asked."}}
    assert [(its["state"], its["summary"]) for its in report(results)["hosts"]] == [
        ("unreachable", "no route"),
        ("failed", "boom"),
        ("failed", "It was not asked."),
    ]


def test_a_controller_that_does_not_tell_its_backends_is_told_since_their_portals_were_not_tried():
    result = report(inventory(node1={}, controller1={}), silent={"controller1": "the store\nis locked", "gone": "off"})
    assert [(its["severity"], its["check"], its["hosts"]) for its in result["findings"]] == [("note", "unseen", ["controller1"])]
    assert result["findings"][0]["problem"].endswith("the store is locked")


def test_a_clock_that_differs_from_the_others_is_told_by_how_much():
    results = inventory(node1={"offset": 0.0}, node2={"offset": 0.3}, node3={"offset": -61.0}, node4={"offset": 7.0})
    result = report(results, clock_limit=5)
    assert [(its["hosts"], its["problem"]) for its in result["findings"]] == [
        (["node3"], "The clock is 61.0 s behind those of the other hosts."),
        (["node4"], "The clock is 7.0 s ahead of those of the other hosts."),
    ]
    assert told(results, clock_limit=100) == []


def test_a_slow_answer_is_no_difference_of_clocks():
    assert told(inventory(node1={"offset": 0.0}, node2={"offset": 9.0, "uncertainty": 5.0}), clock_limit=5) == []
    slow_and_quick = inventory(node1={"offset": -8.0, "uncertainty": 8.0}, node2={"offset": 0.0}, node3={"offset": 0.0})
    assert told(slow_and_quick, clock_limit=5) == []
    del slow_and_quick["node3"]
    assert told(slow_and_quick, clock_limit=5) == [], "the slow one may be the one that the others are compared with"


@pytest.mark.parametrize("results", [[], {"node1": "x"}, None])
def test_what_is_no_result_is_refused(results):
    with pytest.raises(StorageError, match="legacy_preflight_info"):
        report(results)


@given(st.lists(st.fixed_dictionaries({fact: st.sampled_from(["", "a", "b"]) for fact in NAMES}), max_size=6))
def test_every_host_is_named_for_just_the_names_that_it_shares(names):
    results = {"node%d" % number: host("node%d" % number, **its) for number, its in enumerate(names)}
    named = {}
    for finding in report(results)["findings"]:
        for name in finding["hosts"]:
            named[name] = named.get(name, 0) + 1
    for number, its in enumerate(names):
        shared = sum(bool(its[fact]) and any(other[fact] == its[fact] for place, other in enumerate(names) if place != number) for fact in NAMES)
        assert named.get("node%d" % number, 0) == shared


def test_portals_are_those_that_options_and_exports_name_each_once():
    backends = [
        {"name": "lvm", "options": {"target_ip_address": "192.0.2.10", "target_secondary_ip_addresses": ["192.0.2.11"], "target_port": 3261}},
        {"name": "old", "options": {"iscsi_ip_address": "2001:db8::1"}},
        {"name": "nas", "options": {"nas_host": "192.0.2.20"}},
        {"name": "vendor", "options": {"san_ip": "192.0.2.99"}},
        {"name": "bare", "options": {"target_ip_address": "0.0.0.0"}},
        {"name": "usual", "options": {"target_ip_address": "$my_ip"}},
    ]
    exports = [
        {"protocol": "iscsi", "connection_info": {"target_portal": "192.0.2.10:3261"}},
        {"protocol": "iscsi", "connection_info": {"data": {"target_portals": ["192.0.2.30:3260,1", "[2001:db8::2]:3260"]}}},
        {"protocol": "rbd", "connection_info": {"hosts": ["192.0.2.40"], "ports": ["6789"]}},
        {"protocol": "nvmeof", "connection_info": {"portals": [["192.0.2.50", 4420, "tcp"], ["192.0.2.51", 4420, "RDMA"]]}},
        {"protocol": "nfs", "connection_info": {"export": "192.0.2.21:/srv"}},
        {"protocol": "fibre_channel", "connection_info": {"target_wwn": ["50"]}},
    ]
    assert portals(backends, exports) == [
        "192.0.2.10:3261",
        "192.0.2.11:3261",
        "192.0.2.20:2049",
        "192.0.2.21:2049",
        "192.0.2.30:3260",
        "192.0.2.40:6789",
        "192.0.2.50:4420",
        "[2001:db8::1]:3260",
        "[2001:db8::2]:3260",
    ]
    assert portals([]) == []
    with pytest.raises(StorageError, match="^exports: "):
        portals([], {"a": 1})
