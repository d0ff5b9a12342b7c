# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole store into a file, out of one, and to another database: nothing is lost, whenever it is killed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.identity import derive_id
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import ON_BOTH
from ansible_collections.baremetal.legacy_storage.tests.postgresql import PASSWORD

PASSPHRASE = "canary-a-long-passphrase"


def fill(controller, connector):
    """Put something of everything into a store."""
    controller.ensure("volume", backend="one", name="data", size="1", metadata={"a": "ü"}, extra_specs={"x": "y"}, qos_specs={"iops": "1"})
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    controller.ensure("volume", backend="one", name="copy", source_snapshot="snap")
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))


def contents(controller):
    """Return all that a user could ask a controller."""
    return [controller.ask(noun + ".list", {})[noun + "s"] for noun in ("backend", "volume", "snapshot")] + [controller.query("SELECT id, host FROM exports")]


@pytest.fixture(name="target")
def fixture_target(postgresql):
    """Where to move a store: an empty PostgreSQL database."""
    name = postgresql.make_database()
    return {"url": postgresql.url(name, password=None), "password": PASSWORD}


# Files


@ON_BOTH
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_an_exported_store_is_imported_whole_and_works(controller, make_controller, connector, tmp_path, passphrase):
    fill(controller, connector)
    file = {"path": str(tmp_path / "store.export"), "passphrase": passphrase}
    foreseen = controller.ask("store.export", file, check=True)
    assert foreseen["changed"] and not os.path.exists(file["path"])
    assert controller.ask("store.export", file) == foreseen
    assert (os.stat(file["path"]).st_mode & 0o777, controller.ask("store.export", file)["changed"]) == (0o600, False)
    assert b"canary" not in (tmp_path / "store.export").read_bytes()
    other = make_controller("other", backend=None)
    if not passphrase:
        (other.root / "etc" / "store.key").write_bytes((controller.root / "etc" / "store.key").read_bytes())
    foreseen = other.ask("store.import", file, check=True)
    assert other.ask("volume.list", {})["volumes"] == []
    assert other.ask("store.import", file) == foreseen and foreseen["rows"]["volumes"] == 2
    assert not other.ask("store.import", file)["changed"]
    assert contents(other) == contents(controller)
    assert not other.ensure("export", backend="one", volume="data", host="node1", state="absent").get("failed"), "its secrets can be read"


def test_a_store_that_is_not_empty_is_replaced_only_when_told(controller, make_controller, connector, tmp_path):
    fill(controller, connector)
    file = {"path": str(tmp_path / "store.export"), "passphrase": PASSPHRASE}
    controller.ask("store.export", file)
    other = make_controller("other")
    other.ensure("volume", backend="one", name="precious", size="1")
    before = other.dump()
    for check in (True, False):
        with pytest.raises(StorageError, match="not empty: it holds 1 backends, 1 volumes. Say replace=true"):
            other.ask("store.import", file, check=check)
    assert other.dump() == before
    result = other.ask("store.import", dict(file, replace=True))
    assert (result["diff"]["before"]["rows"]["volumes"], result["rows"]["volumes"]) == (1, 2)
    assert contents(other) == contents(controller)


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (lambda text: text[:-1000], "damaged or not complete"),
        (lambda text: text.replace(b"data", b"beta"), "damaged or not complete"),
        (lambda text: text.replace(b'"version":1', b'"version":9'), "this collection reads format 1"),
        (lambda text: b"something else", "is no export of a store"),
        (lambda text: b"", "is no export of a store"),
    ],
)
def test_a_file_that_is_not_whole_changes_nothing(controller, connector, tmp_path, harm, problem):
    fill(controller, connector)
    path = tmp_path / "store.export"
    controller.ask("store.export", {"path": str(path)})
    path.write_bytes(harm(path.read_bytes()))
    before = controller.dump()
    with pytest.raises(StorageError, match=problem):
        controller.ask("store.import", {"path": str(path), "replace": True})
    assert controller.dump() == before


def test_a_file_of_another_key_or_passphrase_is_refused(controller, make_controller, connector, tmp_path):
    fill(controller, connector)
    other = make_controller("other", backend=None)
    path = str(tmp_path / "store.export")
    controller.ask("store.export", {"path": path})
    with pytest.raises(StorageError, match="another key"):
        other.ask("store.import", {"path": path})
    controller.ask("store.export", {"path": path, "passphrase": PASSPHRASE})
    for wrong, problem in ((None, "needed to read it"), ("another long passphrase", "is not the one")):
        with pytest.raises(StorageError, match=problem):
            other.ask("store.import", {"path": path, "passphrase": wrong})
    with pytest.raises(StorageError, match="shorter than 12"):
        controller.ask("store.export", {"path": path, "passphrase": "short"})
    assert controller.ask("store.export", {"path": path, "passphrase": "another long passphrase"})["changed"], "another passphrase, another file"


