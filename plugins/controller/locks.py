# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks per volume and per backend, held by a process and gone with it. They answer "busy" instead of waiting for ever."""

from __future__ import annotations

import contextlib
import hashlib
import os

from tooz import coordination

from ..module_utils.model.errors import StorageError


class Locks:
    """Named locks over all processes that use one lock directory (tooz; another URL makes them span hosts)."""

    def __init__(self, lock_dir, timeout):
        os.makedirs(lock_dir, mode=0o700, exist_ok=True)
        self._timeout = timeout
        self._coordinator = coordination.get_coordinator("file://" + lock_dir, b"legacy-storage-%d" % os.getpid())
        self._coordinator.start()

    @contextlib.contextmanager
    def hold(self, keys):
        """Hold the locks of ``keys``, (noun, backend, name) tuples, taken in one order by everybody.

        :raises StorageError: ``busy`` when another process holds one for longer than the timeout.
        """
        with contextlib.ExitStack() as stack:
            for key in sorted(keys):
                digest = hashlib.sha256("/".join(key).encode("utf-8")).hexdigest()[:32]
                lock = self._coordinator.get_lock(b"legacy-storage-" + digest.encode("ascii"))
                if not lock.acquire(blocking=self._timeout):
                    raise StorageError(
                        "busy",
                        "%s %r of backend %s is being worked on by another task for more than %d s. Run this task again when that one has ended."
                        % (key[0], key[2], key[1], self._timeout),
                        "name",
                    )
                stack.callback(lock.release)
            yield
