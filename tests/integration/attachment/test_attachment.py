# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""legacy_attachment through real ansible-playbook runs: both real halves, on file-backed storage."""

from __future__ import annotations

import json
import os

import pytest

DATA = {"backend": "one", "volume": "data"}


def actions(result):
    return [(operation["action"], operation["noun"]) for operation in result["operations"]]


def comparable(result):
    """The parts that check mode must foretell. Not the path: for plain files it is the array that says it, when it is asked."""
    parts = ("changed", "state", "operations", "volume_id", "volume_name", "size", "host")
    size = [{name: told.get("size") for name, told in result["diff"][when].items()} for when in ("before", "after")]
    return result["changed"], result["operations"], size, {part: result["attachment"][part] for part in parts}


def test_attach_and_detach_each_in_one_task_foretold_by_check_mode_and_quiet_the_second_time(rack):
    foretold = rack.attach(check=True, diff=True, **DATA).only()
    assert (rack.attached_to("data"), rack.records()) == ([], [])
    attached = rack.attach(diff=True, **DATA).only()
    assert actions(attached) == [("create", "export"), ("connect", "connection")]
    assert comparable(foretold) == comparable(attached)
    assert os.path.exists(attached["attachment"]["path"])
    assert (rack.attached_to("data"), len(rack.records())) == (["node1"], 1)

    again = rack.attach(diff=True, **DATA).only()
    assert (again["changed"], again["operations"], again["diff"]) == (False, [], {"before": {}, "after": {}})
    assert again["attachment"]["path"] == attached["attachment"]["path"]

    foretold = rack.attach(check=True, diff=True, state="absent", **DATA).only()
    assert (rack.attached_to("data"), len(rack.records())) == (["node1"], 1)
    detached = rack.attach(diff=True, state="absent", **DATA).only()
    assert actions(detached) == [("disconnect", "connection"), ("delete", "export")]
    assert comparable(foretold) == comparable(detached)
    assert (rack.attached_to("data"), rack.records()) == ([], [])

    assert rack.attach(state="absent", **DATA).only()["changed"] is False


def test_nothing_to_do_costs_two_module_calls(rack):
    rack.attach(**DATA)
    output = rack.play([{"baremetal.legacy_storage.legacy_attachment": dict(DATA, controller="controller1")}], arguments=["-vvv"]).output
    assert output.count("Using module file") == 2


def test_the_volume_may_be_named_by_its_id(rack):
    volume_id = rack.volume("data")["id"]
    rack.attach(backend="one", volume=volume_id)
    assert rack.attach(**DATA).only()["changed"] is False
    assert rack.attach(backend="one", volume=volume_id, state="absent").only()["changed"] is True


def test_a_list_attaches_and_detaches_and_one_failure_leaves_the_others_done(rack):
    rack.volume("logs")
    rack.attach(**DATA)
    items = [dict(DATA, state="absent"), {"backend": "one", "volume": "missing"}, {"backend": "one", "volume": "logs"}]
    result = rack.attach(attachments=items).only()
    assert result["failed"] is True
    assert "1 of 3 attachments failed: one/missing: volume: there is no volume 'missing'" in result["msg"]
    gone, missing, logs = result["attachments"]
    assert (gone["changed"], missing["failed"], logs["changed"]) == (True, True, True)
    assert (rack.attached_to("data"), rack.attached_to("logs")) == ([], ["node1"])


@pytest.mark.parametrize("states", [("present", "absent"), ("absent", "absent")])
def test_a_volume_that_stands_twice_in_a_list_is_not_detached(rack, states):
    rack.attach(**DATA)
    volume_id = rack.volume("data")["id"]
    listed = [{"volume": volume, "state": state} for volume, state in zip(("data", volume_id), states)]
    result = rack.attach(backend="one", attachments=listed).only()
    assert result["failed"] and "one/data and one/%s stand in one list for the same volume" % volume_id in result["msg"], result
    assert (result["changed"], rack.attached_to("data"), len(rack.records())) == (False, ["node1"], 1)


def test_what_an_item_of_a_list_leaves_out_is_as_the_task_says(rack):
    rack.volume("logs")
    rack.attach(backend="one", multipath="no", attachments=[{"volume": "data"}, {"volume": "logs", "backend": "one"}])
    assert (rack.attached_to("data"), rack.attached_to("logs")) == (["node1"], ["node1"])
    rack.attach(backend="one", state="absent", attachments=[{"volume": "data"}, {"volume": "logs", "state": "present"}])
    assert (rack.attached_to("data"), rack.attached_to("logs")) == ([], ["node1"])


