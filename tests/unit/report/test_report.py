# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report says of a rack, and what it warns of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.report.capacity import pools
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.report.figures import percent, share, size
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.report.page import storage_report
from ansible_collections.baremetal.legacy_storage.tests.unit.report.racks import (
    attachment,
    backend,
    controller,
    doctor,
    export,
    node,
    pool,
    rack,
    silent,
    snapshot,
    volume,
)
from hypothesis import example, given
from hypothesis import strategies as st

TEMPLATE = Path(__file__).resolve().parents[3] / "playbooks" / "templates" / "report.html.j2"
LIMITS = {"warning": 85, "error": 95}
CAPACITIES = st.one_of(st.none(), st.sampled_from(["infinite", "unknown", "auto"]), st.floats(0, 1e9), st.integers(-5, 10**9), st.floats(), st.booleans())


def report(told=None, nodes=None, **options):
    """Return the report of one controller's results and of {node: results}."""
    hosts = dict(nodes or {}, controller1=told or controller())
    return storage_report(hosts, ["controller1"], sorted(nodes or {}), "2026-11-27T02:10:00Z", **options)


def warned(view):
    """Return {(severity, check): where} of a report; each finding has something to do."""
    assert all(item["problem"] and item["remedy"] for item in view["findings"])
    return {(item["severity"], item["check"]): item["where"] for item in view["findings"]}


def test_sizes_have_the_unit_that_people_would_take():
    assert [size(gib) for gib in (0, 1, 41, 750, 1023.9, 1024, 1536, 20480, 1024**2 * 3)] == [
        "0 GiB", "1 GiB", "41 GiB", "750 GiB", "1 TiB", "1 TiB", "1.5 TiB", "20 TiB", "3 PiB",
    ]  # fmt: skip
    assert size(None) == "—"


@given(st.one_of(st.none(), st.floats(0, 1e12)), st.one_of(st.none(), st.floats(0, 1e12)))
def test_a_bar_is_never_wider_than_its_track_and_only_the_full_is_called_full(part, whole):
    width = share(part, whole)
    assert width is None or 0 <= width <= 100
    assert (percent(width) == 100) <= (part is not None and whole is not None and part >= whole)
    assert (percent(width) == 0) <= (width == 0 or width is None)


@given(st.tuples(CAPACITIES, CAPACITIES, CAPACITIES, CAPACITIES), st.lists(st.integers(1, 10**6), max_size=3))
@example((8e-258, None, None, 8e-258), [])  # their product is 0
def test_whatever_a_driver_says_of_a_pool_it_has_a_view_that_a_bar_can_be_drawn_of(figures, sizes):
    told = backend("one", [pool("p", *figures)])
    (view,) = pools(told, [volume("v%d" % number, "one", gib, pool="p") for number, gib in enumerate(sizes)], LIMITS)
    assert view["level"] in ("ok", "warning", "error", "unknown")
    assert all(view[key] is None or 0 <= view[key] <= 100 for key in ("width", "promised_width"))
    assert view["sentence"] and view["promise_sentence"]


@pytest.mark.parametrize(("free", "found"), [(16, {}), (15, {("warning", "pool")}), (5, {("error", "pool")}), (0, {("error", "pool")})])
def test_a_pool_that_is_nearly_full_is_warned_of_and_one_as_good_as_full_is_an_error(free, found):
    view = report(controller([backend("one", [pool("p", 100, free, 50)])]))
    assert set(warned(view)) == set(found)
    assert view["backends"][0]["pools"][0]["width"] == 100 - free


def test_percentages_can_be_chosen_and_ones_that_make_no_sense_are_refused():
    told = controller([backend("one", [pool("p", 100, 45, 50)])])
    assert set(warned(report(told, pool_warning=50))) == {("warning", "pool")}
    for options, words in [({"pool_warning": "many"}, "pool_warning"), ({"pool_error": 101}, "pool_error"), ({"pool_warning": 96}, "larger than pool_error")]:
        with pytest.raises(StorageError, match=words):
            report(told, **options)


@pytest.mark.parametrize(("promised", "found"), [(179, {}), (180, {("warning", "promised")}), (200, {("error", "promised")})])
def test_promising_more_than_may_be_promised_is_warned_of_in_time(promised, found):
    view = report(controller([backend("one", [pool("p", 100, 90, promised, 2.0)])]))
    assert set(warned(view)) == set(found)
    assert "up to 2× allowed" in view["backends"][0]["pools"][0]["promise_sentence"]


