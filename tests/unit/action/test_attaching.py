# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What legacy_attachment asks of the two halves, and what it makes of their answers."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils import attaching

CONNECTOR = {"host": "node1", "properties": {"initiator": "iqn.n1", "multipath": True}, "sealing_key": "k"}
EXPORT = {
    "id": "e", "backend": "lab", "volume_id": "v-1", "volume_name": "data", "host": "node1", "size": 2, "protocol": "iscsi",
    "connection_info": {"auth_password": "(hidden)"}, "sealed_connection_info": "sealed",
}
RECORD = {
    "volume_id": "v-1", "volume_name": "data", "backend": "lab", "size": 2, "path": "/dev/disk/by-id/legacy-storage-v-1",
    "device": "/dev/dm-0", "mapped": True, "multipath_id": "36", "verified": True, "stale": False,
    "paths": [{"device": "/dev/sda", "state": "active"}, {"device": "/dev/sdb", "state": "active"}],
}
CREATE = {"action": "create", "noun": "export", "backend": "lab", "name": "data", "host": "node1"}


def item(**values):
    return attaching.Progress(**dict({"backend": "lab", "volume": "data", "state": "present", "multipath": "preferred"}, **values))


def test_the_single_form_and_a_list_of_one_ask_for_the_same():
    one = {"backend": "lab", "volume": "data", "state": "present", "multipath": "no", "access_mode": "ro"}
    assert attaching.wanted(dict(one, attachments=None)) == attaching.wanted({"attachments": [one]}) == [item(multipath="no", access_mode="ro")]


def test_an_empty_list_asks_for_nothing():
    assert attaching.wanted({"attachments": [], "backend": None, "volume": None}) == []


@pytest.mark.parametrize("volume", ["data", "v-1"])
def test_a_record_is_found_by_name_and_by_id_of_its_own_backend_only(volume):
    other = dict(RECORD, backend="other")
    assert attaching.find_record([other, RECORD], "lab", volume) is RECORD
    assert attaching.find_record([other], "lab", volume) is None


def test_exports_carry_the_connector_and_without_multipath_say_so_to_the_array():
    many, one, gone = attaching.export_requests([item(), item(multipath="no"), item(state="absent")], CONNECTOR)
    assert many["connector"] == CONNECTOR
    assert one["connector"]["properties"] == {"initiator": "iqn.n1", "multipath": False}
    assert CONNECTOR["properties"]["multipath"] is True
    assert gone == {"backend": "lab", "volume": "data", "state": "absent", "host": "node1", "fenced": False, "exported_at": ""}


def test_a_detaching_task_means_the_export_that_it_found_and_none_that_comes_later():
    volume = {"id": "v-1", "backend": "lab", "name": "data", "exported_at": {"node1": "T1", "node2": "T2"}}
    recorded, alone, gone = item(state="absent", record=dict(RECORD, exported_at="T0")), item(state="absent"), item(state="absent")
    attaching.resolve(recorded, [recorded.record], [volume], "node1")
    attaching.resolve(alone, [], [volume], "node1")
    attaching.resolve(gone, [], [dict(volume, exported_at={"node2": "T2"})], "node1")
    assert [attaching.to_disconnect(one) for one in (recorded, alone, gone)] == [True, True, False]
    assert [attaching.is_unmapped(one) for one in (recorded, alone, gone)] == [False, False, True]
    asked = attaching.connection_requests([recorded, alone])
    assert [(request["volume_id"], request["exported_at"]) for request in asked] == [("v-1", ["T0", "T1"]), ("v-1", ["T1"])]
    assert [request["exported_at"] for request in attaching.export_requests([recorded, alone], CONNECTOR)] == ["T1", "T1"]


def test_a_volume_that_the_controller_does_not_know_is_asked_for_all_the_same_so_that_a_mistaken_backend_is_told():
    unknown = item(state="absent")
    attaching.resolve(unknown, [], [], "node1")
    assert not attaching.is_unmapped(unknown) and not attaching.to_disconnect(unknown)


