# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots: what each operation does to the array and the store."""

from __future__ import annotations

from ...module_utils.model.errors import StorageError
from ...module_utils.model.resources import Snapshot
from .adopting import adopt, once_here, refuse_managed
from .endings import give_up, refuse_present


def _create(work, operation, arguments):
    snapshot = Snapshot(backend=operation.backend, name=operation.name, status="creating", **arguments)
    refuse_present(work, "snapshot", snapshot, work.engine().snapshots.is_on_array)
    with work.store.writing() as writer:
        entry = writer.begin(operation, snapshot.id)
        writer.add_snapshot(snapshot)
    try:
        work.engine().snapshots.create(snapshot.id)
    except StorageError as error:
        give_up(work, error, entry, lambda: work.engine().snapshots.delete(snapshot.id), lambda writer: writer.drop_snapshot(snapshot.id))
    with work.store.writing() as writer:
        writer.change_snapshot(snapshot.id, status="available")
        writer.settle(entry)


def _undo_create(work, operation, arguments):
    work.engine().snapshots.delete(arguments["id"])
    with work.store.writing() as writer:
        writer.drop_snapshot(arguments["id"])
        writer.settle(operation.settles)


def _delete(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
        former = writer.status_of("snapshot", arguments["id"])
        writer.change_snapshot(arguments["id"], status="deleting")
    try:
        work.engine().snapshots.delete(arguments["id"])
    except StorageError:
        with work.store.writing() as writer:  # the array still has it, so it stays as usable as it was
            writer.change_snapshot(arguments["id"], status=former)
            writer.settle(entry)
        raise
    with work.store.writing() as writer:
        writer.drop_snapshot(arguments["id"])
        writer.settle(entry)


_finish_delete = _undo_create


def _adopt(work, operation, arguments):
    snapshot = Snapshot(backend=operation.backend, name=operation.name, status="creating", **arguments)
    with work.store.writing() as writer:
        refuse_managed(writer, "snapshot", operation)
        entry = writer.begin(operation, snapshot.id)
        writer.add_snapshot(snapshot)
    adopt(work, "snapshot", operation, entry)


def _update(work, operation, arguments):
    with work.store.writing() as writer:
        writer.change_snapshot(arguments["id"], **{key: value for key, value in arguments.items() if key != "id"})


def _rename(work, operation, arguments):
    with work.store.writing() as writer:
        writer.rename("snapshot", arguments["id"], arguments["new_name"])


ACTIONS = {
    "create": _create,
    "undo_create": _undo_create,
    "delete": _delete,
    "finish_delete": _finish_delete,
    "update": _update,
    "rename": _rename,
    "adopt": _adopt,
    **once_here("snapshot"),
}
