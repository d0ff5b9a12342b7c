# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup or a restoring that is killed at any step of its own can be run again, and a half one never counts.

The steps inside of which the controller opens a volume are killed in test_interrupted.py and test_access.py.
"""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import MIB, OFFSITE, PART, digest, prepared

BACKUP = ("backup", dict(OFFSITE, name="monday", backend="one", volume="data"))
DELETE = ("backup", dict(OFFSITE, name="monday", state="absent"))
RESTORE = ("backup", dict(OFFSITE, name="monday", backend="one", volume="data", state="restored"))
COPY = ("volume", {"backend": "one", "name": "copy", "source_repository": "offsite", "source_backup": "monday"})


@pytest.fixture(name="backups")
def fixture_backups(controller, tmp_path, monkeypatch):
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(PART))
    made = prepared(controller, tmp_path / "repository")
    made.write(b"gold" * (MIB // 4))
    return made


@pytest.fixture(name="kill")
def fixture_kill(backups, monkeypatch):
    """A function: run something and have its worker killed at a point."""

    def kill(step, point):
        monkeypatch.setenv("BLS_TEST_KILL_AT", point)
        with pytest.raises(StorageError, match="ended without an answer"):
            backups.ensure(step[0], **step[1])
        monkeypatch.delenv("BLS_TEST_KILL_AT")

    return kill


def volumes(backups):
    return [item["name"] for item in backups.controller.ask("volume.list", {})["volumes"]]


def settled(backups, *files):
    """Nothing is left over: in the journal, on the array, in the repository."""
    assert backups.controller.unsettled() == []
    assert len(backups.controller.listing()) == len(volumes(backups)) + len(files)
    assert backups.controller.ask("snapshot.list", {})["snapshots"] == []
    assert len(backups.kept()) == 2 * len(backups.list())


POINTS = ["after commit 1", "before create_snapshot", "after create_snapshot", "before save", "amid blocks", "after save", "after delete_snapshot"]


@pytest.mark.parametrize("point", [*POINTS, "before record", "after record"])
def test_a_killed_backup_of_an_attached_volume_does_not_count_and_is_made_by_the_next_run(point, backups, kill, connector):
    backups.ensure("export", backend="one", volume="data", connector=connector("node1"))
    kill(BACKUP, point)
    assert backups.names() == (["monday"] if point == "after record" else [])
    foreseen = backups.ensure(BACKUP[0], check=True, **BACKUP[1])["backups"][0]["operations"]
    done = backups.ensure(BACKUP[0], **BACKUP[1])["backups"][0]
    assert done["operations"] == foreseen and done["backup"]["sha256"] == digest(backups.path, PART)
    settled(backups, "export")


@pytest.mark.extra
@pytest.mark.parametrize("point", ["after create_snapshot", "amid blocks", "after save"])
def test_what_a_killed_backup_left_goes_when_the_volume_is_deleted(point, backups, kill, connector):
    backups.ensure("export", backend="one", volume="data", connector=connector("node1"))
    kill(BACKUP, point)
    backups.ensure("volume", backend="one", name="data", state="absent", force=["attached"])
    settled(backups)


@pytest.mark.parametrize("point", ["amid blocks", "after save"])
def test_what_a_killed_backup_left_goes_when_the_backup_is_not_wanted(point, backups, kill):
    kill(BACKUP, point)
    backups.ensure(DELETE[0], **DELETE[1])
    settled(backups)


@pytest.mark.parametrize("point", ["before delete", "after delete", "after commit 2"])
def test_a_killed_deletion_is_finished(point, backups, kill):
    backups.make()
    kill(DELETE, point)
    backups.ensure(DELETE[0], **DELETE[1])
    assert backups.names() == []
    settled(backups)


@pytest.mark.parametrize("point", ["after commit 1", "before read"])
def test_a_restoring_that_was_killed_before_its_first_byte_leaves_the_volume_as_it_was(point, backups, kill):
    backups.make()
    backups.write(b"spoilt" * MIB)
    before, was = digest(backups.path, PART), backups.controller.ask("volume.list", {})["volumes"][0]
    kill(RESTORE, point)
    changed = backups.ensure("volume", backend="one", name="data", description="new")["volumes"][0]
    assert backups.controller.ask("volume.list", {})["volumes"] == [dict(was, description="new")] and digest(backups.path, PART) == before
    assert [item["action"] for item in changed["operations"]][-2:] == ["undo_restore", "update"]
    settled(backups)


def test_a_volume_without_content_stays_so_when_its_next_restoring_is_killed_at_once(backups, kill):
    backups.make()
    kill(RESTORE, "amid write")
    kill(RESTORE, "before read")
    assert "not end well" in backups.refused("volume", backend="one", name="data", size="2")["message"]
    backups.ensure(RESTORE[0], **RESTORE[1])
    assert backups.ensure("volume", backend="one", name="data", size="2")["changed"]
    settled(backups)


@pytest.mark.parametrize("point", ["amid write", "after read"])
def test_a_volume_whose_restoring_was_killed_is_not_used_until_it_is_whole(point, backups, kill):
    backups.make()
    backups.write(b"spoilt" * MIB)
    kill(RESTORE, point)
    assert "not end well" in backups.refused("volume", backend="one", name="data", size="2")["message"]
    foreseen = backups.ensure(RESTORE[0], check=True, **RESTORE[1])
    done = backups.ensure(RESTORE[0], **RESTORE[1])
    assert done["backups"][0]["operations"] == foreseen["backups"][0]["operations"]
    assert digest(backups.path, PART) == backups.list()[0]["sha256"]
    assert backups.ensure(RESTORE[0], **RESTORE[1])["changed"] is False
    settled(backups)


@pytest.mark.extra
@pytest.mark.parametrize("point", ["before read", "amid write", "after read"])
def test_a_volume_that_was_being_made_from_a_backup_is_made_anew(point, backups, kill):
    made = backups.make()["backup"]
    kill(COPY, point)
    volume = backups.ensure(COPY[0], **COPY[1])["volumes"][0]["volume"]
    assert digest(backups.controller.path_of("volume", volume["id"]), PART) == made["sha256"]
    settled(backups)
    kill(("volume", dict(COPY[1], name="other")), point)
    backups.ensure("volume", backend="one", name="other", state="absent")
    settled(backups)
