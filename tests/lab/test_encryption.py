# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on of encrypted volumes: real dm-crypt over real multipath, on two nodes."""

from __future__ import annotations

import time

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab import power_cut
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import ATTACHMENT, BACKEND

pytestmark = pytest.mark.extra

KEY, NEXT = "lab-canary-first", "lab-canary-second"
QUICK = {"pbkdf": "pbkdf2", "iterations": 1000}  # the lab's keys protect nothing
RECORD = "grep -qs '\"%s\": *\"' /var/lib/baremetal.legacy_storage/node/attachments/*.json"
WORKER = "[w]orker[.](serve|listen)"


@pytest.fixture(name="fresh")
def fixture_fresh(lab):
    """A volume of its own, which nobody has written to; afterwards it is nowhere attached, and gone."""
    name = "encrypted-%d" % time.time_ns()
    assert lab.run("controller1", "legacy_volume", backend=BACKEND, name=name, size=1)["changed"]
    yield name
    for host in ("node1", "node2"):
        lab.sh(host, "umount /data 2>/dev/null; sed -i '/legacy-storage-/d' /etc/fstab; sync; systemctl daemon-reload; rm -f /root/volume.key")
        if lab.leftovers(host):
            detached = lab.attach(host, name, "absent")
            assert not detached.get("failed"), detached["msg"]
        assert lab.leftovers(host) == {}
    assert lab.exports() == []
    assert not lab.run("controller1", "legacy_volume", backend=BACKEND, name=name, state="absent").get("failed")


def attach(lab, host, volume, **encryption):
    """Attach encrypted, and return the task's result."""
    return lab.run(host, "legacy_attachment", volume=volume, encryption=dict(QUICK, **encryption), **ATTACHMENT)


def done(result):
    """Return a result that is no failure."""
    assert not result.get("failed"), result["msg"]
    return result


def words(result):
    """Return the node's operations."""
    return [operation["action"] for operation in result["operations"] if operation["noun"] == "connection"]


def test_what_one_node_wrote_encrypted_another_reads_with_the_key_and_with_nothing_else(lab, fresh):
    first = done(attach(lab, "node1", fresh, key=KEY))
    path = first["attachment"]["path"]
    assert (words(first), first["attachment"]["encryption"]["opened"], len(first["attachment"]["paths"])) == (["connect"], True, 2)
    again = done(attach(lab, "node1", fresh, key=KEY))
    assert (again["changed"], again["attachment"]["device"]) == (False, first["attachment"]["device"])
    assert lab.sh("node1", "dmsetup table --target crypt | grep -c aes-xts-plain64") == "1"
    lab.sh("node1", "mkfs.ext4 -q %s && mkdir -p /data && mount %s /data && echo plain-words > /data/words && sync" % (path, path))
    below = "/dev/" + lab.sh("node1", "ls /sys/class/block/%s/slaves" % first["attachment"]["device"].split("/")[-1])
    assert lab.sh("node1", "head -c 200M %s | grep -c plain-words || true" % below) == "0"
    held = lab.attach("node1", fresh, "absent")
    assert held["failed"] and "mounted at /data" in held["msg"], held["msg"]
    wrong = attach(lab, "node1", fresh, key=NEXT)
    assert wrong["failed"] and "key does not open" in wrong["msg"] and NEXT not in str(wrong), wrong["msg"]
    plain = lab.attach("node1", fresh)
    assert plain["failed"] and "does not say encryption" in plain["msg"], plain["msg"]
    assert lab.sh("node1", "cat /data/words; umount /data") == "plain-words"
    done(lab.attach("node1", fresh, "absent"))
    assert lab.leftovers("node1") == {}
    for refused, told in ((attach(lab, "node2", fresh, key=NEXT), "key does not open"), (lab.attach("node2", fresh), "does not say encryption")):
        assert refused["failed"] and told in refused["msg"], refused["msg"]
        assert (lab.leftovers("node2"), lab.exports()) == ({}, [])
    moved = done(attach(lab, "node2", fresh, key=KEY))
    assert moved["attachment"]["path"] == path
    assert lab.sh("node2", "mkdir -p /data && mount %s /data && cat /data/words; umount /data" % path) == "plain-words"


