# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about the metadata store: nothing is lost, mixed up, half written or readable by others."""

from __future__ import annotations

import dataclasses
import datetime
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database, tables
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.store import Store
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, GroupSnapshot, Snapshot, Source, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.operations import Operation
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
from cryptography.fernet import Fernet

BACKEND = Backend("one", "d.D", {"san_ip": "192.0.2.1", "port": 3260}, {"san_password": "canary-option"}, ("p1", "p2"), 7)
VOLUME = Volume(
    "6229f862-a401-5616-bf1c-8011d75b8844",
    "one",
    "dätä",
    10,
    "available",
    "a text",
    {"a": "b"},
    {"multiattach": "<is> True"},
    {"iops": "100"},
    "p1",
    Source("snapshot", "s-id", "gold"),
)
SNAPSHOT = Snapshot("68ed82ce-05ee-5336-8f3a-1a6939d4d1e6", "one", "nightly", VOLUME.id, VOLUME.name, 9, "available", "text", {"a": "b"})
GROUP_SNAPSHOT = GroupSnapshot(
    "0c1ad0ae-7dbc-5b3b-94b4-8e0c8b9f6f0e",
    "one",
    "night",
    "5f4d5ed4-4d34-5a34-9dfd-2a1f3a0a3c11",
    members=(
        Snapshot(
            "3a0b9f2c-9c52-5d0e-8d0c-5a1f5c2e7b90",
            "one",
            "night-dätä",
            VOLUME.id,
            VOLUME.name,
            10,
            group_snapshot_id="0c1ad0ae-7dbc-5b3b-94b4-8e0c8b9f6f0e",
            group_snapshot="night",
        ),
    ),
)
CONNECTION = {"driver_volume_type": "iscsi", "data": {"auth_password": "canary-chap"}}


@pytest.fixture(name="store")
def fixture_store(url):
    """A store with a backend, a volume and its snapshot."""
    engine = database.connect(url)
    assert database.migrate(engine) is True
    store = Store(engine, Vault([Fernet.generate_key()]))
    with store.writing() as writer:
        writer.put_backend(BACKEND)
        writer.add_volume(VOLUME)
        writer.add_snapshot(SNAPSHOT)
    yield store
    engine.dispose()


IN_A_FILE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


def all_bytes(store, tmp_path):
    """Everything that the database holds: SQLite's files, or what PostgreSQL's tables show."""
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    with store.engine.connect() as connection:
        return files or b"".join(repr(connection.execute(sa.select(table)).all()).encode() for table in tables.metadata.sorted_tables)


def test_what_is_written_is_read_again_whole(store):
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn", "wwpns": ["1"]}, "exported", CONNECTION)
        writer.set_driver_data("volume", VOLUME.id, {"provider_location": "here", "provider_auth": "CHAP u canary-auth"})
    with store.reading() as reader:
        assert reader.backends() == [BACKEND]
        (volume,) = reader.driven_volumes()
        assert volume.resource == dataclasses.replace(VOLUME, attached_to=("node1",))
        assert volume.data == {"provider_location": "here", "provider_auth": "CHAP u canary-auth"}
        assert [item.resource for item in reader.driven_snapshots()] == [SNAPSHOT]
        (export,) = reader.driven_exports()
        assert (export.resource.volume_name, export.resource.host, export.resource.connector) == (VOLUME.name, "node1", {"initiator": "iqn", "wwpns": ["1"]})
        assert export.data == CONNECTION


def test_a_volume_keeps_type_and_qos_through_later_changes(store):
    with store.writing() as writer:
        writer.change_volume(VOLUME.id, size=20)
        writer.set_driver_data("volume", VOLUME.id, {"provider_id": "7"})
    with store.reading() as reader:
        volume = reader.driven_volumes(ids=[VOLUME.id])[0].resource
    assert (volume.size, volume.extra_specs, volume.qos_specs, volume.source) == (20, VOLUME.extra_specs, VOLUME.qos_specs, VOLUME.source)


