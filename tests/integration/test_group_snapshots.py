# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of several volumes at one moment: by the driver's own way, or refused with the reason."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import ON_BOTH, front

GROUPING = "sparse_files.GroupingDriver"


def register(controller, name="array", without="nothing", driver=GROUPING):
    options = {"sparse_files_dir": str(controller.array), "sparse_files_without": without}
    controller.register(name, driver=driver, options=options)


def make_volumes(controller, *names, backend="array"):
    """Create volumes with a content of their own; return {name: id}."""
    ids = {}
    for name in names:
        made = controller.ensure("volume", backend=backend, name=name, size="1")
        ids[name] = made["volumes"][0]["volume"]["id"]
        write(controller, ids[name], b"first of " + name.encode())
    return ids


def write(controller, volume_id, content):
    with open(controller.path_of("volume", volume_id), "r+b") as stream:
        stream.write(content.ljust(64, b"."))


def content(controller, volume_id):
    return front(controller.path_of("volume", volume_id), 64).rstrip(b".")


def ensure(controller, check=False, **item):
    return controller.ensure("group_snapshot", check, **dict({"backend": "array", "name": "nightly"}, **item))


def take(controller, **item):
    result = ensure(controller, **dict({"volumes": ["db-data", "db-log"]}, **item))
    assert not result.get("failed"), result
    return result["group_snapshots"][0]["group_snapshot"]


def refusal(result, code):
    assert result["failed"] and result["error"]["code"] == code, result
    return result["msg"]


@pytest.fixture(name="array")
def fixture_array(controller):
    """A controller whose backend ``array`` takes group snapshots, with two volumes."""
    register(controller)
    controller.ids = make_volumes(controller, "db-data", "db-log")
    return controller


@ON_BOTH
def test_a_group_snapshot_is_foreseen_taken_once_listed_and_deleted_with_all_its_snapshots(array):
    task = {"legacy_group_snapshot": {"backend": "array", "name": "nightly", "volumes": ["db-data", "db-log"], "metadata": {"a": "b"}}}
    before = array.look()
    foreseen = array.play([task], check=True, diff=True)[0]
    assert array.look() == before
    real, again, info, members = array.play(
        [task, task, {"legacy_group_snapshot_info": {"volume": "db-log"}}, {"legacy_snapshot_info": {"backend": "array"}}], diff=True
    ).results
    for key in ("changed", "operations", "group_snapshot", "group_snapshots", "diff"):
        assert foreseen[key] == real[key]
    assert real["changed"] and real["operations"] == [
        {"action": "create", "noun": "group_snapshot", "backend": "array", "name": "nightly", "volume_names": ["db-data", "db-log"]}
    ]
    assert not again["changed"] and again["operations"] == [] and again["group_snapshot"] == real["group_snapshot"]
    listed = dict(info["group_snapshots"][0])
    assert listed.pop("created_at").endswith("Z") and listed == real["group_snapshot"]
    assert listed["volumes"] == ["db-data", "db-log"] and listed["metadata"] == {"a": "b"}
    assert [(item["name"], item["volume_name"], item["group_snapshot"]) for item in members["snapshots"]] == [
        ("nightly-db-data", "db-data", "nightly"),
        ("nightly-db-log", "db-log", "nightly"),
    ]
    gone = dict(task["legacy_group_snapshot"], state="absent")
    foreseen = array.play([{"legacy_group_snapshot": gone}], check=True, diff=True)[0]
    real, again, left = array.play([{"legacy_group_snapshot": gone}] * 2 + [{"legacy_snapshot_info": {}}], diff=True).results
    assert foreseen["diff"] == real["diff"] and foreseen["group_snapshots"] == real["group_snapshots"] and real["group_snapshot"] is None
    assert not again["changed"] and left["snapshots"] == []
    assert array.unsettled() == []
    assert sorted(array.listing()) == sorted("volume-" + identity for identity in array.ids.values())  # no group, and every volume


