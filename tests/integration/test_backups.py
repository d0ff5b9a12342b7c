# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups in a real restic repository: what comes back is what was there, and what is damaged, half or unwanted does no harm.

restic is the real one. Most tests let the worker take only the first few MiB of a volume for the whole, so that they are quick;
the first one reads and writes all of it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import threading
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask
from ansible_collections.baremetal.legacy_storage.tests.integration.test_secrecy import CANARY, SECRET, left_behind, watching_arguments

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


@pytest.fixture(name="backups")
def fixture_backups(controller, tmp_path, monkeypatch):
    """A controller with a volume and a repository; the worker takes the first 8 MiB for all of a volume."""
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(PART))
    return Backups(controller, tmp_path / "repository")


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


def test_a_whole_volume_comes_back_byte_for_byte_and_a_second_backup_stores_little(controller, tmp_path):
    backups = Backups(controller, tmp_path / "repository")
    for place in (0, 300 * MIB, GIB - 3 * MIB):
        backups.write(os.urandom(3 * MIB), place)
    before = digest(backups.path)
    first = backups.make()["backup"]
    assert (first["bytes"], first["sha256"]) == (GIB, before)
    assert 9 * MIB <= first["bytes_added"] < 32 * MIB
    backups.write(os.urandom(MIB), 500 * MIB)
    after = digest(backups.path)
    second = backups.make("tuesday")["backup"]
    assert second["sha256"] == after and second["bytes"] == GIB
    assert second["bytes_added"] < 8 * MIB, "of a GiB, one MiB had changed"
    made = backups.ensure("volume", backend="one", name="copy", source_repository="offsite", source_backup="monday", size="2")["volumes"][0]["volume"]
    path = controller.path_of("volume", made["id"])
    assert digest(path, GIB) == before and path.stat().st_size == 2 * GIB
    assert path.stat().st_blocks * 512 < 64 * MIB, "what was never written takes no room"
    assert controller.unsettled() == []


def test_a_backup_is_made_once_and_says_what_it_is_of(backups):
    backups.write(b"content")
    parameters = dict(OFFSITE, name="monday", backend="one", volume="data", description="before the upgrade")
    before = backups.kept()
    foreseen = backups.ensure("backup", check=True, **parameters)
    assert backups.kept() == before
    made = backups.ensure("backup", **parameters)
    assert made["backups"][0]["operations"] == foreseen["backups"][0]["operations"]
    shown, expected = made["backups"][0]["backup"], foreseen["backups"][0]["backup"]
    unknown = ("id", "bytes", "bytes_added", "sha256", "created_at")
    assert {key: expected[key] for key in unknown} == dict.fromkeys(unknown)
    assert {key: value for key, value in shown.items() if key not in unknown} == {key: value for key, value in expected.items() if key not in unknown}
    assert made["diff"]["before"] == {"offsite/monday": {}} and made["diff"]["after"]["offsite/monday"]["sha256"] == shown["sha256"]
    made_at = backups.controller.ask("volume.list", {})["volumes"][0]["created_at"]
    assert shown["volume"] == dict({key: backups.volume[key] for key in shown["volume"] if key != "created_at"}, created_at=made_at)
    again = backups.ensure("backup", **parameters)
    assert again["changed"] is False and again["backups"][0]["backup"] == shown
    assert backups.ensure("backup", check=True, **parameters)["changed"] is False
    assert backups.list() == [shown] == backups.list(volume="data", backend="one", names=["monday"]) == backups.list(names=[shown["id"]])
    assert backups.list(volume="other") == [] == backups.list(backend="two") == backups.list(names=["tuesday"])


def test_another_volumes_backup_is_not_taken_for_this_ones(backups):
    backups.ensure("volume", backend="one", name="logs", size="1")
    backups.make()
    refused = backups.refused("backup", **OFFSITE, name="monday", backend="one", volume="logs")
    assert refused["code"] == "conflict" and "'data'" in refused["message"] and refused["parameter"] == "volume"
    assert backups.refused("backup", **OFFSITE, name="monday", backend="one", volume="data", description="x")["parameter"] == "description"


