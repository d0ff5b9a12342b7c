# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other playbooks of a storage day by real ansible-playbook runs, on file-backed storage."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import DRIVER, PASSWORD, front

pytestmark = pytest.mark.extra  # whole playbooks, many of them

DATA = {"backend": "one", "volume": "data"}


def prefixed(prefix, **variables):
    """Return the variables of a playbook."""
    return {"%s_%s" % (prefix, name): value for name, value in variables.items()}


def test_a_volume_gets_attached_with_a_file_system_once_and_detached(rack):
    attach = prefixed("attach", node="node1", fstype="ext4", **DATA)
    foretold = rack.run("attach_volume", check=True, **attach)
    assert (foretold.code, rack.attached_to("data")) == (0, []), foretold.output
    done = rack.done("attach_volume", **attach)
    assert done.changed == ["Attach it", "Make the file system"]
    assert subprocess.run(["blkid", "-p", "-o", "value", "-s", "TYPE", str(rack.file_of("data"))], capture_output=True, check=True).stdout == b"ext4\n"
    assert rack.done("attach_volume", **attach).changed == []

    refused = rack.run("attach_volume", **dict(attach, attach_fstype="xfs"))
    assert "is not empty" in refused.failure and "TYPE=ext4" in refused.failure

    with open(rack.file_of("data"), "rb"):
        assert "in use" in rack.run("detach_volume", **prefixed("detach", node="node1", **DATA)).failure
    assert rack.attached_to("data") == ["node1"]
    assert rack.done("detach_volume", **prefixed("detach", node="node1", **DATA)).changed == ["Detach it"]
    assert rack.attached_to("data") == []
    assert rack.done("detach_volume", **prefixed("detach", node="node1", **DATA)).changed == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_volume_is_mounted_for_good_and_unmounted_when_told(rack, mounts, tmp_path):
    fstab, mounted = mounts
    place = tmp_path / "srv"
    attach = prefixed("attach", node="node1", fstype="ext4", mountpoint=str(place), **DATA)
    assert "absolute path" in rack.run("attach_volume", **dict(attach, attach_mountpoint="srv")).failure
    foretold = rack.run("attach_volume", check=True, **attach)
    assert (foretold.code, mounted(place), rack.attached_to("data")) == (0, False, []), foretold.output
    done = rack.done("attach_volume", **attach)
    assert done.changed == ["Attach it", "Make the file system", "Mount it at %s" % place]
    assert mounted(place)
    assert "_netdev,nofail,x-systemd.device-timeout=5min" in fstab.read_text()
    assert rack.done("attach_volume", **attach).changed == []

    detach = prefixed("detach", node="node1", **DATA)
    foretold = rack.run("detach_volume", check=True, detach_unmount=True, **detach)
    assert foretold.changed == ["Unmount it", "Foretell in check mode that it is detached"], foretold.output
    assert mounted(place)
    assert rack.done("detach_volume", detach_unmount=True, **detach).changed == ["Unmount it", "Detach it"]
    assert (mounted(place), rack.attached_to("data"), fstab.read_text()) == (False, [], "# nothing yet\n")


def test_no_file_system_is_made_where_data_without_a_signature_lies(rack):
    with open(rack.file_of("data"), "r+b") as stream:
        stream.seek(1024**2)
        stream.write(b"of somebody")
    before = front(rack.file_of("data"), 2 * 1024**2)
    refused = rack.run("attach_volume", **prefixed("attach", node="node1", fstype="ext4", **DATA))
    assert "no file system that blkid knows, but data" in refused.failure
    assert front(rack.file_of("data"), 2 * 1024**2) == before


def test_a_volume_is_attached_read_only_when_told_and_gets_no_file_system_then(rack):
    attach = prefixed("attach", backend="one", volume="data", node="node1", access_mode="ro")
    assert "so no ext4 is made" in rack.run("attach_volume", attach_fstype="ext4", **attach).failure
    assert "nothing would keep root from writing to it" in rack.run("attach_volume", **attach).failure, "the volume of this rack is a file"
    assert rack.records() == []


