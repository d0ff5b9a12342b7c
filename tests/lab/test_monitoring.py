# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook monitoring on real hosts: their systemd asks, and the figures are those of real pools, volumes and paths."""

from __future__ import annotations

import re

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import BACKEND
from ansible_collections.baremetal.legacy_storage.tests.lab.test_promises import good
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.extra

HALVES = {"controller1": "controller", "node1": "node"}
UNIT = "legacy-storage-metrics-%s"
FILE = "/var/lib/prometheus/node-exporter/legacy_storage_%s.prom"
NODE_CONFIG = "/etc/baremetal.legacy_storage/node.json"
LEFT = "ls -d /etc/systemd/system/{,timers.target.wants/}legacy-storage-metrics-* %s* 2>/dev/null; systemctl list-units --all --no-legend '%s'"


def figures(lab, host):
    """Return {(name without the prefix, labels' values but for the id): value} of what a host's file says."""
    text = lab.sh(host, "cat " + FILE % HALVES[host]) + "\n"
    return {
        (sample.name.removeprefix("legacy_storage_"), *(value for label, value in sample.labels.items() if label != "volume_id")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def left(lab, host):
    """Return what there is on a host of the role: units as files and as systemd knows them, figures."""
    return lab.sh(host, "(%s) || :" % (LEFT % (FILE % HALVES[host], UNIT % "*")))


def wait_for_figure(lab, host, name, condition, seconds):
    """Wait until a figure, ``v``, meets a condition of awk's in a host's file."""
    lab.wait(host, "awk '/^legacy_storage_%s[ {]/ {v = $NF; if (%s) print}' %s" % (name, condition, FILE % HALVES[host]), seconds)


@pytest.fixture(scope="module", name="monitor")
def fixture_monitor(lab):
    """A way to run the playbook, which returns {host: how many tasks changed something}; it was run once. Afterwards nothing of it is left."""

    def run(**variables):
        code, output = lab.playbook("monitoring", ["--limit", ",".join(HALVES)], **variables)
        assert code == 0, output
        return {host: int(changed) for host, changed in re.findall(r"^(\w+) +: ok=\d+ +changed=(\d+)", output, re.MULTILINE)}

    try:
        run()
        yield run
    finally:
        for host, half in HALVES.items():
            unit = UNIT % half
            lab.sh(host, "systemctl disable --now %s.timer %s.service; rm -f /etc/systemd/system/%s.* %s; :" % (unit, unit, unit, FILE % half))
            lab.sh(host, "systemctl daemon-reload; systemctl reset-failed '%s*'; :" % unit)


def test_systemd_writes_the_figures_of_pools_volumes_and_paths_as_often_as_it_is_told(lab, volume, monitor):
    attachment = good(lab.attach("node1", volume))["attachment"]
    for host, half in HALVES.items():
        unit = UNIT % half
        assert lab.sh(host, "systemctl is-enabled %s.timer; systemctl is-active %s.timer" % (unit, unit)).split() == ["enabled", "active"]
        lab.sh(host, "systemctl restart %s.service" % unit)  # anew, should it be running; returns when it has written
        assert lab.sh(host, "stat -c %a " + FILE % half) == "644"

    told = figures(lab, "controller1")
    assert (told["scrape_success", "controller"], told["backend_up", BACKEND], told["operations_unsettled",]) == (1, 1, 0)
    assert (told["volume_size_bytes", BACKEND, volume], told["exports", BACKEND, "node1"]) == (2**30, 1)
    ((pool, capacity),) = [(key[2], value) for key, value in told.items() if key[:2] == ("pool_capacity_bytes", BACKEND)]
    assert 0 < told["pool_free_bytes", BACKEND, pool] <= capacity

    told = figures(lab, "node1")
    assert (told["scrape_success", "node"], told["attachments", "connected"]) == (1, 1)
    assert [told["attachment_" + name, BACKEND, volume] for name in ("verified", "paths", "paths_up")] == [1, 2, 2] and len(attachment["paths"]) == 2
    assert monitor() == {"controller1": 0, "node1": 0}

    lab.cable("node1", "storage-a", "down")
    changed = monitor(monitoring_interval=10)
    assert min(changed.values()) > 0, changed
    wait_for_figure(lab, "node1", "attachment_paths_up", "v == 1", 120)
    last = figures(lab, "node1")["scrape_timestamp_seconds", "node"]
    wait_for_figure(lab, "node1", "scrape_timestamp_seconds", "v > %r + 1" % last, 60)  # the interval of before was 300 s
    told = figures(lab, "node1")
    assert [told["attachment_" + name, BACKEND, volume] for name in ("verified", "paths")] == [1, 2]


def test_a_run_that_fails_says_so_and_is_forgotten_with_all_else_when_no_figures_are_wanted(lab, monitor):
    service = UNIT % "node" + ".service"
    lab.sh("node1", "mv %s %s.away" % (NODE_CONFIG, NODE_CONFIG))
    try:
        lab.sh("node1", "systemctl restart %s || :" % service)
        assert lab.sh("node1", "systemctl is-failed %s || :" % service) == "failed"
        assert "Apply the role baremetal.legacy_storage.node" in lab.sh("node1", "journalctl -b -u %s -o cat --no-pager" % service)
        told = figures(lab, "node1")
        assert told["scrape_success", "node"] == 0
        assert not [key for key in told if not key[0].startswith("scrape_")], "no old figure stays"
        changed = monitor(monitoring_state="absent")
    finally:
        lab.sh("node1", "mv %s.away %s" % (NODE_CONFIG, NODE_CONFIG))
    assert min(changed.values()) > 0, changed
    assert {host: left(lab, host) for host in HALVES} == {"controller1": "", "node1": ""}
