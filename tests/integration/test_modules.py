# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on in a playbook: check mode tells the truth, a second run finds nothing to do, diff shows what changes."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import ON_BOTH

SCRIPT = [  # (name, module, parameters, operations that must happen)
    ("register", "backend", {"name": "two", "max_parallel": 2}, ["register backend"]),
    ("change an option", "backend", {"name": "two", "max_parallel": 2, "options": {"sparse_files_capacity": 7}}, ["update backend"]),
    ("create", "volume", {"name": "data", "size": "1GiB", "description": "text", "metadata": {"a": "b"}}, ["create volume"]),
    (
        "create in a pool",
        "volume",
        {"name": "second", "size": 1, "pool": "second", "extra_specs": {"multiattach": "<is> True"}, "qos_specs": {"iops": "1"}},
        ["create volume"],
    ),
    ("clone", "volume", {"name": "clone", "source_volume": "data"}, ["create volume"]),
    ("larger clone", "volume", {"name": "larger clone", "source_volume": "data", "size": 3}, ["create volume"]),
    ("snapshot", "snapshot", {"name": "snap", "volume": "data", "metadata": {"x": "y"}}, ["create snapshot"]),
    ("from snapshot", "volume", {"name": "restored", "source_snapshot": "snap"}, ["create volume"]),
    ("larger from snapshot", "volume", {"name": "larger restored", "source_snapshot": "snap", "size": "2 G"}, ["create volume"]),
    ("extend", "volume", {"name": "data", "size": 2}, ["extend volume"]),
    ("replace metadata", "volume", {"name": "data", "size": 2, "metadata": {"c": "d"}, "description": ""}, ["update volume"]),
    ("remove metadata and extend", "volume", {"name": "data", "size": 3, "metadata": {}}, ["extend volume", "update volume"]),
    ("snapshot metadata", "snapshot", {"name": "snap", "metadata": {"z": "1"}, "description": "new"}, ["update snapshot"]),
    ("rename a snapshot", "snapshot", {"name": "kept", "renamed_from": "snap", "metadata": {"z": "2"}}, ["rename snapshot", "update snapshot"]),
    ("rename it back", "snapshot", {"name": "snap", "renamed_from": "kept"}, ["rename snapshot"]),
    ("retype", "volume", {"name": "clone", "extra_specs": {"a": "b"}, "qos_specs": {"iops": "9"}}, ["retype volume"]),
    ("snapshot of a clone", "snapshot", {"name": "clone's", "volume": "clone"}, ["create snapshot"]),
    ("revert", "volume", {"name": "clone", "revert_to": "clone's"}, ["revert volume"]),
    ("forget that snapshot", "snapshot", {"name": "clone's", "state": "absent"}, ["delete snapshot"]),
    ("export", "export", {"volume": "data", "host": "node1"}, ["create export"]),
    ("rename while attached, and extend", "volume", {"name": "moved", "renamed_from": "data", "size": 4}, ["rename volume", "extend volume"]),
    ("rename back", "volume", {"name": "data", "renamed_from": "moved"}, ["rename volume"]),
    ("export to a second host", "export", {"volume": "second", "host": "node1"}, ["create export"]),
    ("export to a third host", "export", {"volume": "second", "host": "node2"}, ["create export"]),
    ("extend while attached", "volume", {"name": "data", "size": 5}, ["extend volume"]),
    ("export with multipath", "export", {"volume": "data", "host": "node1", "multipath": True}, ["update export"]),
    ("unexport one of two", "export", {"volume": "second", "host": "node1", "state": "absent"}, ["delete export"]),
    ("unexport the other", "export", {"volume": "second", "host": "node2", "state": "absent"}, ["delete export"]),
    ("delete", "volume", {"name": "second", "state": "absent"}, ["delete volume"]),
    (
        "delete by force",
        "volume",
        {"name": "data", "state": "absent", "force": ["attached", "snapshots"]},
        ["delete export", "delete snapshot", "delete volume"],
    ),
    ("snapshot again", "snapshot", {"name": "snap", "volume": "clone"}, ["create snapshot"]),
    ("delete snapshot", "snapshot", {"name": "snap", "state": "absent"}, ["delete snapshot"]),
    ("remove a backend", "backend", {"name": "two", "state": "absent"}, ["delete backend"]),
]