def test_secrets_lie_in_the_database_only_encrypted(store, tmp_path):
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn"}, "exported", CONNECTION)
        writer.set_driver_data(
            "volume", VOLUME.id, {"provider_location": "here", "provider_auth": "CHAP u canary-auth", "replication_driver_data": "canary-replication"}
        )
        writer.set_driver_data("snapshot", SNAPSHOT.id, {"provider_auth": "CHAP u canary-snap"})
    assert b"san_password" not in all_bytes(store, tmp_path)
    assert b"192.0.2.1" in all_bytes(store, tmp_path), "the search would find what is there"
    assert b"canary" not in all_bytes(store, tmp_path)


def test_a_name_is_given_once_on_a_backend_and_again_on_another(store):
    twin = dataclasses.replace(VOLUME, id="other-id", attached_to=())
    with pytest.raises(StorageError, match="run this one again") as caught, store.writing() as writer:
        writer.add_volume(twin)
    assert caught.value.code == "conflict"
    with store.writing() as writer:
        writer.put_backend(Backend("two", "d.D"))
        writer.add_volume(dataclasses.replace(twin, backend="two"))


def test_a_snapshots_name_is_given_once_on_a_backend(store):
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        writer.add_snapshot(dataclasses.replace(SNAPSHOT, id="other-id"))
    assert caught.value.code == "conflict"


def test_a_group_snapshot_is_read_again_with_its_members_and_goes_with_them(store):
    with store.writing() as writer:
        writer.add_group_snapshot(GROUP_SNAPSHOT)
    with store.reading() as reader:
        assert [item.resource for item in reader.driven_group_snapshots(group_id=GROUP_SNAPSHOT.group_id)] == [GROUP_SNAPSHOT]
        assert [item.resource for item in reader.driven_snapshots()] == [GROUP_SNAPSHOT.members[0], SNAPSHOT]
        for key in (("group_snapshot", "one", "night"), ("group_snapshot", "one", GROUP_SNAPSHOT.id), ("volume", "one", VOLUME.name)):
            landscape = reader.landscape({key})
            assert list(landscape.volumes) == [VOLUME.id] and landscape.group_snapshot("one", "night") == GROUP_SNAPSHOT
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        writer.connection.execute(tables.group_snapshots.delete())
    assert caught.value.code == "conflict"
    with store.writing() as writer:
        writer.drop_group_snapshot(GROUP_SNAPSHOT.id)
    with store.reading() as reader:
        assert (reader.driven_group_snapshots(), [item.resource for item in reader.driven_snapshots()]) == ([], [SNAPSHOT])


def test_a_volume_is_exported_to_a_host_once(store):
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        writer.put_export("e1", VOLUME.id, "node1", {}, "exported")
        writer.put_export("e2", VOLUME.id, "node1", {}, "exported")
    assert caught.value.code == "conflict"
    with store.reading() as reader:
        assert reader.driven_exports() == []


@pytest.mark.parametrize("other", ["axb", "A_B", "a%b", "a_b ", "a_bc"])
def test_a_backend_does_not_list_the_volumes_of_one_with_a_similar_name(store, other):
    with store.writing() as writer:
        for name in ("a_b", other):
            writer.put_backend(Backend(name, "d.D"))
            writer.add_volume(Volume("id of " + name, name, "data", 1))
    with store.reading() as reader:
        assert [item.resource.id for item in reader.driven_volumes(backend="a_b")] == ["id of a_b"]
        assert [item.resource.id for item in reader.driven_volumes(backend="a_b", name="data")] == ["id of a_b"]
        assert [item.resource.id for item in reader.driven_volumes(name="dat_")] == []
        assert list(reader.landscape({("volume", "a_b", "data")}).volumes) == ["id of a_b"]
        assert reader.count_volumes("a_b") == 1


