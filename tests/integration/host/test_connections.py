# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host half through the real worker and the real os-brick, on files, without root."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey, seal

from .conftest import CANARY

GIB = 1024 ** 3


def present(export, **options):
    """The request to connect."""
    return dict({"export": export, "multipath": "no"}, **options)


def absent(export, **options):
    """The request to disconnect."""
    return dict({"volume_id": export["volume_id"], "state": "absent"}, **options)


def shape(value):
    """The keys of nested data."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


def everything_below(folder):
    """Every byte of every file below a folder, but the volumes."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".raw")


def test_connect_again_and_disconnect(node):
    export = node.export("database", 2)
    first = node.ensure(present(export))
    path = str(node.root / "database.raw")
    assert first["connections"][0]["operations"] == ["connect"]
    assert first["connections"][0]["attachment"] == {
        "volume_id": export["volume_id"], "volume_name": "database", "backend": "files", "host": "node1", "protocol": "local", "access_mode": "rw",
        "path": path,
        "device": None, "mapped": False, "multipath_id": None, "paths": [], "size": 2, "state": "connected",
        "encryption": None,
    }
    again = node.ensure(present(export))
    assert (again["changed"], again["connections"][0]["operations"]) == (False, [])
    assert again["connections"][0]["attachment"] == first["connections"][0]["attachment"]
    gone = node.ensure(absent(export))
    assert (gone["changed"], gone["connections"][0]["attachment"]) == (True, None)
    assert node.ensure(absent(export))["changed"] is False
    assert not node.record(export).exists()


@pytest.mark.parametrize("situation", ["fresh", "connected", "grown", "absent"])
def test_check_mode_predicts_what_comes_out_and_changes_nothing(node, situation):
    export = node.export("database")
    request = present(export)
    if situation != "fresh":
        node.ensure(request)
    if situation == "grown":
        node.edit_record(export, state="connecting")
    if situation == "absent":
        request = absent(export)
    before = everything_below(node.state)
    predicted = node.ensure(request, check=True)
    assert everything_below(node.state) == before
    real = node.ensure(request)
    assert shape(predicted) == shape(real)
    assert predicted["connections"] == real["connections"]
    assert predicted["diff"] == real["diff"]


def test_the_record_is_root_only_and_holds_no_secret(node):
    export = node.export("database")
    answer = node.ensure(present(export))
    assert stat.S_IMODE(node.record(export).stat().st_mode) == 0o600
    assert stat.S_IMODE(node.record(export).parent.stat().st_mode) == 0o700
    listed = node.ask("attachment.list", {})
    assert CANARY.encode() not in everything_below(node.root)
    assert CANARY not in json.dumps([answer, listed])


def test_a_file_that_is_open_is_not_disconnected(node):
    export = node.export("database")
    path = node.ensure(present(export))["connections"][0]["attachment"]["path"]
    with open(path, "rb") as stream, subprocess.Popen(["sleep", "60"], stdin=stream) as user:
        answer = node.ensure(absent(export))
        user.kill()
    assert answer["connections"][0]["error"]["code"] == "in_use"
    assert "%s is open in process %d (sleep)" % (path, user.pid) in answer["msg"]
    assert answer["changed"] is False
    assert node.record(export).exists()
    assert node.ensure(absent(export))["changed"] is True


def test_a_grown_volume_is_extended(node):
    node.ensure(present(node.export("database", 1)))
    grown = node.export("database", 3)
    answer = node.ensure(present(grown))
    assert answer["connections"][0]["attachment"]["size"] == 3
    assert node.ensure(present(grown))["changed"] is False


def test_a_device_that_has_not_grown_is_told(node):
    node.ensure(present(node.export("database", 1)))
    answer = node.ensure(present(node.export("database", 3, grow=False)))
    assert answer["failed"] is True
    assert "has 3 GiB" in answer["msg"]
    assert "1.00 GiB still" in answer["msg"]
    assert answer["connections"][0]["attachment"]["state"] == "connected"


@pytest.mark.parametrize("state", ["connecting", "connected", "disconnecting"])
def test_a_record_of_an_earlier_boot_blocks_nobody(node, state):
    export = node.export("database")
    node.ensure(present(export))
    node.edit_record(export, boot_id="an earlier one", state=state)
    listed = node.ask("attachment.list", {})["attachments"][0]
    assert listed["stale"] is True
    assert "The record is of an earlier boot." in listed["problems"]
    answer = node.ensure(present(export))
    assert answer["connections"][0]["operations"][-1] == "connect"
    assert "failed" not in answer
    assert node.ensure(present(export))["changed"] is False
    listed = node.ask("attachment.list", {})["attachments"][0]
    assert (listed["stale"], listed["verified"], listed["problems"]) == (False, True, [])