def test_a_volume_gets_its_content_back_and_keeps_it_when_the_play_runs_twice(backups):
    backups.write(b"as it was")
    backups.make()
    backups.write(b"spoilt by mistake" * 4096)
    restore = dict(OFFSITE, name="monday", backend="one", volume="data", state="restored")
    foreseen = backups.ensure("backup", check=True, **restore)
    assert backups.path.read_bytes()[:6] == b"spoilt"
    done = backups.ensure("backup", **restore)
    assert done["backups"] == foreseen["backups"] and done["diff"] == foreseen["diff"]
    assert done["backups"][0]["volume"]["restored"]["name"] == "monday"
    with open(backups.path, "rb") as stream:
        assert stream.read(PART).rstrip(b"\0") == b"as it was"
    backups.write(b"work of a week")
    assert backups.ensure("backup", **restore)["changed"] is False
    assert backups.path.open("rb").read(14) == b"work of a week"
    assert backups.ensure("backup", **restore, force=["restored"])["changed"] is True
    assert backups.path.open("rb").read(9) == b"as it was"


def test_nothing_is_restored_under_a_host_or_to_a_smaller_volume_or_to_one_not_named(backups, connector):
    backups.ensure("volume", backend="one", name="big", size="2")
    backups.make("of big", volume="big")
    backups.write(b"precious")
    restore = dict(OFFSITE, name="of big", state="restored", backend="one")
    assert "smaller than the backup" in backups.refused("backup", **restore, volume="data")["message"]
    backups.ensure("export", backend="one", volume="big", connector=connector("node1"))
    refused = backups.refused("backup", **restore, volume="big")
    assert refused["code"] == "in_use" and "node1" in refused["message"]
    assert backups.refused("backup", **restore)["parameter"] == "volume"
    assert backups.refused("backup", **restore, volume="nowhere")["code"] == "not_found"
    assert backups.path.open("rb").read(8) == b"precious"


def test_a_volume_made_from_a_backup_stays_what_it_is_when_the_backup_is_gone(backups):
    backups.write(b"gold")
    backups.make()
    wanted = {"backend": "one", "name": "copy", "source_repository": "offsite", "source_backup": "monday"}
    foreseen = backups.ensure("volume", check=True, **wanted)["volumes"]
    made = backups.ensure("volume", **wanted)["volumes"]
    assert made == foreseen
    volume = made[0]["volume"]
    assert volume["source"]["kind"] == "backup" and volume["source"]["name"] == "offsite/monday" and volume["size"] == 1
    assert backups.controller.path_of("volume", volume["id"]).open("rb").read(4) == b"gold"
    assert backups.refused("volume", **dict(wanted, source_backup="tuesday"))["parameter"] == "source_backup"
    backups.ensure("backup", **OFFSITE, name="monday", state="absent")
    assert backups.ensure("volume", **wanted)["changed"] is False
    assert backups.refused("volume", **dict(wanted, name="other"))["code"] == "not_found"
    assert backups.refused("volume", backend="one", name="other", source_backup="monday")["code"] == "invalid"


def test_an_attached_volume_is_backed_up_from_a_snapshot_that_goes_afterwards(backups, connector):
    backups.write(b"as at one moment")
    backups.ensure("export", backend="one", volume="data", connector=connector("node1"))
    before = backups.controller.listing()
    made = backups.make(verify=True)["backup"]
    assert backups.controller.listing() == before
    assert [method for _moment, what, method in backups.controller.calls() if what == "end"].count("create_snapshot") == 1
    assert backups.controller.ask("snapshot.list", {})["snapshots"] == [] and len(backups.controller.ask("volume.list", {})["volumes"]) == 1
    assert made["sha256"] == digest(backups.path, PART)


