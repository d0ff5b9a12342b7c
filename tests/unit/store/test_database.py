# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about the database under a store: nobody else reads secrets in it, and what is wrong with it is told with what to do."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database, tables
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.unit.store.conftest import IN_A_FILE
from ansible_collections.baremetal.legacy_storage.tests.unit.store.resources import CONNECTION, SNAPSHOT, VOLUME


def all_bytes(store, tmp_path):
    """Everything that the database holds: SQLite's files, or what PostgreSQL's tables show."""
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    with store.engine.connect() as connection:
        return files or b"".join(repr(connection.execute(sa.select(table)).all()).encode() for table in tables.metadata.sorted_tables)


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


@IN_A_FILE
def test_the_database_file_is_root_only_from_its_first_byte(store, tmp_path):
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_what_is_no_database_url_is_told():
    with pytest.raises(StorageError, match="store_url") as caught:
        database.connect("no url")
    assert caught.value.code == "invalid"
