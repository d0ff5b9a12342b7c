# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks in a PostgreSQL database, held by a session and gone with it: for processes on several hosts.

tooz has a driver for the same purpose (8.1.0), but it keeps two bytes of a lock's name. Among 65,536 numbers two names meet soon, and a
task that holds one and asks for the other waits for itself. It also opens a connection for each lock. Here a name stands for eight
bytes of its SHA-256, one connection holds all locks of a process, and threads of that process exclude each other as well.
"""

from __future__ import annotations

import random
import threading
import time

import psycopg
from tooz import ToozError, locking

from .store import postgresql

_POLL = (0.005, 0.1)  # seconds between two tries: at first, at most


class AdvisoryCoordinator:
    """What tooz calls a coordinator, as far as locks go. Made after a fork; threads may share it.

    :param url: SQLAlchemy URL of the database.
    """

    def __init__(self, url):
        self._url = url
        self._mutex = threading.Lock()
        self._session = None
        self._pid = None
        self._held = {}  # number: how many hold it; -1 for one alone

    def get_lock(self, name):
        """Return the lock of a name (bytes)."""
        return AdvisoryLock(self, name)

    def check(self):
        """Raise ToozError unless every lock that was acquired and not released is still held."""
        with self._mutex:
            if self._held:
                self._ask("true")

    def stop(self):
        """Let go of everything."""
        with self._mutex:
            self._held.clear()
            self._close()

    def acquire(self, number, blocking, shared):
        """Try to take a lock, once or until ``blocking`` seconds (or for ever, where it is True) have passed; tell whether that worked."""
        deadline = None if blocking is True else time.monotonic() + (blocking or 0)
        pause = _POLL[0]
        while not self._try(number, shared):
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 1.5, _POLL[1])
        return True

    def release(self, number, shared):
        """Give a lock back. One that a lost session held is free already."""
        with self._mutex:
            left = self._held.pop(number, 0) - 1
            if left > 0:
                self._held[number] = left
            elif self._alive():
                self._ask("pg_advisory_unlock%s(%d)" % ("_shared" if shared else "", number))
            if not self._held and not self._alive():
                self._close()

    def _try(self, number, shared):
        with self._mutex:
            holders = self._held.get(number, 0)
            if holders < 0 or (holders and not shared):
                return False
            if not self._held and not self._alive():
                self._connect()
            if not holders and not self._ask("pg_try_advisory_lock%s(%d)" % ("_shared" if shared else "", number)):
                return False
            self._held[number] = holders + 1 if shared else -1
            return True

    def _connect(self):
        self._close()
        try:
            self._session = postgresql.open_session(self._url)
            self._pid = self._session.execute("SELECT pg_backend_pid()").fetchone()[0]
        except psycopg.Error as error:
            raise ToozError("no connection to the database that holds the locks: %s" % str(error).strip()) from error

    def _alive(self):
        return self._session is not None and not self._session.closed

    def _ask(self, question):
        """Return the answer of the session that took the locks. Raises ToozError when it is gone: then they are free, and others may work."""
        if not self._alive():
            raise ToozError("the connection that held the locks was lost")
        try:
            answer, pid = self._session.execute("SELECT %s, pg_backend_pid()" % question).fetchone()
        except psycopg.Error as error:
            self._session.close()
            raise ToozError("the connection that held the locks was lost: %s" % str(error).strip()) from error
        if pid != self._pid:  # something between here and the server, such as PgBouncer, gives a session's queries to several
            self._session.close()
            raise ToozError("the database does not keep one session for the locks; a pooler must be in session mode")
        return answer

    def _close(self):
        if self._session is not None:
            self._session.close()
        self._session = None


class AdvisoryLock(locking.Lock):
    """One lock, as tooz and Cinder's drivers use it."""

    def __init__(self, coordinator, name):
        super().__init__(name)
        self._coordinator = coordinator
        self._number = postgresql.lock_number(name)
        self._shared = False
        self.acquired = False

    def acquire(self, blocking=True, shared=False, timeout=None):
        """Take the lock; tell whether that worked. ``blocking``: True for ever, False at once, or seconds."""
        if timeout is not None:
            blocking = timeout
        self.acquired = self._coordinator.acquire(self._number, blocking, shared)
        self._shared = shared
        return self.acquired

    def release(self):
        """Give the lock back; tell whether it was held."""
        if not self.acquired:
            return False
        self.acquired = False
        self._coordinator.release(self._number, self._shared)
        return True
