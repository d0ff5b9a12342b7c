# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening the database behind the metadata store, and knowing whether its schema is the one this code wants."""

from __future__ import annotations

import contextlib
import datetime
import os

import sqlalchemy as sa

from ...module_utils.model.errors import StorageError

SCHEMA = "0005"  # the newest revision in migrations/versions
# Marks that stand before the revision, of stores that nobody may work with:
MOVED = "moved"  # another one has taken its place
COPYING = "copying"  # it is to take another one's place, and is not complete yet, or that one not yet closed
BUSY_TIMEOUT = 30  # seconds a writer waits for another one
_EXAMPLES = "Examples: sqlite:////var/lib/store.sqlite, postgresql://user@host/database, postgresql://user@/database?host=/run/postgresql."
_VERSION = sa.table("alembic_version", sa.column("version_num"))


def connect(url, password=None):
    """Return an SQLAlchemy engine whose transactions read one consistent view, or write alone (``execution_options(writing=True)``).

    Call it after a fork, not before: connections must not be shared by processes.

    :param password: of the database's user, where it does not stand in the URL.
    """
    parsed = parse(url, password)
    if parsed.get_backend_name() == "postgresql":
        from . import postgresql

        return postgresql.create_engine(parsed, BUSY_TIMEOUT)
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


def parse(url, password=None, parameter="store_url"):
    """Return an SQLAlchemy URL of SQLite or PostgreSQL. Raises StorageError ``invalid``, which never shows a password."""
    try:
        parsed = sa.engine.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise StorageError("invalid", "%s: is no database URL. %s" % (parameter, _EXAMPLES), parameter) from error
    kind = parsed.drivername.partition("+")[0]
    if kind not in ("sqlite", "postgresql", "postgres"):
        raise StorageError("invalid", "%s: %r is neither SQLite nor PostgreSQL. %s" % (parameter, kind, _EXAMPLES), parameter)
    if "password" in parsed.query:
        raise StorageError("invalid", "%s: holds the password as a query, where it would be shown. Give it apart." % parameter, parameter)
    if kind == "sqlite":
        return parsed.set(drivername="sqlite")
    parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed if password is None else parsed.set(password=password)


def shown(url):
    """Return a URL (SQLAlchemy's) as people may see it."""
    return url.render_as_string(hide_password=True)


def named(url):
    """Return a URL without its password, which is no part of what the store is called."""
    return shown(sa.engine.URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query))


@contextlib.contextmanager
def speaking(engine):
    """Turn what the database raises into StorageError ``conflict`` or ``store``."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        said = str(error.orig).strip().rstrip(".")
        raise StorageError("conflict", "The metadata store refused the change: %s. Another task changed the same thing; run this one again." % said) from error
    except sa.exc.DBAPIError as error:
        raise StorageError(
            "store",
            "The metadata store (%s) failed: %s and run the task again; what was begun is settled first." % (shown(engine.url), _reason(error)),
        ) from error


def _reason(error):
    """Return what a DBAPIError says, and what to do. Servers tell why they end a connection, but not that it was lost."""
    words = " ".join(str(error.orig).split())
    if error.connection_invalidated:
        return "the connection to the database was lost (%s). See to it that the database answers" % words
    return "%s. Mend that" % words


@contextlib.contextmanager
def writing(engine):
    """Yield a connection in a transaction that writes alone."""
    with speaking(engine), engine.connect().execution_options(writing=True) as connection, connection.begin():
        yield connection


def revision(engine):
    """Return the schema revision in the database, or None when it has no schema yet."""
    path = _file_of(engine)
    if path and not os.path.exists(path):
        return None
    with speaking(engine), engine.connect() as connection:
        return revision_in(connection) if sa.inspect(connection).has_table(_VERSION.name) else None


def revision_in(connection):
    """Return the schema revision in a database that has one, within a transaction."""
    return connection.scalar(sa.select(_VERSION.c.version_num))


def set_revision(connection, text):
    """Write a schema revision, or a mark in its place, within a transaction."""
    connection.execute(_VERSION.update().values(version_num=text))


def split(found):
    """Return (mark or None, schema revision or None) of what stands in a store's place for the revision."""
    mark, _space, schema = (found or "").rpartition(" ")
    return mark or None, schema or None


def join(mark):
    """Return what stands in the revision's place in a store of this schema that bears a mark."""
    return "%s %s" % (mark, SCHEMA)


def require_schema(engine):
    """Raise StorageError ``not_installed`` unless the schema is the one this code was written for."""
    require(revision(engine), engine.url)


def require(found, url):
    """Raise StorageError unless ``found``, a schema revision, is the one this code was written for."""
    if found == SCHEMA:
        return
    mark, schema = split(found)
    if mark == COPYING:
        raise StorageError("store", "The move of a metadata store to %s was not finished. Run the playbook store_move again." % shown(url))
    if mark == MOVED:
        raise StorageError(
            "store",
            "The metadata store %s was moved to another database, and nothing is written to it any more. Set controller_store_url of the role "
            "baremetal.legacy_storage.controller to the new one and apply the role." % shown(url),
        )
    raise StorageError(
        "not_installed",
        "The metadata store has schema %s, this code needs %s. Apply the role baremetal.legacy_storage.controller: it creates or migrates the store."
        % (schema or "none", SCHEMA),
    )


def migrate(engine, schema=SCHEMA):
    """Bring the schema to a revision, the newest if not told otherwise; tell whether anything was done. The caller holds the lock."""
    from alembic import command
    from alembic.config import Config

    found = revision(engine)
    if found == schema:
        return False
    if split(found)[0]:
        require(found, engine.url)
    if found is not None and found > SCHEMA:
        raise StorageError(
            "not_installed",
            "The metadata store %s has schema %s, which is newer than this collection's (%s): another controller has a newer collection, or this one had. "
            "Apply the role from that collection. Nothing was changed." % (shown(engine.url), found, SCHEMA),
        )
    path = _file_of(engine)
    if path:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))  # root-only from its first byte
        except FileExistsError:
            pass  # and not opened here: closing it would let go of the locks that SQLite holds on it in this process
        except OSError as error:
            raise StorageError("store", "The metadata store %s cannot be made: %s." % (shown(engine.url), error.strerror)) from error
    settings = Config()
    settings.set_main_option("script_location", os.path.join(os.path.dirname(__file__), "migrations"))
    settings.attributes["engine"] = engine
    with speaking(engine):
        command.upgrade(settings, schema)
    return True


def _file_of(engine):
    path = engine.url.database
    return path if engine.url.get_backend_name() == "sqlite" and path and path != ":memory:" else None


def share_file(engine, other):
    """Tell whether two engines, whatever their URLs say, work on one file of SQLite."""
    paths = [_file_of(engine), _file_of(other)]
    return all(path and os.path.exists(path) for path in paths) and os.path.samefile(*paths)


def now():
    """Return the time as stored: naive UTC."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
