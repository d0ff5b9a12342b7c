# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record, kernel and controller side by side, and what differs between them settled by the next run; both real halves, on file-backed storage."""

from __future__ import annotations

import os

import pytest

from .test_attachment import DATA, actions

INFO = "baremetal.legacy_storage.legacy_attachment_info"
EXPORT = "baremetal.legacy_storage.legacy_export"


def compared(rack, **parameters):
    """Return what legacy_attachment_info tells of node1, compared with the controller."""
    task = {INFO: dict({"controller": "controller1", "controller_config": str(rack.controller.config), "node_config": "{{ node_config }}"}, **parameters)}
    result = rack.play([task]).only()
    assert not result["failed"], result["msg"]
    return result["attachments"]


def exported(rack, **parameters):
    """Run legacy_export on the controller."""
    result = rack.controller.ensure("export", **dict(DATA, **parameters))
    assert not result.get("failed"), result
    return result


def test_what_is_as_it_should_be_shows_the_controllers_export_beside_it_and_no_problem(rack):
    rack.attach(**DATA)
    (shown,) = compared(rack)
    assert (shown["state"], shown["verified"], shown["problems"], shown["settled_by"]) == ("connected", True, [], None)
    export = shown["export"]
    assert (export["host"], export["status"], export["size"], export["access_mode"], export["protocol"]) == ("node1", "exported", 1, "rw", "local")
    assert export["exported_at"] == shown["exported_at"]


def test_without_a_controller_only_the_node_is_asked(rack):
    rack.attach(**DATA)
    (shown,) = compared(rack, controller=None)
    assert "export" not in shown and shown["verified"]


def test_an_export_that_was_taken_back_is_told_and_the_next_attach_settles_it(rack):
    rack.attach(**DATA)
    exported(rack, host="node1", state="absent")
    (shown,) = compared(rack)
    assert (shown["export"], shown["verified"], shown["settled_by"]) == (None, False, "legacy_attachment, state: absent")
    assert "does not map it to the node" in shown["problems"][0]
    again = rack.attach(**DATA).only()
    assert actions(again) == [("create", "export"), ("connect", "connection")]
    assert (compared(rack)[0]["problems"], rack.attach(**DATA).only()["changed"]) == ([], False)


def test_a_record_whose_export_is_gone_is_cleaned_by_a_detach(rack):
    rack.attach(**DATA)
    exported(rack, host="node1", state="absent", fenced=True)
    cleaned = rack.attach(state="absent", **DATA).only()
    assert (cleaned["failed"], actions(cleaned)) == (False, [("disconnect", "connection")])
    assert (rack.records(), compared(rack)) == ([], [])


def test_an_export_without_a_record_is_told_and_the_next_run_settles_it_either_way(rack):
    for state, expected in (("present", [("renew", "export"), ("connect", "connection")]), ("absent", [("delete", "export")])):
        rack.attach(**DATA)
        (record,) = rack.records()
        record.unlink()
        (shown,) = compared(rack)
        assert (shown["state"], shown["volume_name"], shown["verified"]) == (None, "data", False)
        assert "no record of it" in shown["problems"][0] and "legacy_attachment" in shown["settled_by"]
        assert compared(rack, volumes=["other"]) == []
        assert actions(rack.attach(state=state, **DATA).only()) == expected
        rack.attach(state="absent", **DATA)
        assert (compared(rack), rack.attached_to("data")) == ([], [])


def test_an_export_that_was_made_anew_behind_the_node_is_told_and_the_record_gets_it(rack):
    rack.attach(**DATA)
    connector = rack.play([{"baremetal.legacy_storage.legacy_connector_info": {"node_config": "{{ node_config }}"}}]).only()["connector"]
    exported(rack, host="node1", state="absent")
    exported(rack, connector=connector)
    (shown,) = compared(rack)
    assert shown["problems"] == ["The controller has exported it anew since it was attached."]
    assert actions(rack.attach(**DATA).only()) == [("connect", "connection")]
    assert compared(rack)[0]["problems"] == []


