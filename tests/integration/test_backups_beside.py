# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is not kept is deleted, and nothing else; beside other tasks, other controllers and other runs of restic."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask
from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import (
    DATA,
    MIB,
    OFFSITE,
    PART,
    PASSWORD,
    digest,
    held_at,
    prepared,
    until,
    waiting_at,
)


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


def test_a_backup_that_another_task_is_restoring_elsewhere_is_left_and_told(make_controller, tmp_path, monkeypatch):
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(PART))
    backups = prepared(make_controller(lock_timeout=1), tmp_path / "repository")
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
    return prepared(make_controller(lock_timeout=1), tmp_path / "repository")


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
