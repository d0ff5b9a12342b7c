# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repositories of backups: registered, refused where they cannot be meant, and their secrets shown to nobody."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import DATA, OFFSITE, PART, PASSWORD
from ansible_collections.baremetal.legacy_storage.tests.integration.test_secrecy import CANARY, SECRET, left_behind, watching_arguments


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
