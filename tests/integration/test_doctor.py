# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on of the doctor: it finds what is wrong, touches nothing unless told, and never what may hold data."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration import quick_repository
from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import PASSWORD
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import short_path

GIB = 1024**3


def examine(controller, check=False, **arguments):
    """Return the doctor's result."""
    return controller.ask("doctor.examine", dict({"timeout": 20}, **arguments), check)


def told(result):
    """Return [(severity, check, where)] of all findings."""
    return [(item["severity"], item["check"], item["where"]) for item in result["findings"]]


def node(name, *volumes, of=None, **more):
    """Return what a node says of itself, and of volumes that it has from the controller ``of``."""
    attachments = [dict({"backend": "one", "volume_name": volume, "volume_id": of.id_of("volume", "one", volume), "problems": []}) for volume in volumes]
    return dict({"name": name, "connector": {"host": name, "properties": {"initiator": "iqn.2026-01.test:%s" % name}}, "attachments": attachments}, **more)


@pytest.fixture(name="used")
def fixture_used(controller, connector):
    """A controller with a volume, its snapshot and its export."""
    controller.ensure("volume", backend="one", name="data", size="1")
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    return controller


def interrupt(controller, monkeypatch, point, noun, **item):
    """Kill a task at a point."""
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ensure(noun, **item)
    monkeypatch.delenv("BLS_TEST_KILL_AT")


def test_where_all_agree_it_finds_nothing_and_touches_nothing(used):
    before = used.look()
    result = examine(used, nodes=[node("node1", "data", of=used), node("node2")], mend=True)
    assert result["findings"] == [] and result["healthy"] and not result["changed"]
    assert result["counts"] == {"backends": 1, "volumes": 1, "snapshots": 1, "exports": 1, "repositories": 0, "nodes": 2}
    assert used.look() == before


def test_what_is_missing_grown_or_unknown_on_the_array_is_told_and_left_alone(used):
    for name in ("gone", "grown", "shrunk"):
        used.ensure("volume", backend="one", name=name, size="2")
    os.unlink(used.path_of("volume", used.id_of("volume", "one", "gone")))
    os.truncate(used.path_of("volume", used.id_of("volume", "one", "grown")), 3 * GIB)
    os.truncate(used.path_of("volume", used.id_of("volume", "one", "shrunk")), 1 * GIB)
    lost = used.id_of("volume", "one", "of a lost store")
    used.path_of("volume", lost).write_bytes(b"precious")
    (used.array / "somebody-elses").write_bytes(b"")
    before = used.look()
    result = examine(used, mend=True)
    assert told(result) == [
        ("error", "missing", "volume one/gone"),
        ("error", "size", "volume one/shrunk"),
        ("warning", "orphan", "volume volume-%s on backend one" % lost),
        ("warning", "size", "volume one/grown"),
        ("note", "foreign", "volumes of backend one"),
    ]
    assert "Adopt it, or delete it on the storage system yourself" in result["findings"][2]["remedy"]
    assert used.look() == before and not result["changed"] and not result["healthy"]


def test_what_a_driver_cannot_tell_is_said_plainly_and_is_no_fault(used):
    with used.fault("get_manageable_volumes", "not offered"), used.fault("get_manageable_snapshots", "not offered"):
        result = examine(used)
    assert told(result) == [("note", "not_compared", "snapshots of backend one"), ("note", "not_compared", "volumes of backend one")]
    assert result["healthy"]
    os.unlink(used.path_of("volume", used.id_of("volume", "one", "data")))
    with used.fault("get_manageable_volumes", "not offered"):
        result = examine(used)
    assert [item["severity"] for item in result["findings"]] == ["note", "note"], "one that refuses all questions may not understand them"


def test_a_grown_volume_is_mended_by_the_task_that_the_doctor_names(used):
    os.truncate(used.path_of("volume", used.id_of("volume", "one", "data")), 3 * GIB)
    (finding,) = examine(used)["findings"]
    assert "size: 3" in finding["remedy"]
    used.ensure("volume", backend="one", name="data", size="3")
    assert examine(used)["findings"] == []


