# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A volume migrates to another backend or pool: its data goes there whole, and all that users know of it stays."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import front

GIB = 1024**3
KEPT = ("id", "name", "size", "description", "metadata", "extra_specs", "qos_specs", "source", "created_at", "status")


@pytest.fixture(name="two")
def fixture_two(controller):
    """A second backend, on an array of its own; returns where that keeps its volumes."""
    array = controller.root / "other"
    for name in ("faults", "exports"):
        (array / name).mkdir(parents=True)
    controller.register("two", options={"sparse_files_dir": str(array)})
    return array


@pytest.fixture(name="data")
def fixture_data(controller):
    """A volume of 1 GiB with data at its front and its end; returns it as listed."""
    ensure(controller, size="1", description="text", metadata={"team": "a"}, qos_specs={"iops": "100"})
    (volume,) = controller.ask("volume.list", {})["volumes"]
    with open(controller.path_of("volume", volume["id"]), "r+b") as stream:
        stream.write(b"gold")
        stream.seek(GIB - 4)
        stream.write(b"last")
    return volume


def ensure(controller, check=False, backend="one", name="data", **parameters):
    return controller.ensure("volume", check, backend=backend, name=name, **parameters)


def migrate(controller, check=False, backend="one", to="two", **parameters):
    return ensure(controller, check, backend, migrate_to={"backend": to}, **parameters)


def listed(controller, name="data"):
    return next(volume for volume in controller.ask("volume.list", {})["volumes"] if volume["name"] == name)


def volumes_in(array):
    return sorted(path.name for path in array.iterdir() if path.name.startswith("volume-"))


def content(array):
    (name,) = volumes_in(array)
    with open(array / name, "rb") as stream:
        front = stream.read(4)
        stream.seek(GIB - 4)
        return front + stream.read(4)


@pytest.mark.parametrize(("limits", "most"), [((10, 1), 1), ((1, 10), 1), ((10, 2), 2)])
def test_no_more_volumes_move_at_once_than_either_backend_allows(controller, two, limits, most):
    controller.register("one", max_parallel=limits[0])
    controller.register("two", options={"sparse_files_dir": str(two)}, max_parallel=limits[1])
    names = ["a", "b", "c", "d"]
    assert not controller.ask("volume.ensure", {"volumes": [{"backend": "one", "name": name, "size": "1"} for name in names]}).get("failed")
    (two / "faults" / "create_volume").write_text("sleep 0.3")
    moves = [{"backend": "one", "name": name, "migrate_to": {"backend": "two"}} for name in names]
    result = controller.ask("volume.ensure", {"volumes": [*moves, {"backend": "two", "name": "new", "size": "1"}]})
    assert not result.get("failed") and [item["changed"] for item in result["volumes"]] == [True] * 5, result
    lines = [line.split() for line in (two / "calls.log").read_text().splitlines()]
    turns = [1 if what == "begin" else -1 for _moment, what, method in sorted(lines) if method == "create_volume"]
    assert max(sum(turns[:end]) for end in range(len(turns) + 1)) <= most + (limits[0] < limits[1]), "one is made there beside those that come"
    assert len(turns) == 10 and len(volumes_in(two)) == 5 and volumes_in(controller.array) == []


def test_to_another_backend_and_all_that_users_know_stays(controller, two, data):
    foreseen = migrate(controller, check=True)
    assert (content(controller.array), volumes_in(two)) == (b"goldlast", [])
    found = migrate(controller)
    assert found == foreseen
    assert found["changed"]
    assert (found["diff"]["before"], found["diff"]["after"]) == ({"one/data": {"backend": "one"}}, {"one/data": {"backend": "two"}})
    assert found["volumes"][0]["operations"] == [
        {"action": "migrate", "noun": "volume", "backend": "one", "name": "data", "to_backend": "two", "to_pool": "first"}
    ]
    after = listed(controller)
    assert {key: after[key] for key in KEPT} == {key: data[key] for key in KEPT}
    assert data["name_id"] == data["id"] and ["volume-" + after["name_id"]] == volumes_in(two)
    assert (volumes_in(controller.array), content(two)) == ([], b"goldlast")
    assert controller.unsettled() == []
    assert migrate(controller)["changed"] is False


