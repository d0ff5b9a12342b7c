# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd starts at boot, as it starts it, on a node whose records are of an earlier boot. tests/lab/test_reboot.py cuts a real host's power."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey, seal

PROGRAM = "ansible_collections.baremetal.legacy_storage.plugins.host.boot"


@pytest.fixture(name="rebooted")
def fixture_rebooted(node):
    """Attach volumes, each as ``connected`` by a boot that is over; return their exports."""

    def rebooted(*names, **changes):
        exports = [node.export(name) for name in names]
        node.ensure(*({"export": export, "multipath": "no"} for export in exports))
        for export in exports:
            node.edit_record(export, **dict({"boot_id": "an earlier one"}, **changes))
        return exports

    return rebooted


def boot(node, patience=0):
    """Run the program; return its exit code and what it says."""
    command = [os.environ["BLS_NODE_PYTHON"], "-m", PROGRAM, str(node.config), str(patience)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def listed(node, export):
    """What the node tells of a volume."""
    (found,) = node.ask("attachment.list", {"volumes": [export["volume_id"]]})["attachments"]
    return found


def test_what_was_attached_before_a_boot_is_attached_after_it_and_the_next_task_finds_nothing_to_do(node, rebooted):
    exports = rebooted("database", "log")
    assert listed(node, exports[0])["stale"]
    code, said = boot(node)
    assert (code, said.count("is connected again")) == (0, 2), said
    assert str(node.root / "database.raw") in said
    for export in exports:
        assert (listed(node, export)["verified"], listed(node, export)["problems"]) == (True, [])
        assert node.ensure({"export": export, "multipath": "no"})["changed"] is False
    assert boot(node)[0] == 0, "once more disturbs nothing"


def test_an_array_that_is_away_keeps_nobody_else_from_being_attached_and_systemd_tries_again(node, rebooted):
    gone, _there = rebooted("gone", "there")
    os.rename(node.root / "gone.raw", node.root / "away")
    record = json.loads(node.record(gone).read_text())
    node.record(gone).write_text(json.dumps(dict(record, export=dict(record["export"], backend="away"))))
    code, said = boot(node)
    assert code == 1
    assert "Volume files/there is connected again" in said
    assert "Volume away/gone is not connected yet" in said
    assert node.record(gone).exists(), "its record stays, to be tried again"
    os.rename(node.root / "away", node.root / "gone.raw")
    code, said = boot(node)
    assert (code, "Volume away/gone is connected again" in said) == (0, True), said


def test_a_volume_that_cannot_be_connected_keeps_no_other_of_its_array_from_coming_back(node, rebooted):
    """As one that was taken back on the array, or whose key cannot be had."""
    gone, *others = sorted(rebooted("first", "second", "third"), key=lambda export: export["volume_id"])
    os.unlink(node.root / (gone["volume_name"] + ".raw"))
    code, said = boot(node, patience=20)
    assert code == 1
    assert (said.count("is connected again"), [listed(node, export)["stale"] for export in others]) == (2, [False, False]), said


def test_it_waits_for_an_array_that_comes_up_later_than_the_host(node, rebooted):
    rebooted("late")
    os.rename(node.root / "late.raw", node.root / "away")
    command = [os.environ["BLS_NODE_PYTHON"], "-m", PROGRAM, str(node.config), "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert "is not connected yet" in process.stdout.readline()
        os.rename(node.root / "away", node.root / "late.raw")
        said = process.communicate(timeout=60)[0]
    assert (process.returncode, "is connected again" in said) == (0, True), said


@pytest.mark.parametrize("state", ["connecting", "disconnecting"])
def test_a_second_power_cut_while_volumes_come_back_forgets_none(node, rebooted, state):
    (export,) = rebooted("database", state=state)
    assert boot(node)[0] == 0
    assert listed(node, export)["verified"]


@pytest.mark.parametrize("state", ["connecting", "disconnecting"])
def test_what_was_half_attached_or_half_detached_is_left_to_who_asked_for_it(node, rebooted, state):
    (export,) = rebooted("database", state=state, attached=False)
    code, said = boot(node)
    assert (code, said) == (0, "Volume files/database was %s when this host went down; run that task again.\n" % state)
    assert listed(node, export)["stale"]


def test_a_volume_that_shows_another_identity_than_before_the_boot_is_refused(node, rebooted):
    (export,) = rebooted("database")
    node.edit_record(export, identity={"kind": "file", "serial": str(node.root / "another.raw")})
    code, said = boot(node)
    assert code == 1
    assert "The array shows another volume than before" in said
    answer = node.ensure({"export": export, "multipath": "no"})
    assert "The array shows another volume than before" in answer["msg"]
    node.ensure({"volume_id": export["volume_id"], "state": "absent"})
    assert "failed" not in node.ensure({"export": export, "multipath": "no"}), "detached and attached again, by a task, it is accepted"


def test_one_that_was_exported_anew_and_could_not_be_connected_is_not_looked_for_at_boot(node, rebooted):
    (export,) = rebooted("database")
    elsewhere = {"driver_volume_type": "local", "data": {"device_path": str(node.root / "elsewhere.raw")}}
    anew = dict(export, sealed_connection_info=seal(SealingKey.load_or_create(str(node.state / "sealing.key")).public, elsewhere))
    os.unlink(node.root / "database.raw")
    assert node.ensure({"export": anew, "multipath": "no"})["failed"]
    assert not node.record(export).exists(), "whoever exported it takes that back, and its address may become another volume's"
    assert boot(node) == (0, "")


def test_a_record_that_cannot_be_read_is_told_and_the_others_are_served(node, rebooted):
    broken, _good = rebooted("broken", "good")
    node.record(broken).write_text("{")
    code, said = boot(node)
    assert code == 1
    assert "cannot be read" in said
    assert "Volume files/good is connected again" in said


def test_a_volume_that_asked_for_two_paths_comes_back_with_one_and_goes_on_asking_for_two(node, rebooted):
    (export,) = rebooted("database", multipath="required")
    assert boot(node)[0] == 0
    assert json.loads(node.record(export).read_text())["multipath"] == "required"


def test_on_another_machine_which_got_all_of_it_with_a_copied_disk_nothing_is_connected(node, rebooted):
    (export,) = rebooted("database")
    kept = dict(uuid="", serial="of another machine", macs=["52:54:00:00:00:01"])
    (node.state / "machine.json").write_text(json.dumps(kept))
    code, said = boot(node)
    assert (code, said.count("\n")) == (1, 1), "systemd tries again, and no volume was tried"
    assert "No volume is connected: This is not the machine" in said and "node_machine: copied" in said
    assert (listed(node, export)["stale"], json.loads((node.state / "machine.json").read_text())) == (True, kept)
    for request in ({"export": export, "multipath": "no"}, {"volume_id": export["volume_id"], "state": "absent"}):
        for check in (False, True):
            with pytest.raises(StorageError, match="detach nothing"):
                node.ensure(request, check=check)
    with pytest.raises(StorageError, match="detach nothing"):
        node.ask("connector.get", {})
    assert listed(node, export)["stale"] and node.record(export).exists()
    (node.state / "machine.json").unlink()
    assert boot(node)[0] == 0, "removing the file takes the machine that it is removed on"


def test_no_secret_of_an_attachment_is_in_the_journal(node, rebooted):
    rebooted("database")
    os.unlink(node.root / "database.raw")
    assert "canary" not in boot(node)[1]