@pytest.mark.timeout(120)
def test_a_worker_spawned_for_one_task_carries_it_out_and_ends(controller, connector):
    """The other tests' worker is warm; this one loads cinderlib while it works, as on a user's controller."""
    assert controller.ensure("volume", cold=True, backend="one", name="data", size=1)["changed"]
    assert controller.ensure("snapshot", cold=True, backend="one", name="snap", volume="data")["changed"]
    assert controller.ensure("export", cold=True, backend="one", volume="data", connector=connector("node1"))["changed"]
    assert controller.ensure("volume", cold=True, backend="one", name="data", size=1, metadata={"a": "b"})["changed"]
    assert not controller.ensure("volume", cold=True, backend="one", name="data", size=1)["changed"]


def task(controller, connector, module, parameters):
    """Return a playbook's task for one line of the script."""
    parameters = dict(parameters)
    if module == "backend":
        if parameters.get("state") != "absent":
            complete = controller.backend_parameters()
            parameters = dict(complete, **dict(parameters, options=dict(complete["options"], **parameters.get("options", {}))))
    else:
        parameters["backend"] = "one"
    if module == "export" and parameters.get("state") != "absent":
        parameters["connector"] = connector(parameters.pop("host"), multipath=parameters.pop("multipath", False))
    return {"legacy_" + module: parameters}


def record(result, module):
    """Return what a result says of the thing itself; an export's keys to the door exist only once it is made."""
    shown = result["backends"][0]["backend"] if module == "backend" else result[module]
    if module == "export" and shown:
        shown = {key: value for key, value in shown.items() if key not in ("connection_info", "sealed_connection_info", "protocol", "exported_at")}
    return shown


@ON_BOTH
def test_every_operation_does_what_check_mode_told_and_is_done_once(controller, connector):
    """Each step three times: in check mode, which changes nothing, for real, and again."""
    for name, module, parameters, operations in SCRIPT:
        item = dict(task(controller, connector, module, parameters)["legacy_" + module])
        before = controller.look()
        foreseen = controller.ensure(module, check=True, **item)
        assert controller.look() == before, name
        found = controller.ensure(module, **item)
        assert not found.get("failed"), (name, found)
        assert [line["action"] + " " + line["noun"] for line in found[module + "s"][0]["operations"]] == operations, name
        for key in ("changed", "diff"):
            assert found[key] == foreseen[key], name
        assert found[module + "s"][0]["operations"] == foreseen[module + "s"][0]["operations"], name
        assert record({module: found[module + "s"][0][module], "backends": found.get("backends")}, module) == record(
            {module: foreseen[module + "s"][0][module], "backends": foreseen.get("backends")}, module
        ), name
        after = controller.look()
        again = controller.ensure(module, **item)
        assert (again["changed"], again[module + "s"][0]["operations"], again["diff"]) == (False, [], {"before": {}, "after": {}}), name
        assert controller.look() == after, name
        assert controller.unsettled() == [], name


def test_the_same_in_playbooks_with_check_diff_and_a_second_run(controller, connector):
    """The script as three plays: its first steps in check mode, the whole for real, the last lasting ones again."""
    tasks = [task(controller, connector, module, parameters) for _name, module, parameters, _operations in SCRIPT]
    before = controller.look()
    foreseen = controller.play(tasks[:8], check=True, diff=True)
    assert controller.look() == before
    assert [(item.status, item["changed"]) for item in foreseen.results] == [("ok", True)] * 8, foreseen.output
    found = controller.play(tasks, diff=True)
    assert [item.status for item in found.results] == ["ok"] * len(SCRIPT), found.output
    for (name, _module, _parameters, operations), item in zip(SCRIPT, found.results):
        assert item["changed"] is True, name
        assert [line["action"] + " " + line["noun"] for line in item["operations"]] == operations, name
        assert item["diff"]["before"] != item["diff"]["after"], name
    lasting = [tasks[index] for index in (4, 5, 7, 8, 28, 29, 31, 32)]
    again = controller.play(lasting, diff=True)
    for item in again.results:
        assert (item.status, item["changed"]) in (("ok", False),), item.result


def test_diff_shows_what_changes_and_nothing_else(controller):
    controller.ensure("volume", backend="one", name="data", size="1", metadata={"a": "b"}, description="text")
    diff = controller.ensure("volume", backend="one", name="data", size="2", metadata={"a": "c"}, description="text")["diff"]
    assert diff == {"before": {"one/data": {"size": 1, "metadata": {"a": "b"}}}, "after": {"one/data": {"size": 2, "metadata": {"a": "c"}}}}
    diff = controller.ensure("volume", backend="one", name="data", state="absent")["diff"]
    assert diff["after"] == {"one/data": {}} and diff["before"]["one/data"]["size"] == 2


