# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data that the store does not know of, or no longer knows well: it is left alone, and the task says why."""

from __future__ import annotations

import os

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import GIB
from ansible_collections.baremetal.legacy_storage.tests.integration.test_at_once import at_once, wait_for_call


def made(controller, noun="volume", **parameters):
    result = controller.ensure(noun, backend="one", **parameters)
    assert not result.get("failed"), result
    return result[noun + "s"][0][noun]


def refused(controller, noun="volume", **parameters):
    result = controller.ensure(noun, backend="one", **parameters)
    assert result.get("failed") and not result["changed"], result
    return result["msg"]


def write(path, content, at=0):
    with open(path, "r+b") as stream:
        stream.seek(at)
        stream.write(content)


def read(path, count):
    with open(path, "rb") as stream:
        return stream.read(count)


# A store that was restored from a backup


def test_what_was_made_since_a_restored_backup_of_the_store_is_left_alone_and_can_be_taken_back(controller, tmp_path):
    backup = str(tmp_path / "night.export")
    made(controller, name="data", size="1")
    controller.ask("store.export", {"path": backup})
    later = made(controller, name="later", size="1")
    snapshot = made(controller, "snapshot", name="then", volume="data")
    write(controller.path_of("volume", later["id"]), b"only copy")
    controller.ask("store.import", {"path": backup, "replace": True})
    before = controller.listing()
    assert "was left as it is" in refused(controller, name="later", size="1")
    assert "was left as it is" in refused(controller, "snapshot", name="then", volume="data")
    assert (controller.listing(), controller.unsettled()) == (before, [])
    again = made(controller, name="later", adopt={"source-name": "volume-" + later["id"]})
    assert read(controller.path_of("volume", again["id"]), 9) == b"only copy"
    assert made(controller, "snapshot", name="then", volume="data", adopt={"source-name": "snapshot-" + snapshot["id"]})["size"] == 1


def test_what_was_made_since_a_restored_backup_is_not_lost_though_the_driver_cannot_look_for_it(make_controller, tmp_path):
    controller, backup = make_controller("own", backend=None), str(tmp_path / "night.export")
    controller.register(options={"sparse_files_dir": str(controller.array), "sparse_files_without": "looking"})
    made(controller, name="data", size="1")
    controller.ask("store.export", {"path": backup})
    later = made(controller, name="later", size="1")
    snapshot = made(controller, "snapshot", name="then", volume="data")
    write(controller.path_of("volume", later["id"]), b"only copy")
    for _twice in range(2):
        controller.ask("store.import", {"path": backup, "replace": True})
        assert not controller.ask("store.import", {"path": backup, "replace": True})["changed"]
        again = made(controller, name="later", size="1")
        assert again["id"] != later["id"] and made(controller, "snapshot", name="then", volume="data")["id"] != snapshot["id"]
        later, snapshot = again, made(controller, "snapshot", name="then", volume="data")
    files = [path for path in controller.array.iterdir() if path.name.startswith("volume-") and read(path, 9) == b"only copy"]
    assert len(files) == 1 and len([path for path in controller.array.iterdir() if path.name.startswith(("volume-", "snapshot-"))]) == 7


def test_what_was_renamed_before_a_backup_of_the_store_is_known_by_its_former_name_after_an_import(controller, tmp_path):
    backup = str(tmp_path / "night.export")
    made(controller, name="old", size="1")
    assert made(controller, name="new", renamed_from="old")["name"] == "new"
    made(controller, name="old", size="1")
    controller.ask("store.export", {"path": backup})
    made(controller, name="more", size="1")
    controller.ask("store.import", {"path": backup, "replace": True})
    result = controller.ensure("volume", backend="one", name="new", renamed_from="old")
    assert not result.get("failed") and not result["changed"], result


@pytest.mark.parametrize("noun", ["volume", "snapshot"])
def test_what_the_array_says_that_it_has_already_is_not_deleted(controller, noun):
    controller.register(options={"sparse_files_dir": str(controller.array), "sparse_files_without": "looking"})
    made(controller, name="data", size="1")
    wanted = {"name": "later", "size": "1"} if noun == "volume" else {"name": "later", "volume": "data"}
    there = controller.path_of(noun, controller.id_of(noun, "one", "later"))
    there.write_bytes(b"only copy")
    with controller.fault("create_" + noun, "there"):
        assert "Duplicate" in refused(controller, noun, **wanted)
    assert (read(there, 9), controller.unsettled()) == (b"only copy", [])