def test_the_snapshots_are_of_one_moment_and_volumes_are_made_from_them_and_put_back_to_them(array):
    ids = array.ids
    take(array)
    for name, identity in ids.items():
        write(array, identity, b"second of " + name.encode())
    made = array.ensure("volume", backend="array", name="copy", source_snapshot="nightly-db-log")
    assert not made.get("failed"), made["msg"]
    assert content(array, made["volumes"][0]["volume"]["id"]) == b"first of db-log"
    assert array.ensure("volume", backend="array", name="db-data", revert_to="nightly-db-data")["changed"]
    assert content(array, ids["db-data"]) == b"first of db-data" and content(array, ids["db-log"]) == b"second of db-log"
    grown = array.ensure("volume", backend="array", name="db-data", size="2")  # its driver looks at the group
    assert not grown.get("failed") and grown["changed"]
    ensure(array, state="absent")
    assert content(array, ids["db-log"]) == b"second of db-log"


def test_several_group_snapshots_of_the_same_volumes_share_their_group_which_goes_with_the_last(array):
    first, second = take(array), take(array, name="weekly", volumes=["db-log", "db-data"])
    assert first["group_id"] == second["group_id"]
    assert array.array.joinpath("groups", first["group_id"]).exists()
    assert ensure(array, state="absent")["changed"]
    assert array.array.joinpath("groups", first["group_id"]).exists()
    assert not ensure(array, name="weekly", volumes=["db-data", "db-log"])["changed"]
    assert ensure(array, name="weekly", state="absent")["changed"]
    assert not array.array.joinpath("groups", first["group_id"]).exists()
    assert sorted(array.listing()) == sorted("volume-" + identity for identity in array.ids.values())
    take(array)


def test_what_the_driver_keeps_of_volumes_and_snapshots_it_finds_again_and_secrets_stay_so(array):
    taken = take(array)
    kept = dict(array.query("SELECT id, driver_data FROM snapshots"))
    assert all("member-of-%s" % taken["id"] in kept[item["id"]] for item in taken["snapshots"])
    assert all(taken["group_id"] in row[0] for row in array.query("SELECT driver_data FROM volumes"))
    assert "canary-group" not in array.dump()
    ensure(array, state="absent")
    assert not any(taken["group_id"] in row[0] for row in array.query("SELECT driver_data FROM volumes"))


def test_a_driver_without_groups_that_takes_such_snapshots_all_the_same_is_used(controller):
    register(controller, without="groups")
    make_volumes(controller, "db-data", "db-log")
    take(controller)
    assert not ensure(controller, volumes=["db-data", "db-log"])["changed"]
    assert ensure(controller, state="absent")["changed"]
    assert not [path for path in controller.listing() if not path.startswith("volume-")]


@pytest.mark.parametrize(
    ("driver", "without", "words"),
    [
        ("sparse_files.SparseFileDriver", "nothing", "offers no snapshots of several volumes at once"),
        ("sparse_files.OneByOneDriver", "nothing", "offers no snapshots of several volumes at once"),
        (GROUPING, "joining", "cannot put volumes that are there into a group"),
        (GROUPING, "consistency", "takes no snapshots of these volumes at once"),
    ],
)
def test_a_driver_that_cannot_is_refused_with_the_reason_and_nothing_is_taken_one_after_the_other(controller, driver, without, words):
    register(controller, driver=driver, without=without)
    make_volumes(controller, "db-data", "db-log")
    before = controller.look()
    result = ensure(controller, volumes=["db-data", "db-log"])
    assert words in refusal(result, "unsupported") and "not be of one moment" in result["msg"]
    assert controller.listing() == before[1] and controller.unsettled() == []
    assert controller.ask("snapshot.list", {})["snapshots"] == [] and controller.ask("group_snapshot.list", {})["group_snapshots"] == []
    if without == "nothing":  # known without asking the array, so foreseen
        assert ensure(controller, check=True, volumes=["db-data", "db-log"])["msg"] == result["msg"]
        assert controller.look() == before
        assert "create_snapshot" not in {method for _time, _what, method in controller.calls()}


def test_what_a_backend_is_said_to_be_able_to_is_what_its_driver_has_code_for(controller):
    register(controller)
    register(controller, "loops", driver="sparse_files.OneByOneDriver")
    shown = {item["name"]: item["pool_details"][0]["capabilities"] for item in controller.ask("backend.list", {"refresh": True})["backends"]}
    assert {name: said["consistent_group_snapshot"] for name, said in shown.items()} == {"one": False, "array": True, "loops": False}