def test_a_landscape_holds_what_hangs_on_a_volume_and_what_a_snapshot_hangs_on(store):
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn"}, "exported", CONNECTION)
        entry = writer.begin(Operation("delete", "snapshot", "one", "nightly", {"id": SNAPSHOT.id}), SNAPSHOT.id)
    for key in (("volume", "one", VOLUME.name), ("volume", "one", VOLUME.id), ("snapshot", "one", "nightly"), ("snapshot", "one", SNAPSHOT.id)):
        with store.reading() as reader:
            landscape = reader.landscape({key})
        assert (list(landscape.volumes), list(landscape.snapshots), list(landscape.mappings)) == ([VOLUME.id], [SNAPSHOT.id], ["e-id"])
        assert list(landscape.unsettled) == [entry]
    with store.reading() as reader:
        assert list(reader.landscape({("volume", "one", "other")}, ["iqn"]).mappings) == ["e-id"]
        assert not reader.landscape({("volume", "two", VOLUME.name)}).volumes


def test_a_transaction_is_written_whole_or_not_at_all(store):
    with pytest.raises(ZeroDivisionError), store.writing() as writer:
        writer.change_volume(VOLUME.id, size=99)
        writer.begin(Operation("extend", "volume", "one", VOLUME.name, {"id": VOLUME.id}), VOLUME.id)
        raise ZeroDivisionError
    with store.reading() as reader:
        assert reader.driven_volumes()[0].resource.size == VOLUME.size
        assert reader.unsettled() == []


def test_nobody_sees_a_transaction_before_its_end(store):
    with store.writing() as writer:
        writer.change_volume(VOLUME.id, size=99)
        with store.reading() as reader:
            assert reader.driven_volumes()[0].resource.size == VOLUME.size
    with store.reading() as reader:
        assert reader.driven_volumes()[0].resource.size == 99


def test_one_look_is_consistent_while_others_write(store):
    with store.reading() as reader:
        assert reader.driven_volumes()[0].resource.size == VOLUME.size
        with store.writing() as writer:
            writer.change_volume(VOLUME.id, size=99)
        assert reader.driven_volumes()[0].resource.size == VOLUME.size


@pytest.mark.parametrize(
    "drop", [lambda writer: writer.drop_backend("one"), lambda writer: writer.drop_volume(VOLUME.id)], ids=["backend with volumes", "volume with snapshots"]
)
def test_the_database_itself_refuses_to_drop_what_others_need(store, drop):
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        drop(writer)
    assert caught.value.code == "conflict"


def test_what_was_begun_is_in_the_journal_until_it_is_settled(store):
    operation = Operation("extend", "volume", "one", VOLUME.name, {"id": VOLUME.id, "size": 20})
    with store.writing() as writer:
        entry = writer.begin(operation, VOLUME.id)
    with store.reading() as reader:
        (record,) = reader.unsettled()
    assert (record.operation_id, record.noun, record.action, record.name, record.resource_id, record.arguments) == (
        entry,
        "volume",
        "extend",
        VOLUME.name,
        VOLUME.id,
        operation.arguments,
    )
    with store.writing() as writer:
        writer.settle(entry)
    with store.reading() as reader:
        assert reader.unsettled() == []


def test_drivers_find_their_own_keys_again(store):
    with store.writing() as writer:
        writer.set_key_value("a", "1")
        writer.set_key_value("a", "2")
        writer.set_key_value("b", "3")
        writer.set_key_value("b", None)
    with store.reading() as reader:
        assert (reader.key_values(), reader.key_values("a"), reader.key_values("b")) == ({"a": "2"}, {"a": "2"}, {})


