# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about all the rows of a store: every column of every table comes through, on both databases."""

from __future__ import annotations

import datetime

import pytest
import sqlalchemy as sa
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import contents, database
from ansible_collections.baremetal.legacy_storage.plugins.modules import legacy_store_info

LONG = "ä€𝄞'\\\n%s " * 400
VALUES = {
    sa.JSON: [{"ä": [1, 2.5, True, None, {"x": "𝄞"}]}, {}, [], "text", None],
    sa.Integer: [0, 2**31 - 1],
    sa.DateTime: [datetime.datetime(2026, 2, 28, 23, 59, 59, 999999), datetime.datetime(1999, 1, 1)],
    sa.Text: [LONG, ""],
    sa.String: ["ä€𝄞 %", "Z", "a", "_"],
}


def values(column, number):
    """Return the value of a column in the row of a number; what refers to another table gets that one's first row."""
    if column.foreign_keys:
        (target,) = column.foreign_keys
        return cell(target.column, 0)
    return cell(column, number)


def cell(column, number):
    kind = next(kind for kind in VALUES if isinstance(column.type, kind))
    value = VALUES[kind][number % len(VALUES[kind])]
    if isinstance(value, str) and getattr(column.type, "length", None):
        unique = "%d" % number
        return (value * 300)[: column.type.length - len(unique)] + unique
    if value is None and not column.nullable:
        return {}
    return value


def rows():
    """Five rows of every table."""
    for name, table in contents.TABLES.items():
        for number in range(5):
            row = {column.name: values(column, number) for column in table.columns}
            yield name, {key: value.isoformat() if isinstance(value, datetime.datetime) else value for key, value in row.items()}


@pytest.fixture(name="engine")
def fixture_engine(url):
    """An empty store."""
    engine = database.connect(url)
    database.migrate(engine)
    yield engine
    engine.dispose()


def test_every_column_of_every_table_comes_through(engine):
    written = list(rows())
    with database.writing(engine) as connection:
        contents.replace(connection, written)
    with engine.begin() as connection:
        found = list(contents.rows(connection))
    assert contents.digest(found) == contents.digest(written)
    assert {name for name, _row in found} == set(contents.TABLES)
    for (name, row), (_name, other) in zip(sorted(found, key=repr), sorted(written, key=repr)):
        assert row == other, name


def test_rows_come_in_one_order_on_every_database(engine):
    written = list(rows())
    with database.writing(engine) as connection:
        contents.replace(connection, reversed([row for row in written if row[0] == "key_values"]))
    with engine.begin() as connection:
        keys = [row["key"] for _name, row in contents.rows(connection)]
    assert keys == sorted(keys) and len(keys) == 5


def test_what_the_manual_shows_of_a_store_is_of_this_version():
    told = yaml.safe_load(legacy_store_info.RETURN)
    assert told["schema"]["sample"] == database.SCHEMA
    assert sorted(told["rows"]["sample"]) == sorted(contents.TABLES)
