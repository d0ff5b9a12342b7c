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
import functools
import http.server
import json
import os
import subprocess
import threading

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.execute.executor import ACTIONS
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import plural
from ansible_collections.baremetal.legacy_storage.tests.integration.killing_worker import DRIVER_METHODS
from ansible_collections.baremetal.legacy_storage.tests.postgresql import PASSWORD

GIB = 1024**3
PLACES = (0, GIB // 2, GIB - 4096)  # where a volume is written to and compared: front, middle and end
GOLD = b"gold" * 1024


def volume(name, **parameters):
    return "volume", dict({"backend": "one"}, name=name, **parameters)


def snapshot(name, **parameters):
    return "snapshot", dict(parameters, backend="one", name=name)


def group_snapshot(name, **parameters):
    return "group_snapshot", dict(parameters, backend="one", name=name)


def export(host, multipath=False):
    return "export", {"backend": "one", "volume": "data", "host": host, "multipath": multipath}


def image(**parameters):
    return "image", dict(parameters, backend="one", path="{array}/data.qcow2")


def repository(**parameters):
    return "repository", dict({"name": "offsite", "location": "{root}/repository", "password": "canary-repository-password"}, **parameters)


def backup(name="monday", **parameters):
    return "backup", dict({"repository": "offsite", "backend": "one", "volume": "data"}, name=name, **parameters)


def absent(noun, parameters):
    told_by = ("repository", "backend", "name", "path", "volume", "host", "force")
    return noun, {key: value for key, value in parameters.items() if key in told_by} | {"state": "absent"}


def released(noun, parameters):
    return noun, {"backend": "one", "name": parameters["name"], "state": "released"}


def steps(*names):
    """Points around transactions ("+" stands for one) and calls ("!" for one that the driver does not offer); others as they are called."""
    points, commits, seen = [], 0, collections.Counter()
    for name in names:
        seen[name] += 1
        if name.endswith("!"):
            points.append("before " + name[:-1])
            continue
        if name.startswith(("before ", "amid ", "after ")):
            points.append(name + " again" * (seen[name] > 1))
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
LUN = "lun", GOLD  # a file of somebody else on the array
WRITTEN = "write", b"lead" * 1024  # what a host wrote since
IMAGE = image(volume="data")
UNMAP = ("terminate_connection", "remove_export")
GROUPING = ("backend", {"name": "one", "driver": "sparse_files.GroupingDriver"}), DATA, volume("log", size="1")
BOTH = group_snapshot("both", volumes=["data", "log"])
AGAIN = group_snapshot("again", volumes=["log", "data"])
TWO = ("backend", {"name": "two"})  # on the same array, where the two must not get into each other's way
OPEN = ("+", "create_export", "+", "initialize_connection", "+", "+")
CLOSE = (*UNMAP, "+")
SAVE = ("before save", "amid blocks", "after save")
FILL = ("before read", "+", "amid write", "after read", "amid blocks")
COPY = ("+", "create_volume", "+", *OPEN, *OPEN, "copy", "compare", *CLOSE, *CLOSE, "+", "delete_volume", "+")
GONE = [absent(*volume("data")), absent(*volume("data", backend="two"))]
REPOSITORY = repository()
BACKUP = backup()
MAP = ("create_export", "+", "+", "initialize_connection")
PRUNES = "back a volume up and delete what is not kept"
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
    "take a group snapshot": (
        [*GROUPING],
        BOTH,
        absent(*BOTH),
        steps("+", "create_group", "+", "update_group", "+", "create_group_snapshot", "+"),
    ),
    "take another group snapshot of the same volumes": ([*GROUPING, BOTH], AGAIN, absent(*AGAIN), steps("+", "create_group_snapshot", "+")),
    "rename a group snapshot": (
        [*GROUPING, BOTH],
        group_snapshot("new", renamed_from="both"),
        group_snapshot("both", renamed_from="new"),
        steps("+"),
    ),
    "change a group snapshot's metadata": ([*GROUPING, BOTH], group_snapshot("both", metadata={"a": "b"}), absent(*BOTH), steps("+")),
    "delete a group snapshot": (
        [*GROUPING, BOTH],
        absent(*BOTH),
        BOTH,
        steps("+", "delete_group_snapshot", "+", "update_group", "+", "delete_group", "+"),
    ),
    "delete one of two group snapshots": ([*GROUPING, BOTH, AGAIN], absent(*AGAIN), AGAIN, steps("+", "delete_group_snapshot", "+", "+")),
    "create an export": ([DATA], export("node1"), absent(*export("node1")), steps("+", *MAP, "+")),
    "create a second export": ([SHARED, export("node2")], export("node1"), absent(*export("node1")), steps("+", *MAP, "+")),
    "update an export": (
        [DATA, export("node1")],
        export("node1", multipath=True),
        absent(*export("node1")),
        steps("+", "create_export", "+", "initialize_connection", "+"),
    ),
    "delete an export": ([DATA, export("node1")], absent(*export("node1")), export("node1"), steps("+", *UNMAP, "+")),
    "make an image of a volume": (
        [DATA],
        IMAGE,
        absent(*IMAGE),
        steps("+", *OPEN, "write_file", "compare", *CLOSE, "_write_record", "_rename_new", "+"),
    ),
    "replace an image by a snapshot's": (
        [DATA, SNAPPED, IMAGE],
        image(snapshot="snap", force=["existing"]),
        absent(*image()),
        steps("+", "+", "create_volume_from_snapshot", "+", *OPEN, "write_file", "compare", *UNMAP, "delete_volume", "+", "_write_record", "+"),
    ),
    "delete an image": ([DATA, IMAGE], absent(*IMAGE), IMAGE, steps("+", "+")),
    "create a volume from an image": (
        [DATA, IMAGE],
        volume("copy", source_image="{array}/data.qcow2"),
        absent(*volume("copy")),
        steps("+", "+", "create_volume", "+", *OPEN, "copy", "compare", *CLOSE, "+"),
    ),
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
        steps("+", "revert_to_snapshot!", "+", "create_volume_from_snapshot", "+", *OPEN, *OPEN, "copy", "compare", *CLOSE, *UNMAP, "delete_volume", "+", "+"),
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
    "create a volume from a URL": (
        [DATA, IMAGE],
        volume("copy", source_image="{url}/data.qcow2"),
        absent(*volume("copy")),
        steps("+", "before download", "+", "after download", "+", "create_volume", "+", *OPEN, "copy", "compare", *CLOSE, "+"),
    ),
    "register a backend": ([], TWO, absent(*TWO), steps("+")),
    "update a backend": ([TWO], ("backend", {"name": "two", "without": "revert"}), absent(*TWO), steps("+")),
    "delete a backend": ([TWO], absent(*TWO), TWO, steps("+")),
    "register a repository": ([], REPOSITORY, absent(*REPOSITORY), steps("restic create", "+")),
    "update a repository": ([REPOSITORY], repository(environment={"RESTIC_COMPRESSION": "off"}), absent(*REPOSITORY), steps("+")),
    "forget a repository": ([REPOSITORY, DATA, BACKUP], absent(*REPOSITORY), REPOSITORY, steps("+")),
    "back a volume up and verify": (
        [REPOSITORY, DATA],
        backup(verify=True),
        absent(*BACKUP),
        steps("delete", "+", *OPEN, *SAVE, *CLOSE, "read", "record", "+"),
    ),
    PRUNES: (
        [REPOSITORY, DATA, BACKUP],
        backup("tuesday", keep={"last": 1}),
        absent(*backup("tuesday")),
        steps("delete", "+", *OPEN, *SAVE, *CLOSE, "record", "+", "+", "delete", "+"),
    ),
    "back an attached volume up": (
        [REPOSITORY, DATA, export("node1")],
        BACKUP,
        absent(*BACKUP),
        steps(
            *("delete", "+", "create_snapshot", "+", "+", "create_volume_from_snapshot", "+", *OPEN, *SAVE, *UNMAP, "delete_volume", "+"),
            *("delete_snapshot", "record", "+"),
        ),
    ),
    "delete a backup": ([REPOSITORY, DATA, BACKUP], absent(*BACKUP), BACKUP, steps("+", "delete", "+")),
    "restore a backup": (
        [REPOSITORY, DATA, BACKUP, WRITTEN],
        backup(state="restored"),
        absent(*DATA),
        steps("+", *OPEN, *FILL, *CLOSE, "+"),
    ),
    "create a volume from a backup": (
        [REPOSITORY, DATA, BACKUP],
        volume("copy", source_repository="offsite", source_backup="monday"),
        absent(*volume("copy")),
        steps("+", "create_volume", "+", *OPEN, *FILL, *CLOSE, "+"),
    ),
}
# What each of them is for the executor, which a test compares with all that it can do.
DOES = {
    ("volume", "create"): [
        "create a volume",
        "clone a volume",
        "create a volume from a snapshot, larger",
        "create a volume from an image",
        "create a volume from a URL",
        "create a volume from a backup",
    ],
    ("volume", "extend"): ["extend a volume", "extend an attached volume"],
    ("volume", "update"): ["change a volume's metadata"],
    ("volume", "rename"): ["rename a volume"],
    ("snapshot", "rename"): ["rename a snapshot"],
    ("volume", "retype"): ["retype a volume", "retype an attached volume, then delete it", "retype a volume by migration"],
    ("volume", "revert"): ["revert a volume", "revert a volume, then delete it", "revert a volume by copying"],
    ("volume", "adopt"): ["adopt a volume", "adopt a volume, then delete it"],
    ("snapshot", "adopt"): ["adopt a snapshot"],
    ("volume", "release"): ["release a volume"],
    ("snapshot", "release"): ["release a snapshot"],
    ("volume", "delete"): ["delete a volume", "delete a volume with snapshot and export"],
    ("export", "delete"): ["delete a volume with snapshot and export", "delete an export", "delete one of two exports"],
    ("snapshot", "delete"): ["delete a volume with snapshot and export", "delete a snapshot"],
    ("snapshot", "create"): ["create a snapshot"],
    ("snapshot", "update"): ["change a snapshot's metadata"],
    ("group_snapshot", "create"): ["take a group snapshot", "take another group snapshot of the same volumes"],
    ("group_snapshot", "rename"): ["rename a group snapshot"],
    ("group_snapshot", "update"): ["change a group snapshot's metadata"],
    ("group_snapshot", "delete"): ["delete a group snapshot", "delete one of two group snapshots"],
    ("export", "create"): ["create an export", "create a second export"],
    ("export", "update"): ["update an export"],
    ("image", "create"): ["make an image of a volume"],
    ("image", "replace"): ["replace an image by a snapshot's"],
    ("image", "delete"): ["delete an image"],
    ("volume", "migrate"): ["migrate a volume to another backend", "let the driver move a volume to another pool"],
    ("backend", "register"): ["register a backend"],
    ("backend", "update"): ["update a backend"],
    ("backend", "delete"): ["delete a backend"],
    ("repository", "register"): ["register a repository"],
    ("repository", "update"): ["update a repository"],
    ("repository", "forget"): ["forget a repository"],
    ("backup", "create"): ["back a volume up and verify", PRUNES, "back an attached volume up"],
    ("backup", "delete"): [PRUNES, "delete a backup"],
    ("volume", "restore"): ["restore a backup"],
}
ELSEWHERE = {
    ("backend", "fail_over"): "test_failover.py has every step of it",
    ("backend", "fail_back"): "test_failover.py has every step of it",
}
SETTLING = ("undo_", "finish_", "fail_", "record_", "clean_up", "close")  # what the next run does about one that was killed: here, after each kill
SETTLED = {("volume", "forget"), ("backend", "forget")}  # the same, under a name that repositories have for something else
POINTS = [(name, point) for name, (_before, _operation, _opposite, points) in OPERATIONS.items() for point in points]

