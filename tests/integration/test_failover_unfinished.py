# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fail over that failed, was refused, never ended or was killed: what is closed until it has ended, and what may end it."""

from __future__ import annotations

import json
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.array_pair import FAILED_BACK, FAILED_OVER, GOLD, REPLICATED, SECRET, Pair, told


@pytest.fixture(name="pair")
def fixture_pair(controller):
    return Pair(controller)


def test_a_target_that_the_driver_refuses_leaves_all_as_it_was(pair):
    pair.volume("data", extra_specs=REPLICATED)
    with pair.controller.fault("refuse_target", "no such partner, says %s" % SECRET):
        before = pair.controller.dump()
        result = pair.turn(**FAILED_OVER)
        assert result["error"]["code"] == "backend" and "no such partner" in result["msg"] and SECRET not in json.dumps(result)
        assert pair.controller.dump() == before
    assert pair.controller.unsettled() == []


def test_a_fail_over_that_fails_closes_the_backend_until_the_same_task_succeeds(pair):
    pair.volume("data", GOLD, extra_specs=REPLICATED)
    with pair.controller.fault("failover_host", "the partner is slow, says %s" % SECRET):
        result = pair.turn(**FAILED_OVER)
        assert "the partner is slow" in result["msg"] and "name: pair, state: failed_over, target: beta again" in result["msg"]
        assert SECRET not in json.dumps(result)
    for result in (
        pair.controller.ensure("volume", backend="pair", name="data", size=2),
        pair.controller.ensure("volume", check=True, backend="pair", name="data", state="absent"),
        pair.controller.ensure("backend", **pair.parameters(max_parallel=2)),
        pair.controller.ensure("backend", name="pair", state="absent"),
        pair.turn(**FAILED_BACK),
    ):
        assert result["failed"] and "which array serves it is not known" in result["msg"]
    assert not pair.controller.ensure("volume", backend="one", name="data", size=1).get("failed")
    findings = pair.controller.ask("doctor.examine", {"mend": True, "timeout": 30})["findings"]
    assert [item["mendable"] for item in findings if item["check"] == "failover"] == [False]
    assert pair.controller.unsettled() == [("backend", "fail_over", "pair")]
    done = pair.turn(**FAILED_OVER)
    assert done["backends"][0]["operations"][0]["action"] == "finish_fail_over" and told(done)["failed_over_to"] == "beta"
    assert pair.controller.unsettled() == []
    assert not pair.turn(**FAILED_OVER)["changed"]


def test_who_has_looked_at_the_arrays_ends_what_the_driver_cannot(pair):
    pair.volume("data", GOLD, extra_specs=REPLICATED)
    pair.volume("plain")
    # it went on, but the driver is not to be persuaded a second time
    with pair.controller.fault("failover_host", "lost"):
        pair.turn(**FAILED_OVER)
    with pair.controller.fault("refuse_target", "it is there already"):
        result = pair.turn(**FAILED_OVER)
        assert "it is there already" in result["msg"] and "force: [unconfirmed]" in result["msg"]
        assert pair.controller.unsettled() == [("backend", "fail_over", "pair")]
        foreseen = pair.turn(check=True, force=["unconfirmed"], **FAILED_OVER)
        done = pair.turn(force=["unconfirmed"], **FAILED_OVER)
    assert told(done) == told(foreseen) and told(done)["failed_over_to"] == "beta" and told(done)["unreachable"] == ["plain"]
    assert pair.volumes() == {"data": ("available", "failed-over"), "plain": ("error", "not-capable")}
    assert not pair.turn(force=["unconfirmed"], **FAILED_OVER)["changed"]
    pair.turn(**FAILED_BACK)
    # it was not even begun, and is given up
    with pair.controller.fault("failover_host", "wrong password"):
        pair.turn(**FAILED_OVER)
    done = pair.turn(force=["unconfirmed"], **FAILED_BACK)
    assert done["changed"] and told(done)["failed_over_to"] is None
    assert pair.volumes() == {"data": ("available", "enabled"), "plain": ("available", "disabled")}
    assert pair.controller.unsettled() == []


def test_a_fail_back_that_comes_too_early_is_given_up_and_the_target_serves_on(pair):
    pair.volume("data", GOLD, extra_specs=REPLICATED)
    pair.die()
    pair.turn(**FAILED_OVER)
    assert "does not answer" in pair.turn(**FAILED_BACK)["msg"]
    assert pair.attach("data")["failed"]
    done = pair.turn(force=["unconfirmed"], **FAILED_OVER)
    assert done["changed"] and told(done)["failed_over_to"] == "beta"
    assert not pair.attach("data").get("failed")


def test_the_doctor_tells_what_a_fail_over_left_and_takes_nothing_for_missing(pair):
    pair.volume("data", GOLD, extra_specs=REPLICATED)
    pair.volume("plain")
    pair.controller.ensure("snapshot", backend="pair", name="snap", volume="plain")
    pair.attach("data")
    pair.turn(**FAILED_OVER)
    found = pair.controller.ask("doctor.examine", {"mend": True, "timeout": 30, "backends": ["pair"]})
    findings = {(item["check"], item["where"]): item for item in found["findings"] if item["severity"] == "error"}
    assert set(findings) == {("failover", "volume pair/plain"), ("status", "export pair/data on node1")}
    assert "attach it again" in findings["status", "export pair/data on node1"]["remedy"]


