# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two controllers on one PostgreSQL: real workers with directories of their own, one store, one array."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import make_pair
from ansible_collections.baremetal.legacy_storage.tests.integration.test_at_once import at_once, wait_for_call
from ansible_collections.baremetal.legacy_storage.tests.postgresql import PASSWORD

BESIDE_OTHERS = {"ceph": "cinder.volume.drivers.rbd.RBDDriver", "pure": "cinder.volume.drivers.pure.PureISCSIDriver"}


def calls_of(controller, method):
    return [what for _moment, what, name in controller.calls() if name == method]


def test_four_processes_on_two_controllers_make_the_same_twenty_volumes_once(pair):
    volumes = [{"backend": "one", "name": "v%02d" % number, "size": "1"} for number in range(20)]
    results = at_once(*[lambda controller=controller: controller.ask("volume.ensure", {"volumes": volumes}) for controller in pair * 2])
    assert not [result for result in results if isinstance(result, Exception) or result.get("failed")], results
    for number in range(20):
        assert sorted(result["volumes"][number]["changed"] for result in results) == [False] * 3 + [True], number
    assert len(calls_of(pair[0], "create_volume")) == 40, "twenty that began and ended"
    assert len(pair[0].listing()) == 20 and pair[0].unsettled() == []


def test_what_two_controllers_change_of_one_volume_at_once_is_all_there_in_the_end(pair):
    first, second = pair
    first.ensure("volume", backend="one", name="data", size="1")
    wishes = [{"size": "5"}, {"metadata": {"who": "all"}}, {"description": "text"}]
    calls = [
        lambda controller=controller, wish=wish: controller.ensure("volume", backend="one", name="data", **wish)
        for wish in wishes
        for controller in pair
    ]
    calls += [
        lambda controller=controller, name=name: controller.ensure("snapshot", backend="one", name=name, volume="data")
        for controller, name in zip(pair, "ab")
    ]
    results = at_once(*calls)
    assert not [result for result in results if isinstance(result, Exception) or result.get("failed")], results
    (volume,) = second.ask("volume.list", {})["volumes"]
    assert (volume["size"], volume["metadata"], volume["description"], volume["snapshots"]) == (5, {"who": "all"}, "text", ["a", "b"])
    assert first.path_of("volume", volume["id"]).stat().st_size == 5 * 1024**3
    assert len(calls_of(first, "extend_volume")) == 2, "the array was asked once"


def test_registering_a_backend_warns_where_its_driver_lets_one_controller_alone_work_on_it_and_no_other_task_does(pair):
    first, second = pair
    for check, changed, parameters in (
        (True, True, {}),
        (False, True, {}),
        (False, False, {}),
        (False, True, {"max_parallel": 2}),
    ):
        told = ask("controller", str(first.config), "backend.ensure", {"backends": [first.backend_parameters("two", **parameters)]}, check)
        assert told.result["changed"] is changed and not told.result.get("failed"), told.result
        assert [text for text in told.warnings if "SUPPORTS_ACTIVE_ACTIVE" in text] == told.warnings
        assert len(told.warnings) == (changed and not parameters)
    assert ask("controller", str(second.config), "volume.ensure", {"volumes": [{"backend": "two", "name": "data", "size": "1"}]}).warnings == []
    quiet = [first.backend_parameters(name, driver=driver, options={}, secret_options={}, probe=False) for name, driver in BESIDE_OTHERS.items()]
    assert ask("controller", str(first.config), "backend.ensure", {"backends": quiet}, True).warnings == []


@pytest.mark.parametrize("method", ["create_snapshot", "create_cloned_volume"])
def test_a_lock_that_a_driver_takes_holds_over_both_controllers(pair, method):
    """One takes Cinder's coordination, the other oslo's lock over processes."""
    first, second = pair
    for name in ("a", "b"):
        first.ensure("volume", backend="one", name=name, size="1")
    noun, source = ("snapshot", "volume") if method == "create_snapshot" else ("volume", "source_volume")
    with first.fault(method, "sleep 0.5"):
        results = at_once(
            *[
                lambda name=name, controller=controller: controller.ensure(noun, **{"backend": "one", "name": "of " + name, source: name})
                for name, controller in zip("ab", pair)
            ]
        )
    assert [result["changed"] for result in results] == [True, True], results
    assert calls_of(first, method) == ["begin", "end"] * 2, "never two of them at once"


