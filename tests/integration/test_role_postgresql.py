# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role controller makes in a PostgreSQL server: once, and so that the controller can use it as its store."""

from __future__ import annotations

import socket

import psycopg
import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import run_playbook
from ansible_collections.baremetal.legacy_storage.tests.postgresql import running


@pytest.fixture(name="server")
def fixture_server():
    """A server of its own: the role's names are fixed."""
    with running() as server:
        yield server


def apply(folder, server, **variables):
    psql = [str(server.program("psql")), "-h", str(server.folder), "-U", "postgres", "-XqtA", "-v", "ON_ERROR_STOP=1"]
    task = {"ansible.builtin.include_role": {"name": "baremetal.legacy_storage.controller", "tasks_from": "postgresql_database.yml"}}
    return run_playbook(
        folder,
        [task],
        extra_vars=dict(variables, controller_psql=psql),
        ignore_errors=False,
        variables={"PGPASSWORD": "admin"},
    )


def test_the_role_makes_a_database_once_in_which_root_makes_the_store(server, tmp_path):
    played = apply(tmp_path, server)
    assert played.code == 0 and "changed=1 " in played.output, played.output
    played = apply(tmp_path, server)
    assert played.code == 0 and "changed=0 " in played.output, played.output
    with server.administrator() as connection:  # the role relies on the socket's peer; this server asks everybody for a password
        connection.execute("ALTER ROLE root PASSWORD 'canary'")
    with psycopg.connect(host=str(server.folder), user="root", password="canary", dbname="legacy_storage") as connection:
        connection.execute("CREATE TABLE t (a int)")
        assert connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 't'").fetchone() == ("legacy_storage",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


@pytest.mark.extra
def test_the_password_of_other_controllers_is_not_in_the_servers_log_whatever_it_logs(server, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("PGPORT", str(free.getsockname()[1]))
    server.stop()
    logging = {"log_min_messages": "log", "log_statement": "all", "log_min_error_statement": "error"}
    server.start(listen_addresses="*", shared_preload_libraries="pg_stat_statements", **logging)
    played = apply(tmp_path, server, controller_postgresql_clients=["192.0.2.0/24"], controller_store_password="canary-of-others")
    assert played.code == 0 and "canary" not in played.output, played.output
    log = (server.folder.parent / ("%s.log" % server.folder.name)).read_text()
    assert "CREATE ROLE legacy_storage" in log and "canary" not in log
    with server.administrator() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        statements = " ".join(text for (text,) in connection.execute("SELECT query FROM pg_stat_statements"))
    assert "CREATE ROLE" in statements and "canary" not in statements
    with psycopg.connect(host="127.0.0.1", user="legacy_storage", password="canary-of-others", dbname="legacy_storage") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,), "the password is the one"
