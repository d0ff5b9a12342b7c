# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders docs/reliability.md from the record of what was survived. Pure."""

from __future__ import annotations

HEADER = """\
# Reliability

<!-- Made by `make reliability` from docs/reliability/survived.json: change that by running tools/reliability, not this. -->

What was broken on purpose while volumes were attached, detached and written to, and what became of it. All figures were measured by the tests
that the page names; nothing here is estimated.
"""

LAB = """
## On real hosts

The [lab's](lab.md) controller and nodes, Cinder's LVM driver on LIO, iSCSI with CHAP and multipath through two portals ({versions}).
Each case is a test in [tests/lab/faults](../tests/lab/faults). It ends in the same way:

1. The task is run once more and ends well. Where it had failed, its message had named what was wrong.
2. The volume's content is read back past the page cache and compared. Programs in the cases write with `O_DIRECT` and `O_DSYNC`; what was
   acknowledged to them counts.
3. The volume is detached, and nothing of it is found: on both nodes no session, record of open-iscsi, disk, map, mount, link, or record of ours;
   on the controller no export, unsettled operation, initiator let in, target or backstore. `legacy_doctor` has nothing to say when all
   cases are over.

*Back after* is the longest time from the fault, or from its end where somebody has to end it, until I/O went on over all paths that there should
be, or the task had succeeded. Most of it is the lab's own slowness: a task alone takes 10 s, a boot 20 s, several times that where other work
keeps the machine busy.

{total}
"""

UNMEASURED = """
### Not measured yet

These cases are in the suite, and have no figures so far. Until they have, nothing is claimed of them:
"""

INTERRUPTED = """
## Interrupted runs of the controller

[tests/integration/test_interrupted.py](../tests/integration/test_interrupted.py) breaks every operation at every transaction of the store and every call
of the driver, with a driver that keeps volumes in files, and [test_connection_lost.py](../tests/integration/test_connection_lost.py) does so to the
connections of a store in PostgreSQL. Afterwards the same task, or its opposite, ends where an undisturbed run ends ({date}):
"""


def render(record, suite):
    """Return the page of a record, and of the suite's cases, as tests/lab/faults/record.py reads them."""
    text = HEADER
    if record.get("lab"):
        found = record["lab"]
        cases = found["cases"].values()
        versions = ", ".join(" ".join(pair) for pair in found["versions"].items())
        total = "**%d faults in %d cases; %.1f GiB compared, %d bytes lost; %d things left over.**" % (
            sum(case["times"] for case in cases),
            len(cases),
            sum(case["bytes"] for case in cases) / 2**30,
            sum(case["lost"] for case in cases),
            sum(case["left"] for case in cases),
        )
        text += LAB.format(versions=versions, total=total) + "\n" + "\n".join(_cases(found["cases"])) + "\n"
    unmeasured = {test: case for test, case in suite.items() if test not in record.get("lab", {}).get("cases", {})}
    if unmeasured:
        rows = ["* %s, %s: %s" % (case["what"], case["during"], _promise(test)) for test, case in unmeasured.items()]
        text += UNMEASURED + "\n" + "\n".join(rows) + "\n"
    if record.get("interrupted"):
        found = record["interrupted"]
        rows = ["| %d | %s |" % (count, what) for what, count in sorted(found["counts"].items())]
        rows.append("| %d | bytes of volumes and snapshots compared afterwards, 0 lost |" % found["bytes"])
        text += INTERRUPTED.format(date=found["date"]) + "\n" + "\n".join(["| times | what |", "|---:|---|", *rows]) + "\n"
    return text


def _promise(test):
    return test.removeprefix("test_").replace("_", " ")


def _cases(cases):
    yield "| what broke | meanwhile | what one may rely on | times | back after | MiB compared | lost | left over |"
    yield "|---|---|---|---:|---:|---:|---:|---:|"
    for test, case in cases.items():
        row = (case["what"], case["during"], _promise(test), case["times"], "%.0f s" % case["seconds"], case["bytes"] // 2**20, case["lost"], case["left"])
        yield "| %s |" % " | ".join(str(cell) for cell in row)