def test_a_volume_with_a_file_system_is_not_encrypted_until_the_task_says_overwrite(lab, fresh):
    path = done(lab.attach("node1", fresh))["attachment"]["path"]
    lab.sh("node1", "mkfs.ext4 -q -L precious %s" % path)
    drift = attach(lab, "node1", fresh, key=KEY, format="overwrite")
    assert drift["failed"] and "attached without encryption" in drift["msg"], drift["msg"]
    done(lab.attach("node1", fresh, "absent"))
    refused = attach(lab, "node1", fresh, key=KEY)
    assert refused["failed"] and "carries ext4" in refused["msg"], refused["msg"]
    assert (lab.leftovers("node1"), lab.exports()) == ({}, [])
    done(lab.attach("node1", fresh))
    assert lab.sh("node1", "e2fsck -fn %s >/dev/null 2>&1; blkid -p -o value -s LABEL %s" % (path, path)) == "precious"
    done(lab.attach("node1", fresh, "absent"))
    assert done(attach(lab, "node1", fresh, key=KEY, format="overwrite"))["attachment"]["encryption"]["opened"]
    assert not done(attach(lab, "node1", fresh, key=KEY, format="overwrite"))["changed"], "once"


def test_a_mounted_encrypted_volume_grows_and_gets_another_key(lab, fresh):
    path = done(attach(lab, "node1", fresh, key=KEY))["attachment"]["path"]
    lab.sh("node1", "mkfs.ext4 -q %s && mkdir -p /data && mount %s /data" % (path, path))
    done(lab.run("controller1", "legacy_volume", backend=BACKEND, name=fresh, size=2))
    grown = done(attach(lab, "node1", fresh, key=KEY))
    assert (words(grown), grown["attachment"]["size"]) == (["extend"], 2)
    assert lab.sh("node1", "blockdev --getsize64 %s" % path) == str((2 << 30) - (16 << 20))
    lab.sh("node1", "resize2fs %s 2>&1" % path)
    assert not done(attach(lab, "node1", fresh, key=KEY))["changed"]
    assert words(done(attach(lab, "node1", fresh, key=NEXT, previous_key=KEY))) == ["rekey"]
    assert not done(attach(lab, "node1", fresh, key=NEXT, previous_key=KEY))["changed"]
    assert not done(attach(lab, "node1", fresh, key=NEXT))["changed"]
    assert "key does not open" in attach(lab, "node1", fresh, key=KEY)["msg"]
    lab.sh("node1", "umount /data")
    done(lab.attach("node1", fresh, "absent"))
    assert words(done(attach(lab, "node1", fresh, key=KEY, previous_key=NEXT))) == ["connect"], "attaching changes it as well"


def test_a_formatting_that_was_killed_is_finished_by_the_next_run(lab, fresh):
    process = lab.begin("node1", "legacy_attachment", dict(ATTACHMENT, volume=fresh, encryption=dict(QUICK, key=KEY)))
    assert lab.kill_when("node1", RECORD % "formatting", WORKER) == "killed"
    assert lab.end(process)["failed"]
    assert done(attach(lab, "node1", fresh, key=KEY))["attachment"]["encryption"]["opened"]
    assert not done(attach(lab, "node1", fresh, key=KEY))["changed"]


def test_an_encrypted_volume_is_mounted_again_after_a_power_cut_where_the_node_has_the_key_and_locked_where_a_task_has(lab, fresh):
    lab.sh("node1", "umask 077; printf %s > /root/volume.key; sync" % KEY)
    path = done(attach(lab, "node1", fresh, key_file="/root/volume.key"))["attachment"]["path"]
    fstab = power_cut.FSTAB % path
    lab.sh("node1", "mkfs.ext4 -q %s && mkdir -p /data && echo '%s' >> /etc/fstab && systemctl daemon-reload && mount /data" % (path, fstab))
    lab.sh("node1", "echo kept > /data/words && sync")
    lab.cut_and_boot("node1")
    assert lab.wait("node1", "cat /data/words", 180) == "kept"
    same = done(attach(lab, "node1", fresh, key_file="/root/volume.key"))
    assert (words(same), len(same["attachment"]["paths"])) == ([], 2)
    assert words(done(attach(lab, "node1", fresh, key=KEY))) == ["remember"]
    lab.sh("node1", "umount /data; rm /root/volume.key; sed -i '/legacy-storage-/d' /etc/fstab; sync; systemctl daemon-reload")
    lab.cut_and_boot("node1")
    assert "locked" in lab.told_at_boot("node1", "is connected again", 180)
    (told,) = lab.run("node1", "legacy_attachment_info")["attachments"]
    assert (told["encryption"]["opened"], told["link_target"]) == (False, None)
    assert any("locked" in problem for problem in told["problems"]), told["problems"]
    opened = done(attach(lab, "node1", fresh, key=KEY))
    assert (words(opened), opened["attachment"]["path"]) == (["open"], path)
    assert lab.sh("node1", "mount %s /data && cat /data/words; umount /data" % path) == "kept"
