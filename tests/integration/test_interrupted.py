# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed at any step can be run again: same end, nothing left over, no data harmed.

Each operation is killed, with SIGKILL, before and after every transaction of the store and every call of the driver.
Then either the same task runs again and must end where an undisturbed run ends, or its opposite does. The points are
listed here by name, and a test compares the list with what a run really passes: a new step cannot go untested.
"""

from __future__ import annotations

import collections
import os
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.identity import derive_id

FRONT = 4096
GOLD = b"gold" * 1024


def volume(name, **parameters):
    return "volume", dict({"backend": "one"}, name=name, **parameters)


def snapshot(name, **parameters):
    return "snapshot", dict(parameters, backend="one", name=name)


def export(host, multipath=False):
    return "export", {"backend": "one", "volume": "data", "host": host, "multipath": multipath}


def absent(noun, parameters):
    return noun, {key: value for key, value in parameters.items() if key in ("backend", "name", "volume", "host", "force")} | {"state": "absent"}


def released(noun, parameters):
    return noun, {"backend": "one", "name": parameters["name"], "state": "released"}


def steps(*names):
    """Points around transactions ("+" stands for one) and driver calls ("!" for one that the driver does not offer)."""
    points, commits, seen = [], 0, collections.Counter()
    for name in names:
        seen[name] += 1
        if name.endswith("!"):
            points.append("before " + name[:-1])
            continue
        if name == "+":
            commits += 1
            name = "commit %d" % commits
        elif seen[name] > 1:
            name += " again"
        points += ["before " + name, "after " + name]
    return points


DATA = volume("data", size="1")
SHARED = volume("data", size="1", extra_specs={"multiattach": "<is> True"})
SNAPPED = snapshot("snap", volume="data")
ADOPTED = volume("data", adopt={"source-name": "lun7"})
LUN = "lun", b"gold" * 1024  # a file of somebody else on the array
WRITTEN = "write", b"lead" * 1024  # what a host wrote since
UNMAP = ("terminate_connection", "remove_export")
TWO = ("backend", {"name": "two"})  # on the same array, where the two must not get into each other's way
OPEN = ("+", "create_export", "+", "initialize_connection", "+", "+")
CLOSE = (*UNMAP, "+")
COPY = ("+", "create_volume", "+", *OPEN, *OPEN, *CLOSE, *CLOSE, "+", "delete_volume", "+")
GONE = [absent(*volume("data")), absent(*volume("data", backend="two"))]
MAP = ("create_export", "+", "+", "initialize_connection")
# name: (what was before, the operation, its opposite, its steps)
OPERATIONS = {
    "create a volume": ([], DATA, absent(*DATA), steps("+", "create_volume", "+", "+")),
    "clone a volume": ([DATA], volume("copy", source_volume="data"), absent(*volume("copy")), steps("+", "create_cloned_volume", "+", "+")),
    "create a volume from a snapshot, larger": (
        [DATA, SNAPPED],
        volume("copy", source_snapshot="snap", size="2"),
        absent(*volume("copy")),
        steps("+", "create_volume_from_snapshot", "+", "+"),
    ),
    "extend a volume": ([DATA], volume("data", size="2"), absent(*DATA), steps("+", "extend_volume", "+")),
    "extend an attached volume": (
        [DATA, export("node1")],
        volume("data", size="2"),
        absent(*volume("data", force=["attached"])),
        steps("+", "extend_volume", "+"),
    ),
    "change a volume's metadata": ([DATA], volume("data", metadata={"a": "b"}), absent(*DATA), steps("+")),
    "rename a volume": ([DATA, SNAPPED], volume("new", renamed_from="data"), volume("data", renamed_from="new"), steps("+")),
    "rename a snapshot": ([DATA, SNAPPED], snapshot("new", renamed_from="snap"), snapshot("snap", renamed_from="new"), steps("+")),
    "retype a volume": ([DATA], volume("data", qos_specs={"iops": "9"}), volume("data", qos_specs={}), steps("+", "retype", "+", "+")),
    "retype an attached volume, then delete it": (
        [DATA, export("node1")],
        volume("data", qos_specs={"iops": "9"}),
        absent(*volume("data", force=["attached"])),
        steps("+", "retype", "+", "+"),
    ),
    "revert a volume": ([DATA, SNAPPED, WRITTEN], volume("data", revert_to="snap"), absent(*SNAPPED), steps("+", "revert_to_snapshot", "+")),
    "revert a volume, then delete it": (
        [DATA, SNAPPED, WRITTEN],
        volume("data", revert_to="snap"),
        absent(*volume("data", force=["snapshots"])),
        steps("+", "revert_to_snapshot", "+"),
    ),
    "adopt a volume": ([LUN], volume("data", adopt={"source-name": "lun7"}), released(*DATA), steps("+", "manage_existing", "+", "+")),
    "adopt a volume, then delete it": ([LUN], volume("data", adopt={"source-name": "lun7"}, size="1"), absent(*DATA), steps("+", "manage_existing", "+", "+")),
    "adopt a snapshot": (
        [DATA, LUN],
        snapshot("snap", volume="data", adopt={"source-name": "lun7"}),
        released(*SNAPPED),
        steps("+", "manage_existing_snapshot", "+", "+"),
    ),
    "release a volume": ([LUN, ADOPTED], released(*DATA), absent(*DATA), steps("+", "unmanage", "+")),
    "release a snapshot": ([DATA, SNAPPED], released(*SNAPPED), absent(*SNAPPED), steps("+", "unmanage_snapshot", "+")),
    "delete a volume": ([DATA], absent(*DATA), DATA, steps("+", "delete_volume", "+")),
    "delete a volume with snapshot and export": (
        [DATA, SNAPPED, export("node1")],
        absent(*volume("data", force=["attached", "snapshots"])),
        DATA,
        steps("+", *UNMAP, "+", "+", "delete_snapshot", "+", "+", "delete_volume", "+"),
    ),
    "create a snapshot": ([DATA], SNAPPED, absent(*SNAPPED), steps("+", "create_snapshot", "+", "+")),
    "change a snapshot's metadata": ([DATA, SNAPPED], snapshot("snap", metadata={"a": "b"}), absent(*SNAPPED), steps("+")),
    "delete a snapshot": ([DATA, SNAPPED], absent(*SNAPPED), SNAPPED, steps("+", "delete_snapshot", "+")),
    "create an export": ([DATA], export("node1"), absent(*export("node1")), steps("+", *MAP, "+")),
    "create a second export": ([SHARED, export("node2")], export("node1"), absent(*export("node1")), steps("+", *MAP, "+")),
    "update an export": (
        [DATA, export("node1")],
        export("node1", multipath=True),
        absent(*export("node1")),
        steps("+", "create_export", "+", "initialize_connection", "+"),
    ),
    "delete an export": ([DATA, export("node1")], absent(*export("node1")), export("node1"), steps("+", *UNMAP, "+")),
    "migrate a volume to another backend": ([TWO, DATA], volume("data", migrate_to={"backend": "two"}), GONE, steps(*COPY)),
    "retype a volume by migration": (
        [volume("data", size="1", extra_specs={"tier": "1"})],
        volume("data", extra_specs={"tier": "2"}, migration_policy="on-demand"),
        absent(*DATA),
        steps("+", "retype", *COPY, "+"),
    ),
    "revert a volume by copying": (
        [("backend", {"name": "one", "without": "revert"}), DATA, SNAPPED, WRITTEN],
        volume("data", revert_to="snap"),
        absent(*volume("data", force=["snapshots"])),
        steps("+", "revert_to_snapshot!", "+", "create_volume_from_snapshot", "+", *OPEN, *OPEN, *CLOSE, *UNMAP, "delete_volume", "+", "+"),
    ),
    "let the driver move a volume to another pool": (
        [DATA, "moves"],
        volume("data", pool="second", migration_policy="on-demand"),
        absent(*DATA),
        steps("+", "migrate_volume", "+", "+"),
    ),
    "delete one of two exports": (
        [SHARED, export("node1"), export("node2")],
        absent(*export("node1")),
        export("node1"),
        steps("+", "terminate_connection", "+"),
    ),
}
POINTS = [(name, point) for name, (_before, _operation, _opposite, points) in OPERATIONS.items() for point in points]


def world(controller, contents=True):
    """Return all that a user could see of store and array."""
    fronts = {}
    for path in controller.listing():
        if path.startswith(("volume-", "snapshot-", "lun")):
            with open(controller.array / path, "rb") as stream:
                fronts[path] = stream.read(FRONT).rstrip(b"\0")
        else:
            fronts[path] = (controller.array / path).read_bytes()
    without_time = "SELECT id, volume_id, host, initiator, connector, status, connection IS NOT NULL FROM exports ORDER BY id"
    rows = [
        [{key: value for key, value in item.items() if key != "created_at"} for item in controller.ask(noun + ".list", {})[noun + "s"]]
        for noun in ("volume", "snapshot")
    ]
    return {"files": controller.listing(), "contents": fronts if contents else None, "rows": rows, "exports": controller.query(without_time)}


def named(found):
    """Return the files that the store's rows stand for."""
    volumes, snapshots = found["rows"]
    return (
        ["volume-" + item["id"] for item in volumes]
        + ["snapshot-" + item["id"] for item in snapshots]
        + ["exports/volume-%s/%s" % (item["id"], host) for item in volumes for host in item["attached_to"]]
    )