def test_a_record_of_an_earlier_boot_can_be_detached(node):
    export = node.export("database")
    node.ensure(present(export))
    node.edit_record(export, boot_id="an earlier one")
    (node.root / "database.raw").unlink()
    assert node.ensure(absent(export))["connections"][0]["attachment"] is None
    assert not node.record(export).exists()


def test_a_killed_worker_is_settled_by_the_next_run(node, tmp_path):
    """The worker dies by SIGKILL inside os-brick; the record was written before."""
    export = node.export("database")
    block = tmp_path / "block"
    block.mkdir()
    (block / "sitecustomize.py").write_text(
        "import sys, threading, time\n"
        "def patch():\n"
        "    while not hasattr(sys.modules.get('os_brick.initiator.connectors.local'), 'LocalConnector'): time.sleep(0.01)\n"
        "    sys.modules['os_brick.initiator.connectors.local'].LocalConnector.connect_volume = lambda *a: time.sleep(300)\n"
        "threading.Thread(target=patch, daemon=True).start()\n"
    )
    settings = json.loads(node.config.read_text())
    slow = node.root / "etc" / "slow.json"
    slow.write_text(json.dumps(dict(settings, python_path=[str(block), *settings["python_path"]])))
    code = (
        "import sys, json; from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask; "
        "ask('host', sys.argv[1], 'connection.ensure', {'connections': [json.loads(sys.argv[2])]})"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(slow), json.dumps(present(export))], stderr=subprocess.DEVNULL, start_new_session=True) as task:
        deadline = time.monotonic() + 30
        while not node.record(export).exists():
            assert time.monotonic() < deadline, "no record before os-brick was asked"
            time.sleep(0.02)
        os.killpg(task.pid, signal.SIGKILL)
    assert json.loads(node.record(export).read_text())["state"] == "connecting"
    assert node.ask("attachment.list", {})["attachments"][0]["verified"] is False
    answer = node.ensure(present(export))
    assert answer["connections"][0]["operations"] == ["settle", "connect"]
    assert answer["connections"][0]["attachment"]["state"] == "connected"


def test_an_export_that_a_task_is_about_to_unmap_is_not_connected_by_one_that_was_told_of_it_before(node):
    earlier, first, second = (node.export("database", exported_at=moment) for moment in ("T0", "T1", "T2"))
    node.ensure(present(first))
    node.ensure(absent(first, exported_at=["T1"]), check=True)
    assert node.ensure(present(first))["changed"] is False, "check mode says nothing to anybody"
    assert node.ensure(absent(first, exported_at=["T1"]))["changed"] is True
    assert node.ensure(present(first), check=True).get("failed", False) is False, "a run would renew it"
    refused = node.ensure(present(first))
    assert refused["failed"] and "another task detached volume files/database from this host meanwhile" in refused["msg"]
    assert (refused["changed"], node.record(first).exists()) == (False, False)
    assert node.ensure(present(earlier))["failed"]
    assert node.ensure(present(second))["connections"][0]["attachment"]["state"] == "connected"
    late = node.ensure(absent(first, exported_at=["T1"]))
    assert late["failed"] and "another task attached volume files/database to this host meanwhile" in late["msg"] and late["changed"] is False
    assert node.ensure(present(second))["changed"] is False
    assert node.ensure(absent(second))["changed"] is True
    again = node.ensure(present(second))
    assert not again.get("failed") and again["changed"], "named by nobody, it may be connected again"


def test_an_export_without_a_record_is_not_connected_either_once_a_task_is_about_to_unmap_it(node):
    export = node.export("database", exported_at="T1")
    assert node.ensure(absent(export, exported_at=["T1"]))["changed"] is False
    assert node.ensure(present(export))["failed"]
    assert not node.record(export).exists()


