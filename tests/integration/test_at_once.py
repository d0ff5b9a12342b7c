# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several tasks at the same moment: each does its work once, none waits for ever, nothing is lost."""

from __future__ import annotations

import concurrent.futures
import json
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import ON_BOTH


def at_once(*calls):
    """Run functions at the same time, each in a worker of its own; return results or errors."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.exception() or future.result() for future in futures]


def wait_for_call(controller, method):
    """Wait until the driver has begun a call."""
    deadline = time.monotonic() + 30
    while ("begin", method) not in [call[1:] for call in controller.calls()]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@ON_BOTH
def test_two_tasks_that_create_one_volume_create_it_once_and_both_succeed(controller):
    with controller.fault("create_volume", "sleep 0.5"):
        results = at_once(*[lambda: controller.ensure("volume", backend="one", name="data", size="1")] * 2)
    assert sorted(result["changed"] for result in results) == [False, True], results
    assert len({result["volumes"][0]["volume"]["id"] for result in results}) == 1
    assert [call for call in controller.calls() if call[1:] == ("begin", "create_volume")][1:] == []
    assert len(controller.listing()) == 1


@ON_BOTH
def test_eight_tasks_with_a_volume_each_make_eight_volumes(controller):
    calls = [lambda name=name: controller.ensure("volume", backend="one", name=name, size="1") for name in "abcdefgh"]
    results = at_once(*calls)
    assert [result["changed"] for result in results] == [True] * 8, results
    assert [item["name"] for item in controller.ask("volume.list", {})["volumes"]] == list("abcdefgh")
    assert len(controller.listing()) == 8 and controller.unsettled() == []


@ON_BOTH
def test_opposite_tasks_end_in_one_of_both_states(controller):
    present = {"backend": "one", "name": "data", "size": "1"}
    results = at_once(*[lambda: controller.ensure("volume", **present), lambda: controller.ensure("volume", **dict(present, state="absent"))] * 2)
    assert not [result for result in results if isinstance(result, Exception) or result.get("failed")], results
    volumes = controller.ask("volume.list", {})["volumes"]
    assert len(controller.listing()) == len(volumes) <= 1 and controller.unsettled() == []


@ON_BOTH
def test_two_hosts_that_ask_for_one_volume_do_not_both_get_it(controller, connector):
    controller.ensure("volume", backend="one", name="data", size="1")
    with controller.fault("initialize_connection", "sleep 0.3"):
        results = at_once(
            *[lambda host=host: controller.ensure("export", backend="one", volume="data", connector=connector(host)) for host in ("node1", "node2")]
        )
    assert sorted(result.get("failed", False) for result in results) == [False, True], results
    refused = next(result for result in results if result.get("failed"))
    assert refused["error"]["code"] == "in_use"
    assert len(controller.listing()) == 2, "the volume and one host"


@ON_BOTH
def test_a_volume_is_not_deleted_while_another_task_takes_its_snapshot(controller):
    controller.ensure("volume", backend="one", name="data", size="1")

    def delete():
        wait_for_call(controller, "create_snapshot")
        return controller.ensure("volume", backend="one", name="data", state="absent")

    with controller.fault("create_snapshot", "sleep 1"):
        made, refused = at_once(lambda: controller.ensure("snapshot", backend="one", name="snap", volume="data"), delete)
    assert made["changed"] and not made.get("failed")
    assert refused["failed"] and refused["error"]["code"] == "in_use", refused
    assert len(controller.listing()) == 2


def _grouping(controller, *names):
    controller.register("array", driver="sparse_files.GroupingDriver")
    for name in names:
        controller.ensure("volume", backend="array", name=name, size="1")

    def take(name, *volumes, **item):
        return lambda: controller.ensure("group_snapshot", **dict({"backend": "array", "name": name, "volumes": list(volumes)}, **item))

    return take


@ON_BOTH
def test_group_snapshots_of_the_same_volumes_in_whatever_order_do_not_wait_for_each_other_for_ever(controller):
    take = _grouping(controller, "a", "b", "c")
    with controller.fault("create_group_snapshot", "sleep 0.2"):
        results = at_once(take("one", "a", "b", "c"), take("two", "c", "b", "a"), take("three", "b", "a", "c"), take("one", "c", "a", "b"))
    assert not [result for result in results if isinstance(result, Exception) or result.get("failed")], results
    assert sorted(result["changed"] for result in results) == [False, True, True, True]
    assert [item["name"] for item in controller.ask("group_snapshot.list", {})["group_snapshots"]] == ["one", "three", "two"]
    assert [call[1:] for call in controller.calls()].count(("begin", "create_group")) == 1
    results = at_once(*[take(name, state="absent", volumes=None) for name in ("one", "two", "three")])
    assert [result["changed"] for result in results] == [True] * 3, results
    assert sorted(controller.listing()) == sorted("volume-" + item["id"] for item in controller.ask("volume.list", {})["volumes"])


@ON_BOTH
def test_a_group_snapshot_waits_for_one_of_the_same_volumes_that_is_being_taken(controller):
    take = _grouping(controller, "a", "b")

    def take_another():
        wait_for_call(controller, "create_group_snapshot")
        return take("two", "b", "a")()

    with controller.fault("create_group_snapshot", "sleep 1"):
        results = at_once(take("one", "a", "b"), take_another)
    assert [(result["changed"], result.get("failed", False)) for result in results] == [(True, False)] * 2, results


@ON_BOTH
def test_of_two_tasks_whose_groups_overlap_one_takes_its_snapshots_and_the_other_is_told(controller):
    take = _grouping(controller, "a", "b", "c")
    with controller.fault("create_group_snapshot", "sleep 0.3"):
        results = at_once(take("one", "a", "b"), take("two", "b", "c"))
    assert sorted(result.get("failed", False) for result in results) == [False, True], results
    refused = next(result for result in results if result.get("failed"))
    assert refused["error"]["code"] == "conflict" and "volume 'b' is in the group of group snapshot" in refused["msg"]
    assert len(controller.ask("snapshot.list", {})["snapshots"]) == 2 and controller.unsettled() == []


@ON_BOTH
def test_a_member_volume_is_not_deleted_while_its_group_snapshot_is_taken(controller):
    take = _grouping(controller, "a", "b")

    def delete():
        wait_for_call(controller, "create_group_snapshot")
        return controller.ensure("volume", backend="array", name="b", state="absent", force=["snapshots"])

    with controller.fault("create_group_snapshot", "sleep 1"):
        made, refused = at_once(take("both", "a", "b"), delete)
    assert made["changed"] and not made.get("failed")
    assert refused["failed"] and refused["error"]["code"] == "in_use" and "group snapshot 'both'" in refused["msg"]


def test_a_volume_that_is_worked_on_answers_busy_after_the_time_set(make_controller):
    controller = make_controller(lock_timeout=1)

    def second():
        wait_for_call(controller, "create_volume")
        return controller.ensure("volume", backend="one", name="data", size="1")

    with controller.fault("create_volume", "sleep 4"):
        first, busy = at_once(lambda: controller.ensure("volume", backend="one", name="data", size="1"), second)
    assert first["changed"] and not first.get("failed")
    assert busy["failed"] and busy["error"]["code"] == "busy", busy
    assert "'data' of backend one" in busy["msg"] and "Run this task again" in busy["msg"]
    assert controller.ensure("volume", backend="one", name="data", size="1")["changed"] is False


def test_a_killed_tasks_locks_are_free_at_once(make_controller, monkeypatch):
    controller = make_controller(lock_timeout=0)
    monkeypatch.setenv("BLS_TEST_KILL_AT", "before create_volume")
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ensure("volume", backend="one", name="data", size="1")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    assert not controller.ensure("volume", backend="one", name="data", size="1").get("failed")


@ON_BOTH
def test_reading_does_not_wait_for_a_task_that_works(controller):
    def read():
        wait_for_call(controller, "create_volume")
        started = time.monotonic()
        found = controller.ask("volume.list", {})["volumes"]
        return found[0]["status"], time.monotonic() - started

    with controller.fault("create_volume", "sleep 6"):
        made, (status, took) = at_once(lambda: controller.ensure("volume", backend="one", name="data", size="1"), read)
    assert made["changed"] and status == "creating" and took < 5


def test_a_controller_that_four_processes_make_ready_at_once_gets_one_schema_and_one_key(make_controller_in, tmp_path):
    controller = make_controller_in(tmp_path / "fresh", ready=False)
    results = at_once(*[controller.initialize] * 4)
    assert sorted(result["changed"] for result in results) == [False, False, False, True], results
    assert len(controller.query("SELECT version_num FROM alembic_version")) == 1
    assert len((controller.root / "etc" / "store.key").read_text().split()) == 1
    assert controller.register()["changed"] is True


def test_check_mode_makes_no_controller_ready(make_controller_in, tmp_path):
    controller = make_controller_in(tmp_path / "fresh", ready=False)
    assert controller.ask("store.initialize", {}, check=True) == {"changed": True}
    assert not (controller.root / "state").exists() and not (controller.root / "etc" / "store.key").exists()
    assert controller.initialize()["changed"] is True
    assert controller.ask("store.initialize", {}, check=True) == {"changed": False}


def test_a_store_without_its_key_is_not_given_a_new_one(controller):
    key = controller.root / "etc" / "store.key"
    key.rename(key.with_suffix(".away"))
    with pytest.raises(StorageError, match="Restore the key from your backup"):
        controller.initialize()
    with pytest.raises(StorageError, match="restore it from your backup"):
        controller.ask("volume.list", {})
    assert not key.exists()
    key.with_suffix(".away").rename(key)
    assert json.dumps(controller.ask("backend.list", {})["backends"][0]["secret_options"]) == '{"sparse_files_password": "(hidden)"}'


def test_a_list_of_volumes_is_made_by_a_driver_that_calls_its_library_through_eventlet(controller):
    """Ceph's driver does; all volumes but the first once waited for ever."""
    volumes = [{"backend": "one", "name": "at-once-%d" % number, "size": "1"} for number in range(8)]
    answer = controller.ask("volume.ensure", {"volumes": volumes})
    assert [item.get("msg") for item in answer["volumes"] if item.get("failed")] == []
    assert len([name for name in controller.listing() if name.startswith("volume-")]) == 8


@pytest.mark.parametrize("doomed", ["name", "id"])
def test_a_list_is_carried_out_in_its_order_whatever_its_items_call_a_thing(controller, doomed):
    """Whoever copies something and then deletes it must not lose both."""
    data, _old = (controller.ensure("volume", backend="one", name=name, size="1")["volumes"][0]["volume"] for name in ("data", "a-copy"))
    if doomed == "name":
        controller.ensure("snapshot", backend="one", name="snap", volume="data")
        source, last = {"source_snapshot": "snap"}, {"name": "data", "force": ["snapshots"]}
    else:
        source, last = {"source_volume": "data"}, {"name": data["id"]}

    def copy_and_delete():
        wait_for_call(controller, "delete_volume")
        return controller.ask("volume.ensure", {"volumes": [dict(source, backend="one", name="a-copy"), dict(last, backend="one", state="absent")]})

    with controller.fault("delete_volume", "sleep 0.7"):  # so long the name of the copy is not free
        _gone, result = at_once(lambda: controller.ensure("volume", backend="one", name="a-copy", state="absent"), copy_and_delete)
    assert not result.get("failed"), result["msg"]
    assert [item["name"] for item in controller.ask("volume.list", {})["volumes"]] == ["a-copy"]
