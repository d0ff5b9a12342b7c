# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks between the processes of one node: a wait has an end, then the answer is ``busy``."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from ..module_utils.model.errors import StorageError

WAIT = 120.0  # seconds: longer than one attach takes, shorter than a person's patience
_STEP = 0.05
_held = []


@contextlib.contextmanager
def locked(lock_dir, name, wait=WAIT):
    """Hold the lock ``name``; the kernel frees it when the process dies.

    :raises StorageError: ``busy`` when another process holds it for longer than ``wait`` seconds.
    """
    os.makedirs(lock_dir, mode=0o700, exist_ok=True)
    handle = os.open(os.path.join(lock_dir, name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle, name, time.monotonic() + wait, wait)
        _held.append(handle)
        try:
            yield
        finally:
            _held.remove(handle)
    finally:
        os.close(handle)


def held():
    """Return the descriptors of the locks that this process holds: a child that inherits them holds them, too, until it ends.

    So the next run waits for a command that outlived its worker.
    """
    return tuple(_held)


def _acquire(handle, name, deadline, wait):
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StorageError("busy", "Another task on this host has held %s for more than %d s. Run this one again later." % (name, wait)) from None
        time.sleep(_STEP)
