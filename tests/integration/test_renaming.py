# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renaming volumes and snapshots: what hangs on them follows, and no name ever leads to another thing than before unnoticed."""

from __future__ import annotations

import threading
import time

import pytest


def volumes(controller):
    return {item["name"]: item for item in controller.ask("volume.list", {})["volumes"]}


def make(controller, name, **parameters):
    result = controller.ensure("volume", backend="one", name=name, **parameters)
    assert not result.get("failed"), result
    return result["volumes"][0]["volume"]


def test_what_hangs_on_a_volume_follows_its_new_name(controller, connector):
    data = make(controller, "data", size="1")
    snap = controller.ensure("snapshot", backend="one", name="snap", volume="data")["snapshots"][0]["snapshot"]
    make(controller, "clone", source_volume="data")
    make(controller, "restored", source_snapshot="snap")
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    files = controller.listing()
    renamed = make(controller, "archive", renamed_from="data")
    kept = controller.ensure("snapshot", backend="one", name="kept", renamed_from="snap")["snapshots"][0]["snapshot"]
    assert controller.listing() == files, "arrays know them by their ids"
    assert (renamed["id"], renamed["attached_to"]) == (data["id"], ["node1"])
    assert (kept["id"], kept["volume_name"]) == (snap["id"], "archive")
    found = volumes(controller)
    assert found["clone"]["source"] == {"kind": "volume", "id": data["id"], "name": "archive"}
    assert found["restored"]["source"] == {"kind": "snapshot", "id": snap["id"], "name": "kept"}
    for name, source in (("clone", {"source_volume": "archive"}), ("restored", {"source_snapshot": "kept"})):
        assert controller.ensure("volume", backend="one", name=name, **source)["changed"] is False
    assert controller.ensure("export", backend="one", volume="archive", connector=connector("node1"))["changed"] is False
    diff = controller.ensure("volume", backend="one", name="last", renamed_from="archive", check=True)["diff"]
    assert diff == {"before": {"one/last": {"name": "archive"}}, "after": {"one/last": {"name": "last"}}}


def test_the_old_name_may_be_given_again_and_the_task_still_finds_nothing_to_do(controller):
    ids = []
    for number in range(4):
        ids.append(make(controller, "data", size="1")["id"])
        make(controller, "data-%d" % number, renamed_from="data")
    make(controller, "data", size="1")
    assert len(set(ids)) == 4
    tasks = [{"backend": "one", "name": "data-2", "renamed_from": "data"}, {"backend": "one", "name": "data", "size": "1"}]
    assert controller.ask("volume.ensure", {"volumes": tasks})["changed"] is False


@pytest.mark.parametrize("noun", ["volume", "snapshot"])
def test_two_bearers_are_never_mixed_up_and_none_is_made_up(controller, noun):
    make(controller, "base", size="1")
    parameters = {"size": "1"} if noun == "volume" else {"volume": "base"}
    for name in ("data", "other"):
        controller.ensure(noun, backend="one", name=name, **parameters)
    before = controller.look()
    result = controller.ensure(noun, backend="one", name="other", renamed_from="data", **parameters)
    assert result["error"]["code"] == "conflict" and "'data' exists, and so does another one called 'other'" in result["msg"]
    result = controller.ensure(noun, backend="one", name="new", renamed_from="dada", **parameters)
    assert (result["error"]["code"], result["error"]["parameter"]) == ("not_found", "renamed_from")
    result = controller.ensure(noun, backend="one", name="new", renamed_from="data", state="absent")
    assert (result["error"]["code"], result["error"]["parameter"]) == ("invalid", "renamed_from")
    assert controller.look() == before


def test_a_task_by_id_that_waits_while_the_volume_is_renamed_works_on_it_alone(controller):
    data = make(controller, "data", size="1")
    results = []
    with controller.fault("extend_volume", "sleep 1"):
        first = threading.Thread(
            target=lambda: results.append(controller.ensure("volume", backend="one", name="new", renamed_from="data", size="2"))
        )
        first.start()
        while not any(method == "extend_volume" for _moment, _what, method in controller.calls()):
            time.sleep(0.01)
        results.append(controller.ensure("volume", backend="one", name=data["id"], size="3"))
        first.join()
    assert not any(result.get("failed") for result in results), results
    assert [what for _moment, what, method in controller.calls() if method == "extend_volume"] == ["begin", "end"] * 2
    assert volumes(controller)["new"]["size"] == 3
