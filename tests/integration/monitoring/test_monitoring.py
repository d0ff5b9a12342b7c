# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures of a real controller and a real node, and the role that has them written. systemctl is a fake here (fake/systemctl): no systemd runs.

Under the hosts' own systemd, with volumes over iSCSI: tests/lab/test_monitoring.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import PASSWORD
from ansible_collections.baremetal.legacy_storage.tests.integration.jobs.conftest import JobRack
from prometheus_client.parser import text_string_to_metric_families

FAKE = Path(__file__).resolve().parent / "fake"
MODULE = "ansible_collections.baremetal.legacy_storage.plugins.metrics.textfile"
UNITS = ["legacy-storage-metrics-node.service", "legacy-storage-metrics-node.timer"]


@pytest.fixture(name="rack")
def fixture_rack(tmp_path, controller):
    """A rack with the volume ``data`` of 1 GiB."""
    rack = JobRack(tmp_path / "rack", controller)
    rack.volume("data")
    return rack


def figures(half, config, path):
    """Write a half's figures as systemd would; return (exit code, {(name, labels but for the id): value})."""
    python = os.environ["BLS_CONTROLLER_PYTHON" if half == "controller" else "BLS_NODE_PYTHON"]
    done = subprocess.run([python, "-m", MODULE, half, config, path, "30"], capture_output=True, text=True, timeout=120, check=False)
    text = path.read_text(encoding="utf-8")
    assert PASSWORD not in text + done.stderr
    read = {
        (sample.name, *sorted(value for label, value in sample.labels.items() if label != "volume_id")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return done.returncode, read


def test_controller_and_node_write_what_they_have_and_say_so_when_they_cannot(rack, tmp_path):
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    path = tmp_path / "legacy_storage_controller.prom"
    code, told = figures("controller", rack.controller.config, path)
    assert (code, told["legacy_storage_scrape_success", "controller"]) == (0, 1)
    assert told["legacy_storage_backend_up", "one"] == 1
    assert (told["legacy_storage_pool_capacity_bytes", "first", "one"], told["legacy_storage_pool_free_bytes", "first", "one"]) == (1000 * 2**30, 500 * 2**30)
    assert told["legacy_storage_volume_size_bytes", "data", "one"] == 2**30
    assert (told["legacy_storage_exports", "node1", "one"], told["legacy_storage_operations_unsettled",]) == (1, 0)
    assert abs(told["legacy_storage_scrape_timestamp_seconds", "controller"] - time.time()) < 120
    assert path.stat().st_mode & 0o777 == 0o644
    assert [name for name in os.listdir(tmp_path) if name.startswith("legacy_storage")] == [path.name], "nothing is left beside"

    with rack.controller.fault("check_for_setup_error", "the array is on fire"):
        code, told = figures("controller", rack.controller.config, path)
    assert (code, told["legacy_storage_backend_up", "one"], told["legacy_storage_volume_size_bytes", "data", "one"]) == (0, 0, 2**30)
    assert ("legacy_storage_pool_free_bytes", "first", "one") not in told, "no old figure stays"

    path = tmp_path / "legacy_storage_node.prom"
    code, told = figures("node", rack.root / "node1" / "node.json", path)
    assert (code, told["legacy_storage_attachments", "connected"]) == (0, 1)
    assert [told["legacy_storage_attachment_" + name, "data", "one"] for name in ("verified", "paths", "paths_up")] == [1, 0, 0], "a file has no paths"

    code, told = figures("node", rack.root / "nowhere.json", path)
    assert (code, told["legacy_storage_scrape_success", "node"]) == (1, 0)
    assert {name for name, *_labels in told} == {"legacy_storage_scrape_" + part for part in ("success", "duration_seconds", "timestamp_seconds")}


@pytest.fixture(name="role")
def fixture_role(rack, tmp_path, monkeypatch):
    """A rack whose node1 gets the role by the playbook ``monitoring``; returns a way to run it and the two directories that it writes to."""
    state, units, figures_dir = (tmp_path / name for name in ("systemctl", "units", "textfiles"))
    state.mkdir()
    units.mkdir()
    monkeypatch.setenv("FAKE_SYSTEMCTL", str(state))
    monkeypatch.setenv("PATH", "%s:%s" % (FAKE, os.environ["PATH"]))
    environment = Path(os.environ["BLS_NODE_PYTHON"]).parents[1]

    def run(check=False, **changes):
        variables = {
            "monitoring_unit_dir": str(units), "monitoring_textfile_dir": str(figures_dir), "monitoring_halves": ["node"],
            "monitoring_node_environment": str(environment),
        }
        outcome = rack.run("monitoring", check=check, arguments=["--limit", "node1"], **dict(variables, **changes))
        for told in outcome.tasks:
            told["task"] = told["task"].rpartition(" : ")[2]
        return outcome

    return run, units, figures_dir, state


@pytest.mark.extra
def test_the_role_has_figures_written_once_foretells_it_and_takes_it_away(role):
    run, units, figures_dir, state = role
    foretold = run(check=True)
    assert foretold.code == 0, foretold.output
    assert (sorted(os.listdir(units)), figures_dir.exists()) == ([], False)
    done = run()
    assert done.code == 0, done.output
    assert set(foretold.changed) <= set(done.changed) == {"Make it", "Install the units", "Ask regularly, now and after boots"}
    assert sorted(os.listdir(units)) == UNITS
    assert {"enabled-" + UNITS[1], "active-" + UNITS[1]} <= set(os.listdir(state))
    assert run().changed == run(check=True).changed == []
    if shutil.which("systemd-analyze"):
        told = subprocess.run(["systemd-analyze", "verify", *(str(units / name) for name in UNITS)], capture_output=True, text=True, timeout=60, check=False)
        assert not [line for line in told.stderr.splitlines() if "legacy-storage-metrics" in line], told.stderr

    (figures_dir / "legacy_storage_node.prom").write_text("")
    (figures_dir / "other.prom").write_text("")
    foretold = run(check=True, monitoring_state="absent")
    assert sorted(os.listdir(units)) == UNITS
    done = run(monitoring_state="absent")
    assert done.code == 0, done.output
    assert "Remove them" in foretold.changed and set(foretold.changed) <= set(done.changed)
    assert (os.listdir(units), os.listdir(figures_dir)) == ([], ["other.prom"])
    assert not {"enabled-" + UNITS[1], "active-" + UNITS[1]} & set(os.listdir(state))
    assert run(monitoring_state="absent").changed == []


@pytest.mark.extra
def test_the_role_refuses_a_host_that_has_nothing_to_tell_and_figures_that_make_no_sense(role, tmp_path):
    run, units, _figures_dir, _state = role
    for changes, words in [
        ({"monitoring_node_config": str(tmp_path / "nowhere.json")}, "node1 is no node yet"),
        ({"monitoring_interval": 5}, "monitoring_interval (5)"),
        ({"monitoring_halves": ["nodes"]}, "monitoring_halves"),
    ]:
        refused = run(**changes)
        assert refused.code and words in refused.failure, json.dumps(refused.tasks)
        assert os.listdir(units) == []
