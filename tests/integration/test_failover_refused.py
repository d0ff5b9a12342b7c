# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused when a backend is failed over or back, and while it is at its target (drivers/replicated_files.py)."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.array_pair import FAILED_BACK, FAILED_OVER, Pair
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import node_connector


@pytest.fixture(name="pair")
def fixture_pair(controller):
    return Pair(controller)


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
