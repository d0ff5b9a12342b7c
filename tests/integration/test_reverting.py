# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reverting a volume to a snapshot: only by name, only where nothing but what the user means is lost, and once."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

GIB = 1024**3
REVERT = {"backend": "one", "name": "data", "revert_to": "snap"}


def write(controller, volume, text):
    with open(controller.path_of("volume", volume["id"]), "r+b") as stream:
        stream.write(text)


def read(controller, volume):
    with open(controller.path_of("volume", volume["id"]), "rb") as stream:
        return stream.read(4)


@pytest.fixture(name="volume")
def fixture_volume(controller):
    """A volume that held "good" when its snapshot was taken, and holds "evil" now."""
    volume = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]
    write(controller, volume, b"good")
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    write(controller, volume, b"evil")
    return volume


def test_a_volume_holds_what_its_snapshot_holds_and_is_not_reverted_again_until_a_host_had_it(controller, connector, volume):
    foreseen = controller.ensure("volume", check=True, **REVERT)
    assert read(controller, volume) == b"evil"
    found = controller.ensure("volume", **REVERT)
    assert (found["changed"], found["diff"], read(controller, volume)) == (True, foreseen["diff"], b"good")
    assert found["volumes"][0]["volume"]["reverted_to"] is not None
    assert controller.ensure("volume", **REVERT)["changed"] is False
    controller.ensure("volume", backend="one", name="data", size="2", metadata={"a": "b"})
    assert controller.ensure("volume", **REVERT)["changed"] is False, "nobody could have written"
    result = controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    assert not result.get("failed"), result
    assert controller.ask("volume.list", {})["volumes"][0]["reverted_to"] is None
    result = controller.ensure("volume", **REVERT)
    assert result["error"]["code"] == "in_use" and "attached to node1" in result["msg"]
    controller.ensure("export", backend="one", volume="data", host="node1", state="absent")
    result = controller.ensure("volume", **REVERT)
    assert result["error"]["code"] == "conflict" and "has 2 GiB, but had 1 GiB" in result["msg"]


def test_what_else_a_task_wants_comes_after_the_reverting(controller, volume):
    found = controller.ensure("volume", size="2", **REVERT)
    assert [line["action"] for line in found["volumes"][0]["operations"]] == ["revert", "extend"]
    assert read(controller, volume) == b"good"
    assert controller.ensure("volume", size="2", **REVERT)["changed"] is False


def test_only_the_latest_snapshot_of_that_very_volume(controller, volume):
    controller.ensure("snapshot", backend="one", name="another", volume="data")
    result = controller.ensure("volume", **REVERT)
    assert result["error"]["code"] == "conflict" and "would go over another" in result["msg"]
    controller.ensure("volume", backend="one", name="other", size="1")
    result = controller.ensure("volume", backend="one", name="other", revert_to="snap")
    assert result["error"]["code"] == "conflict" and "is a snapshot of volume 'data', not of 'other'" in result["msg"]
    for name, snapshot in (("data", "none"), ("none", "snap")):
        result = controller.ensure("volume", backend="one", name=name, revert_to=snapshot)
        assert (result["error"]["code"], result["error"]["parameter"]) == ("not_found", "revert_to")
    assert read(controller, volume) == b"evil"
    controller.ensure("snapshot", backend="one", name="another", state="absent")
    assert controller.ensure("volume", **REVERT)["changed"] is True


def test_a_snapshot_taken_again_under_the_same_name_is_another_content(controller, volume):
    controller.ensure("volume", **REVERT)
    controller.ensure("snapshot", backend="one", name="snap", state="absent")
    assert controller.ask("volume.list", {})["volumes"][0]["reverted_to"] is None
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    assert controller.ensure("volume", **REVERT)["changed"] is True


def test_where_the_driver_cannot_the_controller_copies_and_compares(controller, volume, monkeypatch):
    controller.ensure("backend", **controller.backend_parameters(options={"sparse_files_dir": str(controller.array), "sparse_files_without": "revert"}))
    before = sorted(controller.listing())
    monkeypatch.setenv("BLS_TEST_SPOIL_COPIES", "1")
    assert "Nobody knows what volume 'data' holds" in controller.ensure("volume", **REVERT)["msg"]
    monkeypatch.delenv("BLS_TEST_SPOIL_COPIES")
    assert controller.ensure("volume", **REVERT)["changed"] is True
    assert read(controller, volume) == b"good"
    assert (controller.unsettled(), sorted(controller.listing())) == ([], before)
    assert controller.ensure("volume", **REVERT)["changed"] is False