def test_migrating_from_nothing_ends_with_the_tables_that_the_code_uses(store):
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": tables.metadata})
        assert compare_metadata(context, tables.metadata) == []
    assert database.revision(store.engine) == database.SCHEMA
    assert database.migrate(store.engine) is False


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004"])
def test_a_store_of_an_earlier_version_is_migrated_with_all_that_it_holds(url, revision):
    engine = database.connect(url)
    _upgrade(engine, revision)
    now, common = "2026-01-01 00:00:00", "id, backend, name, size, status, description, metadata, driver_data, created_at"
    text = "'%s', 'one', '%s', %d, 'available', '', '{}', '{}', '2026-01-01 00:00:00'"
    with engine.connect().execution_options(writing=True) as connection:
        for statement in (
            "INSERT INTO backends (name, driver, options, secrets, pools, max_parallel) VALUES ('one', 'd.D', '{}', '', '[]', 4)",
            "INSERT INTO volumes (%s, extra_specs, qos_specs) VALUES (%s, '{}', '{}')" % (common, text % ("v", "data", 2)),
            "INSERT INTO snapshots (%s, volume_id) VALUES (%s, 'v')" % (common, text % ("s", "snap", 2)),
        ):
            connection.execute(sa.text(statement))
        connection.commit()
    assert database.migrate(engine) is True
    store = Store(engine, Vault([Fernet.generate_key()]))
    with store.reading() as reader:
        (found,) = reader.driven_snapshots()
        assert found.resource == Snapshot("s", "one", "snap", "v", "data", 2)
        assert str(found.created_at) == now and reader.driven_volumes()[0].resource == Volume("v", "one", "data", 2)
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        writer.drop_volume("v")
    assert caught.value.code == "conflict"
    engine.dispose()


def test_exports_to_hosts_that_share_a_name_are_found_by_it_until_they_are_dropped(store):
    connector = {"initiator": "iqn.One", "nqn": "nqn.one", "wwpns": ["5001", "5002"]}
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", connector, "exported", CONNECTION)
        for name in ("iqn.one", "nqn.one", "5001", "5002"):
            assert [(item.id, item.host, item.volume_name) for item in writer.exports_to([name, "other"])] == [("e-id", "node1", VOLUME.name)]
        assert writer.exports_to(["iqn.two"]) == writer.exports_to([]) == []
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn.two"}, "exported", CONNECTION)
        assert (writer.exports_to(["iqn.one"]), len(writer.exports_to(["iqn.two"]))) == ([], 1)
        writer.drop_export("e-id")
        assert writer.exports_to(["iqn.two"]) == []


def test_each_export_has_a_later_time_than_those_before_also_where_the_clock_went_back(store, monkeypatch):
    def moment():
        with store.reading() as reader:
            (export,) = reader.driven_exports()
            assert reader.exported_at([VOLUME.id, "other"]) == {VOLUME.id: {"node1": export.resource.exported_at}}
            return export

    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn"}, "exported", CONNECTION)
    first = moment()
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn", "mode": "ro"}, "exported", CONNECTION)
    assert moment().resource.exported_at == first.resource.exported_at, "changed in place it is the same export"
    monkeypatch.setattr(database, "now", lambda: first.created_at - datetime.timedelta(days=1))
    with store.writing() as writer:
        writer.renew_export("e-id")
    second = moment()
    assert second.created_at > first.created_at and second.data == CONNECTION
    with store.writing() as writer:
        writer.drop_export("e-id")
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn"}, "exported", CONNECTION)
    assert moment().created_at > second.created_at, "nor is one that is made anew taken for an earlier one"


@IN_A_FILE
def test_a_migrated_store_finds_the_exports_that_it_had_by_every_name_of_their_hosts(url):
    engine = database.connect(url)
    _upgrade(engine, "0004")
    connector = '{"initiator": "iqn.One", "wwpns": ["5001"], "nqn": null}'
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO backends (name, driver, options, secrets, pools, max_parallel) VALUES ('one', 'd', '{}', 'x', '[]', 1)")
        keys = [column["name"] for column in sa.inspect(connection).get_columns("volumes") if not column["nullable"]]
        known = {"id": "v", "backend": "one", "name": "data", "created_at": "2026-01-01 00:00:00", "size": 1}
        values = tuple(known.get(key, "{}") for key in keys)
        columns, places = ", ".join('"%s"' % key for key in keys), ", ".join("?" * len(keys))
        connection.exec_driver_sql("INSERT INTO volumes (%s) VALUES (%s)" % (columns, places), values)
        connection.exec_driver_sql(
            "INSERT INTO exports (id, volume_id, host, initiator, connector, status, created_at) VALUES ('e', 'v', 'node1', 'iqn.One', ?, 'exported', ?)",
            (connector, "2026-01-01 00:00:00"),
        )
    assert database.migrate(engine) is True
    with Store(engine, Vault([Fernet.generate_key()])).writing() as writer:
        assert [[item.host for item in writer.exports_to([name])] for name in ("iqn.one", "5001", "null")] == [["node1"], ["node1"], []]
    engine.dispose()