def test_a_volume_that_one_controller_works_on_is_busy_for_the_other(make_controller, postgresql, database):
    first, second = make_pair(make_controller, postgresql, database, lock_timeout=1)

    def late():
        wait_for_call(first, "create_volume")
        return second.ensure("volume", backend="one", name="data", size="1")

    with first.fault("create_volume", "sleep 3"):
        made, busy = at_once(lambda: first.ensure("volume", backend="one", name="data", size="1"), late)
    assert made["changed"] and not made.get("failed")
    assert busy["failed"] and busy["error"]["code"] == "busy", busy


def test_four_processes_of_two_controllers_make_one_schema(make_controller, postgresql, database):
    settings = {"store_url": postgresql.url(database, password=None), "store_password": PASSWORD, "ready": False}
    first, second = make_controller("first", **settings), make_controller("second", **settings)
    donor = make_controller("donor", backend=None)
    for controller in (first, second):
        shutil.copy2(donor.root / "etc" / "store.key", controller.root / "etc" / "store.key")
    results = at_once(*[controller.initialize for controller in (first, second)] * 2)
    assert sorted(result["changed"] for result in results) == [False, False, False, True], results
    assert first.query("SELECT count(*) FROM alembic_version") == [(1,)]
    assert first.register()["changed"] and not second.register(options={"sparse_files_dir": str(first.array)})["changed"]


def test_of_two_controllers_that_are_made_ready_at_once_without_a_key_only_one_makes_one(make_controller, postgresql, database):
    settings = {"store_url": postgresql.url(database, password=None), "store_password": PASSWORD, "ready": False}
    pair = make_controller("first", **settings), make_controller("second", **settings)
    results = at_once(*[controller.initialize for controller in pair])
    (refused,) = [result for result in results if isinstance(result, StorageError)]
    assert "a further controller of this store needs the key of the others" in refused.message
    assert sum((controller.root / "etc" / "store.key").exists() for controller in pair) == 1


def test_a_controller_with_another_key_is_refused(make_controller, postgresql, database):
    settings = {"store_url": postgresql.url(database, password=None), "store_password": PASSWORD}
    make_controller("first", backend=None, **settings)
    second, donor = make_controller("second", ready=False, **settings), make_controller("donor", backend=None)
    shutil.copy2(donor.root / "etc" / "store.key", second.root / "etc" / "store.key")
    with pytest.raises(StorageError, match="is not the key of this store"):
        second.initialize()


KILLED = [
    (
        "volume",
        {"name": "new", "size": "1"},
        ["before commit 1", "before create_volume", "after create_volume", "before commit 3", "after commit 3"],
    ),
    ("volume", {"name": "data", "size": "2"}, ["before extend_volume", "after extend_volume"]),
    ("snapshot", {"name": "snap", "volume": "data"}, ["before create_snapshot", "after create_snapshot"]),
    ("export", {"volume": "data"}, ["after create_export", "after initialize_connection"]),
]


@pytest.mark.parametrize(
    ("noun", "parameters", "point"), [(noun, parameters, point) for noun, parameters, points in KILLED for point in points]
)
def test_what_a_killed_run_of_one_controller_left_the_other_settles(pair, connector, monkeypatch, noun, parameters, point):
    first, second = pair
    first.ensure("volume", backend="one", name="data", size="1")
    item = dict(parameters, backend="one", **({"connector": connector("node1")} if noun == "export" else {}))
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    with pytest.raises(StorageError, match="ended without an answer"):
        first.ensure(noun, **item)
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    found = second.ensure(noun, **item)
    assert not found.get("failed"), found
    assert second.unsettled() == [] and not first.ensure(noun, **item)["changed"]


# The database fails


def test_a_lost_connection_stops_a_task_before_it_goes_on_and_the_next_one_settles(pair, postgresql, database):
    first, second = pair

    def cut():
        wait_for_call(first, "create_volume")
        postgresql.cut(database)

    with first.fault("create_volume", "sleep 1"):
        result, _nothing = at_once(lambda: first.ensure("volume", backend="one", name="data", size="1"), cut)
    assert result["failed"] and result["error"]["code"] == "store", result
    assert "connection" in result["msg"] and "run the task again" in result["msg"] and PASSWORD not in json.dumps(result)
    assert first.unsettled() == [("volume", "create", "data")]
    again = second.ensure("volume", backend="one", name="data", size="1")
    assert [line["action"] for line in again["volumes"][0]["operations"]] == ["undo_create", "create"]
    assert first.unsettled() == [] and len(first.listing()) == 1