def test_a_driver_that_fails_leaves_a_volume_that_only_reverting_mends(controller, connector, volume):
    with controller.fault("revert_to_snapshot", "array says no"):
        result = controller.ensure("volume", **REVERT)
    assert "array says no" in result["msg"] and "Nobody knows what volume 'data' holds" in result["msg"]
    assert controller.ensure("export", backend="one", volume="data", connector=connector("node1"))["error"]["code"] == "conflict"
    assert controller.ensure("volume", backend="one", name="data", size="2")["error"]["code"] == "conflict"
    assert controller.ensure("volume", **REVERT)["volumes"][0]["volume"]["status"] == "available"
    assert read(controller, volume) == b"good"


def killed(controller, monkeypatch, point="before revert_to_snapshot"):
    """Kill a run that reverts the volume."""
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ensure("volume", **REVERT)
    monkeypatch.delenv("BLS_TEST_KILL_AT")


def test_what_a_killed_reverting_left_is_not_taken_for_whole_when_deleting_it_fails(controller, volume, monkeypatch):
    killed(controller, monkeypatch)
    with controller.fault("delete_volume", "array says no"):
        result = controller.ensure("volume", backend="one", name="data", state="absent", force=["snapshots"])
    assert "array says no" in result["msg"] and result["volumes"][0]["volume"]["status"] == "error_reverting"
    assert controller.ensure("volume", backend="one", name="data", metadata={"a": "b"})["error"]["code"] == "conflict"
    assert controller.ensure("volume", backend="one", name="data", state="absent")["changed"] is True


def test_a_killed_reverting_that_cannot_be_finished_keeps_nobody_from_the_snapshot(controller, volume, monkeypatch):
    killed(controller, monkeypatch)
    with controller.fault("revert_to_snapshot", "array says no"):
        result = controller.ensure("volume", backend="one", name="rescued", source_snapshot="snap")
        assert "array says no" in result["msg"] and "Nobody knows what volume 'data' holds" in result["msg"]
        rescued = controller.ensure("volume", backend="one", name="rescued", source_snapshot="snap")["volumes"][0]["volume"]
    assert read(controller, rescued) == b"good"
    assert controller.ensure("volume", backend="one", name="data")["error"]["code"] == "conflict"
    assert controller.ensure("volume", **REVERT)["changed"] is True and read(controller, volume) == b"good"


@pytest.fixture(name="copied")
def fixture_copied(controller, volume):
    """The volume, on an array that cannot revert it."""
    controller.register(options={"sparse_files_dir": str(controller.array), "sparse_files_without": "revert"})
    return volume


def test_copying_takes_away_what_a_host_wrote_past_the_recorded_size_since(controller, copied):
    path = controller.path_of("volume", copied["id"])
    with open(path, "r+b") as stream:  # as on arrays that round sizes up
        stream.seek(GIB + 4096)
        stream.write(b"evil" * 1024)
    assert controller.ensure("volume", **REVERT)["changed"] is True
    with open(path, "rb") as stream:
        assert stream.read(4) == b"good" and stream.seek(GIB) and stream.read().count(0) == 8192


def test_copying_reverts_what_was_adopted_and_ends_within_a_gib(controller, copied):
    with open(controller.array / "lun7", "wb") as stream:
        stream.write(b"good")
        stream.truncate(GIB + 512 * 1024)
    adopted = controller.ensure("volume", backend="one", name="lun", adopt={"source-name": "lun7"})["volumes"][0]["volume"]
    controller.ensure("snapshot", backend="one", name="of lun", volume="lun")
    write(controller, adopted, b"evil")
    result = controller.ensure("volume", backend="one", name="lun", revert_to="of lun")
    assert not result.get("failed"), result["msg"]
    assert read(controller, adopted) == b"good"


def test_a_volume_that_could_not_be_opened_to_copy_over_it_is_as_it_was(controller, copied):
    controller.execute("UPDATE volumes SET restored = ?", '{"id": "a backup"}')
    with controller.fault("initialize_connection", "no path to the host"):
        result = controller.ensure("volume", **REVERT)
    found = result["volumes"][0]["volume"]
    assert "no path to the host" in result["msg"] and "Nothing was written" in result["msg"]
    assert (found["status"], found["restored"], read(controller, copied)) == ("available", {"id": "a backup"}, b"evil")
    assert controller.ensure("volume", **REVERT)["changed"] is True and controller.unsettled() == []
