# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks of a service that tooz speaks to, which tell when they were lost.

Such a lock is a lease: it ends when its holder is not heard of for a while, and the next one gets it. Whoever holds it must find that out
before he writes what others write by then. tooz leaves ``is_still_owner`` to each driver; for etcd 3 it has none (tooz 8.1.0 and 9.1.0), so what
is stored under the lock is compared here with what the driver stored.
"""

from __future__ import annotations

import base64
import threading

import tenacity
import tooz
from tooz import ToozError, locking

_MOMENT = 0.001  # seconds; etcd's driver takes 0 and 1, which equal False and True, for waiting without an end


class TellingCoordinator:
    """A coordinator of tooz, as far as locks go. Threads may share it.

    :raises ToozError: when the service's driver has no way to tell whether a lock was lost.
    """

    def __init__(self, coordinator):
        self._coordinator = coordinator
        self._mutex = threading.Lock()
        self._held = set()
        if not can_tell(coordinator.get_lock(b"legacy-storage-probe")):
            raise ToozError("this kind of lock service cannot tell a task that it has lost its lock")

    def get_lock(self, name):
        """Return the lock of a name (bytes)."""
        return TellingLock(self, self._coordinator.get_lock(name), name)

    def check(self):
        """Raise ToozError unless every lock that was acquired and not released is still held."""
        with self._mutex:
            held = list(self._held)
        for lock in held:
            if not lock.is_still_owner():
                with self._mutex:
                    given_back = lock not in self._held
                if not given_back:
                    raise ToozError("the lock service gave a lock of this task away, since it did not hear of the task in time")

    def note(self, lock, held):
        """Remember whether a lock is held."""
        with self._mutex:
            (self._held.add if held else self._held.discard)(lock)


class TellingLock(locking.Lock):
    """One lock, as tooz and Cinder's drivers use it."""

    def __init__(self, coordinator, lock, name):
        super().__init__(name)
        self._coordinator = coordinator
        self._lock = lock

    @property
    def acquired(self):
        """Whether it was acquired and not released."""
        return self._lock.acquired

    def acquire(self, blocking=True, **how):
        """Take the lock; tell whether that worked. ``blocking``: whether to wait, or for how many seconds at most."""
        if not isinstance(blocking, bool):
            blocking += _MOMENT
        try:
            acquired = self._lock.acquire(blocking, **how)
        except tenacity.RetryError:  # so etcd's driver says that others held it for as long as it was to wait
            return False
        if acquired:
            self._coordinator.note(self, True)
        return acquired

    def release(self):
        """Give the lock back; tell whether it was held."""
        self._coordinator.note(self, False)
        return self._lock.release()

    def is_still_owner(self):
        """Ask the service whether the lock is ours. Raises ToozError when it does not answer."""
        try:
            return _is_ours(self._lock)
        except ToozError:
            raise
        except Exception as error:  # drivers raise what their clients raise
            raise ToozError("the lock service could not be asked whether the locks are still held: %s" % error) from error


def can_tell(lock):
    """Tell whether a lock of tooz can say that it was lost."""
    return type(lock).is_still_owner is not locking.Lock.is_still_owner or _is_etcd3(lock)


def _is_etcd3(lock):
    return type(lock).__module__ == "tooz.drivers.etcd3gw"


def _is_ours(lock):
    if _is_etcd3(lock):
        return lock._coord.client.get(lock._key) == [base64.b64decode(lock._uuid)]
    try:
        return bool(lock.is_still_owner())
    except tooz.NotImplemented:
        return False