def test_a_node_that_is_none_is_refused_with_those_there_are(rack):
    for playbook, variables in [
        ("attach_volume", prefixed("attach", node="nod1", **DATA)),
        ("detach_volume", prefixed("detach", node="nod1", **DATA)),
        ("clone_for_testing", prefixed("clone", backend="one", source="data", name="copy", node="nod1")),
        ("retire_node", prefixed("retire", node="nod1")),
    ]:
        failure = rack.run(playbook, **variables).failure
        assert '"nod1" is not in the group storage_nodes' in failure and "node1, node2, node3" in failure, failure


def test_a_snapshot_is_taken_once(rack):
    snapshot = prefixed("snapshot", name="before-upgrade", description="", **DATA)
    assert rack.run("snapshot_volume", check=True, **snapshot).changed == ["Take it"]
    assert rack.snapshots() == []
    assert rack.done("snapshot_volume", **snapshot).changed == ["Take it"]
    assert rack.snapshots() == ["before-upgrade"]
    assert rack.done("snapshot_volume", **snapshot).changed == []


def nightly(rack, date, check=False, **changes):
    """Run one night."""
    return rack.run("nightly_snapshots", check=check, **dict({"nightly_backend": "one", "nightly_keep": 2, "nightly_date": date}, **changes))


def test_nights_are_kept_by_number_and_nothing_else_is_deleted(rack):
    rack.volume("logs")
    rack.volume("scratch")
    for name in ("data", "logs"):
        rack.controller.ensure("volume", backend="one", name=name, metadata={"snapshots": "nightly"})
    rack.controller.ensure("snapshot", backend="one", volume="data", name="data-nightly-2026-10-01")  # not ours: no metadata
    rack.controller.ensure("snapshot", backend="one", volume="data", name="data-kept", metadata={"nightly": "2026-10-02"})  # ours once, renamed
    foretold = nightly(rack, "2026-11-01", check=True)
    assert (foretold.changed, len(rack.snapshots())) == (["Take tonight's snapshots"], 2), foretold.output
    assert nightly(rack, "2026-11-01").changed == ["Take tonight's snapshots"]
    nightly(rack, "2026-11-02")
    assert nightly(rack, "2026-11-03", check=True).changed == ["Take tonight's snapshots", "Delete those past the nights to keep"]
    third = nightly(rack, "2026-11-03")
    assert third.changed == ["Take tonight's snapshots", "Delete those past the nights to keep"], third.output
    kept = ["data-kept", "data-nightly-2026-10-01", "data-nightly-2026-11-02", "data-nightly-2026-11-03", "logs-nightly-2026-11-02", "logs-nightly-2026-11-03"]
    assert rack.snapshots() == kept
    assert nightly(rack, "2026-11-03").changed == []
    with rack.controller.fault("create_snapshot", "the array is full"):
        failed = nightly(rack, "2026-11-04")
    assert "the array is full" in failed.failure
    assert rack.snapshots() == kept, "what could not be taken tonight costs no older one"
    rack.controller.ensure("volume", backend="one", name="journal", renamed_from="logs")
    assert nightly(rack, "2026-11-05").code == 0
    assert [name for name in rack.snapshots() if "data" not in name] == ["journal-nightly-2026-11-05", "logs-nightly-2026-11-03"]


def test_a_night_of_named_volumes_or_of_none_and_what_is_refused(rack):
    assert nightly(rack, "2026-11-01").changed == []
    assert nightly(rack, "2026-11-01", nightly_volumes=["data"]).changed == ["Take tonight's snapshots"]
    for date, changes, words in [
        ("2026-11-01", {"nightly_volumes": ["dat"]}, "no volume dat"),
        ("2026-11-01", {"nightly_keep": 0}, "nightly_keep (0)"),
        ("today", {}, "nightly_date (today)"),
    ]:
        assert words in nightly(rack, date, **changes).failure
    assert rack.snapshots() == ["data-nightly-2026-11-01"]