def test_a_file_that_is_no_export_is_not_overwritten(controller, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(StorageError, match="is no export"):
        controller.ask("store.export", {"path": str(path)})
    assert path.read_text() == "data"
    with pytest.raises(StorageError, match="directory that is there"):
        controller.ask("store.export", {"path": str(tmp_path / "none" / "file")})


# To another database


def moved(controller):
    """Tell what the settings name now."""
    settings = json.loads(controller.config.read_text())
    controller.settings.update(store_url=settings["store_url"], store_password=settings.get("store_password"))
    return settings["store_url"]


def test_a_store_moves_to_postgresql_and_back(controller, connector, target):
    fill(controller, connector)
    first, before = controller.settings["store_url"], contents(controller)
    foreseen = controller.ask("store.move", target, check=True)
    assert foreseen["changed"] and moved(controller) == first
    assert controller.ask("store.move", target) == foreseen
    assert moved(controller) == target["url"] and controller.config.stat().st_mode & 0o777 == 0o600
    assert contents(controller) == before and not controller.ask("store.move", target)["changed"]
    controller.ensure("volume", backend="one", name="later", size="1")
    after = contents(controller)
    with pytest.raises(StorageError, match="holds what was true then.*replace=true"):
        controller.ask("store.move", {"url": first})
    assert controller.ask("store.move", {"url": first, "replace": True})["changed"]
    assert moved(controller) == first and contents(controller) == after
    assert controller.ensure("export", backend="one", volume="data", host="node1", state="absent")["changed"]


def test_nothing_is_written_to_a_store_that_was_moved_away(controller, connector, target):
    fill(controller, connector)
    stale = controller.config.read_text()
    waiting = []
    with controller.fault("create_volume", "sleep 1"):
        thread = threading.Thread(target=lambda: waiting.append(controller.ensure("volume", backend="one", name="slow", size="1")))
        thread.start()
        while not [call for call in controller.calls() if call[1:] == ("begin", "create_volume")][1:]:
            assert thread.is_alive()
        controller.ask("store.move", target)
        thread.join()
    assert waiting[0]["changed"], "who worked was waited for"
    controller.config.write_text(stale)
    with pytest.raises(StorageError, match="was moved to another database"):
        controller.ensure("volume", backend="one", name="late", size="1")
    with pytest.raises(StorageError, match="was moved to another database"):
        controller.initialize()
    assert controller.ask("store.move", target)["changed"], "only the settings, as on a further controller"
    moved(controller)
    assert [item["name"] for item in controller.ask("volume.list", {})["volumes"]] == ["copy", "data", "slow"]
    with pytest.raises(StorageError, match="was moved to .*, not to"):
        controller.config.write_text(stale)
        controller.ask("store.move", {"url": "sqlite:///%s/another" % controller.root})


def test_who_waited_while_the_store_was_moved_away_settles_nothing_that_the_new_one_settles(controller, monkeypatch):
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after create_volume")
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ensure("volume", backend="one", name="data", size="1")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(controller.ensure("volume", backend="one", name="data", size="1")))
    (door,) = [path for path in Path(controller.settings["lock_dir"]).glob("store-*-outer") if "backend" not in path.name]
    with door.open() as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)  # as a move closes it
        thread.start()
        while not [child for child in _who_has_open(door) if child != os.getpid()]:
            assert thread.is_alive()
        controller.execute("UPDATE alembic_version SET version_num = ?", database.join(database.MOVED))  # the rest of a move is not needed here
        before = controller.listing()
    thread.join()
    assert answers[0]["failed"] and "was moved to another database" in answers[0]["msg"], answers
    assert controller.listing() == before, "by now this may be what a task made that works with the new store"


