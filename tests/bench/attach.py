# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what connecting a volume on a lab node costs, against a script there that makes the same os-brick calls.

Both run as a task of one play, turn and turn about, through multipath with CHAP. Run by ``make bench``.
"""

from __future__ import annotations

import datetime
import statistics
import subprocess
import tempfile
from pathlib import Path

from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import BACKEND, Lab

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
FOLDER = "/run/legacy-storage-bench"
UNSEAL = """
import json, os, sys
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey
state, sealed, path = sys.argv[1:]
os.umask(0o077)
with open(path, "w") as stream:
    json.dump(SealingKey.load_or_create(os.path.join(state, "sealing.key")).open(sealed), stream)
"""


def module(which, parameters, **keywords):
    """Return a task."""
    return {"baremetal.legacy_storage." + which: parameters, **keywords}


def script(action):
    """Return the task that runs the script."""
    return {
        "name": "script " + action,
        "ansible.builtin.command": {"argv": ["{{ python }}", FOLDER + "/brick_script.py", action, FOLDER + "/info"]},
    }


def plays():
    """Return the whole measurement, and what it needs before and after."""
    volume = {"backend": BACKEND, "name": "bench"}
    export = {"backend": BACKEND, "volume": "bench"}
    on_controller = {"delegate_to": "controller1"}
    tasks = [
        module("legacy_volume", dict(volume, size=1), **on_controller),
        module("legacy_connector_info", {}, register="connector"),
        module("legacy_export", dict(export, connector="{{ connector.connector }}"), register="mapped", **on_controller),
        {"ansible.builtin.file": {"path": FOLDER, "state": "directory", "mode": "0700"}},
        {"ansible.builtin.slurp": {"path": "/etc/baremetal.legacy_storage/node.json"}, "register": "settings"},
        {"ansible.builtin.set_fact": {"node": "{{ settings.content | b64decode | from_json }}"}},
        {"ansible.builtin.set_fact": {"python": "{{ node.python }}"}},
        {
            "ansible.builtin.command": {
                "argv": [
                    "{{ python }}",
                    "-c",
                    UNSEAL,
                    "{{ node.state_dir }}",
                    "{{ mapped.export.sealed_connection_info }}",
                    FOLDER + "/info",
                ]
            },
            "environment": {"PYTHONPATH": "{{ node.python_path | default([]) | join(':') }}"},
        },
        {"ansible.builtin.copy": {"src": str(ROOT / "tests/bench/brick_script.py"), "dest": FOLDER + "/brick_script.py", "mode": "0600"}},
    ]
    for _round in range(ROUNDS):
        tasks += [
            script("connect"),
            script("disconnect"),
            module("legacy_connection", {"export": "{{ mapped.export }}", "multipath": "required"}, name="module connect"),
            module("legacy_connection", {"volume_id": "{{ mapped.export.volume_id }}", "state": "absent"}, name="module disconnect"),
        ]
    tasks += [
        {"ansible.builtin.file": {"path": FOLDER, "state": "absent"}},
        module("legacy_export", dict(export, host="{{ mapped.export.host }}", state="absent"), **on_controller),
        module("legacy_volume", dict(volume, state="absent"), **on_controller),
    ]
    return [{"hosts": "node1", "gather_facts": False, "become": True, "tasks": tasks}]


def medians(tasks):
    """Return {task's name: median of its seconds}. Raises RuntimeError where a task failed."""
    times: dict[str, list[float]] = {}
    for task in tasks:
        for result in task["hosts"].values():
            if result.get("failed"):
                raise RuntimeError("%s: %s" % (task["task"]["name"], result.get("stderr") or result.get("msg")))
        begin, end = (datetime.datetime.fromisoformat(task["task"]["duration"][key]) for key in ("start", "end"))
        times.setdefault(task["task"]["name"], []).append((end - begin).total_seconds())
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    """Measure and print."""
    subprocess.run([ROOT / "lab/lab", "up"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=900)
    with tempfile.TemporaryDirectory() as work:
        lab = Lab(ROOT, Path(work))
        lab.site()
        took = medians(lab.finish(lab.start(plays()))["tasks"])
    print("%-36s  %6s  %10s  %5s  %s" % ("on a lab node, %d rounds" % ROUNDS, "task", "the script", "ratio", "budget"))
    for action, budget in (("connect", "1.5"), ("disconnect", "")):
        ours, theirs = took["module " + action], took["script " + action]
        print("%-36s  %4.1f s  %8.1f s  %5.2f  %s" % ("%s, multipath, CHAP" % action, ours, theirs, ours / theirs, budget))


if __name__ == "__main__":
    main()
