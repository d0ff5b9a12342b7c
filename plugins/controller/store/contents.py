# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that a store holds, as plain rows: to write it into a file or another database, to compare, to encrypt it anew.

It goes by the tables' declaration, so that what a later version adds is not forgotten.
"""

from __future__ import annotations

import datetime
import hashlib
import json

import sqlalchemy as sa

from . import marks
from .tables import metadata

TABLES = {table.name: table for table in metadata.sorted_tables}  # those first that others refer to
_TOKENS = ("secrets", "connection")  # see tables.py
_CHUNK = 500


def rows(connection):
    """Yield (table's name, row as JSON-ready dict) of everything but the store's marks, in the same order on every database."""
    for name, table in TABLES.items():
        keys = [column.name for column in table.primary_key]
        found = connection.execute(sa.select(table)).mappings()
        for row in sorted(found, key=lambda row: [row[key] for key in keys]):
            if name != "key_values" or not row["key"].startswith(marks.PREFIX):
                yield name, {key: value.isoformat() if isinstance(value, datetime.datetime) else value for key, value in row.items()}


def replace(connection, new):
    """Delete everything but the marks, and insert rows as :func:`rows` yields them."""
    for table in reversed(TABLES.values()):
        where = [~table.c.key.startswith(marks.PREFIX)] if table.name == "key_values" else []
        connection.execute(table.delete().where(*where))
    waiting, last = [], None
    for name, row in new:
        if waiting and (name != last or len(waiting) == _CHUNK):
            connection.execute(TABLES[last].insert(), waiting)
            waiting = []
        last = name
        waiting.append({key: _typed(TABLES[name].c[key], value) for key, value in row.items()})
    if waiting:
        connection.execute(TABLES[last].insert(), waiting)


def _typed(column, value):
    return datetime.datetime.fromisoformat(value) if isinstance(column.type, sa.DateTime) and value is not None else value


def with_tokens(row, change):
    """Return a row whose tokens are what ``change`` makes of them."""
    return {key: change(value) if key in _TOKENS and value is not None else value for key, value in row.items()}


def digest(found):
    """Return ({table's name: number of rows}, {row's place: hash}) of rows: what tells whether two of them are the same."""
    counts, hashes = dict.fromkeys(TABLES, 0), {}
    for name, row in found:
        counts[name] += 1
        place = (name,) + tuple(row[column.name] for column in TABLES[name].primary_key)
        hashes[place] = hashlib.sha256(json.dumps(row, sort_keys=True).encode("utf-8")).digest()
    return counts, hashes


def encrypt_anew(connection, vault):
    """Bring every token under the vault's first key. Return how many were under another."""
    changed = 0
    for table in TABLES.values():
        keys = list(table.primary_key)
        for column in _token_columns(table):
            for row in connection.execute(sa.select(*keys, column).where(column.is_not(None))).all():
                if not vault.made(row[-1]):
                    same = [key == value for key, value in zip(keys, row)]
                    connection.execute(table.update().where(*same).values({column: vault.encrypt(vault.decrypt(row[-1]))}))
                    changed += 1
    check = mark(connection, marks.KEY_CHECK)
    if check is not None and not vault.made(check):
        set_mark(connection, marks.KEY_CHECK, vault.encrypt(vault.decrypt(check)))
        changed += 1
    return changed


def tokens(connection):
    """Yield every token there is."""
    check = mark(connection, marks.KEY_CHECK)
    if check is not None:
        yield check
    for table in TABLES.values():
        for column in _token_columns(table):
            yield from connection.scalars(sa.select(column).where(column.is_not(None)))


def mark(connection, key):
    """Return a text of the store's about itself (one of ``marks``), or None."""
    table = TABLES["key_values"]
    return connection.scalar(sa.select(table.c.value).where(table.c.key == marks.PREFIX + key))


def set_mark(connection, key, value):
    """Keep a text of the store's about itself; ``None`` drops it."""
    table = TABLES["key_values"]
    connection.execute(table.delete().where(table.c.key == marks.PREFIX + key))
    if value is not None:
        connection.execute(table.insert().values(key=marks.PREFIX + key, value=value))


def _token_columns(table):
    return [table.c[name] for name in _TOKENS if name in table.c]