@pytest.mark.parametrize(
    ("values", "unrecorded"),
    [
        ({"record": None}, True),
        ({"record": dict(RECORD, state="disconnecting")}, True),
        ({"record": dict(RECORD, state="connecting")}, True),
        ({"record": dict(RECORD, state="connected", stale=True)}, False),
        ({"record": dict(RECORD, verified=False)}, False),
        ({"record": None, "fresh": True}, False),
        ({"record": None, "export": None}, False),
        ({"record": None, "error": "the array is off"}, False),
        ({"record": None, "state": "absent"}, False),
    ],
)
def test_only_an_export_that_was_there_and_that_the_node_does_not_have_is_renewed(values, unrecorded):
    assert attaching.is_unrecorded(item(**dict({"export": EXPORT}, **values))) is unrecorded


def test_a_volume_renamed_since_it_was_attached_is_known_by_its_id_and_its_export_is_not_renewed():
    one = item(volume="archive")
    attaching.take_exports([one], {"exports": [{"changed": False, "operations": [], "export": dict(EXPORT, volume_name="archive")}]})
    attaching.recognize(one, [RECORD])
    assert one.record is RECORD and not attaching.is_unrecorded(one) and not attaching.needs_connecting(one)


def test_what_a_task_takes_back_is_the_export_that_it_made():
    one = item()
    attaching.take_exports([one], {"changed": True, "exports": [{"changed": True, "operations": [CREATE], "export": dict(EXPORT, exported_at="T1")}]})
    (request,) = attaching.export_requests([one], CONNECTOR, state="absent")
    assert request["exported_at"] == "T1"


def test_fencing_is_only_said_of_what_is_detached():
    requests = attaching.export_requests([item(state="absent")], {"host": "node9"}, fenced=True)
    assert requests == [{"backend": "lab", "volume": "data", "state": "absent", "host": "node9", "fenced": True}]


@pytest.mark.parametrize(
    ("record", "multipath", "changed", "needed"),
    [
        (RECORD, "preferred", False, False),
        (RECORD, "required", False, False),
        (None, "preferred", False, True),
        (RECORD, "preferred", True, True),
        (dict(RECORD, verified=False), "preferred", False, True),
        (dict(RECORD, stale=True), "preferred", False, True),
        (dict(RECORD, size=1), "preferred", False, True),
        (dict(RECORD, volume_id="v-0"), "preferred", False, True),
        (dict(RECORD, mapped=False), "required", False, True),
        (dict(RECORD, mapped=False), "preferred", False, False),
        (dict(RECORD, paths=RECORD["paths"][:1]), "required", False, True),  # as after a boot while a path was away
        (dict(RECORD, paths=RECORD["paths"][:1]), "preferred", False, False),
        (dict(RECORD, problems=["There is no session with portal 192.0.2.10:3260."]), "preferred", False, True),
        (dict(RECORD, problems=["There is no session with portal 192.0.2.10:3260."]), "no", False, False),
        (dict(RECORD, access_mode="ro"), "preferred", False, True),
        (dict(RECORD, exported_at="before"), "preferred", False, True),
    ],
)
def test_the_node_is_asked_to_connect_only_where_its_record_is_not_what_is_wanted(record, multipath, changed, needed):
    assert attaching.needs_connecting(item(record=record, export=EXPORT, multipath=multipath, changed=changed)) is needed


def test_an_attach_lists_the_operations_of_both_halves_in_their_order():
    one = item()
    attaching.take_exports([one], {"changed": True, "exports": [{"changed": True, "operations": [CREATE], "export": EXPORT}]})
    attaching.take_connections([one], {"connections": [{"changed": True, "operations": ["connect"], "attachment": RECORD}]})
    result = attaching.result([one], "node1", single=True)
    assert result["changed"] is True
    assert result["operations"] == [CREATE, {"action": "connect", "noun": "connection", "backend": "lab", "name": "data"}]
    attachment = result["attachment"]
    assert (attachment["path"], attachment["device"], attachment["multipath"], attachment["size"]) == (RECORD["path"], "/dev/dm-0", True, 2)
    assert attachment["connection_info"] == {"auth_password": "(hidden)"}
    assert "sealed" not in str(result)
    assert result["diff"] == {"before": {"lab/data": {}}, "after": {"lab/data": {"host": "node1", "size": 2, "path": RECORD["path"], "access_mode": "rw"}}}