def test_a_database_that_is_away_is_told_and_nothing_is_asked_of_the_array(pair, postgresql):
    first, _second = pair
    postgresql.stop()
    try:
        for call in (
            lambda: first.ask("volume.list", {}),
            lambda: first.ensure("volume", backend="one", name="data", size="1"),
            first.initialize,
        ):
            with pytest.raises(StorageError, match="The metadata store .* failed") as caught:
                call()
            assert caught.value.code == "store" and PASSWORD not in repr(caught.value.to_dict())
    finally:
        postgresql.start()
    assert calls_of(first, "create_volume") == []
    assert first.ensure("volume", backend="one", name="data", size="1")["changed"]


def test_a_wrong_password_is_told_without_it(make_controller, postgresql, database):
    controller = make_controller(ready=False, store_url=postgresql.url(database, password=None), store_password="canary-wrong")
    with pytest.raises(StorageError, match="password authentication failed") as caught:
        controller.initialize()
    assert caught.value.code == "store" and "canary" not in repr(caught.value.to_dict())


@pytest.mark.parametrize(
    "url", ["mysql://a:canary-b@c/d", "postgresql://a@b/c?password=canary-b", "canary-b", "postgresql://a:canary-b@c:port/d"]
)
def test_what_is_no_url_of_a_store_is_refused_without_its_password(make_controller, url):
    controller = make_controller(ready=False, store_url=url)
    with pytest.raises(StorageError, match="store_url") as caught:
        controller.initialize()
    assert caught.value.code == "invalid" and "canary" not in repr(caught.value.to_dict())


def test_the_tasks_of_many_nodes_at_once_all_get_their_connections(pair, connector):
    pair[0].ask("volume.ensure", {"volumes": [{"backend": "one", "name": "v%d" % number, "size": "1"} for number in range(8)]})
    calls = [
        lambda number=number: pair[number % 2].ensure(
            "export", backend="one", volume="v%d" % number, connector=connector("node%d" % number)
        )
        for number in range(8)
    ]
    results = at_once(*calls)
    assert [result.get("changed") for result in results] == [True] * 8, results


# Locks alone, in the controller's environment


COORDINATORS = """
import sys, threading, time
from ansible_collections.baremetal.legacy_storage.plugins.controller import verbs  # as in a worker, first
from ansible_collections.baremetal.legacy_storage.plugins.controller.advisory import AdvisoryCoordinator
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.database import parse
from tooz import ToozError
one, other = (AdvisoryCoordinator(parse(sys.argv[1])) for _number in range(2))
"""


def run_with_coordinators(script, url):
    command = [os.environ["BLS_CONTROLLER_PYTHON"], "-c", COORDINATORS + script, url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_process_does_not_wait_for_itself_and_its_threads_exclude_each_other(postgresql, database):
    script = """
locks = [one.get_lock(b"lock %d" % number) for number in range(1000)]
assert all(lock.acquire(blocking=False) for lock in locks)  # tooz's own driver finds two of these to be one
assert not any(one.get_lock(b"lock %d" % number).acquire(blocking=False) for number in (0, 999))
assert not other.get_lock(b"lock 7").acquire(blocking=0.1)
waiting = threading.Thread(target=one.get_lock(b"lock 5").acquire)
waiting.start()
waiting.join(0.2)
assert waiting.is_alive()
locks[5].release()
waiting.join(10)
assert not waiting.is_alive()
readers = [(coordinator, coordinator.get_lock(b"shared")) for coordinator in (one, one, other)]
assert all(lock.acquire(blocking=False, shared=True) for _coordinator, lock in readers)
for _coordinator, lock in readers:
    assert not one.get_lock(b"shared").acquire(blocking=False) and not other.get_lock(b"shared").acquire(blocking=False)
    lock.release()
assert other.get_lock(b"shared").acquire(blocking=False)
"""
    with run_with_coordinators(script, postgresql.url(database)) as process:
        assert process.communicate(timeout=60) == ("", None)


def test_locks_are_free_when_their_session_ends_and_their_holder_is_told(postgresql, database):
    script = """
held = one.get_lock(b"a")
assert held.acquire(blocking=False) and not other.get_lock(b"a").acquire(blocking=0.1)
one.check()
print("cut", flush=True)
sys.stdin.readline()
for action in (one.check, one.get_lock(b"b").acquire):
    try:
        action()
    except ToozError as error:
        assert "lost" in str(error)
    else:
        sys.exit("nobody was told")
other.stop()
assert other.get_lock(b"a").acquire(blocking=False)
held.release()
assert one.get_lock(b"b").acquire(blocking=False)  # in a new session, once nothing is held
"""
    with run_with_coordinators(script, postgresql.url(database)) as process:
        assert process.stdout.readline() == "cut\n", process.stdout.read()
        postgresql.cut(database)
        assert process.communicate("\n", timeout=60) == ("", None)
