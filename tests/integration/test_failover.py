# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replicated volumes, and a backend failed over to another array and back, with the data on both (drivers/replicated_files.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import ON_BOTH, node_connector

REPLICATED = {"replication_enabled": "<is> True"}
SECRET = "canary-target-password"
GOLD = b"gold" * 1024
FAILED_OVER = {"name": "pair", "state": "failed_over", "target": "beta"}
FAILED_BACK = {"name": "pair", "state": "failed_back"}


class Pair:
    """A controller whose backend ``pair`` has two arrays: ``array`` and ``beta``."""

    def __init__(self, controller):
        self.controller = controller
        self.beta = controller.root / "beta"
        self.beta.mkdir()
        self.register()

    def parameters(self, targets=("beta",), **changes):
        """Return the backend's parameters."""
        devices = [{"backend_id": name, "directory": str(self.controller.root / name), "password": SECRET} for name in targets]
        parameters = {
            "name": "pair",
            "driver": "replicated_files.ReplicatedFileDriver",
            "options": {"sparse_files_dir": str(self.controller.array)},
            "secret_options": {"replication_device": devices} if devices else {},
        }
        return dict(parameters, **changes)

    def register(self, **changes):
        """Register the backend."""
        result = self.controller.ensure("backend", **self.parameters(**changes))
        assert not result.get("failed"), result

    def volume(self, name, content=None, **parameters):
        """Make a volume and write to it as a host would; return its record."""
        result = self.controller.ensure("volume", backend="pair", name=name, size=1, **parameters)
        assert not result.get("failed"), result
        volume = result["volumes"][0]["volume"]
        if content:
            with open(self.controller.path_of("volume", volume["id"]), "r+b") as stream:
                stream.write(content)
        return volume

    def attach(self, volume, host="node1", **parameters):
        """Map a volume to a host; return the result."""
        return self.controller.ensure("export", backend="pair", volume=volume, connector=node_connector(host), **parameters)

    def turn(self, check=False, **parameters):
        """Fail over or back, and return the result."""
        return self.controller.ask("failover.ensure", {"backends": [parameters]}, check)

    def volumes(self):
        """Return {name: (status, replication_status)}."""
        return {item["name"]: (item["status"], item["replication_status"]) for item in self.controller.ask("volume.list", {})["volumes"]}

    def die(self):
        """Let the first array die."""
        os.rename(self.controller.array, self.controller.root / "dead")

    def live(self):
        """Let it come back as it was."""
        os.rename(self.controller.root / "dead", self.controller.array)

    def read(self, place, volume):
        """Return what an array has at the front of a volume."""
        with open(place / ("volume-" + volume["id"]), "rb") as stream:
            return stream.read(len(GOLD))


@pytest.fixture(name="pair")
def fixture_pair(controller):
    return Pair(controller)


def told(result):
    return result["backends"][0]["backend"]


# Replicated volumes


def test_a_volume_of_a_replicated_type_is_on_both_arrays_and_says_so(pair):
    foreseen = pair.controller.ensure("volume", check=True, backend="pair", name="data", size=1, extra_specs=REPLICATED)
    volume = pair.volume("data", GOLD, extra_specs=REPLICATED)
    assert volume == foreseen["volumes"][0]["volume"]
    assert volume["replication_status"] == "enabled"
    assert "canary" not in pair.controller.dump(), "what the driver keeps of the mirror, and the target's password, are encrypted"
    assert pair.volume("plain")["replication_status"] == "disabled"
    assert pair.read(pair.beta, volume) == GOLD
    assert not pair.controller.ensure("volume", backend="pair", name="data", size=1, extra_specs=REPLICATED)["changed"]


def test_replication_begins_and_ends_by_retyping(pair):
    volume = pair.volume("data", GOLD)
    for specs, status, there in ((REPLICATED, "enabled", True), ({"replication_enabled": "<is> False"}, "disabled", False)):
        wanted = dict(backend="pair", name="data", extra_specs=specs)
        foreseen = pair.controller.ensure("volume", check=True, **wanted)
        done = pair.controller.ensure("volume", **wanted)
        assert done["changed"] and done == foreseen
        assert done["volumes"][0]["volume"]["replication_status"] == status
        assert done["diff"]["after"]["pair/data"]["replication_status"] == status
        assert (pair.beta / ("volume-" + volume["id"])).exists() is there
        assert not pair.controller.ensure("volume", **wanted)["changed"]