COPYING = {name for name, point in POINTS if point == "before compare"}
BACKING_UP = {name for name, (before, operation, _opposite, _points) in OPERATIONS.items() if REPOSITORY in (*before, operation)}
ALWAYS = "migrate a volume to another backend"  # the one whose mistakes would cost data
ON_EACH_LANE = {"create a volume", "delete a volume with snapshot and export", "delete an export", ALWAYS}  # what a lane changes is not the journal


def cases(pairs, what, always=()):
    """Parameters, told by name. Those of operations that copy data or run restic, which takes a while, only `make test-all` runs, but for ``always``."""
    return [
        pytest.param(
            *pair,
            id="%s-%s %s (%d of %d)" % (pair[0], what, pair[1], number, len(pairs)),
            marks=[pytest.mark.extra] * (pair[0] in COPYING | BACKING_UP and pair[0] not in always)
            + [pytest.mark.exhaustive] * (pair[0] not in ON_EACH_LANE),
        )
        for number, pair in enumerate(pairs, 1)
    ]


def world(controller, contents=True):
    """Return all that a user could see of store and array."""
    without_time = "SELECT id, volume_id, host, connector, status, connection IS NOT NULL FROM exports ORDER BY id"
    rows = [
        [{key: value for key, value in item.items() if key not in ("created_at", "exported_at")} for item in controller.ask(noun + ".list", {})[noun + "s"]]
        for noun in ("volume", "snapshot", "group_snapshot")
    ]
    return {
        "files": controller.listing(),
        "contents": on_array(controller) if contents else None,
        "rows": rows,
        "exports": controller.query(without_time),
        "backends": controller.ask("backend.list", {})["backends"],
        "repositories": controller.ask("repository.list", {})["repositories"],
        "backups": in_repository(controller),
        "downloads": sorted(path.name for path in (controller.root / "state").glob("downloads/*")),
    }


