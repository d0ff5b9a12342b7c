# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on when things break on real hosts: a clear message, nothing left over, and a second run that mends."""

from __future__ import annotations

import shlex

import pytest

RECORD = "grep -qs '\"state\": *\"%s\"' /var/lib/baremetal.legacy_storage/node/attachments/*.json"
WORKER = "[w]orker[.](serve|listen)"  # a spawned one, or the warm one and its forks


def test_an_attach_killed_on_the_node_is_finished_by_the_next_run(lab, volume):
    process = lab.begin("node1", "legacy_attachment", dict(controller="controller1", backend="lab", volume=volume, multipath="required"))
    assert lab.kill_when("node1", RECORD % "connecting", WORKER) == "killed"
    result = lab.end(process)
    assert result["failed"] and "Run the task again" in result["msg"]
    again = lab.attach("node1", volume)
    assert not again.get("failed"), again["msg"]
    assert lab.sh("node1", "dd if=/dev/zero of=%s bs=1M count=4 oflag=direct status=none && echo written" % again["attachment"]["path"]) == "written"
    assert not lab.attach("node1", volume)["changed"]


def test_a_detach_killed_on_the_node_is_finished_by_the_next_run(lab, volume):
    attached = lab.attach("node1", volume)
    assert not attached.get("failed"), attached["msg"]
    process = lab.begin("node1", "legacy_attachment", dict(controller="controller1", backend="lab", volume=volume, state="absent"))
    assert lab.kill_when("node1", RECORD % "disconnecting", WORKER) == "killed"
    result = lab.end(process)
    assert result["failed"]
    assert lab.exports(), "the volume is not unmapped before the node's devices are known to be gone"
    assert not lab.attach("node1", volume, "absent").get("failed")
    assert lab.leftovers("node1") == {}


def test_an_export_killed_on_the_controller_is_settled_by_the_next_run(lab, volume):
    process = lab.begin("node1", "legacy_attachment", dict(controller="controller1", backend="lab", volume=volume, multipath="required"))
    assert lab.kill_when("controller1", "ls -d /sys/kernel/config/target/iscsi/iqn*/tpgt_1 >/dev/null 2>&1", WORKER) == "killed"
    assert lab.end(process)["failed"]
    assert lab.leftovers("node1") == {}
    again = lab.attach("node1", volume)
    assert not again.get("failed"), again["msg"]
    assert len(lab.exports()) == 1


def test_portals_that_cannot_be_reached_are_named_and_leave_nothing(lab, volume):
    for network in ("storage-a", "storage-b"):
        lab.cable("node1", network, "down")
    result = lab.attach("node1", volume)
    assert result["failed"] and "172.30.1.10:3260" in result["msg"], result["msg"]
    assert lab.leftovers("node1") == {}
    assert lab.exports() == [], "what this task exported it takes back"


@pytest.mark.extra
def test_no_chap_password_is_in_an_argument_list_while_a_volume_is_exported(lab, volume):
    watch = """
import glob, os, time
seen, end = set(), time.time() + 300
with open("/run/argv-seen", "wb") as log:
    while time.time() < end and not os.path.exists("/run/argv-stop"):
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                line = open(path, "rb").read()
            except OSError:
                continue
            if line not in seen:
                seen.add(line)
                log.write(line + b"\\n")
                log.flush()
"""
    lab.sh("controller1", "rm -f /run/argv-stop; nohup python3 -c %s >/dev/null 2>&1 </dev/null &" % shlex.quote(watch))
    try:
        assert not lab.attach("node1", volume).get("failed")
        passwords = lab.sh("controller1", "cat /sys/kernel/config/target/iscsi/iqn*/tpgt_1/acls/*/auth/password").split()
    finally:
        lab.sh("controller1", "touch /run/argv-stop")
    seen = lab.sh("controller1", "tr '\\0' ' ' < /run/argv-seen")
    assert passwords and "rtstool.main(json.load(sys.stdin))" in seen, "the watch saw what hands the password over"
    assert not [password for password in passwords if password in seen]


def test_a_wrong_chap_secret_is_told_and_leaves_nothing(lab, volume):
    connector = lab.run("node1", "legacy_connector_info")["connector"]
    export = lab.run("controller1", "legacy_export", backend="lab", volume=volume, connector=connector)["export"]
    lab.sh("controller1", "for f in /sys/kernel/config/target/iscsi/iqn*/tpgt_1/acls/*/auth/password; do echo -n somebody-elses > $f; done")
    result = lab.run("node1", "legacy_connection", export=export)
    assert result["failed"] and "CHAP" in result["msg"], result["msg"]
    assert lab.leftovers("node1") == {}


def test_a_node_whose_iscsid_does_not_run_is_told_so_and_nothing_stays(lab, volume):
    lab.sh("node1", "systemctl stop iscsid.socket iscsid.service && systemctl mask --runtime iscsid.socket iscsid.service 2>&1")
    try:
        result = lab.attach("node1", volume)
        assert result["failed"] and "iscsid" in result["msg"], result["msg"]
    finally:
        lab.sh("node1", "systemctl unmask --runtime iscsid.socket iscsid.service 2>&1 && systemctl start iscsid.socket iscsid.service")
    assert lab.leftovers("node1") == {}


@pytest.mark.extra
def test_a_portal_that_was_away_at_the_first_login_is_asked_once_more_where_both_paths_must_be_there(lab, volume):
    lab.cable("node1", "storage-a", "down")
    process = lab.begin("node1", "legacy_attachment", dict(controller="controller1", backend="lab", volume=volume, multipath="required"))
    first_login_is_over = "! pgrep -f '[i]scsiadm.*--login' >/dev/null && ls /dev/disk/by-path/ip-172.30.2.10:*lun-0 >/dev/null 2>&1"
    assert lab.when("node1", first_login_is_over, "echo over") == "over"
    lab.cable("node1", "storage-a", "up")
    result = lab.end(process)
    assert not result.get("failed"), result["msg"]
    assert [path["state"] for path in result["attachment"]["paths"]] == ["active", "active"]


def test_io_goes_on_while_one_of_two_paths_is_cut(lab, volume):
    path = lab.attach("node1", volume)["attachment"]["path"]
    lab.cable("node1", "storage-a", "down")
    assert lab.sh("node1", "dd if=/dev/urandom of=%s bs=1M count=8 oflag=direct status=none && echo written" % path) == "written"
    lab.cable("node1", "storage-a", "up")