def test_a_loop_over_volumes_attaches_all_of_them(rack):
    rack.volume("logs")
    task = {"baremetal.legacy_storage.legacy_attachment": {"controller": "controller1", "backend": "one", "volume": "{{ item }}"}, "loop": ["data", "logs"]}
    rack.play([task])
    assert (rack.attached_to("data"), rack.attached_to("logs")) == (["node1"], ["node1"])


@pytest.mark.parametrize("keywords", [{}, {"serial": 1}, {"strategy": "free"}])
def test_many_nodes_ask_one_controller_at_once(rack, keywords):
    for node in ("node1", "node2", "node3"):
        rack.volume("of-" + node)
    task = {"baremetal.legacy_storage.legacy_attachment": {"controller": "controller1", "backend": "one", "volume": "of-{{ inventory_hostname }}"}}
    run = rack.play([task], "nodes", **keywords)
    assert {host: run.only(host)["changed"] for host in run.results} == {"node1": True, "node2": True, "node3": True}
    assert [rack.attached_to("of-" + node) for node in ("node1", "node2", "node3")] == [["node1"], ["node2"], ["node3"]]


def test_delegated_to_the_node_it_is_the_same(rack):
    config = rack.inventory["all"]["children"]["nodes"]["hosts"]["node2"]["node_config"]
    task = {"baremetal.legacy_storage.legacy_attachment": dict(DATA, controller="controller1", node_config=config), "delegate_to": "node2"}
    run = rack.play([task], "controller1")
    assert run.only("controller1")["attachment"]["host"] == "node2", run.output
    assert rack.attached_to("data") == ["node2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody without a password")
def test_become_of_the_play_reaches_the_controller_unless_its_variables_say_otherwise(rack):
    task = {"baremetal.legacy_storage.legacy_attachment": dict(DATA, controller="controller1")}
    become = {"become": True, "become_method": "ansible.builtin.su"}
    hosts = rack.inventory["all"]["children"]["controllers"]["hosts"]
    hosts["controller1"] = {"ansible_become_user": "nobody"}
    assert "'controller1'" in rack.play([task], **become).only()["msg"]
    hosts["controller1"] = {"ansible_become": False, "ansible_become_user": "nobody"}
    assert rack.play([task], **become).only()["changed"] is True


def test_controller_and_node_may_be_one_host(rack):
    run = rack.attach(controller="node1", **DATA)
    assert run.only()["changed"] is True
    assert rack.attached_to("data") == ["node1"]


def test_one_volume_is_not_attached_to_two_nodes(rack):
    rack.attach(**DATA)
    result = rack.attach("node2", **DATA).only("node2")
    assert result["failed"] is True
    assert "node1" in result["msg"]
    assert rack.records("node2") == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"controller": "contoller1", **DATA}, ["controller: 'contoller1'", "controller1", "node1, node2, node3"]),
        ({"backend": "two", "volume": "data"}, ["backend: 'two'", "one"]),
        ({"backend": "one", "volume": "nothing"}, ["volume", "'nothing'"]),
        ({"backend": "one"}, ["volume"]),
        ({"volume": "data"}, ["backend", "volume"]),
        ({"attachments": [dict(DATA)], "volume": "data"}, ["attachments"]),
        ({"attachments": [dict(DATA), {"volume": "logs"}]}, ["attachments[1].backend", "'logs'"]),
        (dict(DATA, fenced=True), ["fenced", "state: absent"]),
        (dict(DATA, state="attached"), ["state", "present, absent"]),
        (dict(DATA, multipth="no"), ["multipth"]),
        (dict(DATA, controller_config="/nowhere/controller.json"), ["controller_config", "/nowhere/controller.json", "'controller1'"]),
        (dict(DATA, node_config="/nowhere/node.json"), ["node_config", "/nowhere/node.json"]),
    ],
)
def test_what_cannot_be_is_refused_naming_it(rack, parameters, words):
    result = rack.attach(**parameters).only()
    assert result["failed"] is True
    assert all(word in result["msg"] for word in words), result["msg"]
    assert rack.attached_to("data") == []


def test_a_controller_that_cannot_be_reached_is_named_and_the_node_stays_reachable(rack):
    rack.inventory["all"]["children"]["controllers"]["hosts"]["controller1"] = {
        "ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-F /dev/null -o ConnectTimeout=5",
    }
    result = rack.attach(**DATA).only()
    assert (result["failed"], result["status"]) == (True, "failed")
    assert "controller: 'controller1' cannot be reached" in result["msg"]
    assert rack.records() == []


def test_a_node_that_cannot_connect_leaves_no_export_and_tells_the_nodes_reason(rack):
    result = rack.attach(multipath="required", **DATA).only()
    assert result["failed"] is True
    assert "multipath" in result["msg"]
    assert (result["attachment"]["changed"], rack.attached_to("data"), rack.records()) == (False, [], [])


