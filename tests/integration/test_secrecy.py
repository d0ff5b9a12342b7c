# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No secret in anything that a run leaves behind or shows: canaries go in, and must not come out."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

CANARY = b"canary-"  # the option's password and every secret that the driver makes up begin so
SECRET = "canary-option-given-by-environment"


@contextlib.contextmanager
def watching_arguments():
    """Collect the command lines of all processes, again and again."""
    seen, stop = set(), threading.Event()

    def watch():
        while not stop.wait(0.01):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.add(path.read_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def left_behind(folder, allowed):
    """Return the files below ``folder`` in which a canary sings, but for those below ``allowed``."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name) != allowed]
        for name in names:
            path = Path(place, name)
            if path.is_file() and CANARY in path.read_bytes():
                found.append(str(path))
    return found


def test_no_secret_is_left_behind_or_shown_by_any_operation(make_controller, connector):
    controller = make_controller(backend=None)
    backend = controller.backend_parameters(secret_options={"sparse_files_password": "{{ lookup('ansible.builtin.env', 'BLS_TEST_SECRET') }}"})
    one = {"backend": "one"}
    tasks = [
        {"legacy_backend": backend},
        {"legacy_backend": {"backends": [dict(backend, name="two", max_parallel=1)]}},
        {"legacy_backend_info": {"refresh": True}},
        {"legacy_volume": dict(one, name="data", size=1)},
        {"legacy_snapshot": dict(one, name="snap", volume="data")},
        {"legacy_volume": dict(one, volumes=[{"name": "clone", "source_volume": "data"}, {"name": "restored", "source_snapshot": "snap"}])},
        {"legacy_export": dict(one, volume="data", connector=connector("node1")), "register": "exported"},
        {"ansible.builtin.debug": {"var": "exported"}},
        {"legacy_export": dict(one, volume="data", connector=connector("node1", multipath=True))},
        {"legacy_volume": dict(one, name="data", size=2)},
        {"legacy_volume_info": {}},
        {"legacy_snapshot_info": {}},
        {"legacy_backend": dict(backend, secret_options={"sparse_files_passwort": backend["secret_options"]["sparse_files_password"]})},
        {"legacy_volume": dict(one, name="refused", size=0)},
        {"legacy_export": dict(one, volume="data", host="node1", state="absent")},
        {"legacy_volume": dict(one, name="data", state="absent", force=["snapshots"])},
    ]
    expected = ["ok"] * 12 + ["failed"] * 2 + ["ok"] * 2
    with watching_arguments() as commands:
        played = controller.play(tasks, diff=True, cold=True, arguments=["-vvv"], variables={"BLS_TEST_SECRET": SECRET})
    assert [item.status for item in played.results] == expected, played.output
    assert any(b"worker.serve" in command for command in commands), "the watch sees the workers"
    assert (controller.root / "state" / "store.sqlite").exists()
    made = b"".join(path.read_bytes() for path in (controller.root / "ansible").iterdir() if path.is_file())
    assert b"sealed_connection_info" in made, "the search sees the results"
    assert CANARY.decode() not in played.output
    assert left_behind(controller.root, controller.array) == []
    assert [command for command in commands if CANARY in command] == []


def test_the_array_did_get_the_secret(make_controller):
    """Otherwise finding no canary would prove nothing."""
    controller = make_controller()
    with controller.fault("create_volume", "password is %(sparse_files_password)s"):
        shown = controller.ensure("volume", backend="one", name="data", size="1")
    assert "password is (hidden)" in shown["msg"]


@pytest.mark.parametrize("method", ["check_for_setup_error", "create_volume"])
def test_an_error_text_that_quotes_the_password_comes_out_without_it(controller, method):
    with controller.fault(method, "login as admin with 'canary-option-password' failed"):
        result = controller.ensure("volume", backend="one", name="data", size="1")
    assert result["failed"] and "login as admin with '(hidden)' failed" in result["msg"]
    assert "canary-" not in repr(result)
    assert left_behind(controller.root, controller.array) == []


def test_an_error_text_that_quotes_a_refused_backends_password_comes_out_without_it(make_controller):
    controller = make_controller(backend=None)
    with controller.fault("check_for_setup_error", "bad password: canary-option-password"):
        result = controller.ensure("backend", **controller.backend_parameters())
    assert result["failed"] and "bad password: (hidden)" in result["msg"] and "canary-" not in repr(result)


@pytest.mark.parametrize("method", ["terminate_connection", "remove_export"])
def test_an_error_text_that_quotes_a_chap_password_comes_out_without_it(controller, connector, method):
    volume = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    with controller.fault(method, "cannot remove CHAP canary-chap-%s of canary-%s" % (volume["id"], volume["id"])):
        result = controller.ensure("export", backend="one", volume="data", host="node1", state="absent")
    assert result["failed"] and "cannot remove CHAP (hidden) of (hidden)" in result["msg"], result["msg"]
    assert "canary-" not in repr(result)


def test_a_killed_worker_shows_no_secret(controller, monkeypatch):
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after create_volume")
    played = controller.play([{"legacy_volume": {"backend": "one", "name": "data", "size": 1}}], arguments=["-vvv"])
    assert played[0].failed and "ended without an answer" in played[0]["msg"]
    assert "canary-" not in played.output
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    played = controller.play([{"legacy_volume": {"backend": "one", "name": "data", "size": 1}}])
    assert not played[0].failed
    assert [line["action"] for line in played[0]["operations"]] == ["undo_create", "create"]
    assert controller.unsettled() == [] and len(controller.listing()) == 1


def test_store_key_and_locks_are_root_only(controller, connector):
    controller.ensure("volume", backend="one", name="data", size="1")
    for path in (controller.root / "state", controller.root / "locks", controller.root / "etc" / "store.key", controller.root / "state" / "store.sqlite"):
        assert not path.stat().st_mode & 0o077, path