def in_repository(controller):
    """Return (all that is told of the backups but for what is another each time, how many snapshots of restic there are)."""
    kept = list((controller.root / "repository").glob("snapshots/*"))
    if not kept:
        return [], 0
    told_of = controller.ask("backup.list", {})["backups"]
    differs = ("id", "created_at", "bytes_added")
    return [{key: value for key, value in item.items() if key not in differs} for item in told_of], len(kept)


def on_array(controller):
    """Return what each file of the array holds; of volumes and snapshots what stands at their front, in their middle and at their end."""
    found = {}
    for path in controller.listing():
        if path.startswith(("volume-", "snapshot-", "lun")):
            with open(controller.array / path, "rb") as stream:
                found[path] = told(os.pread(stream.fileno(), len(GOLD), place) for place in PLACES)
        elif path.endswith(".legacy-image.json"):
            found[path] = record_of_image(controller.array / path)
        else:
            found[path] = (controller.array / path).read_bytes()
    return found


def told(parts):
    """Return as one what was read at PLACES."""
    return b"|".join(part.rstrip(b"\0") for part in parts)


def put(path, content):
    """Write to a volume's file what a host would, at PLACES."""
    with open(path, "r+b") as stream:
        for place in PLACES:
            stream.seek(place)
            stream.write(content)


