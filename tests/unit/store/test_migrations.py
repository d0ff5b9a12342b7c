# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about stores of other versions: an earlier one is migrated with all that it holds, a newer one is left as it is."""

from __future__ import annotations

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
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Snapshot, Volume
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
from ansible_collections.baremetal.legacy_storage.tests.unit.store.conftest import IN_A_FILE
from ansible_collections.baremetal.legacy_storage.tests.unit.store.resources import BACKEND
from cryptography.fernet import Fernet


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