def test_an_attached_volume_is_refused_at_once_where_its_driver_leaves_such_snapshots_to_nova(backups, connector):
    backups.controller.register("shares", driver="sparse_files.NovaFileDriver")
    backups.ensure("volume", backend="shares", name="logs", size="1")
    wanted = dict(OFFSITE, name="monday", backend="shares", volume="logs")
    export = {"backend": "shares", "volume": "logs", "connector": connector("node1")}
    backups.ensure("export", **export)
    before = backups.controller.look()
    for check in (True, False):
        result = backups.controller.ensure("backup", check, **wanted)
        assert result["error"]["code"] == "unsupported" and result["error"]["parameter"] == "volume", result
        assert "attached to node1" in result["msg"] and "Nova" in result["msg"]
    assert backups.controller.look() == before and "create_snapshot" not in {method for _moment, _what, method in backups.controller.calls()}
    backups.ensure("export", backend="shares", volume="logs", host="node1", state="absent")
    assert backups.make(backend="shares", volume="logs")["changed"]


def test_a_snapshot_can_be_backed_up(backups):
    backups.write(b"then")
    backups.ensure("snapshot", backend="one", name="snap", volume="data")
    then = digest(backups.path, PART)
    backups.write(b"now!")
    wanted = dict(OFFSITE, name="monday", backend="one", snapshot="snap")
    made = backups.ensure("backup", **wanted)["backups"][0]["backup"]
    assert made["sha256"] == then and made["snapshot"]["name"] == "snap" and made["volume"]["name"] == "data"
    assert backups.ensure("backup", **wanted)["changed"] is False
    assert backups.refused("backup", **OFFSITE, name="monday", backend="one", volume="data")["code"] == "conflict"


def test_a_backup_is_found_by_a_controller_that_knows_nothing(backups, make_controller):
    backups.write(b"gold")
    made = backups.make()["backup"]
    other = make_controller("another")
    found = other.ask("repository.ensure", {"repositories": [{"name": "elsewhere", "location": str(backups.folder), "password": PASSWORD, "create": False}]})
    assert found["changed"]
    assert other.ask("backup.list", {})["backups"] == [dict(made, repository="elsewhere")]
    volume = other.ensure("volume", backend="one", name="data", source_repository="elsewhere", source_backup="monday")["volumes"][0]["volume"]
    assert other.path_of("volume", volume["id"]).open("rb").read(4) == b"gold"


def test_a_damaged_repository_is_told_and_leaves_no_volume_that_counts(backups):
    backups.write(os.urandom(PART))
    backups.make()
    for pack in backups.packs():
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 1
        pack.chmod(0o600)
        pack.write_bytes(content)
    refused = backups.refused("volume", backend="one", name="copy", source_repository="offsite", source_backup="monday")
    assert refused["code"] == "backend" and "restic" in refused["message"]
    assert [item["name"] for item in backups.controller.ask("volume.list", {})["volumes"]] == ["data"]
    assert len([path for path in backups.controller.listing() if path.startswith("volume-")]) == 1
    assert backups.controller.unsettled() == []


def test_a_backup_of_which_the_repository_gives_nothing_leaves_the_volume_as_it_was(backups):
    backups.write(b"gold")
    backups.make()
    for pack in backups.packs():
        pack.chmod(0o600)
        pack.write_bytes(bytes(pack.stat().st_size))
    backups.write(b"lead")
    told = backups.refused("backup", **OFFSITE, name="monday", backend="one", volume="data", state="restored")["message"]
    assert "restic" in told and "Nothing was written" in told
    (volume,) = backups.controller.ask("volume.list", {})["volumes"]
    assert (volume["status"], backups.path.open("rb").read(4), backups.controller.unsettled()) == ("available", b"lead", [])


def test_a_restoring_that_failed_before_anything_was_written_leaves_the_volume_as_it_was(backups):
    backups.write(b"gold")
    backups.make()
    restore = dict(OFFSITE, name="monday", backend="one", volume="data", state="restored")
    backups.write(b"lead")
    with backups.controller.fault("initialize_connection", "no more targets"):
        told = backups.refused("backup", **restore)["message"]
    assert "no more targets" in told and "Nothing was written" in told
    (volume,) = backups.controller.ask("volume.list", {})["volumes"]
    assert (volume["status"], backups.path.open("rb").read(4)) == ("available", b"lead")
    assert backups.ensure("backup", **restore)["backups"][0]["volume"]["status"] == "available"
    assert backups.path.open("rb").read(4) == b"gold"