def test_what_has_grown_further_since_a_restored_backup_of_the_store_is_not_cut_off(make_controller, tmp_path):
    controller, backup = make_controller("own", backend=None), str(tmp_path / "night.export")
    controller.register(options={"sparse_files_dir": str(controller.array), "sparse_files_without": "refusing to shrink"})
    data = made(controller, name="data", size="1")
    controller.ask("store.export", {"path": backup})
    made(controller, name="data", size="4")
    write(controller.path_of("volume", data["id"]), b"only copy", at=4 * GIB - 9)
    controller.ask("store.import", {"path": backup, "replace": True})
    result = controller.ensure("volume", backend="one", name="data", size="2")
    assert result["failed"] and "has 4 GiB on its storage system" in result["msg"] and "never shrink" in result["msg"], result
    with open(controller.path_of("volume", data["id"]), "rb") as stream:
        stream.seek(4 * GIB - 9)
        assert stream.read() == b"only copy"
    assert controller.ask("volume.list", {})["volumes"][0]["size"] == 4, "the store has learned it"
    assert made(controller, name="data", size="5")["size"] == 5 and controller.unsettled() == []


def test_a_run_that_is_killed_on_its_way_to_make_what_the_array_has_already_does_not_delete_it(controller, tmp_path, monkeypatch):
    backup = str(tmp_path / "night.export")
    controller.ask("store.export", {"path": backup})
    later = made(controller, name="later", size="1")
    write(controller.path_of("volume", later["id"]), b"only copy")
    controller.ask("store.import", {"path": backup, "replace": True})
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after commit 1")
    refused(controller, name="later", size="1")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    assert "was left as it is" in refused(controller, name="later", size="1")
    assert controller.unsettled() == []
    assert read(controller.path_of("volume", later["id"]), 9) == b"only copy"


def test_what_was_under_way_when_a_store_was_exported_is_neither_finished_nor_taken_back_after_its_import(controller, tmp_path, monkeypatch):
    backup = str(tmp_path / "night.export")
    data = made(controller, name="data", size="1")
    monkeypatch.setenv("BLS_TEST_KILL_AT", "before create_volume")
    with pytest.raises(StorageError):
        controller.ensure("volume", backend="one", name="new", size="1")
    monkeypatch.setenv("BLS_TEST_KILL_AT", "before delete_volume")
    with pytest.raises(StorageError):
        controller.ensure("volume", backend="one", name="data", state="absent")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    controller.ask("store.export", {"path": backup})
    new = made(controller, name="new", size="1")  # the world goes on
    write(controller.path_of("volume", new["id"]), b"only copy")
    controller.ask("store.import", {"path": backup, "replace": True})
    for name in ("new", "data"):
        assert "error_interrupted" in refused(controller, name=name, size="1")
    assert controller.unsettled() == []
    assert read(controller.path_of("volume", new["id"]), 9) == b"only copy"
    assert controller.path_of("volume", data["id"]).exists()
    assert not controller.ensure("volume", backend="one", name="new", state="released").get("failed")
    assert read(controller.path_of("volume", new["id"]), 9) == b"only copy"