@pytest.mark.parametrize(
    ("point", "noun", "item"),
    [
        ("after create_volume", "volume", {"name": "new", "size": "1"}),
        ("before extend_volume", "volume", {"name": "data", "size": "2"}),
        ("after delete_snapshot", "snapshot", {"name": "snap", "state": "absent"}),
        ("after terminate_connection", "export", {"volume": "data", "host": "node1", "state": "absent"}),
        ("before copy", "volume", {"name": "free", "migrate_to": {"backend": "two"}}),
    ],
)
def test_an_interrupted_run_is_told_and_settled_only_when_told(used, monkeypatch, point, noun, item):
    if "migrate_to" in item:
        used.ensure("volume", backend="one", name="free", size="1")
        used.register("two")
    interrupt(used, monkeypatch, point, noun, backend="one", **item)
    before = used.look()
    found = examine(used, backends=["one"])["findings"]
    assert {finding["check"] for finding in found} == {"unsettled"} and found[0]["mendable"] and "s ago" in found[0]["problem"]
    foreseen = examine(used, check=True, mend=True, backends=[])
    assert foreseen["changed"] and used.look() == before
    result = examine(used, mend=True, backends=[])
    assert result["changed"] and result["healthy"] and result["findings"][0]["mended"]
    assert used.unsettled() == []
    again = examine(used, mend=True, backends=["one"])
    assert again["findings"] == [] and not again["changed"]


@pytest.fixture(name="grouped")
def fixture_grouped(controller):
    """A controller with a group snapshot, whose members its array keeps under the group snapshot's name."""
    controller.register("array", driver="sparse_files.GroupingDriver")
    for name in ("data", "log"):
        controller.ensure("volume", backend="array", name=name, size="1")
    controller.ensure("group_snapshot", backend="array", name="nightly", volumes=["data", "log"])
    return controller


def test_members_of_a_group_snapshot_are_known_under_the_name_that_the_array_gives_them(grouped):
    grouped.ensure("snapshot", backend="array", name="single", volume="data")
    assert [item for item in told(examine(grouped, backends=["array"])) if item[0] != "note"] == []
    assert not [item for item in examine(grouped, backends=["array"])["findings"] if item["check"] in ("orphan", "foreign", "missing")]


@pytest.mark.parametrize("point", ["after create_group_snapshot", "after update_group", "before delete_group"])
def test_an_interrupted_group_snapshot_is_told_and_settled_only_when_told(grouped, monkeypatch, point):
    item = {"name": "nightly", "state": "absent"} if "delete" in point else {"name": "other", "volumes": ["third"]}
    grouped.ensure("volume", backend="array", name="third", size="1")
    interrupt(grouped, monkeypatch, point, "group_snapshot", backend="array", **item)
    before = grouped.look()
    findings = [finding for finding in examine(grouped, backends=["array"])["findings"] if finding["severity"] != "note"]
    assert [(finding["check"], finding["where"]) for finding in findings] == [("unsettled", "group_snapshot array/%s" % item["name"])]
    assert grouped.look() == before
    result = examine(grouped, mend=True, backends=[])
    assert result["changed"] and result["healthy"] and grouped.unsettled() == []
    assert len([path for path in grouped.listing() if path.startswith("volume-")]) == 3
    left = [item["name"] for item in grouped.ask("group_snapshot.list", {})["group_snapshots"]]
    assert left == ([] if "delete" in point else ["nightly"])
    assert len([path for path in grouped.listing() if path.startswith("groups/")]) == len(left)


def test_a_group_snapshot_stuck_in_a_status_is_told_with_its_members(grouped):
    (volume,) = [item for item in grouped.ask("volume.list", {})["volumes"] if item["name"] == "log"]
    with grouped.fault("busy-" + volume["id"], ""):
        assert grouped.ensure("group_snapshot", backend="array", name="nightly", state="absent")["failed"]
    assert ("error", "status", "group snapshot array/nightly") in told(examine(grouped, backends=[]))


