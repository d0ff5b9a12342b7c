# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend failed over to another array and back, with the data on both (drivers/replicated_files.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.array_pair import FAILED_BACK, FAILED_OVER, GOLD, REPLICATED, Pair, told
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import ON_BOTH, short_path


@pytest.fixture(name="pair")
def fixture_pair(controller):
    return Pair(controller)


def test_a_list_fails_several_backends_over_and_back_in_one_task(pair):
    (pair.controller.root / "gamma").mkdir()
    pair.register(name="other", targets=("gamma",))
    pair.controller.register("plain")
    pair.volume("data", GOLD, extra_specs=REPLICATED)
    over = {"legacy_backend_failover": {"backends": [dict(FAILED_OVER), {"name": "other", "state": "failed_over"}, {"name": "plain", "state": "failed_over"}]}}
    back = {"legacy_backend_failover": {"backends": [dict(FAILED_BACK), {"name": "other", "state": "failed_back"}]}}
    foreseen = pair.controller.play([over], check=True)[0]
    assert pair.volumes() == {"data": ("available", "enabled")}
    done, again, returned, twice = pair.controller.play([over, over, back, back]).results
    for result in (foreseen, done):
        assert result.failed and [item["changed"] for item in result["backends"]] == [True, True, False]
        assert [bool(item.get("failed")) for item in result["backends"]] == [False, False, True]
        assert "plain has no replication target" in result["backends"][2]["msg"]
        assert [item["backend"]["failed_over_to"] for item in result["backends"][:2]] == ["beta", "gamma"]
    assert [item["changed"] for item in again["backends"]] == [False] * 3
    assert returned["changed"] and [item["backend"]["failed_over_to"] for item in returned["backends"]] == [None, None]
    assert not twice["changed"] and not twice.failed
    assert pair.volumes() == {"data": ("available", "enabled")}


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


def test_a_volume_that_the_target_does_not_have_is_told_and_comes_back(pair):
    data = pair.volume("data", GOLD, extra_specs=REPLICATED)
    pair.volume("good", extra_specs=REPLICATED)
    os.rename(pair.beta / ("volume-" + data["id"]), pair.beta / "gone")
    done = pair.turn(**FAILED_OVER)
    assert told(done)["in_error"] == ["data"] and told(done)["replicated"] == ["good"]
    assert pair.volumes()["data"] == ("error", "failover-error")
    assert "could not be failed over" in pair.controller.ensure("volume", backend="pair", name="data", size=2)["msg"]
    assert not pair.turn(**FAILED_OVER)["changed"]
    os.rename(pair.beta / "gone", pair.beta / ("volume-" + data["id"]))
    assert told(pair.turn(**FAILED_BACK))["in_error"] == []
    assert pair.volumes()["data"] == ("available", "enabled")
    assert pair.read(pair.controller.array, data) == GOLD


def test_who_has_seen_that_a_volume_is_sound_at_the_target_gets_it_back_there(pair):
    data = pair.volume("data", GOLD, extra_specs=REPLICATED)
    pair.volume("good", extra_specs=REPLICATED)
    pair.volume("plain")
    os.rename(pair.beta / ("volume-" + data["id"]), pair.beta / "gone")
    pair.turn(**FAILED_OVER)
    assert not pair.attach("good").get("failed")
    os.rename(pair.beta / "gone", pair.beta / ("volume-" + data["id"]))
    sure = dict(FAILED_OVER, force=["unconfirmed"])
    foreseen, done, again = pair.turn(check=True, **sure), pair.turn(**sure), pair.turn(**sure)
    assert done["changed"] and not again["changed"] and told(foreseen) == told(done) == told(again)
    assert [operation["action"] for operation in done["backends"][0]["operations"]] == ["confirm_fail_over"]
    assert (told(done)["in_error"], told(done)["unreachable"], told(done)["reattach"]) == ([], ["plain"], [])
    assert pair.volumes() == {"data": ("available", "failed-over"), "good": ("in-use", "failed-over"), "plain": ("error", "not-capable")}
    pair.controller.ensure("export", backend="pair", volume="good", host="node1", state="absent")
    pair.turn(**FAILED_BACK)
    assert pair.volumes() == {"data": ("available", "enabled"), "good": ("available", "enabled"), "plain": ("available", "disabled")}


def test_pools_and_volumes_of_other_backends_stay_as_they_are(pair):
    pair.controller.ensure("volume", backend="one", name="data", size=1)
    pair.turn(**FAILED_OVER)
    assert not pair.controller.ensure("volume", backend="one", name="data", size=2).get("failed")
    assert pair.volumes() == {"data": ("available", "disabled")}


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
    settings = dict(os.environ, ANSIBLE_LOCAL_TEMP=str(work / "local"), ANSIBLE_REMOTE_TEMP=str(work / "remote"), ANSIBLE_NOCOLOR="1")

    def play(*arguments):
        command = ["ansible-playbook", "-i", "inventory.json", "baremetal.legacy_storage.failover", "-e", "failover_backend=pair", *arguments]
        with short_path(work) as temporary:
            env = dict(settings, TMPDIR=temporary)
            done = subprocess.run(command, cwd=work, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
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
