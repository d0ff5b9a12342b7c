# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate of a store, and of each backend: all who change things pass it together, and one who wants the whole closes it behind them.

Whoever wants to be alone first closes the outer door, so that those who come do not keep those who wait waiting for ever.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from tooz import ToozError

_POLL = 0.02  # seconds between two tries


class _Doors:
    """Two doors; ``_take(door, shared, seconds)`` returns a hold that ``_drop`` ends, or None."""

    def enter(self, seconds):
        """Pass together with others. Return what ``leave`` takes, or None when that did not work within so many seconds."""
        outer = self._take("outer", True, seconds)
        if outer is None:
            return None
        try:
            inner = self._take("inner", True, seconds)
        finally:
            self._drop(outer)
        return None if inner is None else [inner]

    def close(self, seconds):
        """Be alone. Return what ``leave`` takes, or None when that did not work within so many seconds."""
        outer = self._take("outer", False, seconds)
        if outer is None:
            return None
        inner = self._take("inner", False, seconds)
        if inner is None:
            self._drop(outer)
            return None
        return [inner, outer]

    def leave(self, holds):
        """Come out again, or let others in again."""
        for hold in holds:
            self._drop(hold)


class FileGate(_Doors):
    """The gate of a store on this host: two files, locked by descriptor, so threads are told apart."""

    def __init__(self, path):
        self._path = path

    def _take(self, door, shared, seconds):
        handle = os.open("%s-%s" % (self._path, door), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                return handle
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(handle)
                    return None
                time.sleep(_POLL)

    def _drop(self, handle):
        os.close(handle)


class AdvisoryGate(_Doors):
    """The gate of a store in PostgreSQL, which several hosts share."""

    def __init__(self, coordinator, name=b""):
        self._coordinator = coordinator
        self._name = name

    def check(self):
        """Raise ToozError unless the gate is held as it was."""
        self._coordinator.check()

    def _take(self, door, shared, seconds):
        lock = self._coordinator.get_lock(b"baremetal.legacy_storage " + self._name + door.encode())
        return lock if lock.acquire(blocking=seconds, shared=shared) else None

    def _drop(self, lock):
        with contextlib.suppress(ToozError):  # a lost one is open
            lock.release()
