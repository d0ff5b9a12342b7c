# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks that are full, or read-only: the node's, which keeps the records, and the controller's, which keeps the store."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.case import CONTROLLER, NODE, RECORDS, fault

pytestmark = pytest.mark.extra

# Ansible itself puts modules into /tmp, and would not get far enough without it.
FULL = """mount -t tmpfs tmpfs /tmp; fallocate -l $(df --output=avail -B1 / | tail -1) /var/full
cat /dev/zero > /var/full-to-the-brim 2>/dev/null; df / | tail -1"""
ROOM = "rm -f /var/full /var/full-to-the-brim; mountpoint -q /tmp && umount -l /tmp; true"
# A file system of its own for the records, with room for so many pages; and the way back, with what was written there meanwhile.
SMALL = "mount -t tmpfs -o size=$((%d * 4096)),mode=700 records {0}".format(RECORDS)
LARGE = "! mountpoint -q {0} || {{ cp -a {0} /run/records && umount {0} && cp -a /run/records/. {0} && rm -r /run/records; }}".format(RECORDS)


def full(case, host):
    """Leave no room on a host's disk, from now to the end of the case."""
    case.repair(host, ROOM)
    assert " 0 " in case.lab.sh(host, FULL)
    case.broken()


def room(case, host):
    """Give the room back."""
    case.lab.sh(host, ROOM)
    case.mended()


@fault("the node's disk is full", "attaching")
def test_a_node_that_cannot_write_a_record_is_not_connected_and_says_why(case):
    full(case, NODE)
    case.refused(case.begin(), "No space left on device", RECORDS)
    assert case.lab.leftovers(NODE) == {}
    assert case.exports() == [], "what this task exported it takes back"
    room(case, NODE)


@fault("the node's disk gets full once the first record is written", "attaching")
def test_a_node_that_cannot_finish_a_record_takes_the_connection_back_and_says_why(case):
    pages = -(-case.record_size // 4096)
    case.repair(NODE, LARGE)
    case.lab.sh(NODE, SMALL % pages)
    case.broken()
    case.refused(case.begin(), "No space left on device", RECORDS)
    assert case.lab.leftovers(NODE) == {}
    assert case.exports() == [], "what this task exported it takes back"
    case.lab.sh(NODE, LARGE)
    case.mended()


@fault("the node's disk is full", "detaching")
def test_a_node_that_cannot_write_that_it_detaches_does_not_and_says_why(case):
    path = case.attach()["path"]
    full(case, NODE)
    case.refused(case.begin("absent"), "No space left on device", RECORDS)
    assert case.exports()
    assert case.lab.sh(NODE, "dd if=%s of=/dev/null bs=4k count=1 iflag=direct status=none && echo read" % path) == "read"
    room(case, NODE)


@fault("the node's disk is full", "writing")
def test_a_volume_is_written_to_on_a_node_whose_own_disk_is_full(case):
    case.attach()
    writer = case.write()
    full(case, NODE)
    writer.goes_on(30)
    case.back()


@fault("the records' file system is read-only", "attaching")
def test_a_node_whose_records_are_read_only_is_not_connected_and_says_why(case):
    case.repair(NODE, "! mountpoint -q {0} || umount {0}".format(RECORDS))
    case.lab.sh(NODE, "mkdir -p {0}; mount --bind {0} {0} && mount -o remount,bind,ro {0}".format(RECORDS))
    case.broken()
    case.refused(case.begin(), "Read-only file system", RECORDS)
    assert case.lab.leftovers(NODE) == {}
    assert case.exports() == [], "what this task exported it takes back"
    case.lab.sh(NODE, "umount " + RECORDS)
    case.mended()


@fault("the records' file system is read-only", "detaching")
def test_a_node_whose_records_are_read_only_keeps_its_volume_and_says_why(case):
    path = case.attach()["path"]
    case.repair(NODE, "! mountpoint -q {0} || umount {0}".format(RECORDS))
    case.lab.sh(NODE, "mount --bind {0} {0} && mount -o remount,bind,ro {0}".format(RECORDS))
    case.broken()
    case.refused(case.begin("absent"), "Read-only file system", RECORDS)
    assert case.lab.sh(NODE, "dd if=%s of=/dev/null bs=4k count=1 iflag=direct status=none && echo read" % path) == "read"
    case.lab.sh(NODE, "umount " + RECORDS)
    case.mended()


@fault("the controller's disk is full", "attaching")
def test_a_controller_whose_store_cannot_grow_exports_nothing_and_says_why(case):
    full(case, CONTROLLER)
    case.refused(case.begin(), "store.sqlite.*full")
    assert case.lab.leftovers(NODE) == {}
    assert case.lab.leftovers_on_controller() == {}
    room(case, CONTROLLER)


@fault("the controller's disk is full", "detaching")
def test_a_controller_whose_store_cannot_grow_keeps_the_export_and_says_why(case):
    case.attach()
    full(case, CONTROLLER)
    case.refused(case.begin("absent"), "store.sqlite.*full")
    assert case.lab.leftovers(NODE) == {}
    assert case.exports()
    room(case, CONTROLLER)