def test_it_lives_on_there_and_comes_back(controller, two, data, connector):
    migrate(controller)
    controller.ensure("snapshot", backend="two", name="snap", volume="data")
    controller.ensure("volume", backend="two", name="clone", source_volume="data")
    assert ensure(controller, backend="two", size="2")["changed"]
    controller.ensure("export", backend="two", volume="data", host="node1", connector=connector("node1"))
    controller.ensure("export", backend="two", volume="data", host="node1", state="absent")
    controller.ensure("snapshot", backend="two", name="snap", state="absent")
    controller.ensure("volume", backend="two", name="clone", state="absent")
    assert migrate(controller, backend="two", to="one")["changed"]
    assert (content(controller.array), volumes_in(two)) == (b"goldlast", [])
    assert migrate(controller)["changed"]
    assert (volumes_in(controller.array), content(two)) == ([], b"goldlast")
    assert listed(controller)["id"] == data["id"]
    assert ensure(controller, backend="two", state="absent")["changed"]
    assert volumes_in(two) == []


def test_its_name_is_free_again_where_it_was(controller, two, data):
    migrate(controller)
    assert ensure(controller, size="1")["changed"]
    assert len(volumes_in(controller.array)) == len(volumes_in(two)) == 1
    assert "both have a volume 'data'" in migrate(controller)["msg"]


def test_what_the_task_says_of_it_holds_there(controller, two, data):
    found = migrate(controller, size="2", extra_specs={"a": "b"}, qos_specs={})
    assert [operation["action"] for operation in found["volumes"][0]["operations"]] == ["migrate", "extend"]
    assert {key: listed(controller)[key] for key in ("backend", "size", "extra_specs", "qos_specs")} == {
        "backend": "two",
        "size": 2,
        "extra_specs": {"a": "b"},
        "qos_specs": {},
    }
    assert migrate(controller, size="2", extra_specs={"a": "b"}, qos_specs={})["changed"] is False


def test_to_another_pool_only_when_allowed(controller, data):
    refused = ensure(controller, pool="second")
    assert "lies in pool 'first', not 'second'. migration_policy: on-demand lets it move" in refused["msg"]
    foreseen = ensure(controller, check=True, pool="second", migration_policy="on-demand")
    found = ensure(controller, pool="second", migration_policy="on-demand")
    assert found == foreseen
    assert listed(controller)["pool"] == "second"
    assert content(controller.array) == b"goldlast"
    assert {key: listed(controller)[key] for key in KEPT} == {key: data[key] for key in KEPT}
    assert ensure(controller, pool="second", migration_policy="on-demand")["changed"] is False


def test_a_driver_that_can_move_it_between_pools_does(controller, data):
    with controller.fault("moves", ""):
        assert ensure(controller, pool="second", migration_policy="on-demand")["changed"]
    assert listed(controller)["pool"] == "second"
    assert volumes_in(controller.array) == ["volume-" + data["id"]]
    assert [method for _moment, _what, method in controller.calls()].count("create_volume") == 2  # the begin and the end of the first


@pytest.fixture(name="unheard")
def fixture_unheard(controller, data, monkeypatch):
    """The driver has moved the volume to another pool, and its answer was lost; it cannot tell where the volume lies."""
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after migrate_volume")
    monkeypatch.setenv("BLS_TEST_FAULT", "raise")
    with controller.fault("moves", ""):
        failed = ensure(controller, pool="second", migration_policy="on-demand")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    assert "Whether volume 'data' moved is not known" in failed["msg"]
    assert listed(controller)["pool"] == "first" and controller.unsettled() == [("volume", "move", "data")]
    return data


def test_a_move_whose_answer_was_lost_is_asked_for_again_by_the_next_task(controller, unheard):
    with controller.fault("moves", ""):
        assert ensure(controller, description="new")["changed"]
    assert listed(controller)["pool"] == "second" and controller.unsettled() == []
    assert content(controller.array) == b"goldlast"


def test_a_move_that_cannot_be_asked_for_again_ends_and_says_what_is_not_known(controller, unheard):
    with controller.fault("migrate_volume", "it is there"):
        told = ensure(controller, description="new")
    assert told["error"]["code"] == "interrupted" and "counts as lying in pool first" in told["msg"] and "it is there" in told["msg"]
    assert controller.unsettled() == [] and ensure(controller, description="new")["changed"]
    assert volumes_in(controller.array) == ["volume-" + unheard["id"]]


@pytest.mark.parametrize(
    ("before", "message"),
    [
        (("export", {"volume": "data", "host": "node1"}), "migrate_to: volume 'data' is attached to node1"),
        (("snapshot", {"name": "snap", "volume": "data"}), "migrate_to: volume 'data' has snapshots (snap)"),
        (("volume", {"backend": "two", "name": "data", "size": "1"}), "backends one and two both have a volume 'data'"),
    ],
)
def test_what_must_not_move_does_not(before, message, controller, two, data, connector):
    noun, parameters = before
    if noun == "export":
        parameters = dict(parameters, connector=connector("node1"))
    assert not controller.ensure(noun, **dict({"backend": "one"}, **parameters)).get("failed")
    was = controller.look()
    found = migrate(controller)
    assert found["failed"]
    assert message in found["msg"]
    assert controller.look() == was


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"migrate_to": {"backend": "one"}}, "migrate_to.backend: 'one': is where it is"),
        ({"migrate_to": {"backend": "two"}, "pool": "first"}, "Give the pool as migrate_to.pool"),
        ({"migrate_to": {"backend": "two", "pool": "third"}}, "migrate_to.pool: 'third': is no pool of backend two"),
        ({"migrate_to": {"backend": "three"}}, "backend: 'three' is not registered"),
        ({"migrate_to": {"backend": "two"}, "state": "absent"}, "leave it out for state=absent"),
    ],
)
def test_what_makes_no_sense_is_told(parameters, message, controller, two, data):
    found = ensure(controller, **parameters)
    assert found["failed"]
    assert message in found["msg"]


