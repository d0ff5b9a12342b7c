# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening the database behind the metadata store, and knowing whether its schema is the one this code wants."""

from __future__ import annotations

import datetime
import os

import sqlalchemy as sa

from ...module_utils.model.errors import StorageError

SCHEMA = "0002"  # the newest revision in migrations/versions
BUSY_TIMEOUT = 30  # seconds a writer waits for another one


def connect(url):
    """Return an SQLAlchemy engine. SQLite gets WAL, foreign keys, full sync and immediate write transactions."""
    try:
        parsed = sa.engine.make_url(url)
    except sa.exc.ArgumentError as error:
        raise StorageError(
            "invalid",
            "store_url: is no database URL. Apply the role with a controller_store_url such as sqlite:////path or postgresql+psycopg://...",
        ) from error
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, pool_pre_ping=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection, record):
        connection.isolation_level = None  # SQLAlchemy's begin below speaks instead of sqlite3's own
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute("PRAGMA " + pragma)

    @sa.event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writing") else "BEGIN")

    return engine


def revision(engine):
    """Return the schema revision in the database, or None when it has no schema yet."""
    path = engine.url.database
    if engine.url.get_backend_name() == "sqlite" and path and path != ":memory:" and not os.path.exists(path):
        return None
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def require_schema(engine):
    """Raise StorageError ``not_installed`` unless the schema is the one this code was written for."""
    found = revision(engine)
    if found != SCHEMA:
        raise StorageError(
            "not_installed",
            "The metadata store has schema %s, this code needs %s. Apply the role baremetal.legacy_storage.controller: it creates or migrates the store."
            % (found or "none", SCHEMA),
        )


def migrate(engine):
    """Bring the schema to the newest revision; tell whether anything was done. The caller holds the lock."""
    from alembic import command
    from alembic.config import Config

    if revision(engine) == SCHEMA:
        return False
    path = engine.url.database
    if engine.url.get_backend_name() == "sqlite" and path and path != ":memory:":
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # root-only from its first byte
    settings = Config()
    settings.set_main_option("script_location", os.path.join(os.path.dirname(__file__), "migrations"))
    settings.attributes["engine"] = engine
    command.upgrade(settings, "head")
    return True


def now():
    """Return the time as stored: naive UTC."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