class Bench:
    """One operation's controller, prepared once and put back before every run."""

    def __init__(self, folder, make, connector, name):
        self.before, self.operation, self.opposite, self.points = OPERATIONS[name]
        self._connector = connector
        self.controller = make(folder / "controller")
        for step in self.before:
            if step[0] == "write":
                self._write(step[1])
                continue
            if step[0] == "lun":
                (self.controller.array / "lun7").write_bytes(step[1])
                os.truncate(self.controller.array / "lun7", 1024**3)
                continue
            self.run(step)
            if step[0] == "volume" and step[1]["name"] == "data" and "adopt" not in step[1]:
                self._write(GOLD)
        self._saved = folder / "saved"
        self._saved.mkdir()
        self._copy(self.controller.root, self._saved)
        self.ended = self._world_after(self.operation)
        self.undone = self._world_after(self.operation, self.opposite)

    def _write(self, content):
        with open(self.controller.path_of("volume", derive_id("volume", "one", "data")), "r+b") as stream:
            stream.write(content)

    def _backend(self, name, without="nothing"):
        options = {"sparse_files_dir": str(self.controller.array), "sparse_files_without": without}
        return self.controller.backend_parameters(name, options=options)

    def run(self, step, check=False):
        if step == "moves":  # what the array is able to
            (self.controller.array / "faults" / step).write_text("")
            return None
        if isinstance(step, list):
            return [self.run(one) for one in step][-1]
        noun, parameters = step
        parameters = self._backend(**parameters) if noun == "backend" else dict(parameters)
        multipath = parameters.pop("multipath", False)
        if noun == "export" and parameters.get("state") != "absent":
            parameters["connector"] = self._connector(parameters["host"], multipath=multipath)
        result = self.controller.ensure(noun, check, **parameters)
        assert not result.get("failed"), result
        return result

    def reset(self):
        self._copy(self._saved, self.controller.root)

    @staticmethod
    def _copy(source, target):
        subprocess.run("rm -rf array state && cp -a --sparse=always %s/array %s/state ." % (source, source), shell=True, cwd=target, check=True, timeout=60)

    def _world_after(self, *run):
        self.reset()
        for step in run:
            self.run(step)
        return world(self.controller)


