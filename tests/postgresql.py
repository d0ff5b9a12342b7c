# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PostgreSQL server for tests, in a temporary directory, with passwords; nothing of the system's own cluster is touched."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql

USER = "storage"
PASSWORD = "canary-store-password"


class Server:
    """One server, behind a Unix socket."""

    def __init__(self, folder):
        self.folder = folder
        self._programs = _programs()
        # PostgreSQL refuses to be run by root.
        self._as = {"user": "nobody", "group": _group_of("nobody"), "extra_groups": []} if os.geteuid() == 0 else {}
        self._process = None

    def initialize(self):
        """Make the cluster."""
        if self._as:
            shutil.chown(self.folder, "nobody", self._as["group"])
        password = self.folder / "password"
        password.write_text("admin")
        password.chmod(0o644)
        self._run(
            "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "--pwfile",
            password,
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        )

    def start(self, **options):
        """Start the server and wait until it answers. It ends with this process, also when that is killed."""
        usual = {"unix_socket_directories": self.folder, "listen_addresses": "", "fsync": "off", "log_min_messages": "fatal"}
        options = dict(usual, dynamic_shared_memory_type="mmap", **options)  # segments in /dev/shm may be taken from under it
        arguments = [word for name, value in options.items() for word in ("-c", "%s=%s" % (name, value))]
        with open(self.folder.parent / ("%s.log" % self.folder.name), "ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "QUIT", self._programs / "postgres", "-D", self.folder / "data", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                **self._as,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                with self.administrator():
                    return
            except psycopg.OperationalError:
                assert self._process.poll() is None and time.monotonic() < deadline, "PostgreSQL does not start"
                time.sleep(0.05)

    def stop(self):
        """Stop the server at once, as a power cut would, and wait for its end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def administrator(self, database="postgres"):
        """Yield a connection of the administrator."""
        with psycopg.connect(host=str(self.folder), user="postgres", password="admin", dbname=database, autocommit=True) as connection:
            yield connection

    def make_database(self):
        """Make a database and return its name."""
        name = "store_%s" % secrets.token_hex(6)
        with self.administrator() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [USER]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(USER), sql.Literal(PASSWORD)))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(USER)))
        return name

    def url(self, name, password=PASSWORD):
        """Return the URL of a database."""
        return "postgresql://%s%s@/%s?host=%s" % (USER, ":" + password if password else "", name, self.folder)

    def program(self, name):
        """Return the path of one of PostgreSQL's programs."""
        return self._programs / name

    def cut(self, name, locks=True):
        """Break every connection to a database, as a failing server would; those that hold locks for a whole task only with ``locks``."""
        holding = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'"  # whoever works has passed the store's gate
        query = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %%s AND (%%s OR pid NOT IN (%s))" % holding
        with self.administrator() as connection:
            connection.execute(query, [name, locks])

    def admit(self, name, yes):
        """Let new connections to a database in again, or refuse them."""
        with self.administrator() as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), sql.Literal(yes)))

    def copy_database(self, source, target):
        """Put a copy of a database in the place of another, which need not be there."""
        with self.administrator() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target)))
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
            connection.execute(copy.format(sql.Identifier(target), sql.Identifier(source), sql.Identifier(USER)))

    def _run(self, program, *arguments):
        subprocess.run(
            [self._programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            cwd="/",
            timeout=120,
            **self._as,
        )


@contextlib.contextmanager
def running():
    """Yield a Server; whatever happens, it is stopped and its files are removed."""
    folder = Path(tempfile.mkdtemp(prefix="bls-postgresql-"))
    folder.chmod(0o755)
    server = Server(folder / "server")
    server.folder.mkdir(mode=0o700)
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _programs():
    """Return the folder of the newest server programs: Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4])) or [
        Path(path) for path in (shutil.which("postgres"),) if path
    ]
    assert found, "PostgreSQL's server is not installed: run tools/setup"
    return found[-1].parent


def _group_of(user):
    import pwd

    return pwd.getpwnam(user).pw_gid