@pytest.mark.parametrize("method", ["create_volume", "initialize_connection", "terminate_connection"])
def test_a_target_that_fails_leaves_the_volume_as_it_was(method, controller, two, data):
    before = listed(controller)
    (two / "faults" / method).write_text("the target is full")
    found = migrate(controller)
    assert "the target is full" in found["msg"]
    (two / "faults" / method).unlink()
    assert migrate(controller, check=True)["changed"]
    assert {key: listed(controller)[key] for key in KEPT} == {key: before[key] for key in KEPT}
    assert content(controller.array) == b"goldlast"
    assert migrate(controller)["changed"]
    assert (volumes_in(controller.array), content(two)) == ([], b"goldlast")
    assert controller.unsettled() == []


def test_a_copy_that_differs_is_never_taken_for_the_volume(controller, two, data, monkeypatch):
    monkeypatch.setenv("BLS_TEST_SPOIL_COPIES", "1")
    found = migrate(controller)
    assert "qemu-img compare failed" in found["msg"]
    assert "Content mismatch" in found["msg"]
    assert (content(controller.array), volumes_in(two)) == (b"goldlast", [])
    assert controller.unsettled() == []


def test_a_source_that_cannot_be_deleted_is_tried_again_and_then_kept_under_a_name_of_its_own(controller, two, data):
    with controller.fault("delete_volume", "it is protected"):
        found = migrate(controller)
    assert "was migrated, compared, and is on backend two now" in found["msg"]
    assert "it is protected" in found["msg"]
    assert content(two) == b"goldlast"
    with controller.fault("delete_volume", "it is protected"):
        found = migrate(controller)
    (left,) = [volume for volume in controller.ask("volume.list", {})["volumes"] if volume["backend"] == "one"]
    assert "kept there as volume %r" % left["name"] in found["msg"]
    assert migrate(controller)["changed"] is False
    assert ensure(controller, name=left["name"], state="absent")["changed"]
    assert volumes_in(controller.array) == []


def test_what_was_kept_on_an_array_survives_that_its_volume_goes_there_again(controller, two, data):
    migrate(controller)
    (two / "faults" / "delete_volume").write_text("it is protected")
    migrate(controller, backend="two", to="one")
    assert "kept there as volume" in migrate(controller, backend="two", to="one")["msg"]
    (two / "faults" / "delete_volume").unlink()
    (left,) = volumes_in(two)
    found = migrate(controller)
    assert found["changed"] and "msg" not in found, found
    assert left in volumes_in(two) and len(volumes_in(two)) == 2 and volumes_in(controller.array) == []
    assert all(front(two / name, 4) == b"gold" for name in volumes_in(two))


def test_how_far_it_got_is_told_while_it_runs(controller, two, data):
    (two / "faults" / "create_volume").write_text("sleep 1")
    running = threading.Thread(target=migrate, args=(controller,))
    running.start()
    deadline = time.monotonic() + 20
    while not listed(controller)["in_progress"] and time.monotonic() < deadline:
        time.sleep(0.05)
    (told,) = listed(controller)["in_progress"]
    running.join()
    assert (told["action"], told["step"]) == ("migrate", "begun")
    assert listed(controller)["in_progress"] == []


def test_from_a_playbook(controller, two, data):
    task = {"legacy_volume": {"backend": "one", "name": "data", "migrate_to": {"backend": "two"}}}
    played = controller.play([task, task, {"legacy_volume_info": {"backend": "two"}}])
    assert [result.failed for result in played] == [False, False, False]
    assert [played[0]["changed"], played[1]["changed"]] == [True, False]
    assert played[2]["volumes"][0]["id"] == data["id"]


def test_a_task_that_names_it_by_id_finds_it(controller, two, data):
    migrate(controller)
    assert ensure(controller, backend="two", name=data["id"], size="1")["changed"] is False
    assert "Beside migrate_to, give the name" in ensure(controller, name=data["id"], migrate_to={"backend": "two"})["msg"]
