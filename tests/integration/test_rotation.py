# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key of the store is rotated, step by step, on one controller or two: everything can be read at any moment, and nothing with the old key after."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.database import SCHEMA
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import ON_BOTH, STORE_PASSWORD, short_path
from ansible_collections.baremetal.legacy_storage.tests.integration.test_moving import fill

STEPS = ("add", "use", "reencrypt", "drop")


def key_file(controller):
    return controller.root / "etc" / "store.key"


def tokens(controller):
    rows = controller.query("SELECT secrets FROM backends UNION ALL SELECT secrets FROM volumes UNION ALL SELECT connection FROM exports")
    return [token for (token,) in rows if token]


def leave_open(controller, monkeypatch):
    """Kill a run while the controller has a volume open: its journal entry holds the connection."""
    controller.ensure("volume", backend="one", name="opened", size="1")
    monkeypatch.setenv("BLS_TEST_KILL_AT", "before compare")
    with pytest.raises(StorageError, match="Run the task again"):
        controller.ensure("image", path=str(controller.root / "opened.raw"), backend="one", volume="opened", format="raw")
    monkeypatch.delenv("BLS_TEST_KILL_AT")


def works(controller, connector):
    """Show that a controller reads and writes secrets."""
    for multipath in (True, False):
        result = controller.ensure("export", backend="one", volume="data", connector=connector("node1", multipath=multipath))
        assert not result.get("failed"), result
    assert controller.register()["changed"] is False, "it can tell that the password is the same"


@ON_BOTH
def test_a_rotation_leaves_nothing_that_the_old_key_opens(controller, connector):
    fill(controller, connector)
    old = Vault(key_file(controller).read_text().split())
    assert len(tokens(controller)) == 3 and all(old.opens(token) for token in tokens(controller))
    for step in STEPS:
        before = controller.dump(), key_file(controller).read_text()
        foreseen = controller.ask("store.key", {"step": step}, check=True)
        assert (controller.dump(), key_file(controller).read_text()) == before
        done = controller.ask("store.key", {"step": step})
        assert (
            done["changed"]
            and done["reencrypted"] == foreseen["reencrypted"]
            and len(done["key_fingerprints"]) == len(foreseen["key_fingerprints"])
        )
        assert not controller.ask("store.key", {"step": step})["changed"], "a second time"
        works(controller, connector)
    assert key_file(controller).stat().st_mode & 0o777 == 0o600 and len(key_file(controller).read_text().split()) == 1
    assert not [token for token in tokens(controller) if old.opens(token)]
    assert controller.initialize() == {"changed": False}


def test_what_a_killed_run_had_open_can_be_closed_after_a_rotation(controller, connector, monkeypatch):
    leave_open(controller, monkeypatch)
    for step in STEPS:
        controller.ask("store.key", {"step": step})
    done = controller.ensure("volume", backend="one", name="opened", state="absent")
    assert not done.get("failed") and not any("exports/" in path for path in controller.listing())
    assert [noun for noun, _action, _name in controller.unsettled()] == ["image"], "which nobody has named since"


def test_a_key_that_is_needed_is_not_dropped(controller, connector):
    fill(controller, connector)
    for step in ("add", "use"):
        controller.ask("store.key", {"step": step})
    before = key_file(controller).read_text()
    with pytest.raises(StorageError, match="Take the step reencrypt first"):
        controller.ask("store.key", {"step": "drop"})
    assert key_file(controller).read_text() == before


def test_no_key_is_dropped_where_the_store_cannot_be_looked_through(controller):
    for step in ("add", "use"):
        controller.ask("store.key", {"step": step})
    before = key_file(controller).read_text()
    for schema in ("0004", "9999", "moved %s" % SCHEMA):
        controller.execute("UPDATE alembic_version SET version_num = ?", schema)
        with pytest.raises(StorageError, match="has schema|was moved to another"):
            controller.ask("store.key", {"step": "drop"})
        assert key_file(controller).read_text() == before


POINTS = [
    *[(step, "%s secrets.keyfile.replace" % when) for step in ("add", "use", "drop") for when in ("before", "after")],
    *[
        ("reencrypt", "%s %s" % (when, what))
        for what in ("controller.store.contents.encrypt_anew", "commit 1")
        for when in ("before", "after")
    ],
]


@pytest.mark.parametrize(("step", "point"), POINTS)
def test_a_rotation_that_was_killed_leaves_everything_readable_and_is_gone_on_with(controller, connector, monkeypatch, step, point):
    fill(controller, connector)
    for earlier in STEPS[: STEPS.index(step)]:
        controller.ask("store.key", {"step": earlier})
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ask("store.key", {"step": step})
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    works(controller, connector)
    for again in STEPS:
        controller.ask("store.key", {"step": again})
    works(controller, connector)
    assert len(key_file(controller).read_text().split()) == 1
    assert all(Vault(key_file(controller).read_text().split()).opens(token) for token in tokens(controller))


