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
    insert(connection, new, TABLES)


def insert(connection, new, tables):
    """Insert rows, those first that others refer to. ``tables`` is {name: sa.Table}, of whatever schema the rows are."""
    waiting, last = [], None
    for name, row in new:
        if waiting and (name != last or len(waiting) == _CHUNK):
            connection.execute(tables[last].insert(), waiting)
            waiting = []
        last = name
        waiting.append({key: _typed(tables[name].c[key], value) for key, value in row.items()})
    if waiting:
        connection.execute(tables[last].insert(), waiting)


def _typed(column, value):
    return datetime.datetime.fromisoformat(value) if isinstance(column.type, sa.DateTime) and value is not None else value


def with_tokens(row, change):
    """Return a row whose tokens are what ``change`` makes of them: columns, and the connection in a journal entry of what the controller had opened."""
    changed = {key: change(value) if key in _TOKENS and value is not None else value for key, value in row.items()}
    arguments = row.get("arguments") or {}
    if arguments.get("connection"):
        changed["arguments"] = dict(arguments, connection=change(arguments["connection"]))
    return changed


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
    foreign = []

    def anew(token):
        if vault.made(token):
            return token
        foreign.append(token)
        return vault.encrypt(vault.decrypt(token))

    for name, row in list(rows(connection)):
        values = {key: value for key, value in with_tokens(row, anew).items() if value != row[key]}
        if values:
            table = TABLES[name]
            same = [column == row[column.name] for column in table.primary_key]
            connection.execute(table.update().where(*same).values(values))
    check = mark(connection, marks.KEY_CHECK)
    if check is not None:
        set_mark(connection, marks.KEY_CHECK, anew(check))
    return len(foreign)


def tokens(connection):
    """Return every token there is."""
    check = mark(connection, marks.KEY_CHECK)
    found = [] if check is None else [check]
    for _name, row in rows(connection):
        with_tokens(row, found.append)
    return found


def mark(connection, key):
    """Return a text of the store's about itself (one of ``marks``), or None."""
    table = TABLES["key_values"]
    return connection.scalar(sa.select(table.c.value).where(table.c.key == marks.PREFIX + key))


def marks_of(connection, keys):
    """Return {key: text} of those of these marks that the store has."""
    table = TABLES["key_values"]
    found = connection.execute(sa.select(table.c.key, table.c.value).where(table.c.key.in_([marks.PREFIX + key for key in keys])))
    return {row.key[len(marks.PREFIX) :]: row.value for row in found}


def set_mark(connection, key, value):
    """Keep a text of the store's about itself; ``None`` drops it."""
    table = TABLES["key_values"]
    connection.execute(table.delete().where(table.c.key == marks.PREFIX + key))
    if value is not None:
        connection.execute(table.insert().values(key=marks.PREFIX + key, value=value))
