# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The locks that drivers take, held over all controllers of a store instead of on one host."""

from __future__ import annotations

import hashlib

from cinder import coordination
from oslo_concurrency import lockutils


def share(coordinator):
    """Take the drivers' locks from ``coordinator``: Cinder's coordination, and oslo's locks that drivers declare to hold over processes."""
    coordination.COORDINATOR.coordinator = coordinator
    on_this_host = lockutils.external_lock

    def external_lock(name, lock_file_prefix=None, lock_path=None):
        if not (lock_file_prefix or "").startswith("cinder"):
            return on_this_host(name, lock_file_prefix, lock_path)
        digest = hashlib.sha256(("%s%s" % (lock_file_prefix, name)).encode("utf-8")).hexdigest()
        return _External(coordinator.get_lock(b"external-" + digest.encode("ascii")))

    lockutils.external_lock = external_lock


class _External:
    """A coordinator's lock with the signature that lockutils expects."""

    def __init__(self, lock):
        self._lock = lock

    def acquire(self, blocking=True, **_how):
        """Take it; tell whether that worked."""
        return self._lock.acquire(blocking=blocking)

    def release(self):
        """Give it back."""
        self._lock.release()
