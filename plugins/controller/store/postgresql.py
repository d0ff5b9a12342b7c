# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PostgreSQL set up so that a transaction of the metadata store means what it means on SQLite.

Whoever reads sees one state, from the first query to the last. Whoever writes does so alone, from the first statement on, so what it
has read holds until it commits. What was committed is on disk.

Import it only for such a store: psycopg takes a moment, which a controller with SQLite need not spend.
"""

from __future__ import annotations

import hashlib

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import dialect

# libpq's: an unreachable server is told soon, and one that vanishes is noticed within a minute, by both sides.
CONNECT = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "application_name": "legacy_storage",
}
# For one session. Only those that the server knows; a server's own choice of the last is kept unless it risks what was committed.
_PREPARE = """
SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN '%d' WHEN 'tcp_keepalives_idle' THEN '30' WHEN 'tcp_keepalives_interval' THEN '10'
                                  WHEN 'tcp_keepalives_count' THEN '3' WHEN 'synchronous_commit' THEN 'on' ELSE '0' END, false)
FROM pg_settings
WHERE name IN ('lock_timeout', 'tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count', 'idle_session_timeout', 'statement_timeout')
   OR (name = 'synchronous_commit' AND setting = 'off')
"""
_GLOBAL = "baremetal.legacy_storage"


def lock_number(name):
    """Return the number (int8) that stands for a lock's name (bytes) in PostgreSQL."""
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)


WRITERS = lock_number(("%s writers" % _GLOBAL).encode())


def create_engine(url, busy_timeout):
    """Return an engine. Few connections stay open: every task of every controller has some, and a server allows a hundred."""
    engine = sa.create_engine(url, pool_size=2, max_overflow=-1, pool_pre_ping=True, connect_args=dict(CONNECT))

    @sa.event.listens_for(engine, "connect")
    def prepare(connection, record):
        connection.autocommit = True
        connection.execute(_PREPARE % (busy_timeout * 1000))
        connection.autocommit = False

    @sa.event.listens_for(engine, "begin")
    def begin(connection):
        writing = bool(connection.get_execution_options().get("writing"))
        raw = connection.connection.dbapi_connection
        raw.isolation_level = psycopg.IsolationLevel.READ_COMMITTED if writing else psycopg.IsolationLevel.REPEATABLE_READ
        raw.read_only = not writing
        if writing:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%d)" % WRITERS)

    return engine


def open_session(url):
    """Return a psycopg connection in autocommit for locks that last as long as the session, to the database of an SQLAlchemy URL."""
    args, kwargs = dialect().create_connect_args(url)
    connection = psycopg.connect(*args, **dict(CONNECT, **kwargs), autocommit=True)
    connection.execute(_PREPARE % 0)
    return connection