def test_a_copy_for_testing_is_made_attached_and_made_anew_when_asked(rack):
    rack.attach(hosts="node1", controller="controller1", **DATA)
    clone = prefixed("clone", backend="one", source="data", name="copy", node="node2")
    assert "has the source attached" in rack.run("clone_for_testing", **dict(clone, clone_node="node1")).failure
    foretold = rack.run("clone_for_testing", check=True, **clone)
    assert (foretold.changed, list(rack.volumes())) == (["Make the copy", "Attach it"], ["data"]), foretold.output
    assert rack.done("clone_for_testing", **clone).changed == ["Make the copy", "Attach it"]
    assert rack.attached_to("copy") == ["node2"]
    assert rack.done("clone_for_testing", **clone).changed == []

    with open(rack.file_of("data"), "r+b") as stream:
        stream.write(b"newer")
    first = rack.volumes()["copy"]["id"]
    assert rack.run("clone_for_testing", check=True, clone_refresh=True, **clone).code == 0
    assert rack.volumes()["copy"]["id"] == first
    rack.done("clone_for_testing", clone_refresh=True, **clone)
    with open(rack.file_of("copy"), "rb") as stream:
        assert stream.read(5) == b"newer"
    assert (rack.attached_to("data"), rack.attached_to("copy")) == (["node1"], ["node2"])

    rack.volume("precious")
    refused = rack.run("clone_for_testing", clone_refresh=True, **dict(clone, clone_name="precious"))
    assert "did not make as a copy" in refused.failure
    assert "precious" in rack.volumes()


def test_a_copy_that_no_node_is_named_for_is_only_made(rack):
    clone = prefixed("clone", backend="one", source="data", name="copy", node="")
    assert rack.done("clone_for_testing", **clone).changed == ["Make the copy"]
    clone.pop("clone_node")
    assert rack.done("clone_for_testing", **clone).changed == []


def test_volumes_move_off_an_old_array_and_what_stays_is_told(rack):
    (rack.controller.root / "new").mkdir()
    rack.controller.register("two", options={"sparse_files_dir": str(rack.controller.root / "new")})
    for name in ("logs", "mounted", "kept"):
        rack.volume(name)
    rack.controller.ensure("snapshot", backend="one", volume="kept", name="of-kept")
    rack.attach(hosts="node1", controller="controller1", **DATA)
    move = prefixed("migrate", **{"from": "one", "to": "two"})
    assert "must be two of the backends one, two" in rack.run("migrate_backend", **dict(move, migrate_to="three")).failure
    before = rack.controller.look()
    assert "no volume dat on one, nor on two" in rack.run("migrate_backend", migrate_volumes="logs,dat", **move).failure
    rack.run("migrate_backend", check=True, **move)
    assert rack.controller.look() == before

    first = rack.run("migrate_backend", **move)
    assert "data is attached to node1" in first.failure and "kept has snapshots (of-kept)" in first.failure, first.output
    assert (sorted(rack.volumes("one")), sorted(rack.volumes("two"))) == (["data", "kept"], ["logs", "mounted"])

    second = rack.run("migrate_backend", migrate_detach=True, **move)
    assert "kept has snapshots" in second.failure and "data" not in second.failure, second.output
    assert sorted(rack.volumes("two")) == ["data", "logs", "mounted"]
    assert rack.volumes("two")["data"]["attached_to"] == ["node1"]

    rack.controller.ensure("snapshot", backend="one", name="of-kept", state="absent")
    assert rack.done("migrate_backend", **move).changed == ["Move what is not attached"]
    assert rack.done("migrate_backend", **move).changed == []


def dying(rack, call):
    """Let the controller's worker die at once, from its call of that number on; return a function that mends it."""
    settings = json.loads(rack.controller.config.read_text())
    script = rack.root / "dying"
    counted = 'echo >> "%s.calls"\n[ "$(wc -l < "%s.calls")" -lt %d ] || exit 9\n' % (script, script, call)
    script.write_text('#!/bin/sh\n%sexec "%s" "$@"\n' % (counted, settings["python"]))
    script.chmod(0o700)
    rack.controller.config.write_text(json.dumps(dict(settings, python=str(script))))
    return lambda: rack.controller.config.write_text(json.dumps(settings))


def test_a_controller_that_answers_for_no_volume_fails_the_job(rack):
    (rack.controller.root / "new").mkdir()
    rack.controller.register("two", options={"sparse_files_dir": str(rack.controller.root / "new")})
    mend = dying(rack, 4)
    failed = rack.run("migrate_backend", **prefixed("migrate", **{"from": "one", "to": "two"}))
    assert failed.code != 0 and failed.tasks[-1]["task"] == "Move what is not attached", failed.output
    mend()
    assert list(rack.volumes("one")) == ["data"]


