# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/reliability/survived.json: what the suites survived when tools/reliability ran them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
RECORD = ROOT / "docs/reliability/survived.json"
FILE = "BLS_FAULTS_SURVIVED"  # names the file in the environment of a run that is to be recorded


def read(path=RECORD):
    """Return the record: ``{"lab": {"versions", "cases": {test: figures}}, "interrupted": {"date", "counts", "bytes"}}``, each when there is one."""
    return json.loads(path.read_text()) if path.exists() else {}


def write(record, path=RECORD):
    """Write the record."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n")


def add(path, test, about, figures, date):
    """Add one more time that a case was survived to a run's file: the longest seconds and all bytes count."""
    record = read(path)
    cases = record.setdefault("lab", {}).setdefault("cases", {})
    was = cases.get(test, {"times": 0, "seconds": 0, "bytes": 0, "lost": 0, "left": 0})
    cases[test] = dict(
        about,
        times=was["times"] + 1,
        seconds=max(was["seconds"], figures["seconds"]),
        bytes=was["bytes"] + figures["bytes"],
        lost=was["lost"] + figures["lost"],
        left=was["left"] + figures["left"],
        date=date,
    )
    write(record, path)


def cases():
    """Return the suite's cases as its sources have them: ``{test: {"what", "during"}}``, in their order."""
    found = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "fault":
                    what, during = (ast.literal_eval(argument) for argument in mark.args)
                    found[node.name] = {"what": what, "during": during}
    return found