def test_nothing_to_do_still_tells_path_and_device_and_has_an_empty_diff():
    one = item(record=RECORD)
    attaching.take_exports([one], {"exports": [{"changed": False, "operations": [], "export": EXPORT}]})
    assert not attaching.needs_connecting(one)
    result = attaching.result([one], "node1", single=True)
    assert (result["changed"], result["operations"], result["attachment"]["device"]) == (False, [], "/dev/dm-0")
    assert result["diff"] == {"before": {}, "after": {}}


def test_growing_shows_only_the_size_in_the_diff():
    one = item(record=RECORD)
    attaching.take_exports([one], {"exports": [{"changed": False, "operations": [], "export": dict(EXPORT, size=3)}]})
    assert attaching.needs_connecting(one)
    attaching.take_connections([one], {"connections": [{"changed": True, "operations": ["extend"], "attachment": dict(RECORD, size=3)}]})
    assert attaching.diff([one], "node1") == {"before": {"lab/data": {"size": 2}}, "after": {"lab/data": {"size": 3}}}


def test_an_access_mode_that_the_node_refused_is_turned_back_at_the_controller_and_nothing_was_changed():
    one = item(record=dict(RECORD, access_mode="rw"), access_mode="ro")
    update = dict(CREATE, action="update")
    attaching.take_exports([one], {"exports": [{"changed": True, "operations": [update], "export": dict(EXPORT, access_mode="ro")}]})
    assert attaching.needs_connecting(one)
    refused = {"changed": False, "operations": [], "attachment": one.record, "failed": True, "msg": "mounted at /srv"}
    attaching.take_connections([one], {"connections": [refused]})
    assert attaching.was_turned(one)
    (request,) = attaching.export_requests([attaching.as_before(one)], CONNECTOR)
    assert request["access_mode"] == "rw"
    attaching.turn_back([one], {"exports": [{"changed": True, "operations": [update], "export": EXPORT}]})
    result = attaching.result([one], "node1", single=True)
    assert (result["changed"], result["operations"], result["msg"], result["attachment"]["access_mode"]) == (False, [], "mounted at /srv", "rw")


def test_an_export_that_stays_as_the_node_refused_it_is_told():
    one = item(record=RECORD, access_mode="ro", changed=True, operations=[dict(CREATE, action="update")], error="mounted at /srv")
    attaching.turn_back([one], {"failed": True, "msg": "array is off"})
    assert one.error.startswith("mounted at /srv The export says access_mode: ro now") and one.changed


def test_a_detached_volume_has_no_path_any_more():
    one = item(state="absent", record=RECORD)
    attaching.take_connections([one], {"connections": [{"changed": True, "operations": ["disconnect"], "attachment": None}]})
    attaching.take_exports([one], {"exports": [{"changed": True, "operations": [dict(CREATE, action="delete")], "export": None}]})
    result = attaching.result([one], "node1", single=True)
    assert [operation["action"] for operation in result["operations"]] == ["disconnect", "delete"]
    assert (result["attachment"]["path"], result["attachment"]["volume_id"]) == (None, "v-1")
    assert result["diff"]["after"] == {"lab/data": {}}


def test_one_failure_of_a_list_is_told_beside_the_others_results():
    good, bad = item(), item(volume="gone")
    answer = {"failed": True, "msg": "1 of 2", "exports": [
        {"changed": True, "operations": [CREATE], "export": EXPORT},
        {"changed": False, "operations": [], "export": None, "failed": True, "msg": "volume: there is no volume 'gone'"},
    ]}
    attaching.take_exports([good, bad], answer)
    result = attaching.result([good, bad], "node1", single=False)
    assert result["failed"] is True
    assert result["msg"] == "1 of 2 attachments failed: lab/gone: volume: there is no volume 'gone'"
    assert "failed" not in result["attachments"][0]
    assert result["attachments"][1]["msg"] == "volume: there is no volume 'gone'"


def test_a_module_that_failed_as_a_whole_fails_every_item_with_its_message():
    items = [item(), item(volume="b")]
    attaching.take_exports(items, {"failed": True, "msg": "controller: 'c1' cannot be reached"})
    assert [one.error for one in items] == ["controller: 'c1' cannot be reached"] * 2