def test_one_failure_does_not_stop_the_others(node):
    good, bad = node.export("good"), node.export("bad", host="node2")
    answer = node.ensure(present(bad), present(good))
    assert [result.get("failed", False) for result in answer["connections"]] == [True, False]
    assert answer["failed"] is True
    assert answer["msg"].startswith("1 of 2 failed: export: was made for host 'node2'")
    assert node.record(good).exists()
    assert not node.record(bad).exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sealed_connection_info": None}, "has no sealed_connection_info"),
        ({"sealed_connection_info": "AAAA"}, "cannot be opened here"),
        ({"volume_id": "../../../etc/x"}, "is no volume's id"),
    ],
)
def test_exports_that_cannot_be_used(node, changes, words):
    answer = node.ensure(present(node.export("database", **changes)))
    assert answer["failed"] is True
    assert words in answer["msg"]
    assert answer["changed"] is False


def test_multipath_required_leaves_nothing_where_there_is_none(node):
    export = node.export("database")
    answer = node.ensure(present(export, multipath="required"))
    assert answer["failed"] is True
    assert answer["connections"][0]["error"]["code"] == "unsupported"
    assert not node.record(export).exists()


def test_an_unknown_protocol_is_told(node):
    export = node.export("database", protocol="carrier_pigeon")
    key = SealingKey.load_or_create(str(node.state / "sealing.key")).public
    export["sealed_connection_info"] = seal(key, {"driver_volume_type": "carrier_pigeon", "data": {}})
    answer = node.ensure(present(export))
    assert answer["connections"][0]["error"]["code"] == "unsupported"
    assert not node.record(export).exists()


def test_the_connector(node):
    unborn = node.ask("connector.get", {}, check=True)
    assert not (node.state / "sealing.key").exists()
    found = node.ask("connector.get", {"multipath": False})
    assert set(found["connector"]) == set(unborn["connector"]) == {"host", "properties", "sealing_key"}
    assert (found["connector"]["host"], found["connector"]["properties"]["ip"]) == ("node1", "192.0.2.1")
    assert (unborn["connector"]["properties"]["multipath"], found["connector"]["properties"]["multipath"]) == (True, False)
    assert node.ask("connector.get", {})["connector"]["sealing_key"] == found["connector"]["sealing_key"]
    assert stat.S_IMODE((node.state / "sealing.key").stat().st_mode) == 0o600


def test_an_unknown_verb_is_refused(node):
    with pytest.raises(StorageError, match="no verb 'volume.burn'"):
        node.ask("volume.burn", {})
    with pytest.raises(StorageError, match="must be a list"):
        node.ask("connection.ensure", {"connections": []})


def test_the_modules(node):
    """Every module of the host half in a real play, with and without check mode."""
    export = node.export("database", 2)
    connect = {"baremetal.legacy_storage.legacy_connection": {"export": export, "multipath": "no"}, "name": "connect", "diff": True}
    code, output = node.play(connect, arguments=["--check"])
    assert (code, "changed=1" in output) == (0, True), output
    assert not node.record(export).exists()
    code, output = node.play(
        connect,
        {"baremetal.legacy_storage.legacy_attachment_info": {"volumes": ["database"]}, "register": "info"},
        {"ansible.builtin.assert": {"that": ["info.attachments | length == 1", "info.attachments[0].verified", "info.attachments[0].size == 2"]}},
        {"baremetal.legacy_storage.legacy_connector_info": {}, "register": "node"},
        {"ansible.builtin.assert": {"that": ["node.connector.host == 'node1'", "node.attachments[0].volume_name == 'database'"]}},
        {"baremetal.legacy_storage.legacy_connection": {"connections": [{"volume_id": export["volume_id"], "state": "absent"}]}},
    )
    assert (code, "changed=2" in output) == (0, True), output
    assert CANARY not in output
    assert "+" in output
    assert not node.record(export).exists()


def test_the_modules_where_the_role_was_never_applied(node):
    config = str(node.root / "missing.json")
    tasks = [
        {"baremetal.legacy_storage.legacy_connector_info": {"node_config": config}},
        {"baremetal.legacy_storage.legacy_attachment_info": {"node_config": config}},
        {"baremetal.legacy_storage.legacy_connection": {"node_config": config, "export": node.export("database")}},
    ]
    code, output = node.play(*tasks, arguments=["--check"])
    assert (code, "changed=1" in output) == (0, True), output
    code, output = node.play(tasks[0])
    assert code != 0
    assert "Apply the role baremetal.legacy_storage.node" in output