@pytest.mark.parametrize("check", [False, True])
def test_replication_is_refused_before_anything_is_made_where_the_backend_has_no_target(pair, check):
    result = pair.controller.ensure("volume", check=check, backend="one", name="data", size=1, extra_specs=REPLICATED)
    assert result["error"]["code"] == "unsupported"
    assert "backend one has no replication target" in result["msg"] and "secret_options.replication_device" in result["msg"]
    assert pair.controller.query("SELECT count(*) FROM volumes") == [(0,)]


@pytest.mark.parametrize("check", [False, True])
def test_replication_is_refused_before_anything_is_made_where_the_driver_does_none(pair, check):
    pair.controller.register("lazy", secret_options={"replication_device": {"backend_id": "beta"}})  # a driver that ignores it
    result = pair.controller.ensure("volume", check=check, backend="lazy", name="data", size=1, extra_specs=REPLICATED)
    assert result["error"]["code"] == "unsupported"
    assert "the driver of backend lazy says that it does not replicate now" in result["msg"]
    assert pair.controller.query("SELECT count(*) FROM volumes") == [(0,)]


def test_a_word_that_drivers_would_take_for_no_is_refused(pair):
    result = pair.controller.ensure("volume", backend="pair", name="data", size=1, extra_specs={"replication_enabled": "yes"})
    assert result["error"]["code"] == "invalid"
    assert "must be '<is> True' or '<is> False'" in result["msg"]


# Targets of a backend