def _who_has_open(path):
    """Return the ids of the processes that have a file open."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(link) == str(path):
                found.add(int(link.parts[2]))
    return found


def test_a_database_that_holds_another_store_is_refused(controller, make_controller, connector, target):
    fill(controller, connector)
    other = make_controller("other", store_url=target["url"], store_password=PASSWORD)
    other.ensure("volume", backend="one", name="precious", size="1")
    for check in (True, False):
        with pytest.raises(StorageError, match="url: the store in .* is not empty"):
            controller.ask("store.move", target, check=check)
    assert len(other.ask("volume.list", {})["volumes"]) == 1
    assert controller.ensure("volume", backend="one", name="still", size="1")["changed"]


def test_a_store_moves_while_its_journal_holds_something(controller, target, monkeypatch):
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after create_volume")
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ensure("volume", backend="one", name="data", size="1")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    controller.ask("store.move", target)
    moved(controller)
    result = controller.ensure("volume", backend="one", name="data", size="1")
    assert [line["action"] for line in result["volumes"][0]["operations"]] == ["undo_create", "create"]


STEPS = ["_copy", "_close", "_open", "_switch", "replace in the target"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_move_that_was_killed_is_finished_by_the_next_one(controller, connector, target, monkeypatch, step, when):
    fill(controller, connector)
    first, before = controller.settings["store_url"], contents(controller)
    function = "controller.store.contents.replace" if step == "replace in the target" else "controller.moving." + step
    monkeypatch.setenv("BLS_TEST_KILL_AT", "%s %s" % (when, function))
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ask("store.move", target)
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    if moved(controller) == first and (step in ("_copy", "replace in the target") or (step, when) == ("_close", "before")):
        assert contents(controller) == before, "the old store is still the one"
        controller.ensure("volume", backend="one", name="meanwhile", size="1")
        before = contents(controller)
    controller.ask("store.move", target)
    assert moved(controller) == target["url"] and contents(controller) == before
    assert not controller.ask("store.move", target)["changed"]


def test_a_move_that_was_killed_is_not_overwritten_by_the_move_of_another_store(controller, make_controller, target, monkeypatch):
    controller.ensure("volume", backend="one", name="data", size="1")
    other = make_controller("other")
    other.ensure("volume", backend="one", name="others", size="1")
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after controller.moving._close")
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ask("store.move", target)
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    for check in (True, False):
        with pytest.raises(StorageError, match="url: .* holds what the move of another store left"):
            other.ask("store.move", target, check=check)
    assert [item["name"] for item in other.ask("volume.list", {})["volumes"]] == ["others"], "it works as before"
    assert controller.ask("store.move", target)["changed"] and moved(controller) == target["url"]
    assert [item["name"] for item in controller.ask("volume.list", {})["volumes"]] == ["data"]


def test_a_controller_does_not_take_over_another_store_in_place_of_its_own_that_was_lost(controller, make_controller, target, monkeypatch):
    controller.ensure("volume", backend="one", name="data", size="1")
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after controller.moving._close")
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ask("store.move", target)
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    other = make_controller("other")
    other.ask("store.move", dict(target, replace=True))
    settings = controller.config.read_text()
    with pytest.raises(StorageError, match="url: .* is another store than the one that was moved there"):
        controller.ask("store.move", target)
    assert controller.config.read_text() == settings


def test_a_store_is_not_moved_onto_itself_under_another_name(controller):
    controller.ensure("volume", backend="one", name="data", size="1")
    (controller.root / "link").symlink_to(controller.root / "state")
    for check in (True, False):
        with pytest.raises(StorageError, match="url: .* is the file of the store itself"):
            controller.ask("store.move", {"url": "sqlite:///%s/link/store.sqlite" % controller.root, "replace": True}, check=check)
    assert controller.ensure("volume", backend="one", name="still", size="1")["changed"]


# Ids


def volume_id(controller, check=False):
    result = controller.ensure("volume", check, backend="one", name="data", size="1")
    assert not result.get("failed"), result
    return result["volumes"][0]["volume"]["id"]


def test_two_stores_never_mean_one_object_of_an_array_by_the_same_names(make_controller):
    first, second = make_controller("first"), make_controller("second", backend=None)
    second.register(options={"sparse_files_dir": str(first.array)})
    foreseen = [volume_id(controller, check=True) for controller in (first, second)]
    made = [volume_id(controller) for controller in (first, second)]
    assert made == foreseen and made[0] != made[1]
    assert second.ensure("volume", backend="one", name="data", state="absent")["changed"]
    assert first.path_of("volume", made[0]).exists() and not first.path_of("volume", made[1]).exists()
    assert first.initialize() == {"changed": False}
    first.ensure("volume", backend="one", name="data", state="absent")
    assert volume_id(first) == made[0], "the same in every run"


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_store_keeps_the_ids_of_what_it_has_through_export_and_import_and_gives_new_ones_to_what_is_new(
    controller, make_controller, tmp_path, passphrase
):
    controller.ensure("volume", backend="one", name="kept", size="1")
    expected = volume_id(controller, check=True)
    file = {"path": str(tmp_path / "store.export"), "passphrase": passphrase}
    controller.ask("store.export", file)
    other = make_controller("other", backend=None)
    (other.root / "etc" / "store.key").write_bytes((controller.root / "etc" / "store.key").read_bytes())
    other.ask("store.import", file)
    assert contents(other) == contents(controller)
    assert volume_id(other, check=True) != expected, "or a creation that fails on one of the two could delete what the other made"
    assert not other.ask("store.import", file)["changed"]


def test_a_store_that_is_older_than_its_own_ids_goes_on_with_those_that_it_has(controller, make_controller, tmp_path):
    controller.execute("DELETE FROM key_values WHERE key = 'baremetal.legacy_storage/namespace'")
    assert controller.initialize() == {"changed": False}
    old = volume_id(controller, check=True)
    assert old == derive_id("volume", "one", "data")
    controller.ensure("volume", backend="one", name="old", size="1")
    controller.ensure("volume", backend="one", name="new", renamed_from="old")
    controller.ensure("volume", backend="one", name="old", size="1")
    file = {"path": str(tmp_path / "store.export"), "passphrase": PASSPHRASE}
    controller.ask("store.export", file)
    other = make_controller("other", backend=None)
    other.ask("store.import", file)
    assert not other.ensure("volume", backend="one", name="new", renamed_from="old")["changed"], "by the ids of old"
    assert not other.ask("store.import", file)["changed"]


def test_a_store_keeps_its_ids_when_it_moves(controller, target):
    expected = volume_id(controller, check=True)
    controller.ask("store.move", target)
    assert volume_id(controller, check=True) == expected


# The role


def apply_store(controller, url, **more):
    """Run the role's part that looks after the store."""
    task = {"ansible.builtin.include_role": {"name": "baremetal.legacy_storage.controller", "tasks_from": "store.yml"}}
    settings = {"controller_config": str(controller.config), "controller_store_url": url, "controller_store_password": PASSWORD}
    return controller.play([task], extra_vars=dict(settings, **more), ignore_errors=False)


