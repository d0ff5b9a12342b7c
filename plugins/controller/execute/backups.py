# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups: what each operation does to the array, the repository and the store.

A repository may be slow or away when a killed run is settled, and somebody may only want the volume. So what belongs to the array is
taken back first, and what is left in the repository only if it answers soon; without its record it counts for nothing anyway, and the
next backup of that name removes it.
"""

from __future__ import annotations

import contextlib

from ...module_utils.model.errors import StorageError
from ...module_utils.model.resources import Snapshot
from ...module_utils.plan.backups import temporary_name
from ..backup import content
from ..backup.catalogue import catalogue_of
from ..backup.restic import LOCKED
from ..store.database import now
from . import access
from .access import opened_snapshot, opened_volume
from .copying import telling
from .endings import give_up

_SOON = 60  # seconds


def _create(work, operation, arguments):
    catalogue, volume, temporary = _catalogue(work, operation.backend), arguments["volume"], arguments.get("temporary_snapshot")
    try:
        catalogue.delete(name=operation.name, unfinished_only=True)
    except StorageError as error:
        if not error.details.get(LOCKED):  # it only takes room: no reason to wait for everybody else's backups
            raise
    with work.store.writing() as writer:
        entry = writer.begin(operation, volume["id"])
        if temporary:
            writer.add_snapshot(_snapshot(operation, temporary))
    try:
        if temporary:
            work.engine().snapshots.create(temporary)
        about = {"volume": volume, "description": arguments["description"], "snapshot": arguments["snapshot"]}
        about["created_at"] = now().isoformat(timespec="seconds") + "Z"
        with _opened(work, arguments) as device:
            length = content.length_of(device, volume)
            about.update(catalogue.save(entry, operation.name, about, device, length, telling(work, entry, "saving")))
        if arguments["verify"]:
            catalogue.verify(entry, operation.name, about, telling(work, entry, "verifying"))
        if temporary:
            work.engine().snapshots.delete(temporary)
        catalogue.record(entry, operation.name, about)
    except StorageError as error:
        give_up(work, error, entry, lambda: _take_back(work, operation, arguments, entry), lambda writer: _drop(writer, temporary))
    with work.store.writing() as writer:
        _drop(writer, temporary)
        writer.settle(entry)


def _clean_up(work, operation, arguments):
    _take_back(work, operation, arguments, operation.settles)
    with work.store.writing() as writer:
        _drop(writer, arguments.get("temporary_snapshot"))
        writer.settle(operation.settles)


def _delete(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
    try:
        _erase(work, operation)
    except StorageError:
        with work.store.writing() as writer:  # what is left of it is told by the repository itself
            writer.settle(entry)
        raise
    with work.store.writing() as writer:
        writer.settle(entry)


def _finish_delete(work, operation, arguments):
    _erase(work, operation)
    with work.store.writing() as writer:
        writer.settle(operation.settles)


def _erase(work, operation):
    """Delete a backup in its repository and free its space; that others write there just then, which may take hours, only puts the latter off."""
    catalogue = _catalogue(work, operation.backend)
    deleted = catalogue.delete(run=operation.arguments["id"])
    if not operation.arguments["prune"] or not (deleted or operation.settles):
        return
    try:
        catalogue.prune()
    except StorageError as error:
        if not error.details.get(LOCKED):
            raise
        work.warn(
            "Backup %s/%s is deleted, but its space is not free yet, as others use the repository. The next deletion there frees it, or restic prune."
            % (operation.backend, operation.name)
        )


def fill(work, entry, volume_id, repository, run):
    """Replace a volume's content by a backup's, and read it back.

    :param entry: the journal entry, whose step says from before the first byte on how far it is.
    :raises StorageError: when the step is another than before, the content is worth nothing.
    """
    catalogue = _catalogue(work, repository)
    backup = next((item for item in catalogue.backups() if item.id == run), None)
    if backup is None:
        raise StorageError("not_found", "The backup is not in the repository %s any more." % repository)
    with opened_volume(work, volume_id) as device:
        with content.writing(device, backup.bytes) as write:  # refuses what it cannot write to, while all of the content is still there
            begun, tell = [], telling(work, entry, "writing")

            def put(block):
                if not begun:  # a repository that gives nothing does no harm
                    with work.store.writing() as writer:
                        writer.step(entry, "writing")
                        writer.change_volume(volume_id, reverted_to=None, restored=None)
                    begun.append(True)
                write(block)

            catalogue.read(backup, put, lambda percent: tell(percent) if begun else None)
        if content.checksum(device, backup.bytes, telling(work, entry, "verifying")) != backup.sha256:
            raise StorageError("backend", "What the volume gives back is not what was written to it. Look at the array and the way to it.")


def _catalogue(work, name, limit=None):
    return catalogue_of(work.store, work.restic, name, limit)


def _opened(work, arguments):
    snapshot = arguments.get("temporary_snapshot") or (arguments["snapshot"] or {}).get("id")
    return opened_snapshot(work, snapshot) if snapshot else opened_volume(work, arguments["volume"]["id"], whole=True)


def _snapshot(operation, snapshot_id):
    volume = operation.arguments["volume"]
    name = temporary_name(operation.backend, operation.name)
    return Snapshot(snapshot_id, volume["backend"], name, volume["id"], volume["name"], volume["size"], "creating")


def _take_back(work, operation, arguments, run):
    if arguments.get("temporary_snapshot"):
        _close(work, arguments["temporary_snapshot"])
        work.engine().snapshots.delete(arguments["temporary_snapshot"])
    with contextlib.suppress(StorageError):
        _catalogue(work, operation.backend, _SOON).delete(run=run, unfinished_only=True)


def _close(work, snapshot_id):
    """Close a snapshot whose opening was begun though this run was told that it was not: the store's answer was lost."""
    with work.store.reading() as reader:
        left = reader.unsettled(keys=(), resource_ids={snapshot_id})
    for record in left:
        if record.noun == "access":
            access.close(work, record)


def _drop(writer, snapshot_id):
    if snapshot_id:
        writer.drop_snapshot(snapshot_id)


ACTIONS = {"create": _create, "clean_up": _clean_up, "delete": _delete, "finish_delete": _finish_delete}