def test_where_a_driver_does_not_say_what_was_promised_the_stores_volumes_count():
    told = controller([backend("one", [pool("p", 100, 50, "unknown")])], [volume("a", "one", 150)])
    assert report(told)["backends"][0]["pools"][0]["promise_sentence"] == "at least 150 GiB promised, 1.5× its capacity; up to 20× allowed"


def test_a_storage_system_that_does_not_answer_stays_in_the_report_with_what_the_store_knows():
    view = report(controller([backend("one", [pool("p", 1, 1, 1)], "It did not answer within 60 s.")], [volume("a", "one", 150)]))
    assert warned(view) == {("error", "backend"): "backend one"}
    (shown,) = view["backends"]
    assert (shown["error"], shown["volumes"], shown["pools"][0]["name"], shown["pools"][0]["width"]) == (
        "It did not answer within 60 s.", "1 volume, 150 GiB", "p", None,
    )  # fmt: skip
    assert view["tiles"][1]["value"] == "0 / 1"


def test_a_node_that_does_not_answer_is_shown_with_what_is_mapped_to_it():
    data = volume("data")
    view = report(controller([], [data], exports=[export(data, "node1")]), {"node1": silent("No route to host"), "node2": silent("off")})
    assert [(item["severity"], item["where"]) for item in view["findings"]] == [("error", "node node1"), ("warning", "node node2")]
    first = view["nodes"][0]
    assert (first["name"], first["silent"], first["rows"][0]["volume"], first["rows"][0]["held"]) == ("node1", True, "data", None)


def test_a_controller_that_does_not_answer_is_told_and_so_is_one_that_was_never_asked():
    down = {"report_store": {"unreachable": True, "msg": "No route to host"}}
    view = storage_report({"c1": down, "c2": {}, "c3": controller([backend("one", [])])}, ["c1", "c2", "c3"])
    assert [item["where"] for item in view["findings"]] == ["controller c1", "controller c2"]
    assert view["told_by"] == ["c3"]
    assert [item["where"] for item in storage_report({"c1": down}, ["c1"])["findings"]] == ["controller c1"]


def test_controllers_of_one_store_count_once():
    one = controller([backend("one", [])], [volume("a", "one")])
    view = storage_report({"c1": one, "c2": one, "c3": controller([backend("two", [])], store="other")}, ["c1", "c2", "c3"])
    assert ([item["name"] for item in view["backends"]], len(view["volumes"])) == (["one", "two"], 1)


def test_backends_that_are_called_alike_in_two_stores_are_told_apart():
    full, empty = (controller([backend("one", [pool("p", 100, free, 1)])], [volume("a", "one", 7)], store=str(free)) for free in (1, 90))
    view = storage_report({"c1": full, "c2": empty}, ["c1", "c2"])
    assert [(item["name"], item["volumes"]) for item in view["backends"]] == [("one (c1)", "1 volume, 7 GiB"), ("one (c2)", "1 volume, 7 GiB")]
    assert warned(view) == {("error", "pool"): "pool p of backend one (c1)"}


def test_a_volume_that_one_store_does_not_know_is_warned_of_unless_another_one_does():
    lines = ("warning", "unknown_volume", "node node1, volume vendor-a/data", "The node holds a device of the volume.", "Ask the others.")
    data = volume("data")
    knows, asks = controller([], [data], exports=[export(data, "node1")]), controller(findings=[doctor(*lines)], store="other")
    held = {"node1": node("node1", attachment(data))}
    assert warned(storage_report(dict(held, c1=knows, c2=asks), ["c1", "c2"], ["node1"])) == {}
    assert warned(storage_report(dict(held, c2=asks), ["c2"], ["node1"])) == {lines[:2]: lines[2]}


def test_an_inventory_without_controllers_is_not_told_to_be_well_and_a_reason_may_be_blank():
    assert warned(storage_report({}, [])) == {("error", "controller"): "the inventory"}
    view = storage_report({"c1": {"report_store": {"failed": True, "msg": " "}}}, ["c1"])
    assert "it gave no reason" in view["findings"][0]["problem"]