def said(played):
    """Return what a play printed, on one line."""
    return " ".join(played.output.split())


def test_the_role_does_not_leave_a_stores_volumes_behind_for_another_url_until_it_was_moved(controller, connector, target):
    assert apply_store(controller, target["url"]).code == 0, "there is nothing yet that could be left behind"
    fill(controller, connector)
    refused = apply_store(controller, target["url"])
    assert refused.code != 0 and "knows 2 volumes" in refused.output and "store_move" in refused.output, refused.output
    assert PASSWORD not in refused.output
    assert apply_store(controller, controller.settings["store_url"]).code == 0
    controller.ask("store.move", target)
    assert apply_store(controller, target["url"]).code == 0
    refused = apply_store(controller, controller.settings["store_url"])
    assert refused.code != 0 and "holds what was true then" in refused.output, refused.output


def test_the_role_does_not_leave_a_store_behind_that_does_not_answer_unless_it_is_said_to_be_lost(controller):
    there, other = controller.settings["store_url"], "sqlite:///%s/state/other.sqlite" % controller.root
    away = "postgresql://somebody:canary-old@127.0.0.1:1/store"
    for store, shown in ((away, "postgresql+psycopg://somebody@127.0.0.1:1/store"), (there, there)):
        controller.write_config(controller.config, python=controller.warm(), store_url=store)
        if store == there:
            (controller.root / "state" / "store.sqlite").rename(controller.root / "state" / "mislaid")
        before = controller.config.read_bytes()
        refused = apply_store(controller, other)
        assert refused.code != 0 and "controller_store_url: the store of this controller is %s, which cannot be asked" % shown in said(refused), refused.output
        assert "With %s alone" % other in said(refused) and "controller_store_lost" in refused.output and "store_move" in refused.output
        assert "canary" not in refused.output and controller.config.read_bytes() == before
        assert apply_store(controller, store.replace("canary-old", "canary-new")).code == 0, "it is the same store, with another password"
        assert apply_store(controller, other, controller_store_lost=True).code == 0
    controller.config.write_text(controller.config.read_text().replace(controller.warm(), "/nowhere/python"))
    refused = apply_store(controller, other)
    assert refused.code != 0 and "cannot be asked what it knows" in said(refused), "nor where the code is gone that could ask it"
    assert apply_store(controller, there).code == 0


def test_a_store_url_that_never_worked_can_be_mended(make_controller):
    controller = make_controller("new", ready=False, store_url="postgresql://somebody@127.0.0.1:1/store")
    assert apply_store(controller, "sqlite:///%s/state/store.sqlite" % controller.root, controller_key_file="/nowhere/key").code == 0


def test_the_role_leaves_the_settings_alone_where_the_other_store_cannot_take_over(controller, make_controller, connector):
    refused = apply_store(controller, "postgresql://somebody@127.0.0.1:1/store")
    assert refused.code != 0 and "somebody@127.0.0.1:1/store cannot be used" in said(refused), refused.output
    fill(controller, connector)
    other = make_controller("other")
    other.ensure("volume", backend="one", name="theirs", size="1")
    refused = apply_store(controller, other.settings["store_url"])
    assert refused.code != 0 and "knows 2 volumes" in said(refused), refused.output
