# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs functional.yml, operations.yml and copies.yml on one backend in the lab and tells what they showed: cases, operations really done, versions."""

from __future__ import annotations

import collections
import datetime
import json
import os
import subprocess
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
RECORD = ROOT / "docs/drivers/exercised.json"
PLAYS = ("prepare.yml", "functional.yml", "operations.yml", "copies.yml")
CASE = "Case: "
LIMIT = 5400  # seconds; the slowest backend takes about 1800 on a quiet machine
ITEMS = ("volumes", "snapshots", "exports", "connections", "attachments", "images", "backups")
FORESEEN = "foreseen"  # the item of a loop that ran in check mode


class Failed(Exception):
    """The play did not come to its end; the text has what it printed."""


def backends():
    """Return the names of the backends that there are."""
    return sorted(path.stem for path in (HERE / "backends").glob("*.yml"))


def exercise(name, work):
    """Prepare and run the cases on a backend, on the lab's hosts to which site.yml was applied. Return the record (a dict).

    :param work: a directory for the results.
    :raises Failed: when a case, or anything before it, failed.
    """
    path = HERE / "backends" / (name + ".yml")
    results = work / ("results-" + name)
    command = ["ansible-playbook", "-i", _lab("inventory", "--path"), "-e", json.dumps(beside_hosts(path))]
    for file in (ROOT / "playbooks/vars/demo.yml", ROOT / "extensions/molecule/lab_vars.yml", path):
        command += ["-e", "@%s" % file]
    settings = dict(
        os.environ,
        ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "tests/integration/callbacks"),
        ANSIBLE_CALLBACKS_ENABLED="recorded,ansible.posix.profile_tasks",
        BLS_TEST_RESULTS=str(results),
        ANSIBLE_NOCOLOR="1",
    )
    command += [str(HERE / play) for play in PLAYS]
    done = subprocess.run(command, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
    (work / ("output-" + name)).write_text(done.stdout + done.stderr)
    if done.returncode:
        raise Failed((done.stdout + done.stderr)[-12000:])
    return record([json.loads(line) for line in results.read_text().splitlines()])


def beside_hosts(path):
    """Bring up what a backend (its file) needs beside the lab's hosts, with nothing in it, and return the variables that tell prepare.yml of it."""
    if yaml.safe_load(path.read_text()).get("functional_prepare") != "ceph":
        return {}
    _lab("ceph", "down")  # what the driver left of an earlier run bears the same names
    _lab("ceph", "up")
    return {"functional_ceph_files": _lab("ceph", "files")}


def _lab(*words):
    command = [ROOT / "lab/lab", *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=True).stdout.strip()


def record(tasks):
    """Return what results of tasks, as callbacks/recorded.py writes them, say of a backend. Raises StopIteration for those of another play."""
    about = next(task["result"]["msg"] for task in tasks if task["task"] == "Tell what was exercised")
    cases = {}
    for task in tasks:
        if task["task"].startswith(CASE):
            case = task["task"][len(CASE) :]
            cases[case] = "shown" if task["status"] == "ok" else about["not_offered"][case]
    begun = next(number for number, task in enumerate(tasks) if task["task"].startswith(CASE))  # before it stands the sweep
    operations = collections.Counter(name for task in tasks[begun:] if task["status"] == "ok" for name in _operations(task["result"]))
    return {
        "title": about["title"],
        "driver": about["driver"],
        "date": datetime.date.today().isoformat(),
        "versions": dict(about["versions"]),
        "cases": cases,
        "operations": dict(sorted(operations.items())),
    }


def _operations(result):
    """Give the name of each operation that a task's result, also a loop's, says was carried out."""
    parts = result.get("results") or next((result[key] for key in ITEMS if isinstance(result.get(key), list)), None)
    if parts is not None:
        for part in parts:
            if isinstance(part, dict) and part.get("item") != FORESEEN and not part.get("error"):
                yield from _operations(part)
        return
    for operation in result.get("operations") or ():
        yield _name(operation, result) if isinstance(operation, dict) else "%s connection" % operation


def _name(operation, result):
    volume = result.get("volume")
    source = volume.get("source") if isinstance(volume, dict) else None
    if source and (operation["action"], operation["noun"]) == ("create", "volume"):
        return "create volume from %s" % source["kind"]
    return "%s %s" % (operation["action"], operation["noun"])


def read_record():
    """Return what docs/drivers/exercised.json holds."""
    return json.loads(RECORD.read_text()) if RECORD.exists() else {}


def write_record(name, found):
    """Put one backend's record into docs/drivers/exercised.json."""
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(dict(read_record(), **{name: found}), indent=2, sort_keys=False) + "\n")