def test_lost_paths_are_counted_and_a_device_that_is_wrong_is_an_error():
    data, logs = volume("data"), volume("logs")
    held = [
        attachment(data, [("/dev/sda", "active"), ("/dev/sdb", "failed")]),
        attachment(logs, verified=False, problems=["The device is gone."]),
    ]
    view = report(controller([], [data, logs], exports=[export(data, "node1"), export(logs, "node1")]), {"node1": node("node1", *held)})
    assert warned(view) == {("warning", "attachment"): "node node1, volume vendor-a/data", ("error", "attachment"): "node node1, volume vendor-a/logs"}
    assert "1 of 2 paths do not work." in view["findings"][1]["problem"]
    assert [(row["paths_up"], row["paths_total"]) for row in view["nodes"][0]["rows"]] == [(1, 2), (2, 2)]


def test_exports_without_a_record_are_told_and_those_to_hosts_in_no_inventory_warned_of():
    data = volume("data")
    view = report(controller([], [data], exports=[export(data, "node1"), export(data, "gone")]), {"node1": node("node1")})
    assert warned(view) == {
        ("note", "no_record"): "export vendor-a/data on node1",
        ("warning", "unknown_host"): "export vendor-a/data on gone",
    }
    assert [(item["name"], item["state"]) for item in view["nodes"]] == [("node1", "1 volume"), ("gone", "in no inventory")]


def test_volumes_and_snapshots_in_error_and_operations_that_have_not_ended_are_warned_of():
    data, busy = volume("data", status="error"), volume("busy", status="creating")
    busy["in_progress"] = [{"action": "create", "step": None, "started_at": "2026-11-27T01:42:00Z"}]
    view = report(controller([], [data, busy], [snapshot("night", data, status="error")]))
    assert [(item["severity"], item["check"], item["where"]) for item in view["findings"]] == [
        ("error", "status", "snapshot vendor-a/night"),
        ("error", "status", "volume vendor-a/data"),
        ("warning", "unsettled", "volume vendor-a/busy"),
    ]
    assert [item["level"] for item in view["volumes"]] == ["working", "error"]


def test_what_the_doctor_found_is_told_once_and_its_silence_too():
    found = [
        doctor("error", "status", "volume vendor-a/data", "is in status error_restoring.", "Restore it."),
        doctor("note", "foreign", "x", "More.", "Nothing."),
    ]
    view = report(controller([], [volume("data", status="error_restoring")], findings=found))
    assert [item["remedy"] for item in view["findings"]] == ["Restore it.", "Nothing."]
    assert view["verdict"] == {"level": "error", "text": "1 error"}
    view = report(controller(report_doctor={"failed": True, "msg": "busy"}))
    assert warned(view) == {("warning", "doctor"): "controller controller1"}


def test_a_healthy_rack_is_told_to_be_well():
    data = volume("data", attached_to=["node1"], status="in-use")
    told = controller([backend("vendor-a", [pool("p", 100, 50, 50)])], [data], exports=[export(data, "node1")])
    view = report(told, {"node1": node("node1", attachment(data))})
    assert (view["verdict"], view["findings"]) == ({"level": "ok", "text": "All is well"}, [])
    assert [item["note"] for item in view["tiles"]] == ["50 GiB of 100 GiB", "all answer", "100 GiB in all", "of 0 volumes", "no path lost", "all answer"]


def test_every_broken_snapshot_is_named_and_the_others_are_named_or_counted():
    view = storage_report(*rack())
    (first, *_others) = [row for row in view["snapshots"] if row["volume"] == "erp-db"]
    assert (first["count"], len(first["names"]) + first["more"], first["newest"]) == (14, 14, "2026-11-26 01:00")
    assert [item["name"] for item in first["names"] if item["level"] == "error"] == ["erp-db-nightly-2026-11-16"]


def test_nothing_reaches_the_page_unescaped_and_nothing_is_loaded_from_elsewhere():
    text = TEMPLATE.read_text(encoding="utf-8")
    chosen = re.compile(r"\| e$|^mark\(|^'[^']*' if .* else '[^']*'$|^' encrypted|\(path\.state \| e\)$|\(item\.status \| e\)$")
    loose = [found for found in re.findall(r"{{ (.*?) }}", text) if not chosen.search(found)]
    assert loose == []
    assert not re.search(r"<script|<link|<img|https?://|url\(|@import", text)