def record_of_image(path):
    """Return what stands beside an image, but for the time it was made, and what it replaced."""
    return {key: value for key, value in json.loads(path.read_text()).items() if key not in ("created_at", "mtime", "former")}


def named(found):
    """Return the files that the store's rows stand for."""
    volumes, snapshots, _group_snapshots = found["rows"]
    return (
        ["volume-" + item["id"] for item in volumes]
        + ["snapshot-" + item["id"] for item in snapshots]
        + ["exports/volume-%s/%s" % (item["id"], host) for item in volumes for host in item["attached_to"]]
    )


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server that does not log."""

    def log_message(self, *args):
        """Say nothing."""


class Bench:
    """One operation's controller, prepared once and put back before every run.

    :param server: where its store is a database of a PostgreSQL server; else it is a file.
    :param look: returns of a controller what must be as after an undisturbed run.
    """

    def __init__(self, folder, make, connector, name, server=None, look=world):
        self.before, self.operation, self.opposite, self.points = OPERATIONS[name]
        self._connector = connector
        self._server = server
        self._look = look
        self.database = server and server.make_database()
        settings = {"store_url": server.url(self.database, password=None), "store_password": PASSWORD} if server else {}
        self.controller = make(folder / "controller", **settings)
        self.written = {"python": json.loads(self.controller.config.read_text())["python"]}
        for step in self.before:
            if step[0] == "write":
                self._write(step[1])
                continue
            if step[0] == "lun":
                (self.controller.array / "lun7").touch()
                put(self.controller.array / "lun7", step[1])
                continue
            self.run(step)
            if step[0] == "volume" and step[1]["name"] == "data" and "adopt" not in step[1]:
                self._write(GOLD)
        self._saved = folder / "saved"
        self._saved.mkdir()
        (self.controller.root / "repository").mkdir(exist_ok=True)
        self._copy(self.controller.root, self._saved)
        if server:
            server.copy_database(self.database, self.database + "_saved")
        self.ended = self._world_after(self.operation)
        self.undone = self._world_after(self.operation, self.opposite)

    def _write(self, content):
        put(self.controller.path_of("volume", self.controller.id_of("volume", "one", "data")), content)

    def _backend(self, name, without="nothing", **changes):
        options = {"sparse_files_dir": str(self.controller.array), "sparse_files_without": without}
        return self.controller.backend_parameters(name, options=options, **changes)

    def attempt(self, step, check=False):
        if step == "moves":  # what the array is able to
            (self.controller.array / "faults" / step).write_text("")
            return {}
        if isinstance(step, list):
            results = [self.attempt(one, check) for one in step]
            return next((result for result in results if result.get("failed")), results[-1])
        noun, parameters = step
        parameters = self._backend(**parameters) if noun == "backend" and parameters.get("state") != "absent" else dict(parameters)
        multipath = parameters.pop("multipath", False)
        if noun == "export" and parameters.get("state") != "absent":
            parameters["connector"] = self._connector(parameters["host"], multipath=multipath)
        for key in ("path", "source_image", "location"):
            if key in parameters:
                url = self.url if "{url}" in parameters[key] else None
                parameters[key] = parameters[key].format(array=self.controller.array, root=self.controller.root, url=url)
        return self.controller.ensure(noun, check, **parameters)

    @functools.cached_property
    def url(self):
        """Serve the array's files until the tests end; return where."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(self.controller.array)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return "http://127.0.0.1:%d" % server.server_address[1]

    def run(self, step, check=False):
        result = self.attempt(step, check)
        assert not result.get("failed"), result
        return result

    def reset(self):
        self._copy(self._saved, self.controller.root)
        if self._server:
            self._server.copy_database(self.database + "_saved", self.database)

    @staticmethod
    def _copy(source, target):
        folders = " ".join("%s/%s" % (source, name) for name in ("array", "state", "repository"))
        subprocess.run("rm -rf array state repository && cp -a --sparse=always %s ." % folders, shell=True, cwd=target, check=True, timeout=60)

    def _world_after(self, *run):
        self.reset()
        for step in run:
            self.run(step)
        return self._look(self.controller)


