# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about an export that an earlier release wrote: it is read with all that it holds."""

from __future__ import annotations

import datetime
import hashlib
import json

import pytest
import sqlalchemy as sa
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import contents, database, exportfile
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.store import Store
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
from cryptography.fernet import Fernet

DATE = "2026-01-01T00:00:00"
OLD = {
    "backends": {"name": "one", "driver": "d.D", "options": {"a": ["b", 1]}, "pools": ["p"], "max_parallel": 4},
    "volumes": {"id": "v", "backend": "one", "name": "data", "size": 2, "status": "available", "metadata": {"a": "ü"}},
    "snapshots": {"id": "s", "backend": "one", "name": "snap", "size": 2, "status": "available", "volume_id": "v"},
    "exports": {"id": "e", "volume_id": "v", "host": "node1", "connector": {"initiator": "iqn.One"}, "status": "exported"},
}


def written_by(release, vault, path):
    """Write OLD as the release with this schema wrote it."""
    engine = database.connect("sqlite://")
    database.migrate(engine, release)
    known = sa.MetaData()
    with engine.connect() as connection:
        known.reflect(connection)
    engine.dispose()
    lines = [{"format": "baremetal.legacy_storage store", "version": 1, "schema": release, "collection": "0.0.1", "created_at": DATE + "Z", "namespace": None}]
    for name, some in OLD.items():
        row = {column.name: some.get(column.name, _value(column)) for column in known.tables[name].columns}
        lines.append([name, dict(row, secrets=vault.encrypt({"password": "x"})) if name == "backends" else row])
    text = "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines).encode()
    end = {"end": {"rows": dict.fromkeys(OLD, 1), "sha256": hashlib.sha256(text).hexdigest()}}
    path.write_bytes(text + json.dumps(end).encode() + b"\n")


def _value(column):
    if column.nullable:
        return None
    return {sa.JSON: {}, sa.Integer: 1}.get(type(column.type).__mro__[1], DATE if "DATE" in str(column.type) else "")


@pytest.mark.parametrize("release", ["0001", "0002", "0003", "0004"])
def test_an_export_of_an_earlier_release_is_read_as_a_migrated_store_would_be(tmp_path, release):
    vault, path = Vault([Fernet.generate_key()]), tmp_path / "old.export"
    written_by(release, vault, path)
    read = exportfile.read(str(path), vault, None)
    engine = database.connect("sqlite:///%s" % (tmp_path / "store.sqlite"))
    database.migrate(engine)
    store = Store(engine, vault)
    with store.writing() as writer:
        contents.replace(writer.connection, read.rows)
        assert [export.host for export in writer.exports_to(["iqn.one"])] == ["node1"], "a table that came later is filled"
    with store.reading() as reader:
        (volume,) = reader.driven_volumes()
        assert (volume.resource.metadata, volume.created_at) == ({"a": "ü"}, datetime.datetime.fromisoformat(DATE))
        assert reader.backend("one").secret_options == {"password": "x"} and reader.backend("one").options == {"a": ["b", 1]}
        assert [item.resource.name for item in reader.driven_snapshots()] == ["snap"]
    engine.dispose()


@pytest.mark.parametrize("release", ["0000", "9999"])
def test_an_export_of_a_schema_that_is_not_known_is_refused(tmp_path, release):
    vault, path = Vault([Fernet.generate_key()]), tmp_path / "old.export"
    written_by(database.SCHEMA, vault, path)
    path.write_bytes(path.read_bytes().replace(b'"schema":"%s"' % database.SCHEMA.encode(), b'"schema":"%s"' % release.encode()))
    with pytest.raises(StorageError, match="schema %s; this collection reads" % release):
        exportfile.read(str(path), vault, None)