def test_what_a_task_works_on_is_left_to_it(used):
    with used.fault("create_volume", "sleep 3"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        working = pool.submit(used.ensure, "volume", backend="one", name="slow", size="1")
        while not used.unsettled():
            time.sleep(0.02)
        result = examine(used, mend=True)
        assert working.result()["changed"]
    (finding,) = result["findings"]
    assert finding["mend_error"] == "a task works on it now" and not finding["mended"] and not result["changed"]
    assert examine(used)["findings"] == []


def test_nodes_and_exports_are_compared(used, connector):
    for name in ("lonely", "far", "stale"):
        used.ensure("volume", backend="one", name=name, size="1")
    used.ensure("export", backend="one", volume="lonely", connector=connector("node2"))
    used.ensure("export", backend="one", volume="far", connector=connector("node9"))
    nodes = [
        node("node1", "data", "stale", of=used),
        node("node2"),
        node("node3", connector=None, error="Failed to connect to the host via ssh"),
        node("node4", connector={"host": "node4", "properties": {"initiator": "iqn.2026-01.test:node1"}}),
    ]
    assert told(examine(used, nodes=nodes)) == [
        ("error", "initiator", "initiator iqn.2026-01.test:node1"),
        ("error", "no_export", "node node1, volume one/stale"),
        ("warning", "node", "node node3"),
        ("warning", "unknown_host", "export one/far on node9"),
        ("note", "no_record", "export one/lonely on node2"),
    ]


def test_a_volume_of_another_controller_whose_backend_is_called_alike_is_no_error_and_nobody_is_told_to_stop_its_use(used, make_controller, connector):
    other = make_controller("other")
    other.ensure("volume", backend="one", name="data", size="1")
    other.ensure("export", backend="one", volume="data", connector=connector("node1"))
    seen = node("node1", "data", of=used)
    seen["attachments"] += node("node1", "data", of=other)["attachments"]
    for controller in (used, other):
        (finding,) = examine(controller, nodes=[seen])["findings"]
        assert (finding["severity"], finding["check"], finding["where"]) == ("warning", "unknown_volume", "node node1, volume one/data")
        assert "another controller's" in finding["problem"] and "disconnect" not in finding["remedy"] and not finding["mendable"]
    seen["attachments"][1]["problems"] = ["It is gone."]
    assert ("warning", "attachment", "node node1, volume one/data") in told(examine(other, nodes=[seen]))


def test_a_vanished_hosts_export_goes_only_when_it_is_fenced_and_the_doctor_told(used):
    nodes = [node("node2")]
    assert not examine(used, nodes=nodes, mend=True)["changed"], "nobody said that it is fenced"
    before = used.look()
    assert not examine(used, nodes=nodes, fenced=["node1"])["changed"]
    assert examine(used, check=True, nodes=nodes, fenced=["node1"], mend=True)["changed"]
    assert used.look() == before
    result = examine(used, nodes=nodes, fenced=["node1"], mend=True)
    assert result["changed"] and result["healthy"]
    assert used.query("SELECT count(*) FROM exports") == [(0,)]
    assert used.path_of("volume", used.id_of("volume", "one", "data")).exists()
    assert not examine(used, nodes=nodes, fenced=["node1"], mend=True)["changed"]


def test_a_backend_that_does_not_answer_holds_no_other_up(used):
    slow = used.root / "slow"
    (slow / "faults").mkdir(parents=True)
    used.register("slow", options={"sparse_files_dir": str(slow)})
    (slow / "faults" / "check_for_setup_error").write_text("sleep 60")
    dead = used.root / "dead"
    dead.mkdir()
    used.register("dead", options={"sparse_files_dir": str(dead)})
    shutil.rmtree(dead)
    os.unlink(used.path_of("volume", used.id_of("volume", "one", "data")))
    used.ensure("volume", backend="one", name="more", size="1")
    started = time.monotonic()
    result = examine(used, timeout=2)
    assert time.monotonic() - started < 15
    assert told(result) == [("error", "backend", "backend dead"), ("error", "backend", "backend slow"), ("error", "missing", "volume one/data")]
    assert "did not answer within 2 s" in result["findings"][1]["problem"] and "is no directory" in result["findings"][0]["problem"]
    assert told(examine(used, backends=[])) == []


def test_things_stuck_in_a_status_are_told(used):
    with contextlib.closing(sqlite3.connect(used.root / "state" / "store.sqlite")) as connection:
        connection.execute("UPDATE volumes SET status = 'deleting'")
        connection.execute("UPDATE exports SET status = 'exporting'")
        connection.commit()
    assert told(examine(used)) == [("error", "status", "export one/data on node1"), ("error", "status", "volume one/data")]


def test_a_key_that_others_can_read_is_told_and_protected_when_told(used):
    key = used.root / "etc" / "store.key"
    key.chmod(0o644)
    result = examine(used)
    assert told(result) == [("error", "permissions", "key file %s" % key)] and key.stat().st_mode & 0o777 == 0o644
    assert examine(used, mend=True)["healthy"] and key.stat().st_mode & 0o777 == 0o600
    assert examine(used)["findings"] == []


def test_a_store_that_cannot_be_opened_is_a_finding_not_a_crash(used):
    key = used.root / "etc" / "store.key"
    key.rename(key.with_suffix(".away"))
    (finding,) = examine(used)["findings"]
    assert finding["check"] == "store" and "restore it from your backup" in finding["problem"]


def test_a_backend_that_is_not_registered_is_refused(used):
    with pytest.raises(StorageError, match="backends: 'two': is not registered on this controller .registered: one"):
        examine(used, backends=["two"])


def play(controller, *arguments):
    """Run the playbook doctor.yml for this controller and a node that cannot be reached; return (exit status, what it printed)."""
    work = controller.root / "ansible"
    work.mkdir(exist_ok=True)
    inventory = work / "inventory.json"
    common = {"ansible_python_interpreter": sys.executable, "ansible_become": False}
    local = dict(common, ansible_connection="local", controller_config=str(controller.config))
    away = dict(common, ansible_host="127.0.0.1", ansible_port=1, ansible_ssh_common_args="-o ConnectTimeout=2")
    groups = {"storage_controllers": {"hosts": {"controller1": local}}, "storage_nodes": {"hosts": {"node1": away}}}
    inventory.write_text(json.dumps({"all": {"children": groups}}))
    command = ["ansible-playbook", "-i", str(inventory), "baremetal.legacy_storage.doctor", *arguments]
    with short_path(work) as temporary:
        settings = dict(
            os.environ, ANSIBLE_LOCAL_TEMP=str(work / "local"), ANSIBLE_REMOTE_TEMP=str(work / "remote"), ANSIBLE_NOCOLOR="1", TMPDIR=temporary
        )
        done = subprocess.run(command, cwd=work, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_playbook_prints_a_report_mends_when_told_and_fails_as_told(used, monkeypatch):
    interrupt(used, monkeypatch, "after create_volume", "volume", backend="one", name="new", size="1")
    code, printed = play(used)
    assert code, "an export of a node that does not answer is an error"
    for line in (
        "Compared 1 backend(s), 2 volume(s), 1 snapshot(s), 1 export(s) and 1 node(s).",
        "ERROR: node node1",
        "WARNING: volume one/new",
        "1 error(s), 1 warning(s). The doctor can mend 1 of them: run it again with -e doctor_mend=true.",
        "1 thing(s) need mending",
    ):
        assert line in printed, printed
    assert used.unsettled()
    code, printed = play(used, "-e", "doctor_mend=true", "-e", '{"doctor_fenced": ["node1"]}', "-e", "doctor_fail_on=never")
    assert code == 0 and "MENDED: volume one/new" in printed and "MENDED: export one/data on node1" in printed, printed
    assert used.unsettled() == [] and used.query("SELECT count(*) FROM exports") == [(0,)]


def test_what_was_released_is_nobodys_orphan(used):
    used.ensure("volume", backend="one", name="let go", size="1")
    used.ensure("snapshot", backend="one", name="let go, too", volume="data")
    used.ensure("volume", backend="one", name="let go", state="released")
    used.ensure("snapshot", backend="one", name="let go, too", state="released")
    assert used.path_of("volume", used.id_of("volume", "one", "let go")).exists()
    assert told(examine(used)) == []


@pytest.fixture(name="offsite")
def fixture_offsite(used):
    """The controller with a repository of backups in a directory; returns the parameters of a backup."""
    parameters = {"name": "offsite", "location": str(used.root / "offsite"), "password": PASSWORD}
    quick_repository.copy_of_one(used.root / "offsite", PASSWORD)
    result = used.ask("repository.ensure", {"repositories": [parameters]})
    assert not result.get("failed"), result
    return {"repository": "offsite", "backend": "one", "name": "monday", "volume": "data"}


def test_content_that_no_record_makes_a_backup_is_told_and_a_backup_is_not(used, offsite, monkeypatch):
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(1024**2))
    used.ensure("export", backend="one", volume="data", host="node1", state="absent")
    assert not used.ensure("backup", **dict(offsite, name="sunday")).get("failed")
    assert told(examine(used)) == []
    interrupt(used, monkeypatch, "before record", "backup", **offsite)
    assert told(examine(used)) == [("warning", "unsettled", "backup offsite/monday")], "it may be under way: told once"
    used.execute("DELETE FROM operations")  # as where it was settled while the repository was away
    result = examine(used)
    assert told(result) == [("warning", "unfinished", "backup offsite/monday")] and not result["healthy"]
    assert told(examine(used, repositories=[])) == []
    assert not used.ensure("backup", **offsite).get("failed")
    assert told(examine(used)) == [], "as it said: the next backup takes it away"


def test_content_without_a_record_is_deleted_when_told_once_it_is_surely_nobodys(used, offsite, monkeypatch):
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(1024**2))
    used.ensure("export", backend="one", volume="data", host="node1", state="absent")
    assert not used.ensure("backup", **dict(offsite, name="sunday")).get("failed")
    settings = dict(os.environ, RESTIC_REPOSITORY=str(used.root / "offsite"), RESTIC_PASSWORD=PASSWORD)

    def restic(*arguments, **options):
        return subprocess.run(["restic", *arguments], env=settings, check=True, capture_output=True, text=True, timeout=120, **options).stdout

    for name, days in (("old", 8), ("young", 6)):  # as another controller leaves them
        moment = (datetime.datetime.now() - datetime.timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")
        tags = [word for tag in ("legacy-storage-content", "run=" + name, "name=" + name) for word in ("--tag", tag)]
        restic("backup", "--stdin", "--stdin-filename", "x", "--time", moment, *tags, input="content")
    unfinished = [("warning", "unfinished", "backup offsite/" + name) for name in ("old", "young")]
    result = examine(used)
    assert sorted(told(result)) == unfinished and sorted(item["mendable"] for item in result["findings"]) == [False, True]
    other = subprocess.Popen(["restic", "backup", "--stdin"], env=settings, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not any((used.root / "offsite" / "locks").iterdir()):
            assert other.poll() is None
        mended = examine(used, mend=True)["findings"]
        assert [item["mend_error"] for item in mended if item["mendable"]] == ["a task works on it now"]
    finally:
        other.communicate(b"done")
    assert [item["mended"] for item in examine(used, mend=True)["findings"] if item["mendable"]] == [True]
    assert told(examine(used)) == unfinished[1:]
    assert [item["name"] for item in used.ask("backup.list", {})["backups"]] == ["sunday"]


def test_a_repository_that_is_away_is_told(used, offsite):
    shutil.move(used.root / "offsite", used.root / "elsewhere")
    result = examine(used)
    assert told(result) == [("error", "repository", "repository offsite")]
    assert "Is its file system mounted?" in result["findings"][0]["problem"]
    with pytest.raises(StorageError, match="repositories: 'onsite': is not registered on this controller .registered: offsite."):
        examine(used, repositories=["onsite"])