def test_where_one_member_fails_none_is_left(array):
    with array.fault("break-" + array.ids["db-log"], ""):
        result = ensure(array, volumes=["db-data", "db-log"])
    assert "says that this ended in an error" in refusal(result, "backend")
    assert array.unsettled() == [] and array.ask("snapshot.list", {})["snapshots"] == []
    assert sorted(array.listing()) == sorted("volume-" + identity for identity in array.ids.values())
    take(array)


def test_where_one_member_stays_the_group_snapshot_says_so_and_is_deleted_by_the_next_run(array):
    take(array)
    with array.fault("busy-" + array.ids["db-log"], ""):
        assert "did not delete nightly-db-log" in refusal(ensure(array, state="absent"), "backend")
    (shown,) = array.ask("group_snapshot.list", {})["group_snapshots"]
    assert shown["status"] == "error_deleting" and [item["status"] for item in shown["snapshots"]] == ["deleted", "available"]
    words = refusal(array.ensure("snapshot", backend="array", name="nightly-db-data"), "conflict")
    assert "in status deleted, as a member of group snapshot 'nightly'" in words
    assert "in status error_deleting" in refusal(ensure(array, volumes=["db-data", "db-log"]), "conflict")
    assert "in status error_deleting" in refusal(ensure(array, name="weekly", volumes=["db-data", "db-log"]), "conflict")
    assert ensure(array, state="absent")["changed"] and array.ask("snapshot.list", {})["snapshots"] == []


def test_what_one_attempt_deleted_is_not_usable_again_when_the_next_attempt_fails_whole(array):
    take(array)
    with array.fault("busy-" + array.ids["db-log"], ""):
        refusal(ensure(array, state="absent"), "backend")
    with array.fault("delete_group_snapshot", "a volume needs it"):
        assert "a volume needs it" in refusal(ensure(array, state="absent"), "backend")
    (shown,) = array.ask("group_snapshot.list", {})["group_snapshots"]
    assert shown["status"] == "error_deleting" and [item["status"] for item in shown["snapshots"]] == ["deleted", "available"]
    assert "in status error_deleting" in refusal(ensure(array, volumes=["db-data", "db-log"]), "conflict")
    words = refusal(array.ensure("volume", backend="array", name="copy", source_snapshot="nightly-db-data"), "conflict")
    assert "deleted" in words
    assert ensure(array, state="absent")["changed"] and array.ask("snapshot.list", {})["snapshots"] == []


def test_where_members_had_to_be_deleted_one_by_one_those_that_stay_are_told_from_those_that_are_gone(array):
    take(array)
    with array.fault("delete_group_snapshot", "gone"), array.fault("busy-" + array.ids["db-data"], ""):
        assert "SnapshotIsBusy" in refusal(ensure(array, state="absent"), "backend")
    (shown,) = array.ask("group_snapshot.list", {})["group_snapshots"]
    assert shown["status"] == "error_deleting" and [item["status"] for item in shown["snapshots"]] == ["available", "deleted"]
    assert ensure(array, state="absent")["changed"] and array.ask("snapshot.list", {})["snapshots"] == []


def test_where_the_array_refuses_to_delete_it_everything_stays_usable(array):
    taken = take(array)
    with array.fault("delete_group_snapshot", "a volume made from it needs it"):
        assert "a volume made from it needs it" in refusal(ensure(array, state="absent"), "backend")
    assert take(array) == taken and array.unsettled() == []


@pytest.mark.parametrize("why", ["not now", "gone"])
def test_where_the_group_stays_the_volumes_do_too_and_the_next_run_ends_it(array, why):
    take(array)
    with array.fault("update_group", why):
        assert "The volumes are as they were" in refusal(ensure(array, state="absent"), "backend")
    assert "delete_group" not in {method for _time, _what, method in array.calls()}
    assert ensure(array, state="absent")["changed"]
    assert sorted(array.listing()) == sorted("volume-" + identity for identity in array.ids.values())