def test_a_volume_that_a_backup_cannot_be_written_to_is_left_as_it_was(backups):
    """As the NFS driver's volumes are that have snapshots, whose files are no raw ones; here the array's file has become too short."""
    backups.write(b"gold")
    backups.make()
    os.truncate(backups.path, GIB // 2)
    told = backups.refused("backup", **OFFSITE, name="monday", backend="one", volume="data", state="restored")["message"]
    assert "Nothing was written" in told
    (volume,) = backups.controller.ask("volume.list", {})["volumes"]
    assert (volume["status"], backups.path.open("rb").read(4)) == ("available", b"gold")


def test_a_volume_whose_restoring_failed_takes_another_backup_or_is_deleted(backups):
    backups.write(b"gold")
    backups.make()
    restore = dict(OFFSITE, name="monday", backend="one", volume="data", state="restored")
    backups.ensure("backup", **restore)
    with backups.controller.fault("terminate_connection", "no more answers"):
        assert "worth nothing" in backups.refused("backup", **restore, force=["restored"])["message"]
    volume = backups.controller.ask("volume.list", {})["volumes"][0]
    assert volume["status"] == "error_restoring" and volume["restored"] is None
    assert "legacy_backup" in backups.refused("volume", **DATA, size="2")["message"]
    backups.write(b"lead")
    assert backups.ensure("backup", **restore)["backups"][0]["volume"]["status"] == "available", "restored again, though it held that backup before"
    assert backups.path.open("rb").read(4) == b"gold"
    with backups.controller.fault("terminate_connection", "no more answers"):
        backups.refused("backup", **restore, force=["restored"])
    backups.ensure("volume", **DATA, state="absent")


def test_a_backup_that_fails_leaves_nothing(backups, connector):
    backups.ensure("export", backend="one", volume="data", connector=connector("node1"))
    before, aside = backups.controller.look(), backups.folder / "aside"
    (backups.folder / "data").rename(aside)
    (backups.folder / "data").write_text("no folder")
    refused = backups.refused("backup", **OFFSITE, name="monday", backend="one", volume="data")
    assert refused["code"] == "backend" and "restic backup says" in refused["message"]
    (backups.folder / "data").unlink()
    aside.rename(backups.folder / "data")
    assert backups.controller.look() == before
    assert backups.names() == [] and backups.kept() == [] and backups.controller.unsettled() == []
    assert backups.make()["changed"]


def test_what_is_not_kept_is_deleted_by_name_and_nothing_of_others(backups):
    backups.ensure("volume", backend="one", name="logs", size="1")
    backups.make("logs", volume="logs")
    for name in ("a", "b", "c"):
        backups.write(os.urandom(MIB))
        backups.make(name)
    stored = sum(path.stat().st_size for path in backups.packs())
    wanted = dict(OFFSITE, name="d", backend="one", volume="data", keep={"last": 2})
    foreseen = backups.ensure("backup", check=True, **wanted)
    assert backups.names() == ["a", "b", "c", "logs"]
    done = backups.ensure("backup", **wanted)
    assert done["backups"][0]["operations"] == foreseen["backups"][0]["operations"]
    assert [(item["action"], item["name"]) for item in done["backups"][0]["operations"]] == [("create", "d"), ("delete", "a"), ("delete", "b")]
    assert backups.names() == ["c", "d", "logs"]
    assert sum(path.stat().st_size for path in backups.packs()) < stored - MIB, "their space is free again"
    assert backups.ensure("backup", **wanted)["changed"] is False
    backups.ensure("backup", **OFFSITE, name="c", state="absent")
    assert backups.ensure("backup", **OFFSITE, name="c", state="absent")["changed"] is False
    assert backups.names() == ["d", "logs"]


def test_backups_of_a_volume_that_was_lost_and_made_anew_under_its_name_are_not_deleted_by_the_new_ones_rules(backups):
    backups.write(b"gold")
    gold = backups.make("a")["backup"]
    backups.make("b")
    backups.ensure("volume", **DATA, state="absent")
    assert backups.ensure("volume", **DATA, size="1")["volumes"][0]["volume"]["id"] == backups.volume["id"]
    wanted = dict(OFFSITE, backend="one", volume="data", keep={"last": 1})
    for name, kept in (("c", ["a", "b", "c"]), ("d", ["a", "b", "d"])):
        answer = ask("controller", str(backups.controller.config), "backup.ensure", {"backups": [dict(wanted, name=name)]})
        assert backups.names() == kept
        assert [text for text in answer.warnings if "of an earlier volume of the same name" in text and ": a, b." in text], answer.warnings
    refused = backups.refused("backup", **dict(wanted, name="a"))
    assert refused["code"] == "conflict" and refused["parameter"] == "volume" and "an earlier volume 'data'" in refused["message"]
    assert "It was not deleted" in backups.refused("backup", **OFFSITE, name="a", backend="one", volume="data", state="absent")["message"]
    backups.ensure("backup", **dict(OFFSITE, backend="one", volume="data", name="a", state="restored"))
    assert digest(backups.path, PART) == gold["sha256"]
    backups.ensure("backup", **OFFSITE, name="a", state="absent")
    assert backups.names() == ["b", "d"]


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


def test_a_backup_that_another_task_is_restoring_elsewhere_is_left_and_told(make_controller, tmp_path, monkeypatch):
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(PART))
    backups = Backups(make_controller(lock_timeout=1), tmp_path / "repository")
    backups.write(b"gold")
    gold = backups.make("a")["backup"]["sha256"]
    backups.write(b"lead")
    backups.make("b")
    wanted = {"backups": [dict(OFFSITE, name="c", backend="one", volume="data", keep={"last": 1})]}
    copy = {"backend": "one", "name": "copy", "source_repository": "offsite", "source_backup": "a"}
    with held_at(backups.controller, "create_volume", lambda: backups.ensure("volume", **copy)) as restoring:
        answer = ask("controller", str(backups.controller.config), "backup.ensure", wanted)
        assert backups.names() == ["a", "c"], "b, which nobody works on, is gone"
        assert [(item["action"], item["name"]) for item in answer.result["backups"][0]["operations"]] == [("create", "c"), ("delete", "b")]
        assert [text for text in answer.warnings if "offsite/a" in text and "another task works on it" in text], answer.warnings
        refused = backups.refused("backup", **OFFSITE, name="a", state="absent")
        assert refused["code"] == "busy" and "'a'" in refused["message"]
    made = restoring.result()["volumes"][0]["volume"]
    assert digest(backups.controller.path_of("volume", made["id"]), PART) == gold
    again = ask("controller", str(backups.controller.config), "backup.ensure", wanted)
    assert again.warnings == [] and backups.names() == ["c"]


