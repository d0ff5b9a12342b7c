# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes on two arrays at once, and the targets that a backend has for that (drivers/replicated_files.py)."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.array_pair import GOLD, REPLICATED, SECRET, Pair


@pytest.fixture(name="pair")
def fixture_pair(controller):
    return Pair(controller)


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