def test_what_the_array_does_not_find_any_more_does_not_keep_the_rest_from_being_deleted(array):
    taken = take(array)
    array.array.joinpath("snapshot-group-%s-%s" % (taken["id"], array.ids["db-log"])).unlink()
    with array.fault("delete_group_snapshot", "gone"):
        assert ensure(array, state="absent")["changed"]
    assert sorted(array.listing()) == sorted("volume-" + identity for identity in array.ids.values())


def test_a_member_is_neither_deleted_nor_released_alone_nor_with_its_volume(array):
    take(array)
    before = array.look()
    for state in ("absent", "released"):
        words = refusal(array.ensure("snapshot", backend="array", name="nightly-db-data", state=state), "in_use")
        assert "member of group snapshot 'nightly'" in words and "legacy_group_snapshot" in words
    for item in ({"state": "absent", "force": ["snapshots"]}, {"state": "absent"}, {"state": "released"}):
        refusal(array.ensure("volume", backend="array", name="db-log", **item), "in_use")
    assert array.look() == before
    assert "member of group snapshot 'nightly'" in array.ensure("volume", backend="array", name="db-log", state="absent", force=["snapshots"])["msg"]


def test_other_volumes_than_recorded_are_refused_with_both_lists(array):
    take(array)
    make_volumes(array, "db-index")
    before = array.look()
    for volumes in (["db-data"], ["db-data", "db-index"], ["db-data", "db-log", "db-index"], ["db-data", "nothing"]):
        words = refusal(ensure(array, volumes=volumes), "conflict")
        assert "is of db-data, db-log, not of %s" % ", ".join(sorted(volumes)) in words
    assert array.look() == before


def test_a_volume_is_in_one_group_at_a_time(array):
    take(array)
    make_volumes(array, "db-index")
    words = refusal(ensure(array, name="other", volumes=["db-data", "db-index"]), "conflict")
    assert "volume 'db-data' is in the group of group snapshot 'nightly' already, with db-data, db-log" in words
    ensure(array, state="absent")
    take(array, name="other", volumes=["db-data", "db-index"])


def test_volumes_members_and_the_group_snapshot_are_renamed_and_keep_their_ids(array):
    taken = take(array)
    array.ensure("volume", backend="array", name="data", renamed_from="db-data")
    array.ensure("snapshot", backend="array", name="of-data", renamed_from="nightly-db-data")
    renamed = ensure(array, name="daily", renamed_from="nightly", volumes=["data", "db-log"])
    assert [item["action"] for item in renamed["group_snapshots"][0]["operations"]] == ["rename"]
    found = renamed["group_snapshots"][0]["group_snapshot"]
    assert (found["id"], found["group_id"], found["name"]) == (taken["id"], taken["group_id"], "daily")
    assert {item["id"] for item in found["snapshots"]} == {item["id"] for item in taken["snapshots"]}
    assert found["volumes"] == ["data", "db-log"] and {item["name"] for item in found["snapshots"]} == {"of-data", "nightly-db-log"}
    assert {item["group_snapshot"] for item in array.ask("snapshot.list", {})["snapshots"]} == {"daily"}
    assert not ensure(array, name=found["id"], volumes=[array.ids["db-data"], "db-log"])["changed"]
    fresh = take(array, volumes=["data", "db-log"], snapshot_names={"db-log": "nightly-log"})  # the old name again
    assert fresh["id"] != taken["id"] and fresh["group_id"] == taken["group_id"]
    assert {item["name"] for item in fresh["snapshots"]} == {"nightly-data", "nightly-log"}


def test_names_of_the_snapshots_may_be_given_and_must_be_free(array):
    array.ensure("snapshot", backend="array", name="nightly-db-log", volume="db-log")
    assert "'nightly-db-log' exists already" in refusal(ensure(array, volumes=["db-data", "db-log"]), "conflict")
    taken = take(array, snapshot_names={"db-log": "log-at-night"})
    assert [item["name"] for item in taken["snapshots"]] == ["nightly-db-data", "log-at-night"]
    assert not ensure(array, volumes=["db-data", "db-log"], snapshot_names={"db-log": "log-at-night"})["changed"]
    words = refusal(ensure(array, volumes=["db-data", "db-log"], snapshot_names={"db-log": "x"}), "conflict")
    assert "is called 'log-at-night', not 'x'. Rename it with legacy_snapshot" in words