@pytest.fixture(name="hurried")
def fixture_hurried(make_controller, tmp_path, monkeypatch):
    """A controller that waits for others' locks one second."""
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(PART))
    return Backups(make_controller(lock_timeout=1), tmp_path / "repository")


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


def test_how_far_a_backup_and_a_restoring_are_is_told_while_they_run(backups, monkeypatch, tmp_path):
    def told():
        return [(item["action"], item["step"]) for item in backups.controller.ask("volume.list", {})["volumes"][0]["in_progress"]]

    backups.write(os.urandom(PART))
    with waiting_at(backups, "amid blocks", monkeypatch, tmp_path, backups.make):
        assert told() == [("backup", "saving 0 %")]
        (doing,) = backups.controller.ask("backup.list", {"volume": "data"})["in_progress"]
        assert (doing["repository"], doing["name"], doing["volume"]["name"], doing["step"]) == ("offsite", "monday", "data", "saving 0 %")
        assert backups.controller.ask("backup.list", {"volume": "other"})["in_progress"] == []
    restore = dict(OFFSITE, name="monday", backend="one", volume="data", state="restored")
    for point, step in (("amid write", "writing"), ("amid blocks", "verifying 0 %")):
        (tmp_path / "points").unlink()
        with waiting_at(backups, point, monkeypatch, tmp_path, lambda: backups.ensure("backup", **restore, force=["restored"])):
            assert told() == [("restore", step)]
    assert told() == [] == backups.controller.ask("backup.list", {})["in_progress"]