@pytest.mark.parametrize(
    "device",
    [
        {"backend_id": "beta", "port": 443, "password": SECRET},
        [{"backend_id": "beta", "port": "443", "password": SECRET}],
        "backend_id:beta,port:443,password:" + SECRET,
        ["backend_id:beta, port:443, password:" + SECRET],
    ],
)
def test_a_target_may_be_written_as_a_dictionary_a_list_or_as_in_cinders_file(pair, device):
    pair.controller.register("lazy", secret_options={"replication_device": device})
    same = pair.controller.backend_parameters("lazy", secret_options={"replication_device": {"backend_id": "beta", "port": "443", "password": SECRET}})
    assert not pair.controller.ensure("backend", **same)["changed"]
    (found,) = pair.controller.ask("backend.list", {"name": "lazy"})["backends"]
    assert found["replication"] == {"targets": ["beta"], "enabled": None}
    assert SECRET not in json.dumps(found)


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ({"password": SECRET}, "every item needs a backend_id"),
        ([{"backend_id": "a"}, {"backend_id": "a"}], "every item needs a backend_id of its own"),
        ({"backend_id": "default"}, "means the array that is failed over from"),
        ([SECRET], "its item 1 must be a dictionary"),
        (7, "its item 1 must be a dictionary"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused_and_nothing_of_it_shown(pair, device, words):
    result = pair.controller.ensure("backend", **pair.controller.backend_parameters("lazy", secret_options={"replication_device": device}))
    assert result["error"]["code"] == "invalid" and words in result["msg"]
    assert SECRET not in json.dumps(result)


def test_targets_are_secrets_as_cinder_declares_them(pair):
    options = {"sparse_files_dir": str(pair.controller.array), "replication_device": {"backend_id": "beta"}}
    result = pair.controller.ensure("backend", **pair.controller.backend_parameters("lazy", options=options))
    assert "options.replication_device: is a secret of this driver. Give it under secret_options" in result["msg"]


def test_the_backend_tells_its_targets_and_whether_it_replicates(pair):
    played = pair.controller.play([{"legacy_backend_info": {"name": "pair", "refresh": True}}])
    (backend,) = played[0]["backends"]
    assert backend["failed_over_to"] is None
    assert backend["replication"] == {"targets": ["beta"], "enabled": True}
    assert SECRET not in played.output + json.dumps(played[0].result)


# Fail over and back


def test_a_lost_array_is_failed_over_with_its_data_and_back_again(pair):
    data, plain = pair.volume("data", GOLD, extra_specs=REPLICATED), pair.volume("plain", b"lead")
    pair.die()
    task = {"legacy_backend_failover": FAILED_OVER}
    before = pair.controller.dump()
    foreseen = pair.controller.play([task], check=True, diff=True)[0]
    assert pair.controller.dump() == before
    done, again = pair.controller.play([task, task], diff=True)
    assert done["changed"] and not again["changed"]
    assert foreseen["backend"] == done["backend"] == again["backend"]
    assert foreseen["diff"] == done["diff"]
    assert done["diff"]["before"]["pair"] == {"failed_over_to": None, "unreachable": []}
    assert done["diff"]["after"]["pair"] == {"failed_over_to": "beta", "unreachable": ["plain"]}
    assert done["operations"] == [{"action": "fail_over", "noun": "backend", "backend": "pair", "name": "pair", "replication_target": "beta"}]
    assert done["backend"] == {
        "name": "pair",
        "failed_over_to": "beta",
        "targets": ["beta"],
        "replicated": ["data"],
        "unreachable": ["plain"],
        "in_error": [],
        "reattach": [],
    }
    assert pair.volumes() == {"data": ("available", "failed-over"), "plain": ("error", "not-capable")}
    assert pair.read(pair.beta, data) == GOLD

    # it works at the target, and only there
    result = pair.attach("data")
    assert result["exports"][0]["export"]["connection_info"]["device_path"].startswith(str(pair.beta))
    assert not pair.controller.ensure("volume", backend="pair", name="data", size=2).get("failed")
    pair.controller.ensure("export", backend="pair", volume="data", host="node1", state="absent")
    with open(pair.beta / ("volume-" + data["id"]), "r+b") as stream:
        stream.write(b"silver")

    pair.live()
    assert pair.read(pair.controller.array, data) == GOLD  # the dead array saw nothing of it
    task = {"legacy_backend_failover": FAILED_BACK}
    foreseen = pair.controller.play([task], check=True)[0]
    done, again = pair.controller.play([task, task])
    assert done["changed"] and not again["changed"]
    assert foreseen["backend"] == done["backend"] == again["backend"]
    assert pair.volumes() == {"data": ("available", "enabled"), "plain": ("available", "disabled")}
    assert pair.read(pair.controller.array, data).startswith(b"silverldgold")
    assert pair.read(pair.controller.array, plain).startswith(b"lead")
    assert not pair.controller.ensure("volume", backend="pair", name="plain", size=2).get("failed")


@ON_BOTH
def test_what_was_attached_is_told_and_must_be_detached_before_it_is_attached_again(pair):
    pair.volume("data", GOLD, extra_specs=REPLICATED)
    volume = pair.controller.ask("volume.list", {"names": ["data"]})["volumes"][0]
    pair.attach("data")
    pair.die()
    foreseen = pair.turn(check=True, **FAILED_OVER)
    done = pair.turn(**FAILED_OVER)
    assert told(done)["reattach"] == told(foreseen)["reattach"] == [{"volume": "data", "volume_id": volume["id"], "hosts": ["node1"]}]
    refused = pair.attach("data")
    assert refused["error"]["code"] == "conflict" and "Detach it" in refused["msg"]
    assert pair.attach("data", "node2")["failed"]  # still the first one's
    # the target never heard of that mapping, and its driver says so; that must not keep it here
    detached = pair.controller.ensure("export", backend="pair", volume="data", host="node1", state="absent")
    assert detached["changed"] and not detached.get("failed"), detached
    assert told(pair.turn(**FAILED_OVER))["reattach"] == []
    assert not pair.attach("data").get("failed")
    assert told(pair.turn(**FAILED_OVER))["reattach"] == []
    pair.live()
    assert told(pair.turn(**FAILED_BACK))["reattach"] != []
    assert pair.controller.unsettled() == []


def test_a_volume_that_was_left_behind_is_not_touched_by_any_task(pair):
    plain = pair.volume("plain", b"lead")
    pair.controller.ensure("snapshot", backend="pair", name="snap", volume="plain")
    pair.volume("used")
    pair.attach("used")
    files = pair.controller.listing()
    pair.turn(**FAILED_OVER)
    for noun, parameters in (
        ("volume", {"name": "plain", "state": "absent"}),
        ("volume", {"name": plain["id"], "state": "absent"}),
        ("volume", {"name": "plain", "state": "released"}),
        ("volume", {"name": "plain", "size": 2}),
        ("volume", {"name": "copy", "source_volume": "plain"}),
        ("volume", {"name": "copy", "source_snapshot": "snap"}),
        ("snapshot", {"name": "snap", "state": "absent"}),
        ("snapshot", {"name": "new", "volume": "plain"}),
        ("export", {"volume": "plain", "connector": node_connector("node1")}),
        ("export", {"volume": "used", "host": "node1", "state": "absent"}),
    ):
        for check in (True, False):
            result = pair.controller.ensure(noun, check=check, backend="pair", **parameters)
            assert result.get("failed") and "is not replicated: it lies on the array that backend pair was failed over from" in result["msg"]
    pair.turn(**FAILED_BACK)
    assert pair.volumes() == {"plain": ("available", "disabled"), "used": ("in-use", "disabled")}
    assert pair.controller.listing() == files
    assert not pair.controller.ensure("export", backend="pair", volume="used", host="node1", state="absent").get("failed")


def test_nothing_new_is_made_where_it_would_be_lost_by_the_fail_back(pair):
    pair.turn(**FAILED_OVER)
    for check in (True, False):
        result = pair.controller.ensure("volume", check=check, backend="pair", name="new", size=1)
        assert result["error"]["code"] == "conflict"
        assert "pair is failed over to beta. A new volume would not be there after the fail back" in result["msg"]
    pair.turn(**FAILED_BACK)
    assert not pair.controller.ensure("volume", backend="pair", name="new", size=1).get("failed")


def test_a_volume_that_the_target_does_not_have_is_told_and_comes_back(pair):
    data = pair.volume("data", GOLD, extra_specs=REPLICATED)
    pair.volume("good", extra_specs=REPLICATED)
    os.rename(pair.beta / ("volume-" + data["id"]), pair.beta / "gone")
    done = pair.turn(**FAILED_OVER)
    assert told(done)["in_error"] == ["data"] and told(done)["replicated"] == ["good"]
    assert pair.volumes()["data"] == ("error", "failover-error")
    assert "could not be failed over" in pair.controller.ensure("volume", backend="pair", name="data", size=2)["msg"]
    os.rename(pair.beta / "gone", pair.beta / ("volume-" + data["id"]))
    assert told(pair.turn(**FAILED_BACK))["in_error"] == []
    assert pair.volumes()["data"] == ("available", "enabled")
    assert pair.read(pair.controller.array, data) == GOLD


def test_pools_and_volumes_of_other_backends_stay_as_they_are(pair):
    pair.controller.ensure("volume", backend="one", name="data", size=1)
    pair.turn(**FAILED_OVER)
    assert not pair.controller.ensure("volume", backend="one", name="data", size=2).get("failed")
    assert pair.volumes() == {"data": ("available", "disabled")}


@pytest.mark.parametrize(
    ("parameters", "code", "words"),
    [
        ({"name": "pair", "state": "failed_over", "target": "gamma"}, "not_found", "'gamma' is no replication target of backend pair (targets: beta)"),
        ({"name": "one", "state": "failed_over"}, "unsupported", "backend one has no replication target"),
        ({"name": "lazy", "state": "failed_over"}, "unsupported", "(sparse_files.SparseFileDriver) offers no fail over"),
        ({"name": "three", "state": "failed_over"}, "invalid", "target: is required, as backend three has several: beta, gamma"),
        ({"name": "none", "state": "failed_over"}, "not_found", "'none' is not registered"),
        ({"name": "pair"}, "invalid", "state: None: is required and must be one of: failed_over, failed_back"),
        ({"name": "pair", "state": "failed_back", "target": "beta"}, "invalid", "is for state=failed_over"),
        (dict(FAILED_OVER, force=["unconfirmed"]), "invalid", "there is none of backend pair"),
        (dict(FAILED_OVER, force=["yes"]), "invalid", "must be one of: unconfirmed"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason_and_changes_nothing(pair, parameters, code, words):
    pair.controller.register("lazy", secret_options={"replication_device": {"backend_id": "beta"}})
    pair.register(name="three", targets=("beta", "gamma"))
    before = pair.controller.look()
    result = pair.turn(**parameters)
    assert result["failed"] and result["error"]["code"] == code and words in result["msg"]
    assert pair.controller.look() == before
    if parameters["name"] != "none":  # in check mode an earlier task may be what registers it
        assert pair.turn(check=True, **parameters)["msg"] == result["msg"]


def test_a_backend_is_failed_back_before_it_is_failed_over_elsewhere(pair):
    pair.register(targets=("beta", "gamma"))
    (pair.controller.root / "gamma").mkdir()
    pair.turn(**FAILED_OVER)
    result = pair.turn(name="pair", state="failed_over", target="gamma")
    assert result["error"]["code"] == "conflict" and "Fail it back first" in result["msg"]


def test_the_options_of_a_failed_over_backend_keep_its_target(pair):
    pair.register(targets=("beta", "gamma"))
    pair.turn(**FAILED_OVER)
    for parameters in (pair.parameters(targets=("gamma",)), pair.parameters(targets=()), pair.parameters(driver="sparse_files.SparseFileDriver")):
        result = pair.controller.ensure("backend", **parameters)
        assert result["error"]["code"] == "conflict" and "must keep that target" in result["msg"]
    assert not pair.controller.ensure("backend", **pair.parameters(targets=("beta",))).get("failed")
    (backend,) = pair.controller.ask("backend.list", {"name": "pair", "refresh": True})["backends"]
    assert backend["failed_over_to"] == "beta"
    assert backend["pool_details"][0]["capabilities"]["replication"] is False and backend["stats"]["pools"][0]["capacities_seen_at"] == "beta"


def test_an_export_of_the_store_keeps_where_backends_are(pair, make_controller):
    pair.turn(**FAILED_OVER)
    path = str(pair.controller.root / "export")
    pair.controller.ask("store.export", {"path": path, "passphrase": "a passphrase of tests"})
    other = make_controller("other", backend=None)
    other.ask("store.import", {"path": path, "passphrase": "a passphrase of tests"})
    found = {item["name"]: item["failed_over_to"] for item in other.ask("backend.list", {})["backends"]}
    assert found == {"one": None, "pair": "beta"}


@ON_BOTH
def test_a_fail_over_waits_for_who_works_on_the_backend_and_is_alone_on_it(pair):
    pair.volume("data", extra_specs=REPLICATED)
    controller = pair.controller
    controller.settings["lock_timeout"] = 0.3
    controller.write_config(controller.config, python=controller.warm())
    with controller.fault("extend_volume", "sleep 4"):
        worker = threading.Thread(target=controller.ensure, args=("volume",), kwargs={"backend": "pair", "name": "data", "size": 2})
        worker.start()
        deadline = time.monotonic() + 10
        while not controller.unsettled() and time.monotonic() < deadline:
            time.sleep(0.02)
        result = pair.turn(**FAILED_OVER)
        assert result["error"]["code"] == "busy" and "Other tasks have been working on backend pair" in result["msg"]
        worker.join()
    with controller.fault("failover_host", "sleep 4"):
        worker = threading.Thread(target=pair.turn, kwargs=FAILED_OVER)
        worker.start()
        while not controller.unsettled() and time.monotonic() < deadline + 20:
            time.sleep(0.02)
        result = controller.ensure("volume", backend="pair", name="new", size=1)
        assert result["failed"] and "it is just under way" in result["msg"]
        assert not controller.ensure("volume", backend="one", name="new", size=1).get("failed")
        worker.join()
    assert pair.volumes()["data"] == ("available", "failed-over")


# A fail over that did not end


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


def test_the_playbook_fails_over_and_tells_what_is_left_to_do(pair):
    pair.volume("data", GOLD, extra_specs=REPLICATED)
    pair.volume("plain")
    pair.attach("data")
    work = pair.controller.root / "ansible"
    work.mkdir()
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ansible_become": False,
        "controller_config": str(pair.controller.config),
    }
    (work / "inventory.json").write_text(json.dumps({"all": {"children": {"storage_controllers": {"hosts": {"controller1": host}}}}}))
    settings = dict(os.environ, ANSIBLE_LOCAL_TEMP=str(work / "local"), ANSIBLE_REMOTE_TEMP=str(work / "remote"), ANSIBLE_NOCOLOR="1", TMPDIR=str(work))

    def play(*arguments):
        command = ["ansible-playbook", "-i", "inventory.json", "baremetal.legacy_storage.failover", "-e", "failover_backend=pair", *arguments]
        done = subprocess.run(command, cwd=work, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    told = (
        "Backend pair is served by replication target beta.",
        "Detach volume data from node1 and attach it again (legacy_attachment, state: absent, then present).",
        "Volume plain is not replicated and cannot be reached until the backend is failed back.",
    )
    for check in ([], ["--check"])[::-1]:
        printed = play("-e", "failover_state=failed_over", *check)
        assert all(line in printed for line in told), printed
    pair.controller.ensure("export", backend="pair", volume="data", host="node1", state="absent")
    printed = play("-e", "failover_state=failed_back")
    assert "Backend pair is served by the storage system that its options name." in printed and "Nothing is left to do." in printed, printed