@pytest.mark.parametrize(
    ("item", "code", "words"),
    [
        ({}, "invalid", "volumes: is required to create the group snapshot 'nightly'"),
        ({"volumes": []}, "invalid", "volumes: is empty"),
        ({"volumes": ["db-data", "db-data"]}, "invalid", "volumes: 'db-data': stands there twice"),
        ({"volumes": ["db-data", "{db-data}"]}, "invalid", "are the same volume"),
        ({"volumes": ["db-data", "none"]}, "not_found", "there is no volume 'none' on backend array"),
        ({"volumes": ["db-data"], "backend": "none"}, "not_found", "'none' is not registered"),
        ({"volumes": ["db-data"], "name": " "}, "invalid", "name: is required"),
        ({"volumes": ["db-data"], "name": "6229f862-a401-5616-bf1c-8011d75b8844"}, "not_found", "no group snapshot has the id"),
        ({"volumes": ["db-data"], "state": "released"}, "invalid", "state: 'released'"),
        ({"volumes": ["db-data"], "renamed_from": "none"}, "not_found", "neither a group snapshot 'none'"),
        ({"volumes": ["db-data"], "snapshot_names": {"db-log": "a"}}, "invalid", "snapshot_names: 'db-log': is none of volumes"),
        ({"volumes": ["db-data"], "snapshot_names": {"db-data": " "}}, "invalid", "snapshot_names.db-data"),
        ({"volumes": ["db-data", "db-log"], "snapshot_names": {"db-log": "nightly-db-data"}}, "invalid", "the name of two snapshots"),
        ({"volumes": ["db-data"], "name": "n" * 250}, "invalid", "longer than 255"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(array, item, code, words):
    before = array.look()
    if "volumes" in item:
        item = dict(item, volumes=[name.format(**array.ids) if "{" in name else name for name in item["volumes"]])
    assert words in refusal(ensure(array, **item), code)
    assert array.look() == before


def test_a_list_is_planned_as_a_whole_and_failures_stand_beside_what_was_done(array):
    make_volumes(array, "db-index")
    play = array.play(
        [
            {
                "legacy_group_snapshot": {
                    "backend": "array",
                    "group_snapshots": [
                        {"name": "a", "volumes": ["db-data", "db-log"]},
                        {"name": "b", "volumes": ["db-log", "db-data"], "description": "again"},
                        {"name": "c", "volumes": ["db-index", "db-log"]},
                        {"name": "d", "volumes": ["db-index"]},
                    ],
                }
            }
        ]
    )
    assert [item.get("failed", False) for item in play[0]["group_snapshots"]] == [False, False, True, False]
    assert "is in the group of group snapshot 'a' already" in play[0]["msg"]
    found = array.ask("group_snapshot.list", {"backend": "array"})["group_snapshots"]
    assert [(item["name"], item["volumes"]) for item in found] == [("a", ["db-data", "db-log"]), ("b", ["db-data", "db-log"]), ("d", ["db-index"])]
    changed = ensure(array, name="b", description="other", metadata={"x": "y"})
    assert [item["action"] for item in changed["group_snapshots"][0]["operations"]] == ["update"]


def test_check_mode_takes_volumes_for_made_that_an_earlier_task_would_make(array):
    result = array.play([{"legacy_group_snapshot": {"backend": "array", "name": "a", "volumes": ["db-data", "later"]}}], check=True)[0]
    assert result["changed"] and not result.failed


def test_an_exported_store_brings_group_snapshots_back(array):
    taken, path = take(array), str(array.root / "store.export")
    array.ask("store.export", {"path": path})
    before = array.ask("snapshot.list", {})
    for table in ("operations", "snapshots", "group_snapshots", "volumes", "backends"):
        array.execute("DELETE FROM " + table)
    assert array.ask("store.import", {"path": path})["changed"]
    assert array.ask("snapshot.list", {}) == before and take(array) == taken
    assert ensure(array, state="absent")["changed"]
    assert sorted(array.listing()) == sorted("volume-" + identity for identity in array.ids.values())