def test_what_a_list_does_not_keep_is_deleted_when_all_of_it_is_saved(hurried, monkeypatch, tmp_path):
    backups = hurried
    backups.ensure("volume", backend="one", name="logs", size="1")
    for name in ("data", "logs"):
        backups.make("old " + name, volume=name)
    wanted = {"backups": [dict(OFFSITE, name="new " + name, backend="one", volume=name, keep={"last": 1}) for name in ("data", "logs")]}
    wanted["backups"].append(dict(OFFSITE, name="old data", state="absent"))
    foreseen = backups.controller.ask("backup.ensure", wanted, check=True)
    with waiting_at(backups, "amid blocks", monkeypatch, tmp_path, lambda: backups.controller.ask("backup.ensure", wanted)) as running:
        until(lambda: running.done() or len(backups.names()) == 3)  # one of the two is done
        time.sleep(5)
        assert not running.done() and len(backups.names()) == 3
    result = running.result()
    assert not result.get("failed"), result["msg"]
    assert [item["operations"] for item in result["backups"]] == [item["operations"] for item in foreseen["backups"]]
    assert [[operation["action"] for operation in item["operations"]] for item in result["backups"]] == [["create"], ["create", "delete"], ["delete"]]
    assert backups.names() == ["new data", "new logs"] and backups.controller.unsettled() == []


def test_what_cannot_be_deleted_as_others_write_is_left_with_a_warning_and_goes_with_the_next_backup(hurried):
    backups = hurried
    backups.make("a")
    wanted = dict(OFFSITE, backend="one", volume="data", keep={"last": 1})
    settings = dict(os.environ, RESTIC_REPOSITORY=str(backups.folder), RESTIC_PASSWORD=PASSWORD)
    other = subprocess.Popen(["restic", "backup", "--stdin"], env=settings, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: any((backups.folder / "locks").iterdir()))
        answer = ask("controller", str(backups.controller.config), "backup.ensure", {"backups": [dict(wanted, name="b")]})
    finally:
        other.kill()
        other.wait()
        other.stdin.close()
    assert not answer.result.get("failed"), answer.result
    assert [item["action"] for item in answer.result["backups"][0]["operations"]] == ["create"]
    assert [text for text in answer.warnings if "Backup offsite/a is to go, and was left" in text and "another run of restic" in text], answer.warnings
    assert backups.names() == ["a", "b"] and backups.controller.unsettled() == []
    backups.ensure("backup", **dict(wanted, name="c"))
    assert backups.names() == ["c"]