def test_a_volume_that_grew_and_was_not_attached_again_is_told(rack):
    rack.attach(**DATA)
    rack.controller.ensure("volume", backend="one", name="data", size="2")
    path = compared(rack)[0]["path"]
    os.truncate(path, 1024**3)  # as a device that has not looked at its size again
    (shown,) = compared(rack)
    assert (shown["problems"], shown["settled_by"]) == (["The volume has 2 GiB, the device 1 GiB."], "legacy_attachment, state: present")


def test_a_controller_that_is_not_there_is_named(rack):
    result = rack.play([{INFO: {"controller": "contoller1", "node_config": "{{ node_config }}"}}]).only()
    assert result["failed"] and "controller: 'contoller1'" in result["msg"]


def test_a_volume_that_is_a_file_on_the_node_cannot_be_read_only_and_nothing_is_left(rack):
    refused = rack.attach(access_mode="ro", **DATA).only()
    assert refused["failed"] and "access_mode: 'ro'" in refused["msg"] and "is a file on this host" in refused["msg"]
    assert (rack.records(), rack.attached_to("data")) == ([], [])
    rack.attach(**DATA)
    refused = rack.attach(access_mode="ro", **DATA).only()
    assert (refused["failed"], refused["changed"], refused["attachment"]["access_mode"]) == (True, False, "rw")
    assert compared(rack)[0]["export"]["access_mode"] == "rw", "what the node refused is turned back"
    assert rack.attach(**DATA).only()["changed"] is False


def test_taking_a_volume_back_from_a_fenced_node_warns_where_its_storage_system_lets_everybody_in(rack):
    rack.attach(**DATA)
    run = rack.attach(state="absent", fenced=True, **DATA)
    assert "taken back from node1" in run.output and "lets every host in" in run.output
    assert rack.attached_to("data") == []


def test_two_hosts_with_one_name_are_refused_by_whatever_name_it_is(rack):
    rack.volume("logs")
    connector = rack.play([{"baremetal.legacy_storage.legacy_connector_info": {"node_config": "{{ node_config }}"}}]).only()["connector"]
    names = {"nqn": "nqn.2014-08.org.nvmexpress:uuid:1", "nvme_hostid": "h-1", "wwpns": ["5001438000000001", "5001438000000002"], "initiator": "iqn.one"}
    for key, value in names.items():
        first = dict(connector, properties=dict(connector["properties"], **{key: value}))
        twin = dict(first, host="node2", properties=dict(first["properties"], **{key: value[1:] if isinstance(value, list) else value.upper()}))
        exported(rack, connector=first)
        refused = rack.controller.ensure("export", backend="one", volume="logs", connector=twin)
        assert refused["failed"] and "hosts 'node1' and 'node2' have the same" in str(refused), refused
        exported(rack, host="node1", state="absent")
        exported(rack, volume="logs", connector=twin)
        exported(rack, volume="logs", host="node2", state="absent")


@pytest.mark.extra
@pytest.mark.timeout(1800)
def test_ten_nodes_at_once_attach_find_nothing_to_do_and_detach_and_leave_nothing(tmp_path, controller):
    from .conftest import Rack

    names = ["node%d" % number for number in range(1, 11)]
    rack = Rack(tmp_path / "rack", controller, names)
    for name in names:
        rack.volume("of-" + name)

    def all_at_once(**parameters):
        task = {"baremetal.legacy_storage.legacy_attachment": dict(controller="controller1", backend="one", volume="of-{{ inventory_hostname }}", **parameters)}
        run = rack.play([task], "nodes", arguments=["--forks", "10"], patience=900)
        assert {host: run.only(host).get("msg") for host in names if run.only(host)["failed"]} == {}
        return {run.only(host)["changed"] for host in names}

    assert all_at_once() == {True}
    assert [rack.attached_to("of-" + name) for name in names] == [[name] for name in names]
    assert all_at_once() == {False}
    assert all_at_once(state="absent") == {True}
    assert all_at_once(state="absent") == {False}
    assert [rack.attached_to("of-" + name) + rack.records(name) for name in names] == [[] for _name in names]