@pytest.mark.parametrize(("call", "task", "where"), [(8, "Move it", "one"), (9, "Look where it is now", "two")])
def test_a_move_that_was_killed_while_its_volume_was_detached_attaches_it_as_it_was_when_it_is_run_again(rack, call, task, where):
    (rack.controller.root / "new").mkdir()
    rack.controller.register("two", options={"sparse_files_dir": str(rack.controller.root / "new")})
    rack.controller.ensure("volume", backend="one", name="data", metadata={"owner": "shop", "number": "7"})
    rack.attach(hosts="node1", controller="controller1", multipath="no", **DATA)
    mend = dying(rack, call)
    move = prefixed("migrate", **{"from": "one", "to": "two", "detach": True})
    killed = rack.run("migrate_backend", **move)
    assert [told["task"] for told in killed.tasks if told["status"] == "failed"][0] == task, killed.output
    mend()
    noted = rack.volumes(where)["data"]
    assert (noted["attached_to"], sorted(noted["metadata"])) == ([], ["legacy_storage_moving", "number", "owner"])

    done = rack.done("migrate_backend", **move)
    told = rack.volumes("two")["data"]
    assert (told["attached_to"], told["metadata"]) == (["node1"], {"owner": "shop", "number": "7"}), done.output
    (record,) = rack.records("node1")
    assert json.loads(record.read_text())["multipath"] == "no"
    assert rack.done("migrate_backend", **move).changed == []


def test_a_volume_that_a_kubelet_may_have_connected_does_not_move(rack):
    (rack.controller.root / "new").mkdir()
    rack.controller.register("two", options={"sparse_files_dir": str(rack.controller.root / "new")})
    rack.attach(hosts="node1", controller="controller1", **DATA)
    (record,) = rack.records("node1")
    record.unlink()  # as if only the controller knew of it
    refused = rack.run("migrate_backend", migrate_detach=True, **prefixed("migrate", **{"from": "one", "to": "two"}))
    assert "It is mapped to node1, where this collection has not attached it" in refused.failure, refused.output
    assert rack.attached_to("data") == ["node1"]


def test_a_node_is_retired_with_all_it_has_and_a_dead_one_only_when_told(rack):
    rack.volume("logs")
    for name in ("data", "logs"):
        rack.attach(hosts="node1", controller="controller1", backend="one", volume=name)
    with open(rack.file_of("data"), "rb"):
        assert "in use" in rack.run("retire_node", retire_node="node1").failure
    assert (rack.attached_to("data"), rack.attached_to("logs")) == (["node1"], []), "the others go"
    assert rack.run("retire_node", check=True, retire_node="node1").changed == ["Detach everything"]
    assert rack.done("retire_node", retire_node="node1").changed == ["Detach everything"]
    assert rack.attached_to("data") == []
    assert rack.done("retire_node", retire_node="node1").changed == []

    rack.attach(hosts="node2", controller="controller1", **DATA)
    rack.inventory["all"]["children"]["storage_nodes"]["hosts"]["node2"].update(
        ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1, ansible_ssh_common_args="-F /dev/null -o ConnectTimeout=5"
    )
    assert rack.run("retire_node", retire_node="node2").failure
    assert rack.attached_to("data") == ["node2"]
    assert rack.done("retire_node", retire_node="node2", retire_fenced=True).changed == ["Detach everything"]
    assert rack.attached_to("data") == []


def test_a_record_that_cannot_be_read_is_named_when_a_node_is_retired_and_holds_up_no_other(rack):
    rack.volume("logs")
    for name in ("data", "logs"):
        rack.attach(hosts="node1", controller="controller1", backend="one", volume=name)
    rack.controller.ensure("export", host="node1", state="absent", **DATA)
    (record,) = [path for path in rack.records() if rack.volumes()["data"]["id"] in path.name]
    record.write_text("{")
    refused = rack.run("retire_node", retire_node="node1")
    assert "Still on node1: %s: " % rack.volumes()["data"]["id"] in refused.failure and str(record) in refused.failure, refused.output
    assert (rack.attached_to("logs"), rack.records()) == ([], [record])


def test_no_node_is_taken_back_while_a_volume_is_mapped_to_it_for_its_kubelet(rack):
    rack.attach(hosts="node1", controller="controller1", **DATA)
    (record,) = rack.records("node1")
    record.unlink()  # as if only the controller knew of it
    refused = rack.run("teardown", check=True)  # the machine that the test runs on keeps what it has, whatever the playbook would do
    assert "Volumes are mapped to nodes still: one/data to node1" in refused.failure
    assert [told["task"] for told in refused.tasks] == ["Ask the controller what is mapped where", "Refuse while a node may use volumes"]