def test_a_backup_that_is_saved_waits_for_others_prunes_however_long_they_take(hurried, monkeypatch, tmp_path):
    backups, locks = hurried, hurried.folder / "locks"
    backups.make("a")
    backups.restic("forget", *(item["id"] for item in backups.kept()))
    settings = dict(os.environ, RESTIC_REPOSITORY=str(backups.folder), RESTIC_PASSWORD=PASSWORD)
    with waiting_at(backups, "before record", monkeypatch, tmp_path, lambda: backups.make("b")) as running:
        pruning = subprocess.Popen(["restic", "prune"], env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while pruning.poll() is None and not [path for path in locks.iterdir() if len(path.name) == 64]:  # others are on their way to be locks
            time.sleep(0.001)
        pruning.send_signal(signal.SIGSTOP)
        assert pruning.poll() is None
        later = threading.Timer(12, pruning.send_signal, [signal.SIGCONT])  # the end of the block waits for the backup
        later.start()
    later.join()
    assert running.result()["backup"]["name"] == "b" and backups.names() == ["b"]
    assert pruning.wait() == 0


def test_a_backup_that_goes_while_its_volume_is_being_opened_is_told_and_the_volume_is_as_it_was(backups):
    """As by another controller, with a store of its own, that shares the repository."""
    backups.make()
    backups.write(b"lead")
    wanted = dict(OFFSITE, name="monday", backend="one", volume="data", state="restored")
    with held_at(backups.controller, "initialize_connection", lambda: backups.refused("backup", **wanted)) as refused:
        backups.restic("forget", *(item["id"] for item in backups.kept()))
    error = refused.result()
    assert error["code"] == "not_found" and "Nothing was written" in error["message"]
    (volume,) = backups.controller.ask("volume.list", {})["volumes"]
    assert (volume["status"], backups.path.open("rb").read(4), backups.controller.unsettled()) == ("available", b"lead", [])


def test_snapshots_of_restic_that_are_not_ours_are_left_alone(backups, tmp_path):
    (tmp_path / "file").write_text("of somebody else")
    backups.restic("backup", "--tag", "name=monday", str(tmp_path / "file"))
    (foreign,) = backups.kept()
    assert backups.list() == []
    backups.make()
    backups.ensure("backup", **OFFSITE, name="monday", state="absent")
    assert [item["id"] for item in backups.kept()] == [foreign["id"]]


def test_a_wrong_password_is_told_when_it_is_given(backups):
    refused = backups.register(password="another password")
    assert refused["failed"] and refused["error"]["parameter"] == "password" and "another password" not in repr(refused)
    assert backups.make()["changed"], "the right one is kept"


def test_a_server_that_cannot_be_reached_is_not_taken_for_one_without_a_repository(backups):
    location = "rest:http://127.0.0.1:1/backups"  # nothing listens there
    error = backups.register(name="away", location=location)["error"]
    assert error["code"] == "backend" and "connection refused" in error["message"] and "the way to it" in error["message"], error
    assert [item["name"] for item in backups.controller.ask("repository.list", {})["repositories"]] == ["offsite"]


def test_a_repository_that_is_not_there_is_not_made_by_a_backup(backups, tmp_path):
    backups.make()
    backups.folder.rename(tmp_path / "unmounted")
    error = backups.refused("backup", **OFFSITE, name="tuesday", backend="one", volume="data")
    assert error["code"] == "not_found" and "mounted" in error["message"] and not backups.folder.exists()
    refused = backups.register(name="other", location=str(tmp_path / "empty"), create=False)
    assert refused["failed"] and not (tmp_path / "empty").exists()
    assert backups.ensure("volume", **DATA, size="2")["changed"], "volumes are worked on all the same"


def test_a_lock_that_a_dead_restic_left_does_not_block_and_a_living_ones_does(backups, make_controller, monkeypatch):
    backups.make("a")
    backups.make("b")
    settings = dict(os.environ, RESTIC_REPOSITORY=str(backups.folder), RESTIC_PASSWORD=PASSWORD)
    running = subprocess.Popen(["restic", "backup", "--stdin"], env=settings, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not any((backups.folder / "locks").iterdir()):
            assert running.poll() is None
        patient = json.loads(backups.controller.config.read_text())
        backups.controller.write_config(backups.controller.config, **dict(patient, lock_timeout=1))
        refused = backups.refused("backup", **OFFSITE, name="a", state="absent")
        assert refused["code"] == "busy" and backups.names() == ["a", "b"]
    finally:
        running.kill()
        running.wait()
        running.stdin.close()
        backups.controller.write_config(backups.controller.config, **patient)
    assert any((backups.folder / "locks").iterdir()), "a killed restic leaves its lock"
    backups.ensure("backup", **OFFSITE, name="a", state="absent")
    assert backups.names() == ["b"]


def test_repositories_are_registered_once_listed_and_forgotten(backups):
    listed = backups.controller.ask("repository.list", {})["repositories"]
    assert listed == [{"name": "offsite", "location": str(backups.folder), "environment": {}, "secret_environment": {}, "password": "(hidden)"}]
    assert backups.register()["changed"] is False
    changed = backups.register(environment={"AWS_DEFAULT_REGION": "eu-1"}, secret_environment={"AWS_SECRET_ACCESS_KEY": "canary-key"})
    assert changed["changed"] and "canary" not in repr(changed)
    backups.make()
    assert backups.register(state="absent")["changed"]
    assert backups.controller.ask("repository.list", {})["repositories"] == [] and backups.folder.exists()
    assert backups.refused("backup", **OFFSITE, name="monday", backend="one", volume="data")["code"] == "not_found"
    backups.register(create=False)
    assert backups.names() == ["monday"]


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"location": "rest:https://user:word@host/"}, "location"),
        ({"location": "backups/here"}, "location"),
        ({"location": None}, "location"),
        ({"password": ""}, "password"),
        ({"environment": {"AWS_SECRET_ACCESS_KEY": "x"}}, "environment"),
        ({"environment": {"A-B": "x"}}, "environment"),
        ({"secret_environment": {"RESTIC_PASSWORD": "x"}}, "environment"),
        ({"name": "a/b"}, "name"),
    ],
)
def test_a_repository_that_cannot_be_meant_is_refused(controller, tmp_path, changes, parameter):
    wanted = dict({"name": "offsite", "location": str(tmp_path / "x"), "password": PASSWORD}, **changes)
    result = controller.ask("repository.ensure", {"repositories": [wanted]})
    assert result["failed"] and result["error"]["parameter"] == parameter, result
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"volume": None}, "volume"),
        ({"snapshot": "snap"}, "volume"),
        ({"backend": None}, "backend"),
        ({"keep": {"last": 0}}, "keep"),
        ({"keep": {"last": -1}}, "keep.last"),
        ({"state": "restored", "keep": {"last": 1}}, "keep"),
        ({"repository": None}, "repository"),
        ({"repository": "nowhere"}, "repository"),
        ({"volume": "nowhere"}, "volume"),
    ],
)
def test_a_backup_that_cannot_be_meant_is_refused(backups, changes, parameter):
    assert backups.refused("backup", **dict(OFFSITE, **dict({"name": "monday", "backend": "one", "volume": "data"}, **changes)))["parameter"] == parameter


