# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller with a volume and a real restic repository, and ways to hold an operation still while others look at it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import json
import os
import subprocess
import time

from ansible_collections.baremetal.legacy_storage.tests.integration import quick_repository

GIB = 1024**3
MIB = 1024**2
PART = 8 * MIB
PASSWORD = "canary-repository-password"
DATA = {"backend": "one", "name": "data"}
OFFSITE = {"repository": "offsite"}


class Backups:
    """A controller with the volume ``data`` and the repository ``offsite`` in a directory."""

    def __init__(self, controller, folder):
        self.controller = controller
        self.folder = folder
        self.volume = self.ensure("volume", **DATA, size="1")["volumes"][0]["volume"]
        self.path = controller.path_of("volume", self.volume["id"])
        self.register()

    def register(self, **changes):
        parameters = dict({"name": "offsite", "location": str(self.folder), "password": PASSWORD}, **changes)
        result = self.controller.ask("repository.ensure", {"repositories": [parameters]})
        return result["repositories"][0]

    def ensure(self, noun, check=False, **item):
        result = self.controller.ensure(noun, check, **item)
        assert not result.get("failed"), result["msg"]
        return result

    def refused(self, noun, **item):
        result = self.controller.ensure(noun, **item)
        assert result.get("failed"), result
        return result["error"]

    def make(self, name="monday", **changes):
        return self.ensure("backup", **dict({"name": name, "backend": "one", "volume": "data"}, **OFFSITE, **changes))["backups"][0]

    def write(self, content, at=0):
        with open(self.path, "r+b") as stream:
            stream.seek(at)
            stream.write(content)

    def list(self, **wanted):
        return self.controller.ask("backup.list", wanted)["backups"]

    def names(self):
        return sorted(item["name"] for item in self.list())

    def restic(self, *arguments):
        settings = dict(os.environ, RESTIC_REPOSITORY=str(self.folder), RESTIC_PASSWORD=PASSWORD, RESTIC_CACHE_DIR=str(self.folder) + "-cache")
        done = subprocess.run(["restic", *arguments], env=settings, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def kept(self):
        """restic's own list of snapshots."""
        return json.loads(self.restic("snapshots", "--json", "--no-lock")) or []

    def packs(self):
        return [path for path in (self.folder / "data").rglob("*") if path.is_file()]


def prepared(controller, folder):
    """Return Backups whose repository is there already, and quick."""
    quick_repository.copy_of_one(folder, PASSWORD)
    return Backups(controller, folder)


def digest(path, length=None):
    """SHA-256 of a file, or of its front."""
    checksum = hashlib.sha256()
    with open(path, "rb") as stream:
        left = os.path.getsize(path) if length is None else length
        while left:
            block = stream.read(min(left, 4 * MIB))
            checksum.update(block)
            left -= len(block)
    return checksum.hexdigest()


def until_begun(controller, method, times):
    """Wait until the driver was called so often."""
    deadline = time.monotonic() + 60
    while [call[1:] for call in controller.calls()].count(("begin", method)) < times:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextlib.contextmanager
def held_at(controller, method, call):
    """Run ``call`` beside the block, and let the driver's method wait in it until the block ends; yields what will be its result."""
    before = [made[1:] for made in controller.calls()].count(("begin", method))
    door = controller.array / "faults" / method
    os.mkfifo(door)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(call)
        try:
            until_begun(controller, method, before + 1)
            yield running
        finally:
            if not running.done():
                door.write_text("sleep 0")
            running.exception()
            door.unlink()


def until(condition):
    """Wait until something is true."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextlib.contextmanager
def waiting_at(backups, point, monkeypatch, tmp_path, call):
    """Let ``call`` come to a point and wait there until the block ends; yields what will be its result."""
    door, points = tmp_path / "door", tmp_path / "points"
    door.touch()
    for name, value in (("KILL_AT", point), ("FAULT", "wait"), ("DOOR", str(door)), ("POINTS", str(points))):
        monkeypatch.setenv("BLS_TEST_" + name, value)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(call)
        try:
            until(lambda: running.done() or (points.exists() and point in points.read_text().splitlines()))
            for name in ("KILL_AT", "FAULT", "DOOR", "POINTS"):
                monkeypatch.delenv("BLS_TEST_" + name)
            yield running
        finally:
            door.unlink()
            running.exception()
