# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups in a real restic repository: what comes back is what was there.

Most tests let the worker take only the first few MiB of a volume for the whole, so that they are quick;
the first one reads and writes all of it.
"""

from __future__ import annotations

import os

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import GIB, MIB, OFFSITE, PART, PASSWORD, Backups, digest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import front


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
    assert front(backups.path, 6) == b"spoilt"
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


def test_what_a_driver_keeps_as_qcow2_is_neither_backed_up_nor_restored_and_that_is_foreseen(backups):
    backups.make()
    backups.controller.register("shares", driver="shared_files.SharedFileDriver")
    backups.ensure("volume", backend="shares", name="logs", size="1")
    backups.ensure("snapshot", backend="shares", name="snap", volume="logs")
    before = backups.controller.look()
    saved = dict(OFFSITE, name="tuesday", backend="shares", volume="logs")
    restored = dict(OFFSITE, name="monday", backend="shares", volume="logs", state="restored")
    for wanted in (saved, restored):
        for check in (True, False):
            result = backups.controller.ensure("backup", check, **wanted)
            assert result.get("failed") and (result["error"]["code"], result["error"]["parameter"]) == ("unsupported", "volume"), result
            assert "keeps volume 'logs' as a file in format qcow2" in result["msg"]
    assert backups.controller.look() == before and backups.names() == ["monday"]
    backups.ensure("snapshot", backend="shares", name="snap", state="absent")
    for wanted in (saved, restored):
        assert backups.ensure("backup", check=True, **wanted)["changed"], "without snapshots it is a raw file again"


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


def test_snapshots_of_restic_that_are_not_ours_are_left_alone(backups, tmp_path):
    (tmp_path / "file").write_text("of somebody else")
    backups.restic("backup", "--tag", "name=monday", str(tmp_path / "file"))
    (foreign,) = backups.kept()
    assert backups.list() == []
    backups.make()
    backups.ensure("backup", **OFFSITE, name="monday", state="absent")
    assert [item["id"] for item in backups.kept()] == [foreign["id"]]


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
