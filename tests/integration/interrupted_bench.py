# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An operation's controller that is put back before every run, and all that a user could see of store, array and repository after it."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import threading

from ansible_collections.baremetal.legacy_storage.tests.integration import quick_repository
from ansible_collections.baremetal.legacy_storage.tests.integration.interrupted_operations import GOLD, OPERATIONS, REPOSITORY
from ansible_collections.baremetal.legacy_storage.tests.postgresql import PASSWORD

GIB = 1024**3
PLACES = (0, GIB // 2, GIB - 4096)  # where a volume is written to and compared: front, middle and end


def world(controller, contents=True):
    """Return all that a user could see of store and array."""
    without_time = "SELECT id, volume_id, host, connector, status, connection IS NOT NULL FROM exports ORDER BY id"
    rows = [
        [{key: value for key, value in item.items() if key not in ("created_at", "exported_at")} for item in controller.ask(noun + ".list", {})[noun + "s"]]
        for noun in ("volume", "snapshot", "group_snapshot")
    ]
    found = {
        "files": controller.listing(),
        "contents": on_array(controller) if contents else None,
        "rows": rows,
        "exports": controller.query(without_time),
        "backends": controller.ask("backend.list", {})["backends"],
        "repositories": controller.ask("repository.list", {})["repositories"],
        "backups": in_repository(controller),
        "downloads": sorted(path.name for path in (controller.root / "state").glob("downloads/*")),
    }
    return with_clones_by_name(controller, found)


def with_clones_by_name(controller, found):
    """Return plain data with each clone's name for its id, since one that is made again after a killed run has another id."""
    for volume in controller.ask("volume.list", {})["volumes"]:
        if (volume["source"] or {}).get("kind") == "volume":
            found = replaced(found, volume["id"], volume["name"])
    return found


def replaced(found, text, other):
    """Return plain data with a text in it replaced by another one, wherever it stands."""
    if isinstance(found, dict):
        return {replaced(key, text, other): replaced(value, text, other) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return type(found)(replaced(item, text, other) for item in found)
    return found.replace(text, other) if isinstance(found, str) else found


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
        repository = self.controller.root / "repository"
        repository.mkdir(exist_ok=True)
        if (repository / "keys").exists():
            quick_repository.quicken(repository, REPOSITORY[1]["password"])
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


def count(tally, what, found):
    """Count one fault that left the world as it should be."""
    tally[what] += 1
    tally["bytes"] += sum(len(content) for content in (found["contents"] or {}).values())
