# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed at any step can be run again: same end, nothing left over, no data harmed.

Each operation is killed, with SIGKILL, before and after every transaction of the store and every call of the driver.
Then either the same task runs again and must end where an undisturbed run ends, or its opposite does. The points are
listed by name in interrupted_operations.py, and a test compares the list with what a run really passes: a new step cannot go untested.
"""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.execute.executor import ACTIONS
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import plural
from ansible_collections.baremetal.legacy_storage.tests.integration.interrupted_bench import PLACES, Bench, count, named, told, world
from ansible_collections.baremetal.legacy_storage.tests.integration.interrupted_operations import (
    ALWAYS,
    BACKING_UP,
    COPYING,
    DOES,
    ELSEWHERE,
    GOLD,
    ON_EACH_LANE,
    OPERATIONS,
    POINTS,
    PRUNES,
    SETTLED,
    SETTLING,
)
from ansible_collections.baremetal.legacy_storage.tests.integration.killing_worker import DRIVER_METHODS


def cases(pairs, what, always=(), every=1):
    """Parameters, told by name. `make test` runs each ``every``th; operations that copy data or run restic, which takes a while, only in ``always``."""
    return [
        pytest.param(
            *pair,
            id="%s-%s %s (%d of %d)" % (pair[0], what, pair[1], number, len(pairs)),
            marks=[pytest.mark.extra] * (pair[0] in COPYING | BACKING_UP and pair[0] not in always or number % every != 0)
            + [pytest.mark.exhaustive] * (pair[0] not in ON_EACH_LANE),
        )
        for number, pair in enumerate(pairs, 1)
    ]


@pytest.fixture(autouse=True)
def fixture_short(monkeypatch):
    """Let a backup be of a volume's first 8 MiB, and no proxy stand before the web server."""
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(8 * 1024**2))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module", name="bench")
def fixture_bench(tmp_path_factory, make_controller_in):
    made = {}

    def get(name, connector):
        if name not in made:
            made[name] = Bench(tmp_path_factory.mktemp("bench"), make_controller_in, connector, name)
        made[name].reset()
        return made[name]

    return get


@pytest.fixture(name="killed")
def fixture_killed(bench, connector, monkeypatch):
    """A function: run an operation and kill it at a point; returns its bench."""

    def kill(name, point):
        prepared = bench(name, connector)
        monkeypatch.setenv("BLS_TEST_KILL_AT", point)
        with pytest.raises(StorageError, match="ended without an answer.*Run the task again") as caught:
            prepared.run(prepared.operation)
        assert caught.value.code == "interrupted"
        monkeypatch.delenv("BLS_TEST_KILL_AT")
        return prepared

    return kill


def test_every_operation_that_there_is_is_killed_at_every_step_here_or_elsewhere():
    all_of_them = {(noun, action) for noun, actions in ACTIONS.items() for action in actions if not action.startswith(SETTLING)} - SETTLED
    assert all_of_them - set(ELSEWHERE) == set(DOES), "what is new needs its row in OPERATIONS"
    assert {name for names in DOES.values() for name in names} == set(OPERATIONS)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.extra] * (name in BACKING_UP)) for name in OPERATIONS])
def test_these_are_all_the_points_at_which_it_can_be_killed(name, bench, connector, monkeypatch, tmp_path):
    prepared = bench(name, connector)
    monkeypatch.setenv("BLS_TEST_POINTS", str(tmp_path / "points"))
    result = prepared.run(prepared.operation)
    assert (tmp_path / "points").read_text().splitlines() == OPERATIONS[name][3]
    ran = {(item["noun"], item["action"]) for item in result[plural(prepared.operation[0])][0]["operations"]}
    assert ran == {what for what, names in DOES.items() if name in names}


@pytest.mark.parametrize(("name", "point"), cases(POINTS, "killed", always=[ALWAYS]))
def test_the_same_task_again_ends_as_if_nothing_had_happened(name, point, killed, tally):
    prepared = killed(name, point)
    foreseen = prepared.run(prepared.operation, check=True)
    found = prepared.run(prepared.operation)
    key = plural(prepared.operation[0])
    assert found[key][0]["operations"] == foreseen[key][0]["operations"]
    assert prepared.controller.unsettled() == []
    assert world(prepared.controller) == prepared.ended
    assert prepared.run(prepared.operation)["changed"] is False
    count(tally, "runs killed, then run again", prepared.ended)