def test_an_export_taken_back_leaves_nothing_changed_but_the_failure():
    one = item()
    attaching.take_exports([one], {"exports": [{"changed": True, "operations": [CREATE], "export": EXPORT}]})
    attaching.take_connections([one], {"connections": [{"changed": False, "operations": ["connect"], "failed": True, "msg": "no portal answers"}]})
    assert one.fresh
    attaching.take_back([one], {"exports": [{"changed": True, "operations": [], "export": None}]})
    result = attaching.result([one], "node1", single=True)
    assert (result["changed"], result["operations"], result["failed"], result["msg"]) == (False, [], True, "no portal answers")


def test_taking_back_that_fails_as_well_keeps_the_first_reason_in_front():
    one = item(fresh=True, changed=True, error="no portal answers", export=EXPORT)
    attaching.take_back([one], {"failed": True, "msg": "array is off"})
    assert one.error == "no portal answers Taking the export back failed as well: array is off"
    assert one.changed


def test_where_the_role_was_not_applied_yet_check_mode_predicts_attaching_and_nothing_to_detach():
    attach, detach = item(), item(state="absent")
    for one in (attach, detach):
        attaching.predict_unprepared(one)
    assert [operation["action"] for operation in attach.operations] == ["create", "connect"]
    assert (attach.changed, detach.changed, detach.operations) == (True, False, [])


def test_keys_are_handed_to_the_node_sealed_and_what_a_task_leaves_open_is_not_handed_on():
    given = {"key": "canary-key", "key_file": None, "key_command": None, "previous_key": "canary-before", "format": "empty", "cipher": None}
    told = attaching.sealed(given, lambda data: "sealed %d" % len(data["key"]))
    assert told == {"sealed_key": "sealed 10", "previous_sealed_key": "sealed 13", "format": "empty"}
    assert attaching.sealed({"key_file": "/k", "key": None}, None) == {"key_file": "/k"}
    assert attaching.sealed(None, None) is None


def test_only_what_has_a_damaged_record_on_the_node_is_refused():
    records = [RECORD, {"volume_id": "v-9", "volume_name": "v-9", "backend": "", "state": "unreadable", "problems": ["cannot be read"]}]
    volumes = [{"id": "v-9", "name": "hurt", "backend": "lab"}, {"id": "v-8", "name": "hurt", "backend": "other"}]
    items = [item(volume="hurt", state="absent"), item(volume="hurt"), item(volume="v-9", state="absent"), item(volume="hurt", backend="other"), item()]
    assert all(attaching.names_to_resolve(each, records) == [each.volume] for each in items)
    attaching.refuse_unreadable(items, records, volumes)
    assert [each.error for each in items] == ["cannot be read"] * 3 + [None] * 2
    assert attaching.may_hold(item(volume="hurt", export={"volume_id": "v-9"}), records) and not attaching.may_hold(item(volume="hurt"), [RECORD])


def test_check_mode_tells_of_a_map_that_will_be_made_and_null_where_nobody_knows_yet():
    one = item()
    attaching.take_exports([one], {"changed": True, "exports": [{"changed": True, "operations": [CREATE], "export": EXPORT}]})
    foretold = {"path": RECORD["path"], "device": None, "multipath_id": None, "mapped": True, "paths": []}
    attaching.take_connections([one], {"connections": [{"changed": True, "operations": ["connect"], "attachment": foretold}]})
    assert attaching.to_public(one, "node1")["multipath"] is True
    attaching.take_connections([one], {"connections": [{"changed": True, "operations": ["connect"], "attachment": dict(foretold, mapped=None)}]})
    assert attaching.to_public(one, "node1")["multipath"] is None
    tomorrows = item()
    attaching.predict_connection(tomorrows)
    assert attaching.to_public(tomorrows, "node1")["multipath"] is None
    assert attaching.to_public(item(state="absent", record=RECORD), "node1")["multipath"] is False


def test_a_name_that_is_another_hosts_is_refused_unless_said_and_one_that_no_host_has_is_let_be():
    hosts = {"node1", "node2"}
    assert "'node2' says that it is the node 'node1'" in attaching.refused_name("node1", "node2", hosts)
    assert "node_name: node1" in attaching.refused_name("node1", "node2", hosts, "node3")
    assert attaching.refused_name("node1", "node1", hosts) is None
    assert attaching.refused_name("node1", "node2", hosts, "node1") is None
    assert attaching.refused_name("before-renaming", "node2", hosts) is None