def play(controllers, *arguments, playbook="rotate_key.yml"):
    """Run a playbook of the collection on controllers, as hosts c0, c1; return its output."""
    work = controllers[0].root
    hosts = {
        "c%d" % number: {"ansible_connection": "local", "ansible_become": False, "controller_config": str(item.config)}
        for number, item in enumerate(controllers)
    }
    inventory = {"storage_controllers": {"hosts": hosts, "vars": {"ansible_python_interpreter": sys.executable}}}
    (work / "inventory.json").write_text(json.dumps(inventory))
    command = [
        "ansible-playbook",
        "-i",
        str(work / "inventory.json"),
        "baremetal.legacy_storage.%s" % playbook.partition(".")[0],
        *arguments,
    ]
    with short_path(work) as temporary:
        settings = dict(
            os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_LOCAL_TEMP=str(work / "tmp"), ANSIBLE_REMOTE_TEMP=str(work / "tmp"), TMPDIR=temporary
        )
        return subprocess.run(command, cwd=work, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)


def test_the_playbook_rotates_the_key_of_two_controllers_with_one_store(pair, connector):
    fill(pair[0], connector)
    old = key_file(pair[0]).read_text().split()
    assert play(pair, "--check").returncode == 0 and key_file(pair[1]).read_text().split() == old
    played = play(pair, "-vvv")
    assert played.returncode == 0, played.stdout + played.stderr
    new = key_file(pair[0]).read_text()
    assert key_file(pair[1]).read_text() == new and len(new.split()) == 1 and new.split() != old
    for controller in pair:
        works(controller, connector)
    assert new.split()[0] not in played.stdout and old[0] not in played.stdout
    assert not [token for token in tokens(pair[0]) if Vault(old).opens(token)]


def test_a_rotation_that_reached_one_controller_only_is_finished_by_the_playbook(pair, connector):
    fill(pair[0], connector)
    for step in ("add",):
        pair[0].ask("store.key", {"step": step})
    pair[0].ask("store.key", {"step": "use"})  # as if killed before the second controller heard of the new key
    waiting = key_file(pair[0]).read_text().split()[0]
    played = play(pair)
    assert played.returncode == 0, played.stdout + played.stderr
    assert [key_file(controller).read_text().split() for controller in pair] == [[waiting]] * 2
    for controller in pair:
        works(controller, connector)


def test_a_further_controller_takes_the_key_over_sealed(make_controller, connector, postgresql, database):
    settings = {"store_url": postgresql.url(database, password=None), "store_password": STORE_PASSWORD}
    first, further = make_controller("first", **settings), make_controller("further", ready=False, **settings)
    further.array = first.array
    fill(first, connector)
    found = further.ask("store.show", {})
    assert found["key_fingerprints"] == []
    given = first.ask("store.key", {"recipient": found["sealing_key"]})
    assert key_file(first).read_text().strip() not in json.dumps(given)
    taken = further.ask("store.key", {"sealed_keys": given["sealed_keys"]})
    assert taken["changed"] and taken["key_fingerprints"] == given["key_fingerprints"]
    assert not further.ask("store.key", {"sealed_keys": given["sealed_keys"]})["changed"]
    assert further.initialize() == {"changed": False} and key_file(further).stat().st_mode & 0o777 == 0o600
    works(further, connector)


def test_keys_that_were_sealed_to_another_controller_are_refused(pair):
    sealed = pair[0].ask("store.key", {"recipient": pair[0].ask("store.show", {})["sealing_key"]})
    assert sealed["changed"] is False
    with pytest.raises(StorageError, match="sealed to another controller"):
        pair[1].ask("store.key", {"sealed_keys": sealed["sealed_keys"]})


def test_the_playbooks_export_import_and_move(controller, make_controller, connector, postgresql):
    fill(controller, connector)
    file, passphrase = str(controller.root / "store.export"), "canary-a-long-passphrase"
    (controller.root / "vars.json").write_text(json.dumps({"store_file": file, "store_passphrase": passphrase}))
    variables = ("-e", "@%s" % (controller.root / "vars.json"), "-vvv", "--diff")
    played = [play([controller], *variables, playbook="store_export.yml") for _number in range(2)]
    other = make_controller("other", backend=None)
    other.array = controller.array
    played += [play([other], *variables, playbook="store_import.yml") for _number in range(2)]
    url = postgresql.url(postgresql.make_database(), password=None)
    (controller.root / "vars.json").write_text(json.dumps({"store_url": url, "store_password": "canary-store-password"}))
    played += [play([other], *variables, playbook="store_move.yml") for _number in range(2)]
    for number, one in enumerate(played):
        assert one.returncode == 0, one.stdout + one.stderr
        assert ("changed=%d " % (number % 2 == 0)) in one.stdout, (number, one.stdout)
        assert "canary" not in one.stdout + one.stderr
    works(other, connector)
    assert [item["name"] for item in other.ask("volume.list", {})["volumes"]] == ["copy", "data"]
