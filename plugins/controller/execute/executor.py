# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying operations out: record, ask the array, settle. Beside this file stands one for each noun.

Every change of the array stands between two transactions: the first records what is about to happen (the journal
entry and the row), the second settles it. A process killed anywhere between leaves the entry; plan/settlement.py
says what the next run does about it.
"""

from __future__ import annotations

from . import access, backends, backups, exports, failover, group_snapshots, images, migration, repositories, snapshots, volumes

ACTIONS = {
    "backend": {**backends.ACTIONS, **failover.ACTIONS},
    "volume": {**volumes.ACTIONS, **migration.ACTIONS},
    "snapshot": snapshots.ACTIONS,
    "group_snapshot": group_snapshots.ACTIONS,
    "export": exports.ACTIONS,
    "access": access.ACTIONS,
    "repository": repositories.ACTIONS,
    "backup": backups.ACTIONS,
    "image": images.ACTIONS,
}
_STORE_ONLY = ("update", "rename")  # of volumes, snapshots and group snapshots; arrays know them by their ids


class Executor:
    """Carries operations out on one store through one engine.

    :param engine: a function that returns the Engine; called only when something must be carried out.
    :param restic: a function that returns the Restic of a Repository.
    :param unprobed: names of backends to register without asking them.
    :param fenced: names of controllers that are dead: what they had open is unmapped without asking them.
    :param warn: called with a text for each thing a person should know.
    """

    def __init__(self, store, engine, restic=None, unprobed=(), fenced=(), warn=lambda text: None):
        self.store = store
        self.engine = engine
        self.restic = restic
        self.unprobed = unprobed
        self.fenced = frozenset(fenced)
        self.warn = warn
        self._imported = None

    def prepare(self):
        """Load the engine. Call it in the main thread, before threads run operations.

        cinder imports eventlet, which imports a second copy of threading; that copy takes the thread it is made in for the
        main one, and a join of that thread would wait for ever (eventlet 0.40 on CPython 3.11).
        """
        self.engine()

    def former_ids(self, noun, backend, name):
        """Return the ids under which a store that went before this one may have made a ``volume`` or ``snapshot`` of this name; mostly there was none."""
        if self._imported is None:
            with self.store.reading() as reader:
                self._imported = len(reader.namespaces()) > 1  # an import waits until this run has ended
        if not self._imported:
            return []
        with self.store.reading() as reader:
            return reader.former_ids(noun, backend, name)

    def run(self, operation):
        """Carry one Operation out. Raises StorageError; then nothing is left over, or the journal knows of it."""
        backend = _backend_asked(operation)
        if backend is not None:
            self.engine().start(backend)  # an array that cannot be reached is told before anything is recorded
        ACTIONS[operation.noun][operation.action](self, operation, operation.arguments)


def _backend_asked(operation):
    """Return the backend whose array an operation works on, or None."""
    store_only = ("renew",) if operation.noun == "export" else _STORE_ONLY
    if operation.noun in ("backend", "repository", "image") or operation.action in store_only:
        return None
    if operation.noun == "backup":
        asked = operation.action == "create" or operation.arguments.get("temporary_snapshot")
        return operation.arguments["volume"]["backend"] if asked else None
    return operation.backend
