# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks per volume and per backend, held by a process and gone with it. They answer "busy" instead of waiting for ever."""

from __future__ import annotations

import contextlib
import hashlib
import os

from tooz import ToozError, coordination

from ..module_utils.model.errors import StorageError
from ..module_utils.plan.failover import NOT_ON_BACKENDS
from .gate import AdvisoryGate, FileGate
from .store import database
from .telling import TellingCoordinator


class Locks:
    """Named locks over all processes that share a store, on one host or on several.

    :param coordinator: gives locks by name (tooz, or an AdvisoryCoordinator).
    :param gate: through which all who change things go, until somebody wants to be alone with the whole store.
    :param backend_gate: a function that returns the gate of one backend by its name: who changes things on it passes together, a fail over alone.
    :param drivers: the coordinator that the drivers' locks must come from as well, or None for files in the lock directory.
    """

    def __init__(self, coordinator, gate, timeout, backend_gate, drivers=None):
        self._coordinator = coordinator
        self._backend_gate = backend_gate
        self._gate = gate
        self._timeout = timeout
        self.drivers = drivers

    @contextlib.contextmanager
    def hold(self, keys, whole_backends=()):
        """Hold the locks of ``keys``, (noun, backend, name) tuples, taken in one order by everybody.

        :param whole_backends: names of backends on which nobody else may change anything for so long.
        :raises StorageError: ``busy`` when another process holds one for longer than the timeout.
        """
        with contextlib.ExitStack() as stack:
            with _speaking():
                passed = self._gate.enter(self._timeout)
            if passed is None:
                raise StorageError(
                    "busy", "The whole store is being worked on by another task. Run this task again when that one has ended."
                )
            stack.callback(self._gate.leave, passed)
            for name in sorted({backend for noun, backend, _name in keys if noun not in NOT_ON_BACKENDS} | set(whole_backends)):
                self._enter(stack, name, name in whole_backends)
            for key in sorted(keys):
                lock = self._lock(key)
                with _speaking():
                    acquired = lock.acquire(blocking=self._timeout)
                if not acquired:
                    raise StorageError(
                        "busy",
                        "%s %r of backend %s is being worked on by another task for more than %d s. Run this task again when that one has ended."
                        % (key[0], key[2], key[1], self._timeout),
                        "name",
                    )
                stack.callback(_release, lock)
            yield

    @contextlib.contextmanager
    def claim(self, key):
        """Try to take one more lock beside those that are held, without waiting, so that nobody waits in a circle. Yields whether that worked."""
        lock = self._lock(key)
        with _speaking():
            acquired = lock.acquire(blocking=False)
        try:
            yield acquired
        finally:
            if acquired:
                _release(lock)

    def _lock(self, key):
        digest = hashlib.sha256("/".join(key).encode("utf-8")).hexdigest()[:32]
        return self._coordinator.get_lock(b"legacy-storage-" + digest.encode("ascii"))

    def _enter(self, stack, backend, alone):
        gate = self._backend_gate(backend)
        with _speaking():
            passed = gate.close(self._timeout) if alone else gate.enter(self._timeout)
        if passed is None:
            raise StorageError(
                "busy",
                (
                    "Other tasks have been working on backend %s for more than %d s. Run this task again when they have ended; one whose array is dead, end it."
                    if alone
                    else "Backend %s is being failed over or back by another task for more than %d s. Run this task again when that one has ended."
                )
                % (backend, self._timeout),
                "name",
            )
        stack.callback(gate.leave, passed)

    @contextlib.contextmanager
    def alone(self):
        """Be alone with the store: who works is waited for, who comes waits. Raises StorageError ``busy`` after the timeout."""
        with _speaking():
            closed = self._gate.close(self._timeout)
        if closed is None:
            raise StorageError(
                "busy",
                "Other tasks have been changing things for more than %d s. Run this task again when they have ended." % self._timeout,
            )
        try:
            yield
        finally:
            self._gate.leave(closed)

    def check(self):
        """Raise StorageError ``store`` unless everything that was locked still is. Files are locked until their process ends."""
        with _speaking():
            for holder in (self._coordinator, self._gate):
                getattr(holder, "check", lambda: None)()


def open_locks(config):
    """Return the Locks that a controller's settings ask for. Call it after a fork, not before."""
    os.makedirs(config.lock_dir, mode=0o700, exist_ok=True)
    store = database.parse(config.store_url, config.store_password)
    shared = store.get_backend_name() == "postgresql"
    of_store = _advisory(store) if shared else None

    def gate_of(backend=None):
        if shared:
            return AdvisoryGate(of_store, b"" if backend is None else b"backend %s " % _digest(backend).encode("ascii"))
        name = "store-" + _digest(str(store.database))
        return FileGate(os.path.join(config.lock_dir, name if backend is None else "%s-backend-%s" % (name, _digest(backend))))

    gate = gate_of()
    if config.lock_url is None:
        coordinator = of_store or _start("file://" + os.path.join(config.lock_dir, "legacy-storage"))
        return Locks(coordinator, gate, config.lock_timeout, gate_of, of_store)
    if config.lock_url.startswith(("postgresql:", "postgres:", "postgresql+")):
        coordinator = _advisory(database.parse(config.lock_url, parameter="lock_url"))
    else:
        coordinator = _telling(_start(config.lock_url))
    return Locks(coordinator, gate, config.lock_timeout, gate_of, coordinator)


def _digest(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _advisory(url):
    from .advisory import AdvisoryCoordinator  # psycopg takes a moment

    return AdvisoryCoordinator(url)


def _telling(coordinator):
    try:
        return TellingCoordinator(coordinator)
    except ToozError as error:
        raise StorageError(
            "invalid",
            "lock_url: %s, so another could work beside it. Use PostgreSQL, etcd (etcd3+http: or etcd3+https:), zookeeper: or redis:." % error,
            "lock_url",
        ) from error


def _start(url):
    try:
        with _speaking():
            coordinator = coordination.get_coordinator(url, b"legacy-storage-%s-%d" % (os.uname().nodename.encode(), os.getpid()))
            coordinator.start(start_heart=True)
    except ImportError as error:
        raise StorageError(
            "not_installed",
            "lock_url: tooz needs a Python package for it that is not installed (%s). Name it in the role's controller_python_packages." % error,
            "lock_url",
        ) from error
    except (ValueError, TypeError) as error:
        raise StorageError(
            "invalid", "lock_url: is no URL of a lock service that tooz knows (%s)" % type(error).__name__, "lock_url"
        ) from error
    except StorageError:
        raise
    except Exception as error:  # drivers raise what their clients raise
        raise StorageError(
            "store", "lock_url: the lock service does not answer (%s: %s). Mend that and run the task again." % (type(error).__name__, error)
        ) from error
    return coordinator


def _release(lock):
    with contextlib.suppress(ToozError):  # lost before; whoever writes is told by check()
        lock.release()


@contextlib.contextmanager
def _speaking():
    try:
        yield
    except ToozError as error:
        raise StorageError(
            "store", "The locks failed: %s. Mend that and run the task again; what was begun is settled first." % error
        ) from error
