# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in PostgreSQL whose connections are lost at any step: the task says so, or is done, and the next run settles what it left.

The operations and their steps are those of interrupted_operations.py. At each, before and after every transaction and every call of the driver,
the store's connections break; or those that hold the locks, too, as when the server is restarted; or the server is away from then on until the
task has ended. "After" a transaction it is committed, but its answer is lost.
"""

from __future__ import annotations

import json
import re

import psycopg
import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import PASSWORD as OPTION_PASSWORD
from ansible_collections.baremetal.legacy_storage.tests.integration.interrupted_bench import Bench, count, on_array, with_clones_by_name
from ansible_collections.baremetal.legacy_storage.tests.integration.interrupted_operations import ALWAYS, POINTS
from ansible_collections.baremetal.legacy_storage.tests.integration.killing_worker import DRIVER_METHODS, LOSSES
from ansible_collections.baremetal.legacy_storage.tests.postgresql import PASSWORD

# Those that `make test` runs, too: an answer lost before and after the array has something, what is taken back, what is taken over,
# and the exchange of a migration.
USUAL = {
    ("create a volume", "after commit 1", "restart"),
    ("create a volume", "after create_volume", "away"),
    ("create a volume", "after commit 3", "disconnect"),
    ("create an export", "before commit 2", "disconnect"),
    ("adopt a volume", "after commit 2", "restart"),
    ("delete a volume with snapshot and export", "after delete_snapshot", "restart"),
    (ALWAYS, "after compare", "restart"),
}
LOST = [
    pytest.param(*case, id="%s-%s %s" % (case[0], case[2], case[1]), marks=[pytest.mark.exhaustive] + [pytest.mark.extra] * (case not in USUAL))
    for case in [(name, point, loss) for name, point in POINTS for loss in LOSSES]
]
DIFFERENT = ("created_at", "released_at", "connection", "secrets", "driver_data")  # times, ciphertext, and what a driver asked twice remembers
TOLD = (  # that the connection was lost, or cannot be made again, and what to do
    r"(The metadata store \([^)]*\) failed: (the connection to the database was lost \(|connection failed: )"
    r"|The locks failed: (the connection that held the locks was lost|no connection to the database that holds the locks))"
    r".* and run the task again; what was begun is settled first\."
)
WHAT = {
    "disconnect": "connections to the database lost",
    "restart": "connections to the database lost, and the locks with them",
    "away": "databases that went away and were back for the next run",
}


def seen(controller):
    """Return the array's files, what they hold, and every row of the store but for what differs from run to run."""
    rows, clones = {}, {item["name"] for item in controller.ask("volume.list", {})["volumes"] if (item["source"] or {}).get("kind") == "volume"}
    with controller.connect() as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            found = connection.cursor(row_factory=psycopg.rows.dict_row).execute("SELECT * FROM %s" % table).fetchall()
            if table == "released":  # the id that a clone had before it was made again: nothing else gets it
                found = [row for row in found if row["name"] not in clones]
            rows[table] = [repr(_alike(row)) for row in found]
    found = with_clones_by_name(controller, {"files": controller.listing(), "contents": on_array(controller), "store": rows})
    return dict(found, store={table: sorted(lines) for table, lines in found["store"].items()})


def _alike(row):
    """Return a row without what differs from run to run."""
    differs = (*DIFFERENT, "value") if row.get("key", "").endswith("last-exported-at") else DIFFERENT
    return {key: value is not None if key in differs else value for key, value in row.items()}


@pytest.fixture(scope="module", name="bench")
def fixture_bench(tmp_path_factory, make_controller_in, postgresql):
    made = {}

    def get(name, connector):
        if name not in made:
            made[name] = Bench(tmp_path_factory.mktemp("bench"), make_controller_in, connector, name, postgresql, seen)
        made[name].reset()
        return made[name]

    return get


def asked_since(points, point):
    """Return the driver calls that were begun after a point."""
    passed = points.read_text().splitlines()
    return [name for name in passed[passed.index(point) + 1 :] if name.startswith("before") and name.split()[1] in DRIVER_METHODS]


def attempt(prepared):
    """Run the operation; return (what it answered, as a text; whether that was a failure)."""
    try:
        result = prepared.attempt(prepared.operation)
    except StorageError as error:
        return json.dumps(error.to_dict()), True
    return json.dumps(result), bool(result.get("failed"))


@pytest.mark.parametrize(("name", "point", "loss"), LOST)
def test_a_lost_connection_is_told_or_does_no_harm_and_the_next_run_ends_well(name, point, loss, bench, connector, postgresql, monkeypatch, tmp_path, tally):
    prepared = bench(name, connector)
    monkeypatch.setenv("BLS_TEST_DATABASE", "%s %s" % (postgresql.folder, prepared.database))
    monkeypatch.setenv("BLS_TEST_FAULT", loss)
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    monkeypatch.setenv("BLS_TEST_POINTS", str(tmp_path / "points"))
    told, failed = attempt(prepared)
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    monkeypatch.delenv("BLS_TEST_POINTS")
    postgresql.admit(prepared.database, True)
    assert not [text for text in (PASSWORD, OPTION_PASSWORD, "Traceback", "Unexpected") if text in told], told
    if failed:
        assert re.search(TOLD, told), told
        prepared.run(prepared.operation)
    if loss != "disconnect":
        assert asked_since(tmp_path / "points", point) == [], "others may have the locks by then"
    assert prepared.run(prepared.operation)["changed"] is False
    assert seen(prepared.controller) == prepared.ended
    count(tally, WHAT[loss], prepared.ended)