def test_no_secret_of_a_repository_is_shown_or_left_behind(backups, tmp_path):
    repository = {
        "name": "second",
        "location": str(tmp_path / "second"),
        "password": "{{ lookup('ansible.builtin.env', 'BLS_TEST_SECRET') }}",
        "secret_environment": {"AWS_SECRET_ACCESS_KEY": "{{ lookup('ansible.builtin.env', 'BLS_TEST_SECRET') }}"},
    }
    one = {"repository": "second", "backend": "one", "volume": "data", "name": "monday"}
    several = [{"name": name, "volume": name} for name in ("data", "nowhere", "logs")]
    backups.ensure("volume", backend="one", name="logs", size="1")
    tasks = [
        {"legacy_backup_repository": repository, "register": "made"},
        {"ansible.builtin.debug": {"var": "made"}},
        {"legacy_backup_repository_info": {}},
        {"legacy_backup": one},
        {"legacy_backup": dict(one, state="restored")},
        {"legacy_backup_info": {"repository": "second"}},
        {"legacy_backup": {"repository": "second", "backend": "one", "backups": several}},
        {"legacy_backup": {"repository": "second", "backend": "one", "backups": several}},
        {"legacy_backup": {"repository": "second", "backups": [{"name": name, "state": "absent"} for name in ("monday", "data", "logs")]}},
        {"legacy_backup_repository": dict(repository, location="s3:http://127.0.0.1:1/nowhere/%(x)s", create=False, name="bad/name")},
    ]
    with watching_arguments() as commands:
        played = backups.controller.play(tasks, diff=True, arguments=["-vvv"], variables={"BLS_TEST_SECRET": SECRET, "BLS_TEST_BACKUP_BYTES": str(PART)})
    assert [item.status for item in played.results] == ["ok"] * 6 + ["failed", "failed", "ok", "failed"], played.output
    assert played[3]["changed"] and played[4]["changed"] and len(played[5]["backups"]) == 1
    assert [(item["changed"], bool(item.get("failed"))) for item in played[6]["backups"]] == [(True, False), (False, True), (True, False)]
    assert [item["backup"]["volume"]["name"] for item in played[6]["backups"] if item["backup"]] == ["data", "logs"]
    assert [(item["changed"], bool(item.get("failed"))) for item in played[7]["backups"]] == [(False, False), (False, True), (False, False)]
    assert [item["changed"] for item in played[8]["backups"]] == [True] * 3
    assert any(command.startswith(b"restic\0") or b"/restic\0" in command for command in commands), "the watch sees restic"
    assert [command for command in commands if SECRET.encode() in command or PASSWORD.encode() in command] == []
    assert CANARY.decode() not in played.output
    assert left_behind(backups.controller.root, backups.controller.array) == [] and left_behind(tmp_path / "second", None) == []