@pytest.fixture(scope="module", name="bench")
def fixture_bench(tmp_path_factory, make_controller_in):
    made = {}

    def get(name, connector):
        if name not in made:
            made[name] = Bench(tmp_path_factory.mktemp("bench"), make_controller_in, connector, name)
        made[name].reset()
        return made[name]

    return get


@pytest.fixture(name="killed")
def fixture_killed(bench, connector, monkeypatch):
    """A function: run an operation and kill it at a point; returns its bench."""

    def kill(name, point):
        prepared = bench(name, connector)
        monkeypatch.setenv("BLS_TEST_KILL_AT", point)
        with pytest.raises(StorageError, match="ended without an answer.*Run the task again") as caught:
            prepared.run(prepared.operation)
        assert caught.value.code == "interrupted"
        monkeypatch.delenv("BLS_TEST_KILL_AT")
        return prepared

    return kill


@pytest.mark.parametrize("name", OPERATIONS)
def test_these_are_all_the_points_at_which_it_can_be_killed(name, bench, connector, monkeypatch, tmp_path):
    prepared = bench(name, connector)
    monkeypatch.setenv("BLS_TEST_POINTS", str(tmp_path / "points"))
    prepared.run(prepared.operation)
    assert (tmp_path / "points").read_text().splitlines() == OPERATIONS[name][3]


@pytest.mark.parametrize(("name", "point"), POINTS, ids=["%s-killed %s (%d of %d)" % (*pair, number, len(POINTS)) for number, pair in enumerate(POINTS, 1)])
def test_the_same_task_again_ends_as_if_nothing_had_happened(name, point, killed):
    prepared = killed(name, point)
    foreseen = prepared.run(prepared.operation, check=True)
    found = prepared.run(prepared.operation)
    key = prepared.operation[0] + "s"
    assert found[key][0]["operations"] == foreseen[key][0]["operations"]
    assert prepared.controller.unsettled() == []
    assert world(prepared.controller) == prepared.ended
    assert prepared.run(prepared.operation)["changed"] is False


@pytest.mark.parametrize(("name", "point"), POINTS, ids=["%s-killed %s (%d of %d)" % (*pair, number, len(POINTS)) for number, pair in enumerate(POINTS, 1)])
def test_the_opposite_task_leaves_nothing_over(name, point, killed):
    prepared = killed(name, point)
    prepared.run(prepared.opposite)
    assert prepared.controller.unsettled() == []
    found, expected = world(prepared.controller), prepared.undone
    if name == "delete a volume with snapshot and export":  # "present" keeps what was not yet deleted, and that is all there is
        assert sorted(found["files"]) == sorted(named(found))
        return
    if name.startswith(("adopt", "release")):  # a driver killed in it may forget what it was called; the data is there, once
        assert (found["rows"], found["exports"]) == (expected["rows"], expected["exports"])
        begun = point != "before commit 1"
        if name == "adopt a volume, then delete it":
            expected = {"contents": {} if begun else {"lun7": GOLD}}
        elif name.startswith("release") and not begun:
            expected = {"contents": {path: front for path, front in expected["contents"].items() if path.startswith("volume-")}}
        assert sorted(found["contents"].values()) == sorted(expected["contents"].values())
        return
    if name.startswith(("delete", "revert")):  # what was not yet deleted or reverted still holds its data
        assert set(found.pop("contents")) == set(expected["contents"])
        expected = {key: value for key, value in expected.items() if key != "contents"}
    assert found == expected