def test_a_file_that_is_no_raw_disk_is_refused_before_anything_is_connected(node):
    """Cinder's NFS driver hands out a qcow2 file once a volume has a snapshot; what is written to it as to a disk destroys it."""
    export = node.export("data")
    info = {"driver_volume_type": "local", "data": {"device_path": str(node.volume("data")), "format": "qcow2"}}
    export.update(connection_info=info, sealed_connection_info=seal(SealingKey.load_or_create(str(node.state / "sealing.key")).public, info))
    result = node.ensure({"export": export})["connections"][0]
    assert result["failed"] and result["error"]["code"] == "unsupported" and "qcow2" in result["msg"]
    assert not result["changed"] and not node.record(export).exists()


def test_a_volume_that_is_a_file_is_not_encrypted_and_the_key_is_shown_to_nobody(node):
    export = node.export("data")
    result = node.ensure(present(export, encryption={"key": CANARY}))["connections"][0]
    assert result["error"]["code"] == "unsupported" and "is a file on this host" in result["msg"]
    assert (result["changed"], node.record(export).exists(), CANARY in str(result)) == (False, False, False)
    assert CANARY.encode() not in everything_below(node.root)
    code, output = node.play(
        {"baremetal.legacy_storage.legacy_connection": {"export": export, "encryption": {"key": "canary-key"}}, "ignore_errors": True}, arguments=["-vvv"]
    )
    assert code == 0 and "is a file on this host" in output and "canary-key" not in output, output


def test_an_encrypted_attachment_is_predicted_and_a_plain_one_never_becomes_one(node):
    export = node.export("data")
    told = node.ensure(present(export, encryption={"key_file": "/root/key"}), check=True)["connections"][0]
    assert told["operations"] == ["connect"]
    assert told["attachment"]["encryption"] == {"type": "luks2", "uuid": None, "opened": True, "key_from": "key_file"}
    node.ensure(present(export))
    for check in (True, False):
        refused = node.ensure(present(export, encryption={"key": "k"}), check=check)["connections"][0]
        assert (refused["error"]["code"], refused["error"]["parameter"], refused["changed"]) == ("conflict", "encryption", False)


def test_a_damaged_record_stops_what_concerns_its_volume_and_nothing_else(node):
    hurt, well = node.export("hurt"), node.export("well")
    assert not node.ensure({"export": hurt, "multipath": "no"}, {"export": well, "multipath": "no"}).get("failed")
    node.record(hurt).write_text("{")
    listed = {item["volume_id"]: item for item in node.ask("attachment.list", {})["attachments"]}
    told = listed[hurt["volume_id"]]
    assert (told["state"], told["verified"], told["paths"]) == ("unreadable", False, []) and str(node.record(hurt)) in told["problems"][0]
    assert listed[well["volume_id"]]["verified"]
    assert node.ask("attachment.list", {"volumes": ["well"]})["attachments"] == [listed[well["volume_id"]]]
    assert node.ask("connector.get", {})["attachments"] == [listed[key] for key in sorted(listed)]
    assert node.ensure({"volume_id": well["volume_id"], "state": "absent"})["changed"]
    assert node.ensure({"export": well, "multipath": "no"})["changed"]
    for request in ({"volume_id": hurt["volume_id"], "state": "absent"}, {"export": hurt, "multipath": "no"}):
        for check in (True, False):
            refused = node.ensure(request, check=check)
            assert refused["failed"] and "cannot be read" in refused["msg"], refused
    assert node.record(hurt).read_text() == "{"


def test_an_export_made_anew_at_another_place_is_remembered_beside_that_of_before_until_the_volume_is_detached(node):
    monday = node.export("database", exported_at="monday")
    assert not node.ensure({"export": monday, "multipath": "no"}).get("failed")
    info = {"driver_volume_type": "local", "data": {"device_path": str(node.root / "database.raw"), "shelf": 2}}
    key = SealingKey.load_or_create(str(node.state / "sealing.key")).public
    tuesday = dict(monday, exported_at="tuesday", connection_info=info, sealed_connection_info=seal(key, info))
    assert node.ensure({"export": tuesday, "multipath": "no"})["connections"][0]["operations"] == ["connect"]
    kept = json.loads(node.record(tuesday).read_text())
    assert (kept["export"]["exported_at"], [export["exported_at"] for export in kept["former"]]) == ("tuesday", ["monday"])
    assert CANARY not in node.record(tuesday).read_text()
    assert not node.ensure({"export": tuesday, "multipath": "no"})["changed"]
    assert not node.ensure({"volume_id": tuesday["volume_id"], "state": "absent"}).get("failed") and not node.record(tuesday).exists()