NEW = "canary-rotated-password"


@pytest.fixture(name="vaulted")
def fixture_vaulted(rack):
    """The rack's inventory with its backend in controller_backends, and a file with the new secrets."""
    backend = {
        "name": "one", "driver": DRIVER, "options": {"sparse_files_dir": str(rack.controller.array)}, "secret_options": {"sparse_files_password": PASSWORD},
    }
    rack.inventory["all"]["children"]["storage_controllers"]["vars"]["controller_backends"] = [backend]
    path = rack.root / "new.yml"
    path.write_text(yaml.safe_dump({"sparse_files_password": NEW}))
    path.chmod(0o600)
    return path


def test_a_password_is_rotated_after_a_login_with_it_and_shown_nowhere(rack, vaulted):
    hook = rack.root / "hook.yml"
    touch = {"path": str(rack.root / "hooked"), "state": "touch", "mode": "0600"}
    hook.write_text(yaml.safe_dump([{"name": "Change it there", "ansible.builtin.file": touch}]))
    rotate = prefixed("rotate", backend="one", secrets_file=str(vaulted), tasks=str(hook))
    refused = dict(rotate)
    refused.pop("rotate_tasks")
    with rack.controller.fault("check_for_setup_error", "wrong password %(sparse_files_password)s"):
        failed = rack.run("rotate_array_password", diff=True, arguments=["-vvv"], **refused)
    assert "wrong password" in failed.failure
    assert NEW not in failed.output and PASSWORD not in failed.output
    assert not os.path.exists(rack.root / "hooked")

    rack.inventory["all"]["children"]["storage_controllers"]["vars"]["controller_backends"][0]["options"]["reserved_percentage"] = 7
    before = rack.controller.look()
    assert "Log in with them, and save them" in rack.run("rotate_array_password", check=True, **rotate).changed
    assert (rack.controller.look(), os.path.exists(rack.root / "hooked")) == (before, False)
    done = rack.run("rotate_array_password", diff=True, arguments=["-vvv"], **rotate)
    assert done.changed == ["Change it there", "Log in with them, and save them"], done.output
    assert NEW not in done.output and PASSWORD not in done.output
    assert rack.done("rotate_array_password", **rotate).changed == [], "the storage system is not asked to change it again"
    (backend,) = rack.controller.ask("backend.list", {})["backends"]
    assert "reserved_percentage" not in backend["options"], "what else the inventory says is not this playbook's to change"


def test_a_secret_that_the_backend_does_not_have_is_refused(rack, vaulted):
    vaulted.write_text(yaml.safe_dump({"sparse_files_pasword": NEW}))
    failed = rack.run("rotate_array_password", **prefixed("rotate", backend="one", secrets_file=str(vaulted)))
    assert "it may hold sparse_files_password" in failed.failure
    assert NEW not in failed.output
    assert "controller_backends, which are one" in rack.run("rotate_array_password", **prefixed("rotate", backend="on", secrets_file=str(vaulted))).failure


def test_a_listing_of_attachments_is_written_once_and_the_inventory_plugin_reads_it(rack):
    rack.volume("free")
    rack.attach(hosts="node1", controller="controller1", **DATA)
    listing = rack.root / "attachments.json"
    assert rack.run("attachments_listing", check=True, listing_file=str(listing)).changed == ["Write the listing where Ansible runs"]
    assert not listing.exists()
    assert rack.done("attachments_listing", listing_file=str(listing)).changed == ["Write the listing where Ansible runs"]
    assert rack.done("attachments_listing", listing_file=str(listing), listing_host="node2").changed == []
    source = rack.root / "storage.legacy_attachments.yml"
    source.write_text("plugin: baremetal.legacy_storage.legacy_attachments\nlisting: attachments.json\n")
    told = subprocess.run(["ansible-inventory", "-i", str(source), "--list"], capture_output=True, check=True, timeout=120).stdout
    ((attachment,),) = [facts["legacy_attachments"] for facts in json.loads(told)["_meta"]["hostvars"].values()]
    assert attachment["size"] == 1
    assert attachment["volume_name"] in ("data", {"__ansible_unsafe": "data"}), "ansible-core 2.19 marks what is no template"