def test_an_array_that_never_answers_a_fail_over_is_given_up_after_the_time_set(pair):
    controller = pair.controller
    controller.settings["operation_timeout"] = 1.5
    controller.write_config(controller.config, python=controller.warm())
    with controller.fault("failover_host", "sleep 60"):
        result = pair.turn(**FAILED_OVER)
    assert result["failed"] and "has not answered for 1.5 s (operation_timeout)" in result["msg"]
    assert controller.unsettled() == [("backend", "fail_over", "pair")]
    assert told(pair.turn(**FAILED_OVER))["failed_over_to"] == "beta"
    assert controller.unsettled() == []


def test_a_fail_over_settles_nothing_else_and_what_was_killed_before_is_settled_at_the_target(pair, monkeypatch):
    pair.volume("data", GOLD, extra_specs=REPLICATED)
    monkeypatch.setenv("BLS_TEST_KILL_AT", "before extend_volume")
    with pytest.raises(StorageError):
        pair.controller.ensure("volume", backend="pair", name="data", size=2)
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    pair.die()
    assert not pair.turn(**FAILED_OVER).get("failed")
    assert pair.controller.unsettled() == [("volume", "extend", "data")]
    result = pair.controller.ensure("volume", backend="pair", name="data", size=2)
    assert not result.get("failed"), result
    assert pair.volumes()["data"] == ("available", "failed-over")
    assert pair.controller.unsettled() == []


POINTS = [when + point for point in ("commit 1", "failover_host", "commit 2") for when in ("before ", "after ")]


def world(pair):
    """Return all that a user could see."""
    root = pair.controller.root
    listing = {str(path.relative_to(root)): front(path) for folder in ("array", "beta") for path in visible(root / folder)}
    exports = pair.controller.query("SELECT volume_id, host, status FROM exports")
    shown = [{key: value for key, value in item.items() if key != "created_at"} for item in pair.controller.ask("volume.list", {})["volumes"]]
    return listing, exports, shown, pair.controller.ask("backend.list", {}), pair.controller.query("SELECT id, driver_data FROM volumes ORDER BY id")


def front(path):
    with open(path, "rb") as stream:
        return stream.read(len(GOLD))


def visible(folder):
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "calls.log"]


@pytest.fixture(name="prepared")
def fixture_prepared(pair):
    """A function: prepare a backend to be failed over, or back, and come back to that as often as one likes."""

    def prepare(back):
        pair.volume("data", GOLD, extra_specs=REPLICATED)
        pair.volume("plain", b"lead")
        pair.attach("data")
        pair.attach("plain", "node2")
        if back:
            pair.turn(**FAILED_OVER)
        shell("rm -rf saved && mkdir saved && cp -a --sparse=always array beta state saved", pair)
        return FAILED_BACK if back else FAILED_OVER

    return prepare


def shell(command, pair):
    subprocess.run(command, shell=True, cwd=pair.controller.root, check=True, timeout=60)


@pytest.mark.parametrize("back", [False, True], ids=["over", "back"])
def test_a_killed_fail_over_is_finished_by_the_same_task_and_by_nothing_else(pair, prepared, back, monkeypatch, tmp_path):
    wanted = prepared(back)
    untouched = world(pair)
    monkeypatch.setenv("BLS_TEST_POINTS", str(tmp_path / "points"))
    pair.turn(**wanted)
    monkeypatch.delenv("BLS_TEST_POINTS")
    assert (tmp_path / "points").read_text().splitlines() == POINTS
    ended = world(pair)
    assert ended != untouched
    for fault in ("kill", "raise", "full"):
        for point in POINTS:
            if (fault == "raise") != ("failover_host" in point) and fault != "kill" or (fault == "full" and not point.startswith("before commit")):
                continue
            shell("rm -rf array beta state && cp -a --sparse=always saved/. .", pair)
            monkeypatch.setenv("BLS_TEST_KILL_AT", point)
            monkeypatch.setenv("BLS_TEST_FAULT", fault)
            try:
                result = pair.turn(**wanted)
                assert result["failed"] and fault != "kill", point
            except StorageError as error:
                assert error.code == "interrupted" and fault == "kill", point
            monkeypatch.delenv("BLS_TEST_KILL_AT")
            begun = bool(pair.controller.unsettled())
            assert begun == (point not in ("before commit 1", "after commit 2")), (fault, point)
            stopped = pair.controller.ensure("volume", backend="pair", name="data", description="other")
            if begun:
                assert stopped["failed"] and "Run legacy_backend_failover" in stopped["msg"]
            foreseen, done = pair.turn(check=True, **wanted), pair.turn(**wanted)
            assert not done.get("failed"), (fault, point, done)
            assert foreseen["backends"] == done["backends"], (fault, point)
            assert pair.controller.unsettled() == []
            if begun:
                assert world(pair) == ended, (fault, point)
            assert not pair.turn(**wanted)["changed"]
