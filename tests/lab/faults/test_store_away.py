# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A metadata store that does not answer, or is not there."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.case import CONTROLLER, NODE, fault

pytestmark = pytest.mark.extra

FOLDER = "/var/lib/baremetal.legacy_storage/controller"
HOLD = """python3 -u -c "
import sqlite3, sys
store = sqlite3.connect('%s/store.sqlite', isolation_level=None)
store.execute('BEGIN IMMEDIATE')
print('held')
sys.stdin.read()
" """ % FOLDER
UNMOUNT = "! mountpoint -q {0} || umount -l {0}".format(FOLDER)


@contextlib.contextmanager
def held(case):
    """Have another program hold the store, as a backup that copies it wrongly does."""
    process = case.lab.stream(CONTROLLER, HOLD)
    try:
        assert process.stdout.readline() == "held\n"
        case.broken()
        yield
    finally:
        process.communicate(timeout=60)
    case.mended()


@contextlib.contextmanager
def away(case):
    """Have something empty stand where the store was, as where its file system was not mounted."""
    case.repair(CONTROLLER, UNMOUNT)
    case.lab.sh(CONTROLLER, "mount -t tmpfs -o mode=700 empty %s" % FOLDER)
    case.broken()
    yield
    case.lab.sh(CONTROLLER, UNMOUNT)
    case.mended()


@fault("the store is held by another program", "attaching")
def test_an_attach_that_cannot_reach_its_store_exports_nothing_and_says_why(case):
    with held(case):
        case.refused(case.begin(), "store.sqlite.*locked")
        assert case.lab.leftovers(NODE) == {}
        assert case.lab.leftovers_on_controller() == {}


@fault("the store is held by another program", "detaching")
def test_a_detach_that_cannot_reach_its_store_keeps_the_export_and_is_finished_by_the_next_run(case):
    case.attach()
    with held(case):
        case.refused(case.begin("absent"), "store.sqlite.*locked")
        assert case.lab.leftovers(NODE) == {}
        assert case.exports()


@fault("the store's file system is not mounted", "attaching")
def test_a_store_that_is_not_there_is_not_made_anew_by_an_attach(case):
    with away(case):
        case.refused(case.begin(), "store")
        assert case.lab.sh(CONTROLLER, "ls -A %s/*.sqlite 2>/dev/null; true" % FOLDER) == ""
        assert case.lab.leftovers(NODE) == {}
        assert case.lab.leftovers_on_controller() == {}


@fault("the store's file system is not mounted", "detaching")
def test_a_detach_without_its_store_unmaps_nothing_and_is_finished_by_the_next_run(case):
    case.attach()
    with away(case):
        case.refused(case.begin("absent"), "store")
        assert case.exports()