@pytest.mark.parametrize(("name", "point"), cases(POINTS, "killed", every=3))
def test_the_opposite_task_leaves_nothing_over(name, point, killed, tally):
    prepared = killed(name, point)
    prepared.run(prepared.opposite)
    assert prepared.controller.unsettled() == []
    found, expected = world(prepared.controller), prepared.undone
    tally["runs killed, then the opposite"] += 1
    if name == "delete a volume with snapshot and export":  # "present" keeps what was not yet deleted, and that is all there is
        assert sorted(found["files"]) == sorted(named(found))
        return
    if name.startswith(("adopt", "release")):  # a driver killed in it may forget what it was called; the data is there, once
        assert (found["rows"], found["exports"]) == (expected["rows"], expected["exports"])
        begun = point != "before commit 1"
        if name == "adopt a volume, then delete it":
            expected = {"contents": {} if begun else {"lun7": told([GOLD] * len(PLACES))}}
        elif name.startswith("release") and not begun:
            expected = {"contents": {path: front for path, front in expected["contents"].items() if path.startswith("volume-")}}
        assert sorted(found["contents"].values()) == sorted(expected["contents"].values())
        return
    if name.startswith(("delete", "revert")):  # what was not yet deleted or reverted still holds its data
        assert set(found.pop("contents")) == set(expected["contents"])
        expected = {key: value for key, value in expected.items() if key != "contents"}
    if name == PRUNES:  # the backup that was to go stays where the run did not get that far
        assert {item["name"] for item in found.pop("backups")[0]} <= {"monday"}
        expected = {key: value for key, value in expected.items() if key != "backups"}
    assert found == expected


# The driver refuses or loses the answer, does not return, or the disk under the store is full: each at every step.
CALLS = [(name, point) for name, point in POINTS if point.split()[1] in DRIVER_METHODS]
WAITS = [(name, point) for name, point in CALLS if point.startswith("before")]
COMMITS = [(name, point) for name, point in POINTS if point.startswith("before commit")]


@pytest.fixture(name="broken")
def fixture_broken(bench, connector, monkeypatch):
    """A function: run an operation in which something goes wrong at a point; returns its bench and the task's words."""

    def run(name, point, fault, **settings):
        prepared = bench(name, connector)
        controller = prepared.controller
        monkeypatch.setenv("BLS_TEST_KILL_AT", point)
        monkeypatch.setenv("BLS_TEST_FAULT", fault)
        controller.write_config(controller.config, **dict(prepared.written, **settings))
        result = prepared.attempt(prepared.operation)
        controller.write_config(controller.config, **prepared.written)
        monkeypatch.delenv("BLS_TEST_KILL_AT")
        return prepared, result.get("msg")

    return run


def settle(prepared):
    """Run the task again, after which all must be as if nothing had gone wrong."""
    prepared.run(prepared.operation)
    assert prepared.controller.unsettled() == []
    assert world(prepared.controller) == prepared.ended


@pytest.mark.parametrize(("name", "point"), cases(CALLS, "raises", every=3))
def test_an_array_that_refuses_or_whose_answer_is_lost_is_told_and_the_next_run_ends_well(name, point, broken, tally):
    prepared, words = broken(name, point, "raise")
    if words is None:  # the array was asked and has the size; or all is done but for closing what was opened, which the journal knows
        assert point == "after extend_volume" or {noun for noun, _action, _name in prepared.controller.unsettled()} <= {"access", "volume"}
    else:
        assert "the array broke %s" % point in words
    settle(prepared)
    count(tally, "answers of the array that were errors or lost", prepared.ended)


@pytest.mark.parametrize(("name", "point"), cases(WAITS, "hangs", every=3))
def test_an_array_that_never_answers_is_given_up_after_the_time_set_and_the_next_run_ends_well(name, point, broken, tally):
    prepared, words = broken(name, point, "hang", operation_timeout=0.5)
    assert "has not answered for 0.5 s (operation_timeout)" in words
    settle(prepared)
    count(tally, "calls of the array that never returned", prepared.ended)


@pytest.mark.parametrize(("name", "point"), cases(COMMITS, "full", every=3))
def test_a_full_disk_under_the_store_is_told_and_the_next_run_ends_well(name, point, broken, tally):
    prepared, words = broken(name, point, "full")
    assert "The metadata store" in words and "failed" in words
    settle(prepared)
    count(tally, "transactions that a full disk refused", prepared.ended)
