# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A worker whose lock service is a stand-in in this process, which forgets locks when told. tooz's drivers for real ones need a server.

Run in the controller's environment: ``losing_locks.py CASE FOLDER``; prints what came of it, as JSON.
"""

from __future__ import annotations

import json
import sys

import tenacity
from ansible_collections.baremetal.legacy_storage.plugins.controller import locks
from ansible_collections.baremetal.legacy_storage.plugins.controller.config import Config
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from tooz import coordination, locking

KEY = ("volume", "one", "data")
OWNERS = {}


class Lease(locking.Lock):
    """A lock of the stand-in."""

    acquired = False

    def acquire(self, blocking=True, shared=False, timeout=None):
        if self.name in OWNERS:
            raise tenacity.RetryError(None)  # as tooz's driver for etcd does
        OWNERS[self.name], self.acquired = self, True
        return True

    def release(self):
        if OWNERS.get(self.name) is self:
            del OWNERS[self.name]
        self.acquired = False
        return True


class TellingLease(Lease):
    """One that tells whether it is still held."""

    def is_still_owner(self):
        if OWNERS.get(self.name) == "away":
            raise ConnectionError("no route to it")
        return OWNERS.get(self.name) is self


class StandIn:
    """A coordinator of such locks."""

    def __init__(self, kind):
        self._kind = kind

    def start(self, start_heart):
        """Nothing to start."""

    def get_lock(self, name):
        """Return one lock."""
        return self._kind(name)


def main(case, folder):
    """Hold a lock, let ``case`` happen to it, and return what the holder is told."""
    coordination.get_coordinator = lambda _url, _member: StandIn(Lease if case == "mute" else TellingLease)
    config = Config("sqlite:///%s/store.sqlite" % folder, "%s/key" % folder, folder, "%s/locks" % folder, lock_timeout=1, lock_url="stand-in://here")
    try:
        mine = locks.open_locks(config)
        with mine.hold({KEY}):
            mine.check()
            name = next(iter(OWNERS))
            if case == "lost":
                del OWNERS[name]
            elif case == "another's":
                OWNERS[name] = Lease(name)
            elif case == "away":
                OWNERS[name] = "away"
            elif case == "waits":
                with locks.open_locks(config).hold({KEY}):
                    pass
            mine.check()
        mine.check()
    except StorageError as error:
        return {"code": error.code, "message": error.message, "left": len(OWNERS)}
    return {"code": None, "left": len(OWNERS)}


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