def test_metadata_is_replaced_whole_and_kept_when_not_given(controller):
    controller.ensure("volume", backend="one", name="data", size="1", metadata={"a": "1", "b": "2"})
    assert controller.ensure("volume", backend="one", name="data")["volumes"][0]["volume"]["metadata"] == {"a": "1", "b": "2"}
    assert controller.ensure("volume", backend="one", name="data", metadata={"b": "3"})["volumes"][0]["volume"]["metadata"] == {"b": "3"}


def test_a_volume_may_be_named_by_its_id(controller, connector):
    made = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]
    assert controller.ensure("volume", backend="one", name=made["id"], size="2")["volumes"][0]["volume"] == dict(made, size=2)
    assert controller.ensure("snapshot", backend="one", name="snap", volume=made["id"])["snapshots"][0]["snapshot"]["volume_name"] == "data"
    assert controller.ensure("export", backend="one", volume=made["id"], connector=connector("node1"))["exports"][0]["export"]["volume_name"] == "data"
    assert controller.ensure("volume", backend="one", name="copy", source_volume=made["id"])["volumes"][0]["volume"]["source"]["name"] == "data"
    assert controller.ask("volume.list", {"names": [made["id"]]})["volumes"][0]["snapshots"] == ["snap"]
    controller.ensure("volume", backend="one", name=made["id"], state="absent", force=["attached", "snapshots"])
    assert [item["name"] for item in controller.ask("volume.list", {})["volumes"]] == ["copy"]


def test_a_copy_holds_what_its_source_held(controller):
    made = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]
    with open(controller.path_of("volume", made["id"]), "r+b") as stream:
        stream.write(b"data")
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    for name, source in (("clone", {"source_volume": "data"}), ("restored", {"source_snapshot": "snap"})):
        copy = controller.ensure("volume", backend="one", name=name, size="2", **source)["volumes"][0]["volume"]
        assert controller.path_of("volume", copy["id"]).stat().st_size == 2 * 1024**3
        with open(controller.path_of("volume", copy["id"]), "rb") as stream:
            assert stream.read(4) == b"data"


def test_check_mode_tells_how_a_volume_will_be_reached_once_another_of_its_backend_is_exported(controller, connector):
    for name in ("data", "more"):
        controller.ensure("volume", backend="one", name=name, size=1)

    def foretold():
        return controller.ensure("export", check=True, backend="one", volume="more", connector=connector("node1"))["exports"][0]["export"]["protocol"]

    assert foretold() == ""
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    assert foretold() == "local"


def test_an_export_opens_only_on_its_host_and_shows_no_secret(controller, connector, node_key):
    volume = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]
    export = controller.ensure("export", backend="one", volume="data", connector=connector("node1"))["exports"][0]["export"]
    assert node_key.open(export["sealed_connection_info"])["data"]["auth_password"] == "canary-chap-" + volume["id"]
    assert export["connection_info"] == {
        "access_mode": "rw",
        "auth_password": "(hidden)",
        "auth_username": "(hidden)",
        "device_path": str(controller.path_of("volume", volume["id"])),
    }
    assert (export["size"], export["protocol"], export["host"]) == (1, "local", "node1")


# Lists


def test_a_list_may_build_on_its_own_earlier_items(controller):
    result = controller.ask(
        "volume.ensure",
        {
            "volumes": [
                {"backend": "one", "name": "a", "size": "1"},
                {"backend": "one", "name": "b", "source_volume": "a"},
                {"backend": "one", "name": "c", "source_volume": "b", "size": "2"},
            ]
        },
    )
    assert [item["volume"]["size"] for item in result["volumes"]] == [1, 1, 2]
    result = controller.play(
        [
            {"legacy_snapshot": {"backend": "one", "volume": "c", "snapshots": [{"name": "s1"}, {"name": "s2"}]}},
            {"legacy_volume": {"backend": "one", "volumes": [{"name": "d", "source_snapshot": "s1"}, {"name": "e", "source_volume": "d"}]}},
            {"legacy_volume": {"backend": "one", "volumes": [{"name": "e", "state": "absent"}, {"name": "d", "state": "absent"}, {"name": "x", "size": 1}]}},
        ]
    )
    assert [item.status for item in result.results] == ["ok"] * 3, result.output
    assert [item["name"] for item in result[1]["volumes"]] == ["d", "e"]
    assert [item["name"] for item in controller.ask("volume.list", {})["volumes"]] == ["a", "b", "c", "x"]