def test_a_volume_that_grew_is_told_with_its_new_size(rack):
    rack.attach(**DATA)
    rack.volume("data", 2)
    result = rack.attach(**DATA).only()
    assert (result["failed"], result["attachment"]["size"]) == (False, 2)


def test_check_mode_passes_where_an_earlier_task_would_make_the_volume(rack):
    result = rack.attach(check=True, backend="one", volume="of-tomorrow").only()
    assert (result["failed"], result["changed"], actions(result)) == (False, True, [("create", "export"), ("connect", "connection")])


def test_check_mode_passes_where_the_roles_were_not_applied_yet(rack):
    result = rack.attach(check=True, node_config="/nowhere/node.json", **DATA).only()
    assert (result["failed"], result["changed"], actions(result)) == (False, True, [("create", "export"), ("connect", "connection")])
    result = rack.attach(check=True, controller_config="/nowhere/controller.json", **DATA).only()
    assert (result["failed"], result["changed"], actions(result)) == (False, True, [("create", "export"), ("connect", "connection")])


def test_a_fenced_node_is_not_asked(rack):
    rack.attach(**DATA)
    rack.inventory["all"]["children"]["nodes"]["hosts"]["node1"].update(
        ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1, ansible_ssh_common_args="-F /dev/null -o ConnectTimeout=5"
    )
    assert rack.attach(state="absent", **DATA).only()["status"] == "unreachable"
    assert rack.attached_to("data") == ["node1"]
    result = rack.attach(state="absent", fenced=True, **DATA).only()
    assert (result["status"], actions(result)) == ("ok", [("delete", "export")])
    assert rack.attached_to("data") == []


def test_a_node_that_fails_to_disconnect_keeps_its_export(rack):
    attached = rack.attach(**DATA).only()
    with open(attached["attachment"]["path"], "rb"):
        result = rack.attach(state="absent", **DATA).only()
    assert result["failed"] is True
    assert "in use" in result["msg"]
    assert (rack.attached_to("data"), len(rack.records())) == (["node1"], 1)


def test_a_volume_whose_record_is_damaged_is_not_unmapped_and_the_others_of_the_node_are_served(rack):
    logs = rack.volume("logs")
    both = [{"volume": "data"}, {"volume": "logs"}]
    rack.attach(backend="one", attachments=both)
    (damaged,) = [path for path in rack.records() if path.stem != logs["id"]]
    damaged.write_text("{")
    gone = rack.attach(backend="one", attachments=both, state="absent").only()
    assert gone["failed"] and [bool(item.get("failed")) for item in gone["attachments"]] == [True, False] and str(damaged) in gone["msg"]
    assert (rack.attached_to("data"), rack.attached_to("logs"), rack.records()) == (["node1"], [], [damaged])
    back = rack.attach(backend="one", attachments=both).only()
    assert [bool(item.get("failed")) for item in back["attachments"]] == [True, False] and rack.attached_to("data") == ["node1"]


def test_nothing_that_opens_the_volume_is_shown_even_with_all_verbosity(rack):
    task = {"baremetal.legacy_storage.legacy_attachment": dict(DATA, controller="controller1")}
    run = rack.play([task], diff=True, arguments=["-vvvv"])
    sealed = json.loads(rack.records()[0].read_text())["export"]["sealed_connection_info"]
    assert sealed
    assert "canary-option-password" not in run.output
    assert "sealed_connection_info" not in run.only()["attachment"]


def test_a_volume_renamed_while_attached_is_detached_by_its_new_name_and_never_another_in_its_stead(rack):
    rack.attach(**DATA)
    rack.controller.ensure("volume", backend="one", name="archive", renamed_from="data")
    gone = rack.attach(state="absent", **DATA).only()
    assert (gone["changed"], len(rack.records()), rack.attached_to("archive")) == (False, 1, ["node1"]), "nothing is called data now"
    rack.volume("data")
    rack.attach(**DATA)
    assert actions(rack.attach(backend="one", volume="archive", state="absent").only()) == [("disconnect", "connection"), ("delete", "export")]
    assert (len(rack.records()), rack.attached_to("archive"), rack.attached_to("data")) == (1, [], ["node1"])
    assert actions(rack.attach(state="absent", **DATA).only()) == [("disconnect", "connection"), ("delete", "export")]
    assert rack.records() == []


def test_an_encryption_that_the_node_refuses_is_taken_back_and_its_key_is_shown_to_nobody(rack):
    run = rack.attach(backend="one", volume="data", encryption={"key": "canary-luks-key", "format": "overwrite"}, diff=True)
    result = run.only()
    assert result["failed"] and "is a file on this host" in result["msg"], result
    assert (rack.attached_to("data"), rack.records()) == ([], [])
    assert "canary-luks-key" not in run.output and "canary-luks-key" not in str(result)
