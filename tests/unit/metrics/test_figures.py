# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures for Prometheus: what they are called, what they say, and that dashboard and alerts ask for no others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.metrics import figures
from ansible_collections.baremetal.legacy_storage.plugins.metrics.textfile import registry
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.sizes import GIB
from ansible_collections.baremetal.legacy_storage.tests.unit.report.racks import attachment, backend, export, pool, snapshot, volume
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

ROLE = Path(__file__).resolve().parents[3] / "roles" / "monitoring"
KNOWN = {figures.PREFIX + name for name in figures.FAMILIES}
NAME = re.compile(r"legacy_storage_\w+")


def read(found):
    """Return {(name, labels): value} of figures, as Prometheus would read them."""
    text = generate_latest(registry(found)).decode()
    families = list(text_string_to_metric_families(text))
    assert all(family.type == "gauge" and family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    assert len({(item.name, tuple(sorted(item.labels.items()))) for item in samples}) == len(samples)
    return {(item.name, *sorted(item.labels.values())): item.value for item in samples}


def of_controller(backends=(), volumes=(), snapshots=(), exports=(), operations=0):
    """Return what a controller's figures are read as."""
    return read(
        figures.of_controller(
            {
                "backend.list": {"backends": backends}, "volume.list": {"volumes": volumes}, "snapshot.list": {"snapshots": snapshots},
                "export.list": {"exports": exports}, "store.show": {"rows": {"operations": operations}},
            }
        )
    )


def test_a_controller_tells_how_full_pools_are_and_what_there_is():
    data, logs = volume("data", "one", 10, status="in-use"), volume("logs", "one", 2)
    backends = [backend("one", [pool("p", 100.0, 40.5, 120)]), backend("two", [pool("q", 1, 1, 1)], "no answer")]
    assert of_controller(backends, [data, logs], [snapshot("night", data)], [export(data, "node1")], 3) == {
        ("legacy_storage_backend_up", "one"): 1,
        ("legacy_storage_backend_up", "two"): 0,
        ("legacy_storage_pool_capacity_bytes", "one", "p"): 100 * GIB,
        ("legacy_storage_pool_free_bytes", "one", "p"): 40.5 * GIB,
        ("legacy_storage_pool_provisioned_bytes", "one", "p"): 120 * GIB,
        ("legacy_storage_pool_max_over_subscription_ratio", "one", "p"): 20,
        ("legacy_storage_volumes", "in-use", "one"): 1,
        ("legacy_storage_volumes", "available", "one"): 1,
        ("legacy_storage_volume_size_bytes", "data", "one"): 10 * GIB,
        ("legacy_storage_volume_size_bytes", "logs", "one"): 2 * GIB,
        ("legacy_storage_snapshots", "available", "one"): 1,
        ("legacy_storage_exports", "node1", "one"): 1,
        ("legacy_storage_operations_unsettled",): 3,
    }


def test_what_a_driver_does_not_say_has_no_figure_instead_of_a_wrong_one():
    told = of_controller([backend("one", [pool("p", "infinite", "unknown", None, "auto")])])
    assert told == {("legacy_storage_backend_up", "one"): 1, ("legacy_storage_operations_unsettled",): 0}


def test_a_node_tells_how_many_paths_of_each_attachment_work():
    held = attachment(volume("data"), [("/dev/sda", "active"), ("/dev/sdb", "failed")], state="connected", volume_id="one")
    assert read(figures.of_node({"attachment.list": {"attachments": [held]}})) == {
        ("legacy_storage_attachments", "connected"): 1,
        ("legacy_storage_attachment_verified", "data", "one", "vendor-a"): 1,
        ("legacy_storage_attachment_paths", "data", "one", "vendor-a"): 2,
        ("legacy_storage_attachment_paths_up", "data", "one", "vendor-a"): 1,
    }
    namesake = attachment(volume("data"), state="connected", volume_id="of-another-controller")
    assert read(figures.of_node({"attachment.list": {"attachments": [held, namesake]}}))[("legacy_storage_attachments", "connected")] == 2
    assert read(figures.of_node({"attachment.list": {"attachments": []}})) == {}


@given(st.text(), st.text())
def test_whatever_things_are_called_the_file_can_be_read(name, status):
    told = of_controller(volumes=[volume(name, "one", 1, status=status)])
    assert sorted(value for key, value in told.items() if key[0] != "legacy_storage_operations_unsettled") == [1, GIB]


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_names_are_as_prometheus_wants_them(name):
    labels, told = figures.FAMILIES[name[len(figures.PREFIX) :]]
    assert re.fullmatch(r"[a-z][a-z_]*[a-z]", name) and told.endswith(".")
    assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_info")), "these are of counters and histograms; all of ours are gauges"
    assert not re.search(r"gib|gigabyte|percent|millisecond|minute", name), "base units only"
    assert not set(labels) & {"job", "instance", "le", "quantile"}
    text = generate_latest(registry([(name[len(figures.PREFIX) :], dict.fromkeys(labels, "x"), 1)])).decode()
    assert text.startswith("# HELP %s " % name) and "# TYPE %s gauge" % name in text


def expressions(thing):
    """Return all that is asked of Prometheus in a dashboard."""
    if isinstance(thing, dict):
        own = [value for key, value in thing.items() if key in ("expr", "definition", "query") and isinstance(value, str)]
        return own + [found for value in thing.values() for found in expressions(value)]
    return [found for item in thing for found in expressions(item)] if isinstance(thing, list) else []


def test_the_dashboard_shows_only_figures_that_there_are_and_all_of_a_kind_once():
    board = json.loads((ROLE / "files/grafana-dashboard.json").read_text(encoding="utf-8"))
    asked = {name for text in expressions(board) for name in NAME.findall(text)}
    assert asked <= KNOWN
    assert KNOWN - asked == {"legacy_storage_pool_max_over_subscription_ratio"}, "what the dashboard leaves out"
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places), "no panel lies on another"
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    assert all(panel["title"] and (panel["type"] == "row" or panel["targets"]) for panel in panels)


def test_alerts_ask_only_for_figures_that_there_are_with_labels_that_these_have():
    (group,) = yaml.safe_load((ROLE / "files/prometheus-rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        names = set(NAME.findall(rule["expr"]))
        assert names and names <= KNOWN, rule["alert"]
        has = {"instance", *(label for name in names for label in figures.FAMILIES[name[len(figures.PREFIX) :]][0])}
        used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        assert used <= has, rule["alert"]
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"])
