# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that cannot be written or read, and storage systems that do not answer. test_interrupted.py has faults at every step."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import re
import shutil
import sqlite3
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError


def volumes(controller, *names, **more):
    """Ask for volumes in one list; names are "backend/name"."""
    return controller.ask("volume.ensure", {"volumes": [dict(zip(("backend", "name"), name.split("/")), size="1", **more) for name in names]})


@pytest.fixture(name="two")
def fixture_two(controller):
    """A controller with the backends one and two, each on an array of its own; the second takes one operation at a time."""
    array = controller.root / "array2"
    (array / "faults").mkdir(parents=True)
    controller.register("two", options={"sparse_files_dir": str(array)}, max_parallel=1)
    return controller, array


def test_a_store_whose_disk_is_not_there_is_not_made_anew(controller):
    volumes(controller, "one/data")
    state, away, before = controller.root / "state", controller.root / "away", controller.listing()
    state.rename(away)
    for verb, arguments in (("volume.ensure", {"volumes": [{"backend": "one", "name": "more", "size": "1"}]}), ("volume.list", {})):
        with pytest.raises(StorageError, match="The metadata store has schema none") as caught:
            controller.ask(verb, arguments)
        assert caught.value.code == "not_installed"
    assert controller.listing() == before and not state.exists()
    away.rename(state)
    assert volumes(controller, "one/data")["changed"] is False


def test_a_locked_store_is_waited_for(controller):
    with contextlib.closing(sqlite3.connect(controller.root / "state" / "store.sqlite", check_same_thread=False)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(volumes, controller, "one/data")
            time.sleep(1)
            assert not asked.done() and controller.listing() == {}
            other.execute("COMMIT")
            assert asked.result()["changed"]


def test_a_damaged_store_is_told_and_nothing_is_done(controller):
    volumes(controller, "one/data")
    path = controller.root / "state" / "store.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'volumes'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as stream:
        stream.seek((root - 1) * size)
        stream.write(b"\xff" * size)
    before = controller.listing()
    damaged = "The metadata store .* failed: database disk image is malformed"
    with pytest.raises(StorageError, match=damaged):
        volumes(controller, "one/data", state="absent")
    made = volumes(controller, "one/more")
    assert made["failed"] and made["error"]["code"] == "store" and re.match(damaged, made["msg"])
    assert controller.listing() == before
    findings = controller.ask("doctor.examine", {"timeout": 20})["findings"]
    assert [item["check"] for item in findings] == ["store"] and "malformed" in findings[0]["problem"]


@pytest.mark.parametrize("method", ["check_for_setup_error", "create_volume"])
def test_a_slow_array_never_blocks_another_backend(two, method):
    controller, array = two
    (array / "faults" / method).write_text("sleep 4")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(volumes, controller, "two/a", "one/a", "one/b", "one/c")
        deadline = time.monotonic() + 30
        while len(controller.query("SELECT name FROM volumes WHERE backend = 'one' AND status = 'available'")) < 3:
            assert time.monotonic() < deadline and not asked.done()
            time.sleep(0.02)
        assert not asked.done(), "the volumes of the quick backend are there while the slow one still works"
        assert not volumes(controller, "one/d").get("failed"), "and so is what another task makes"
        assert not asked.done()
        assert not asked.result().get("failed")


def test_a_silent_array_fails_its_own_items_after_the_time_set_and_no_others(two):
    controller, array = two
    controller.settings["operation_timeout"] = 1
    controller.write_config(controller.config, python=controller.warm())
    (array / "faults" / "create_volume").write_text("sleep 600")
    started = time.monotonic()
    result = volumes(controller, "two/a", "one/a", "two/b", "one/b")
    assert time.monotonic() - started < 30
    told = [item.get("msg", "") for item in result["volumes"]]
    assert "two/a: backend two has not answered for 1 s (operation_timeout)" in told[0] and "Run the task again" in told[0]
    assert told[2] == "two/b: was not tried, because backend two does not answer."
    assert [bool(text) for text in told] == [True, False, True, False] and [item["changed"] for item in result["volumes"]] == [False, True, False, True]
    assert result["volumes"][0]["error"]["code"] == "interrupted"
    assert controller.unsettled() == [("volume", "create", "a")]
    (array / "faults" / "create_volume").unlink()
    again = volumes(controller, "two/a", "one/a", "two/b", "one/b")
    assert not again.get("failed") and [item["changed"] for item in again["volumes"]] == [True, False, True, False]
    assert controller.unsettled() == []


def test_what_would_come_after_a_migration_that_does_not_end_is_not_tried_on_either_backend(two):
    controller, array = two
    controller.register("one", max_parallel=1)
    assert not volumes(controller, "one/data").get("failed")
    controller.settings["operation_timeout"] = 1
    controller.write_config(controller.config, python=controller.warm())
    (array / "faults" / "create_volume").write_text("sleep 600")
    moved = {"backend": "one", "name": "data", "migrate_to": {"backend": "two"}}
    others = [{"backend": backend, "name": "new", "size": "1"} for backend in ("one", "two")]
    started = time.monotonic()
    result = controller.ask("volume.ensure", {"volumes": [moved, *others]})
    assert time.monotonic() - started < 30
    told = [item.get("msg", "") for item in result["volumes"]]
    assert "one/data: backend one or two has not answered for 1 s" in told[0], told
    assert told[1:] == ["%s/new: was not tried, because backend one or two does not answer." % backend for backend in ("one", "two")]
    (array / "faults" / "create_volume").unlink()
    again = controller.ask("volume.ensure", {"volumes": [moved, *others]})
    assert not again.get("failed") and [item["changed"] for item in again["volumes"]] == [True] * 3, again
    assert controller.unsettled() == []


def test_the_time_of_copying_is_not_taken_for_the_silence_of_an_array(two, monkeypatch):
    controller, _array = two
    assert not volumes(controller, "one/data").get("failed")
    controller.settings["operation_timeout"] = 5
    controller.write_config(controller.config, python=controller.warm())
    programs = controller.root / "programs"
    programs.mkdir()
    slow = programs / "qemu-img"
    slow.write_text('#!/bin/sh\n[ "$1" != convert ] || sleep 6\nexec %s "$@"\n' % shutil.which("qemu-img"))
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (programs, os.environ["PATH"]))
    started = time.monotonic()
    result = controller.ensure("volume", backend="one", name="data", migrate_to={"backend": "two"})
    assert not result.get("failed"), result["msg"]
    assert time.monotonic() - started > 6, "the copy took longer than an operation may"
    with controller.fault("create_volume", "sleep 600"):
        result = controller.ensure("volume", backend="two", name="data", migrate_to={"backend": "one"})
    assert "has not answered for 5 s (operation_timeout)" in result["msg"], "the array's own time still counts"