@pytest.fixture(autouse=True)
def fixture_short(monkeypatch):
    """Let a backup be of a volume's first 8 MiB, and no proxy stand before the web server."""
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(8 * 1024**2))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module", name="bench")
def fixture_bench(tmp_path_factory, make_controller_in):
    made = {}

    def get(name, connector):
        if name not in made:
            made[name] = Bench(tmp_path_factory.mktemp("bench"), make_controller_in, connector, name)
        made[name].reset()
        return made[name]

    return get


def count(tally, what, found):
    """Count one fault that left the world as it should be."""
    tally[what] += 1
    tally["bytes"] += sum(len(content) for content in (found["contents"] or {}).values())


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


def test_every_operation_that_there_is_is_killed_at_every_step_here_or_elsewhere():
    all_of_them = {(noun, action) for noun, actions in ACTIONS.items() for action in actions if not action.startswith(SETTLING)} - SETTLED
    assert all_of_them - set(ELSEWHERE) == set(DOES), "what is new needs its row in OPERATIONS"
    assert {name for names in DOES.values() for name in names} == set(OPERATIONS)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.extra] * (name in BACKING_UP)) for name in OPERATIONS])
def test_these_are_all_the_points_at_which_it_can_be_killed(name, bench, connector, monkeypatch, tmp_path):
    prepared = bench(name, connector)
    monkeypatch.setenv("BLS_TEST_POINTS", str(tmp_path / "points"))
    result = prepared.run(prepared.operation)
    assert (tmp_path / "points").read_text().splitlines() == OPERATIONS[name][3]
    ran = {(item["noun"], item["action"]) for item in result[plural(prepared.operation[0])][0]["operations"]}
    assert ran == {what for what, names in DOES.items() if name in names}


@pytest.mark.parametrize(("name", "point"), cases(POINTS, "killed", always=[ALWAYS]))
def test_the_same_task_again_ends_as_if_nothing_had_happened(name, point, killed, tally):
    prepared = killed(name, point)
    foreseen = prepared.run(prepared.operation, check=True)
    found = prepared.run(prepared.operation)
    key = plural(prepared.operation[0])
    assert found[key][0]["operations"] == foreseen[key][0]["operations"]
    assert prepared.controller.unsettled() == []
    assert world(prepared.controller) == prepared.ended
    assert prepared.run(prepared.operation)["changed"] is False
    count(tally, "runs killed, then run again", prepared.ended)


