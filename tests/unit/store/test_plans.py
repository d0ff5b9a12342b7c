# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about large stores: finding one of many scans no table that grows, in any query that a single-volume task makes."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from ansible_collections.baremetal.legacy_storage.tests.unit.store.conftest import IN_A_FILE
from ansible_collections.baremetal.legacy_storage.tests.unit.store.resources import GROUP_SNAPSHOT, VOLUME

GROWING = ("volumes", "snapshots", "group_snapshots", "exports")


def plans(store, action):
    """Return SQLite's plan lines for every query that ``action`` makes."""
    queries = []

    def listener(_connection, _cursor, statement, parameters, _context, _many):
        queries.append((statement, parameters))

    sa.event.listen(store.engine, "before_cursor_execute", listener)
    try:
        with store.reading() as reader:
            action(reader)
    finally:
        sa.event.remove(store.engine, "before_cursor_execute", listener)
    found = []
    with store.engine.connect() as connection:
        for statement, parameters in queries:
            if statement.lstrip().upper().startswith("SELECT"):
                found += [(row[3], statement) for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, parameters)]
    assert found
    return found


ONE_VOLUME = {
    "what a volume task reads": lambda reader: reader.landscape({("volume", "one", VOLUME.name)}),
    "what a volume task reads, by id": lambda reader: reader.landscape({("volume", "one", VOLUME.id)}),
    "what a snapshot task reads": lambda reader: reader.landscape({("snapshot", "one", "nightly"), ("volume", "one", VOLUME.name)}),
    "what a group snapshot task reads": lambda reader: reader.landscape({("group_snapshot", "one", "night"), ("volume", "one", VOLUME.name)}),
    "what a driver asks of a group": lambda reader: reader.driven_group_snapshots(group_id=GROUP_SNAPSHOT.group_id),
    "group snapshot info by name": lambda reader: reader.driven_group_snapshots(name="night"),
    "what an export task reads": lambda reader: reader.landscape({("volume", "one", VOLUME.name)}, ["iqn"]),
    "volume info by backend and name": lambda reader: reader.driven_volumes(backend="one", name=VOLUME.name),
    "volume info by name": lambda reader: reader.driven_volumes(name=VOLUME.name),
    "volume info by id": lambda reader: reader.driven_volumes(ids=[VOLUME.id]),
    "snapshot info by name": lambda reader: reader.driven_snapshots(name="nightly"),
}


@IN_A_FILE
@pytest.mark.parametrize("name", ONE_VOLUME)
def test_finding_one_among_many_scans_no_table_that_grows(store, name):
    with store.writing() as writer:
        writer.add_group_snapshot(GROUP_SNAPSHOT)
    for line, statement in plans(store, ONE_VOLUME[name]):
        scanned = re.match(r"SCAN (\w+)", line)
        assert not scanned or scanned[1] not in GROWING, "%s: %s" % (line, statement)
        assert not re.match(r"SEARCH (volumes|snapshots) USING .*\(backend=\?\)$", line), "every row of the backend: %s: %s" % (line, statement)
