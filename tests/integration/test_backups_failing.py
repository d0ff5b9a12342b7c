# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup or a restoring that fails, as a repository is damaged or a driver refuses, says so and does no harm."""

from __future__ import annotations

import os

from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import DATA, GIB, OFFSITE, PART


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