@pytest.mark.parametrize(("name", "point"), cases(POINTS, "killed"))
def test_the_opposite_task_leaves_nothing_over(name, point, killed, tally):
    prepared = killed(name, point)
    prepared.run(prepared.opposite)
    assert prepared.controller.unsettled() == []
    found, expected = world(prepared.controller), prepared.undone
    tally["runs killed, then the opposite"] += 1
    if name == "delete a volume with snapshot and export":  # "present" keeps what was not yet deleted, and that is all there is
        assert sorted(found["files"]) == sorted(named(found))
        return
    if name.startswith(("adopt", "release")):  # a driver killed in it may forget what it was called; the data is there, once
        assert (found["rows"], found["exports"]) == (expected["rows"], expected["exports"])
        begun = point != "before commit 1"
        if name == "adopt a volume, then delete it":
            expected = {"contents": {} if begun else {"lun7": told([GOLD] * len(PLACES))}}
        elif name.startswith("release") and not begun:
            expected = {"contents": {path: front for path, front in expected["contents"].items() if path.startswith("volume-")}}
        assert sorted(found["contents"].values()) == sorted(expected["contents"].values())
        return
    if name.startswith(("delete", "revert")):  # what was not yet deleted or reverted still holds its data
        assert set(found.pop("contents")) == set(expected["contents"])
        expected = {key: value for key, value in expected.items() if key != "contents"}
    if name == PRUNES:  # the backup that was to go stays where the run did not get that far
        assert {item["name"] for item in found.pop("backups")[0]} <= {"monday"}
        expected = {key: value for key, value in expected.items() if key != "backups"}
    assert found == expected


# The driver refuses or loses the answer, does not return, or the disk under the store is full: each at every step.
CALLS = [(name, point) for name, point in POINTS if point.split()[1] in DRIVER_METHODS]
WAITS = [(name, point) for name, point in CALLS if point.startswith("before")]
COMMITS = [(name, point) for name, point in POINTS if point.startswith("before commit")]


@pytest.fixture(name="broken")
def fixture_broken(bench, connector, monkeypatch):
    """A function: run an operation in which something goes wrong at a point; returns its bench and the task's words."""

    def run(name, point, fault, **settings):
        prepared = bench(name, connector)
        controller = prepared.controller
        monkeypatch.setenv("BLS_TEST_KILL_AT", point)
        monkeypatch.setenv("BLS_TEST_FAULT", fault)
        controller.write_config(controller.config, **dict(prepared.written, **settings))
        result = prepared.attempt(prepared.operation)
        controller.write_config(controller.config, **prepared.written)
        monkeypatch.delenv("BLS_TEST_KILL_AT")
        return prepared, result.get("msg")

    return run


def settle(prepared):
    """Run the task again, after which all must be as if nothing had gone wrong."""
    prepared.run(prepared.operation)
    assert prepared.controller.unsettled() == []
    assert world(prepared.controller) == prepared.ended


@pytest.mark.parametrize(("name", "point"), cases(CALLS, "raises"))
def test_an_array_that_refuses_or_whose_answer_is_lost_is_told_and_the_next_run_ends_well(name, point, broken, tally):
    prepared, words = broken(name, point, "raise")
    if words is None:  # the array was asked and has the size; or all is done but for closing what was opened, which the journal knows
        assert point == "after extend_volume" or {noun for noun, _action, _name in prepared.controller.unsettled()} <= {"access", "volume"}
    else:
        assert "the array broke %s" % point in words
    settle(prepared)
    count(tally, "answers of the array that were errors or lost", prepared.ended)


@pytest.mark.parametrize(("name", "point"), cases(WAITS, "hangs"))
def test_an_array_that_never_answers_is_given_up_after_the_time_set_and_the_next_run_ends_well(name, point, broken, tally):
    prepared, words = broken(name, point, "hang", operation_timeout=0.5)
    assert "has not answered for 0.5 s (operation_timeout)" in words
    settle(prepared)
    count(tally, "calls of the array that never returned", prepared.ended)


@pytest.mark.parametrize(("name", "point"), cases(COMMITS, "full"))
def test_a_full_disk_under_the_store_is_told_and_the_next_run_ends_well(name, point, broken, tally):
    prepared, words = broken(name, point, "full")
    assert "The metadata store" in words and "failed" in words
    settle(prepared)
    count(tally, "transactions that a full disk refused", prepared.ended)