LOOKING = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM volumes').fetchall(); c.close()"


@IN_A_FILE
def test_what_is_written_after_a_migration_is_kept_though_another_process_closes_the_file(url, tmp_path):
    first = database.connect(url)
    _upgrade(first, "0004")
    first.dispose()
    engine = database.connect(url)  # as the role does: it looks, and migrates with the connection that has looked
    assert database.revision(engine) == "0004" and database.migrate(engine) is True
    subprocess.run([sys.executable, "-c", LOOKING, str(tmp_path / "store.sqlite")], check=True, timeout=60)
    with Store(engine, Vault([Fernet.generate_key()])).writing() as writer:
        writer.put_backend(BACKEND)
    seen = database.connect(url)  # as the next task sees it; the first has not closed its connection, since workers end without that
    with seen.connect() as connection:
        assert connection.scalars(sa.select(tables.backends.c.name)).all() == ["one"]
    seen.dispose()
    engine.dispose()


def _upgrade(engine, revision):
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    settings.attributes["engine"] = engine
    command.upgrade(settings, revision)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (True, "the connection to the database was lost (server closed the connection). See to it that the database answers and run the task again"),
        (False, "server closed the connection. Mend that and run the task again"),
    ],
)
def test_a_database_that_fails_is_told_with_what_to_do_and_a_lost_connection_is_called_one(store, lost, said):
    with pytest.raises(StorageError) as told, database.speaking(store.engine):
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("server\n\tclosed the connection\n"), connection_invalidated=lost)
    assert told.value.code == "store"
    assert told.value.message.endswith(") failed: %s; what was begun is settled first." % said)


def test_a_store_that_was_never_made_is_told_with_what_to_do(tmp_path):
    engine = database.connect("sqlite:///%s" % (tmp_path / "none.sqlite"))
    with pytest.raises(StorageError, match="Apply the role") as caught:
        database.require_schema(engine)
    assert caught.value.code == "not_installed"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_a_store_of_another_version_is_not_touched(store, revision):
    with store.engine.connect().execution_options(writing=True) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :new"), {"new": revision})
        connection.commit()
    with pytest.raises(StorageError, match="schema %s, this code needs %s" % (revision, database.SCHEMA)):
        database.require_schema(store.engine)
    with pytest.raises(StorageError, match="Apply the role"), store.writing():
        pass


def test_a_store_of_a_newer_collection_is_not_migrated_and_told_so(store):
    with database.writing(store.engine) as connection:
        database.set_revision(connection, "9999")
    with pytest.raises(StorageError, match="schema 9999.*newer.*collection") as told:
        database.migrate(store.engine)
    assert told.value.code == "not_installed" and database.revision(store.engine) == "9999"


@IN_A_FILE
def test_the_database_file_is_root_only_from_its_first_byte(store, tmp_path):
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_what_is_no_database_url_is_told():
    with pytest.raises(StorageError, match="store_url") as caught:
        database.connect("no url")
    assert caught.value.code == "invalid"


WRITING = """
import os, sys
from cryptography.fernet import Fernet
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.store import Store
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Volume
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
number = sys.argv[1]
store = Store(database.connect(os.environ["URL"]), Vault([Fernet.generate_key()]))
for step in range(20):
    with store.writing() as writer:
        writer.add_volume(Volume("%s-%d" % (number, step), "one", "%s-%d" % (number, step), 1))
"""


def test_processes_that_write_at_once_lose_nothing(store, url):
    # Its password is in no argument list: another test watches those.
    children = [subprocess.Popen([sys.executable, "-c", WRITING, str(number)], env=dict(os.environ, URL=url)) for number in range(4)]
    assert [child.wait(120) for child in children] == [0] * 4
    with store.reading() as reader:
        assert reader.count_volumes("one") == 1 + 4 * 20


# Finding one of many: no scan of a table that grows, in any query a single-volume task makes

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
