# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulebooks: by their schema, and the one that needs no AWX by a real ansible-rulebook that gets alerts over HTTP."""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import jsonschema
import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.tests.integration.jobs.conftest import JobRack, make_ext4

pytestmark = pytest.mark.extra  # whole playbooks, many of them

TOKEN = "canary-eda-token"
VARIABLES = {"nearly_full_address": "127.0.0.1", "nearly_full_token": TOKEN, "nearly_full_alert": "LegacyStorageNearlyFull", "nearly_full_limit": "3GiB"}


def alert(node="node1", status="firing", name="LegacyStorageNearlyFull"):
    """Return one alert as Alertmanager tells it."""
    return {"status": status, "labels": {"alertname": name, "node": node, "mountpoint": "/srv/data"}, "annotations": {}}


def post(port, alerts, token=TOKEN):
    """Send alerts as Alertmanager does; return the HTTP status, or None where nobody listens yet."""
    body = json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + token}
    try:
        with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d/endpoint" % port, body, headers), timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def wait(condition, process, log, seconds=180):
    """Wait until something is so, while ansible-rulebook lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


def rules(path):
    """Return the one rule of a rulebook."""
    ((rule,),) = [ruleset["rules"] for ruleset in yaml.safe_load(path.read_text())]
    return rule


def test_rulebooks_follow_the_schema_of_ansible_rulebook_and_differ_only_in_who_runs_the_playbook(collection_root):
    schema = json.loads((importlib.resources.files("ansible_rulebook") / "schema" / "ruleset_schema.json").read_text())
    here, awx = (collection_root / "extensions/eda/rulebooks" / name for name in ("grow_nearly_full.yml", "grow_nearly_full_awx.yml"))
    for path in (here, awx):
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)
    told = rules(here)["action"]["run_playbook"]["extra_vars"]
    assert told == rules(awx)["action"]["run_job_template"]["job_args"]["extra_vars"]
    assert {key: value for key, value in rules(here).items() if key != "action"} == {key: value for key, value in rules(awx).items() if key != "action"}
    jobs = yaml.safe_load((collection_root / "roles/awx/vars/main/jobs.yml").read_text())["awx_jobs"]
    (survey,) = [job["survey"] for job in jobs if job["playbook"] == "grow_nearly_full"]
    assert {question["variable"] for question in survey if question["required"]} == set(told)


@pytest.mark.timeout(900)
def test_an_alert_lets_a_volume_grow_and_what_is_no_alert_of_ours_does_nothing(tmp_path, controller):
    rack = JobRack(tmp_path / "rack", controller)
    rack.volume("data")
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    make_ext4(rack.file_of("data"))
    rack.write_inventory(rack.root / "inventory.yml")
    fake = tmp_path / "fake"  # a FAKE findmnt: a file cannot be mounted as a device is
    fake.mkdir()
    (fake / "findmnt").write_text('#!/bin/sh\ncase "$*" in\n*USED*) echo 95 5 ext4 /srv/data ;;\n*) echo /srv/data ;;\nesac\n')
    (fake / "findmnt").chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "eda.yml").write_text(yaml.safe_dump(dict(VARIABLES, nearly_full_port=port)))
    log = tmp_path / "log"
    command = ["ansible-rulebook", "--rulebook", "baremetal.legacy_storage.grow_nearly_full", "--inventory", str(rack.root / "inventory.yml")]
    settings = dict(os.environ, PATH="%s:%s" % (fake, os.environ["PATH"]), ANSIBLE_NOCOLOR="1", PYTHONUNBUFFERED="1")
    with open(log, "wb") as stream:
        process = subprocess.Popen(
            [*command, "--vars", str(tmp_path / "eda.yml")], cwd=tmp_path, env=settings, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            start_new_session=True,
        )
    try:
        wait(lambda: post(port, [], token="wrong") == 401, process, log)
        quiet = [alert(status="resolved"), alert(name="Other"), {"status": "firing", "labels": {"alertname": "LegacyStorageNearlyFull"}}]
        assert post(port, quiet) == 200
        assert post(port, [*quiet, alert()]) == 200
        wait(lambda: rack.volumes()["data"]["size"] == 2, process, log)
        wait(lambda: "PLAY RECAP" in log.read_text(), process, log)
        assert log.read_text().count("PLAY RECAP") == 1, log.read_text()
        assert TOKEN not in log.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