@pytest.mark.parametrize(("noun", "method"), [("snapshot", "delete_snapshot"), ("group_snapshot", "delete_group_snapshot")])
def test_a_snapshot_of_which_nobody_knows_whether_it_was_taken_does_not_count_as_whole_once_its_deletion_failed(
    controller, tmp_path, monkeypatch, noun, method
):
    controller.register("one", driver="sparse_files.GroupingDriver")
    made(controller, name="data", size="1")
    wanted = dict({"backend": "one", "name": "snap"}, **({"volume": "data"} if noun == "snapshot" else {"volumes": ["data"]}))
    monkeypatch.setenv("BLS_TEST_KILL_AT", "before create_" + noun)
    with pytest.raises(StorageError):
        controller.ensure(noun, **wanted)
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    backup = str(tmp_path / "night.export")
    controller.ask("store.export", {"path": backup})
    controller.ask("store.import", {"path": backup, "replace": True})
    for _attempt in range(2):
        with controller.fault(method, "not now"):
            assert "not now" in controller.ensure(noun, backend="one", name="snap", state="absent")["msg"]
        assert {item["status"] for item in controller.ask(noun + ".list", {})[noun + "s"]} == {"error_interrupted"}
        assert {item["status"] for item in controller.ask("snapshot.list", {})["snapshots"]} == {"error_interrupted"}
        assert "error_interrupted" in controller.ensure(noun, **wanted)["msg"]
        (snapshot,) = controller.ask("snapshot.list", {})["snapshots"]
        assert "error_interrupted" in refused(controller, name="copy", source_snapshot=snapshot["name"])
    assert controller.ensure(noun, backend="one", name="snap", state="absent")["changed"]


# A run that lost its locks


@pytest.mark.parametrize(("noun", "method"), [("volume", "create_volume"), ("snapshot", "create_snapshot"), ("export", "create_export")])
def test_a_run_that_lost_its_locks_does_not_undo_what_another_controller_has_made_since(pair, postgresql, database, connector, noun, method):
    first, second = pair
    if noun != "volume":
        made(first, name="data", size="1")
    item = {
        "volume": {"name": "data", "size": "1"},
        "snapshot": {"name": "snap", "volume": "data"},
        "export": {"volume": "data", "connector": connector("node1")},
    }[noun]
    fault = first.array / "faults" / method
    fault.write_text("sleep 4")

    def other():
        wait_for_call(first, method)
        fault.unlink()
        postgresql.cut(database)
        return second.ensure(noun, backend="one", **item)

    lost, result = at_once(lambda: first.ensure(noun, backend="one", **item), other)
    assert lost["failed"] and lost["error"]["code"] == "store", lost
    assert not result.get("failed"), result
    assert first.unsettled() == []
    there = {"volume": "volume-", "snapshot": "snapshot-", "export": "exports/volume-"}[noun]
    assert any(path.startswith(there) for path in first.listing()), first.listing()
    assert not first.ensure(noun, backend="one", **item)["changed"]


# Data past the recorded size