def test_one_failed_item_does_not_stop_the_others(controller):
    result = controller.play(
        [
            {
                "legacy_volume": {
                    "backend": "one",
                    "volumes": [
                        {"name": "a", "size": 1},
                        {"name": "b", "size": "ten"},
                        {"name": "c", "source_volume": "none"},
                        {"name": "d", "size": 1},
                    ],
                }
            }
        ]
    )[0]
    assert result.failed and result["changed"] is True
    assert [item.get("failed", False) for item in result["volumes"]] == [False, True, True, False]
    assert "2 of 4 volumes failed" in result["msg"]
    assert "'ten'" in result["volumes"][1]["msg"] and "'none'" in result["volumes"][2]["msg"]
    assert [item["name"] for item in controller.ask("volume.list", {})["volumes"]] == ["a", "d"]


def test_an_item_that_builds_on_a_failed_one_fails_too_and_leaves_nothing(controller):
    with controller.fault("create_volume", "no room"):
        result = controller.ask(
            "volume.ensure", {"volumes": [{"backend": "one", "name": "a", "size": "1"}, {"backend": "one", "name": "b", "source_volume": "a"}]}
        )
    assert [item["failed"] for item in result["volumes"]] == [True, True]
    assert [item["volume"] for item in result["volumes"]] == [None, None]
    assert controller.listing() == {} and controller.unsettled() == []


def test_a_thing_stands_in_a_list_once(controller):
    twice = [{"backend": "one", "name": "a", "size": "1"}, {"backend": "one", "name": "a", "size": "2"}]
    result = controller.ask("volume.ensure", {"volumes": twice})
    assert result["failed"] and "one/a and one/a stand in one list" in result["msg"]
    assert all(item["failed"] for item in result["volumes"])
    made = controller.ask("volume.ensure", {"volumes": twice[:1]})["volumes"][0]["volume"]
    result = controller.ask("volume.ensure", {"volumes": [{"backend": "one", "name": made["id"], "size": "2"}, twice[1]]})
    assert result["failed"] and not result["changed"], "the same volume by name and by id"


def test_check_mode_takes_a_missing_parent_for_what_an_earlier_task_would_make(controller, connector):
    result = controller.play(
        [
            {"legacy_volume": {"backend": "one", "name": "a", "size": 1}},
            {"legacy_snapshot": {"backend": "one", "name": "s", "volume": "a"}},
            {"legacy_volume": {"backend": "one", "name": "b", "source_snapshot": "s"}},
            {"legacy_export": {"backend": "one", "volume": "a", "connector": connector("node1")}},
            {"legacy_volume": {"backend": "not there yet", "name": "a", "size": 1}},
        ],
        check=True,
    )
    assert [(item.status, item["changed"]) for item in result.results] == [("ok", True)] * 5, result.output
    assert all("Check mode: " in item["warnings"][0] for item in result.results[1:])


def test_slow_operations_of_a_list_run_side_by_side_up_to_the_limit(make_controller):
    controller = make_controller(backend=None)
    controller.register("one", max_parallel=10)
    with controller.fault("create_volume", "sleep 0.5"):
        result = controller.ask("volume.ensure", {"volumes": [{"backend": "one", "name": "v%d" % number, "size": "1"} for number in range(20)]})
    assert not result.get("failed"), result
    running, most = 0, 0
    for _moment, what, method in sorted(controller.calls()):
        if method == "create_volume":
            running += 1 if what == "begin" else -1
            most = max(most, running)
    assert running == 0
    assert most > 5, "they wait for each other"
    assert most <= 10, "more than max_parallel at once"
    assert len(controller.listing()) == 20


@pytest.mark.parametrize("limit", [1, 2])
def test_a_backend_is_never_asked_for_more_at_once_than_it_allows(make_controller, limit):
    controller = make_controller(backend=None)
    controller.register("one", max_parallel=limit)
    with controller.fault("create_volume", "sleep 0.1"):
        controller.ask("volume.ensure", {"volumes": [{"backend": "one", "name": "v%d" % number, "size": "1"} for number in range(5)]})
    running, most = 0, 0
    for _moment, what, method in sorted(controller.calls()):
        if method == "create_volume":
            running += 1 if what == "begin" else -1
            most = max(most, running)
    assert most == limit