@pytest.fixture(name="rounded_up")
def fixture_rounded_up(controller):
    """A volume of 1 GiB whose device has half a GiB more, as arrays that round up make it; and a second backend."""
    volume = made(controller, name="data", size="1")
    controller.register("two")
    path = controller.path_of("volume", volume["id"])
    os.truncate(path, GIB * 3 // 2)
    return path


def test_a_volume_with_data_past_its_size_is_not_migrated_without_it(controller, rounded_up):
    write(rounded_up, b"the end of a file system", GIB * 5 // 4)
    result = controller.ensure("volume", backend="one", name="data", migrate_to={"backend": "two"})
    assert result["failed"] and "Extend it to 2 GiB" in result["msg"], result
    assert rounded_up.exists() and controller.unsettled() == [] and len(controller.listing()) == 1
    refusal = controller.ensure("image", backend="one", volume="data", path=str(controller.array / "data.qcow2"))
    assert refusal["failed"] and "Extend it to 2 GiB" in refusal["msg"], refusal


def test_a_volume_with_nothing_past_its_size_is_migrated(controller, rounded_up):
    write(rounded_up, b"gold")
    result = controller.ensure("volume", backend="one", name="data", migrate_to={"backend": "two"})
    assert not result.get("failed"), result
    (path,) = [path for path in controller.listing() if path.startswith("volume-")]
    assert read(controller.array / path, 4) == b"gold"


def test_an_adopted_volume_that_ends_within_a_gib_is_migrated_whole(controller):
    controller.register("two")
    with open(controller.array / "lun7", "wb") as stream:
        stream.truncate(GIB * 3 // 2)
    write(controller.array / "lun7", b"tail", GIB * 3 // 2 - 4)
    assert made(controller, name="data", adopt={"source-name": "lun7"})["size"] == 2
    result = controller.ensure("volume", backend="one", name="data", migrate_to={"backend": "two"})
    assert not result.get("failed"), result
    (path,) = [path for path in controller.listing() if path.startswith("volume-")]
    with open(controller.array / path, "rb") as stream:
        stream.seek(GIB * 3 // 2 - 4)
        assert stream.read(4) == b"tail"


# Whoever names what a thing is of means that one


def test_a_snapshot_of_another_volume_than_named_is_not_deleted_or_released(controller):
    for name in ("a", "b"):
        made(controller, name=name, size="1")
    made(controller, "snapshot", name="daily", volume="a")
    for state in ("absent", "released"):
        for volume in ("b", "nosuch"):
            assert "is of volume 'a'" in refused(controller, "snapshot", name="daily", volume=volume, state=state)
    assert not controller.ensure("snapshot", backend="one", name="daily", volume="a", state="absent").get("failed")


def test_a_group_snapshot_of_other_volumes_than_named_is_not_deleted(make_controller):
    controller = make_controller(backend=None)
    controller.register(driver="sparse_files.GroupingDriver")
    for name in ("a", "b", "c"):
        made(controller, name=name, size="1")
    made(controller, "group_snapshot", name="both", volumes=["a", "b"])
    assert "is of a, b" in refused(controller, "group_snapshot", name="both", volumes=["a", "c"], state="absent")
    assert not controller.ensure("group_snapshot", backend="one", name="both", volumes=["b", "a"], state="absent").get("failed")


def test_an_image_of_another_volume_than_named_is_deleted_only_when_told(controller):
    for name in ("a", "b"):
        made(controller, name=name, size="1")
    path = str(controller.array / "a.qcow2")
    made(controller, "image", volume="a", path=path)
    assert "is an image of volume 'a'" in refused(controller, "image", volume="b", path=path, state="absent")
    made(controller, name="renamed", renamed_from="a")
    assert not controller.ensure("image", backend="one", volume="renamed", path=path, state="absent").get("failed")
    assert not os.path.exists(path)


# Marks that a content is not what it should be


@pytest.mark.parametrize("status", ["error_restoring", "error_reverting", "error"])
def test_a_volume_that_bears_a_mark_keeps_it_when_it_cannot_be_deleted_or_released(controller, status):
    made(controller, name="data", size="1")
    controller.execute("UPDATE volumes SET status = ?", status)
    for method, state in (("delete_volume", "absent"), ("unmanage", "released")):
        with controller.fault(method, "the array is tired"):
            assert controller.ensure("volume", backend="one", name="data", state=state)["failed"]
        assert controller.query("SELECT status FROM volumes") == [(status,)]


def test_detaching_does_not_take_a_mark_off(controller, connector):
    made(controller, name="data", size="1")
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    controller.execute("UPDATE volumes SET status = 'error'")
    foreseen = controller.ensure("export", True, backend="one", volume="data", host="node1", state="absent")
    result = controller.ensure("export", backend="one", volume="data", host="node1", state="absent")
    assert result["diff"] == foreseen["diff"] and result["changed"]
    assert controller.query("SELECT status FROM volumes") == [("error",)]
    assert "in status error" in refused(controller, "export", volume="data", connector=connector("node2"))


# What copies must be asked for, and what cannot be known


def test_other_specs_are_given_by_copying_only_when_told_also_after_a_migration(controller):
    controller.register("two")
    made(controller, name="data", size="1")
    wanted = {"name": "data", "migrate_to": {"backend": "two"}}
    made(controller, **wanted)
    assert "on-demand" in refused(controller, **wanted, extra_specs={"tier": "gold"})
    assert not controller.ensure("volume", backend="one", **wanted)["changed"]


def test_nothing_is_reverted_beside_a_snapshot_that_was_adopted_since_nobody_knows_which_is_the_latest(controller):
    made(controller, name="data", size="1")
    made(controller, "snapshot", name="new", volume="data")
    with open(controller.array / "old", "wb") as stream:
        stream.truncate(GIB)
    made(controller, "snapshot", name="ancient", volume="data", adopt={"source-name": "old"})
    for name in ("new", "ancient"):
        assert "nobody here knows" in refused(controller, name="data", revert_to=name)
    assert not controller.ensure("snapshot", backend="one", name="ancient", state="released").get("failed")
    assert not controller.ensure("volume", backend="one", name="data", revert_to="new").get("failed")
