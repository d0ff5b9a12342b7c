# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migration: a volume's data goes to another pool or backend; its id, its name and all that people wrote about it stay.

The copy is a volume of its own until it has been compared, byte by byte. Then, in one transaction, the two exchange what stands for them
on the arrays: the volume has the new object from then on, as in Cinder under the name of ``_name_id``, and the other one, with the old
object, is deleted. So a killed run is undone before the exchange, and after it only that deletion is left.
"""

from __future__ import annotations

import dataclasses

from ...module_utils.model.errors import EXISTS, StorageError
from ...module_utils.model.identity import derive_id
from ...module_utils.model.sizes import GIB
from ...module_utils.plan.operations import Operation
from ...module_utils.plan.retyping import refuse_migration
from . import access
from .copying import copy_verified
from .endings import refuse_present
from .pools import find_pool

_NAME = 200  # characters of a volume's name within its copy's
_COPY = "copy of volume %s"  # what the id of a copy of the volume with this id is derived from


def _migrate(work, operation, arguments):
    with work.store.reading() as reader:
        (driven,) = reader.driven_volumes(ids=[arguments["id"]])
    volume = driven.resource
    work.engine().start(arguments["to_backend"])
    within = arguments["to_backend"] == volume.backend
    find_pool(work, arguments["to_backend"], arguments["to_pool"], "pool" if within else "migrate_to.pool")
    same = "extra_specs" not in arguments and "qos_specs" not in arguments
    if not (within and same and _let_driver(work, operation, arguments)):
        migrate_by_copying(work, operation, driven)


def _let_driver(work, operation, arguments):
    """Ask the driver to move a volume between pools of its backend; tell whether it did."""
    with work.store.writing() as writer:
        entry = writer.begin(dataclasses.replace(operation, action="move"), arguments["id"])
    try:
        moved = work.engine().volumes.move(arguments["id"], arguments["to_pool"])
    except StorageError as error:
        pool = work.engine().volumes.pool_on_array(arguments["id"])
        if pool is None:  # it may have moved, and only the answer was lost: asking for it again will tell
            raise StorageError(
                error.code,
                "%s Whether volume %r moved is not known; the next task that names it asks for it again." % (error.message, operation.name),
                error.parameter,
            ) from error
        _finish(work, entry, arguments, pool)
        raise
    _finish(work, entry, arguments, arguments["to_pool"] if moved else None)
    return moved


def _finish_move(work, operation, arguments):
    volumes, refusal = work.engine().volumes, None
    try:
        moved = volumes.move(arguments["id"], arguments["to_pool"])
    except StorageError as error:  # some drivers refuse to move a volume to where it is
        moved, refusal = False, error
    pool = arguments["to_pool"] if moved else volumes.pool_on_array(arguments["id"])
    _finish(work, operation.settles, arguments, pool)
    if refusal is not None and pool is None:
        with work.store.reading() as reader:
            (driven,) = reader.driven_volumes(ids=[arguments["id"]])
        raise StorageError(
            "interrupted",
            "Volume %r was to be moved to pool %s, and whether it was is not known: asked again, the storage system refuses, and its driver does not tell "
            "where the volume lies. It counts as lying in pool %s. Look there; if it lies elsewhere, release it and adopt it again with its pool. %s"
            % (operation.name, arguments["to_pool"], driven.resource.pool, refusal.message),
        ) from refusal


def _finish(work, entry, arguments, pool):
    with work.store.writing() as writer:
        if pool:
            writer.change_volume(arguments["id"], pool=pool)
        writer.settle(entry)


def migrate_by_copying(work, operation, driven):
    """Migrate a volume by way of this controller.

    :param operation: its arguments say where to (``to_backend``, ``to_pool``) and with which ``extra_specs`` and ``qos_specs`` if not its own.
    :param driven: the volume, Driven.
    """
    volume, copy = driven.resource, _copy_of(work, operation.arguments, driven)
    arguments = dict(operation.arguments, target=copy.id, from_backend=volume.backend)
    refuse_present(work, "volume", copy, work.engine().volumes.is_on_array, _COPY % volume.id)
    with work.store.writing() as writer:
        entries = [
            writer.begin(Operation("migrate", "volume", backend, volume.name, arguments), volume.id)
            for backend in dict.fromkeys((volume.backend, copy.backend))  # whoever touches either name settles it
        ]
        writer.add_volume(copy)
    try:
        pool = work.engine().volumes.create(copy.id)
        with access.opened_volume(work, volume.id, whole=True) as source, access.opened_volume(work, copy.id) as target:
            copy_verified(work, entries[0], source, target, min(volume.size * GIB, source.size))
    except StorageError as error:
        work.store.check_locks()
        try:
            _undo(work, arguments, EXISTS in error.details)
        except StorageError as second:
            raise StorageError(
                error.code,
                "%s The volume is as it was, but what the migration left could not be taken back (%s); the next task that names it tries "
                "again." % (error.message, second.message),
                error.parameter,
            ) from error
        raise
    with work.store.writing() as writer:
        writer.exchange_objects(volume.id, copy.id)
        writer.change_volume(volume.id, pool=pool)
        for entry in entries:
            writer.settle(entry)
        discarding = writer.begin(Operation("discard", "volume", volume.backend, volume.name, {"id": copy.id}), copy.id)
    _discard(work, discarding, volume, copy)


def retype_by_migration(work, operation):
    """Give a volume other specs by way of a new one in the same pool, since its driver cannot. ``operation`` is the retype.

    :raises StorageError: ``in_use`` when it must not be migrated; then nothing was done.
    """
    with work.store.reading() as reader:
        (driven,) = reader.driven_volumes(ids=[operation.arguments["id"]])
        snapshots = reader.driven_snapshots(volume_ids=[driven.resource.id])
    volume = driven.resource
    refuse_migration(volume, [item.resource.name for item in snapshots])
    arguments = {key: operation.arguments[key] for key in ("id", "extra_specs", "qos_specs")}
    migrate_by_copying(
        work, dataclasses.replace(operation, arguments=dict(arguments, to_backend=volume.backend, to_pool=volume.pool)), driven
    )


def _copy_of(work, arguments, driven):
    """Return the Volume that a volume's data goes to, under an id that nothing bears."""
    volume, generation = driven.resource, 0
    with work.store.reading() as reader:
        namespace = reader.namespaces()[0]
        while True:
            copy_id = derive_id("volume", arguments["to_backend"], _COPY % volume.id, generation, namespace)
            if not reader.bears(copy_id):
                break
            generation += 1
    return dataclasses.replace(
        volume,
        id=copy_id,
        backend=arguments["to_backend"],
        name="%s.migration-%s" % (volume.name[:_NAME], copy_id),
        status="maintenance",
        metadata={},
        extra_specs=arguments.get("extra_specs", volume.extra_specs),
        qos_specs=arguments.get("qos_specs", volume.qos_specs),
        pool=arguments["to_pool"],
        source=None,
        reverted_to=None,
    )


def _discard(work, entry, volume, copy):
    try:
        work.engine().volumes.delete(copy.id)
    except StorageError as error:
        raise StorageError(
            error.code,
            "Volume %r was migrated, compared, and is on backend %s now. What it left on backend %s could not be deleted; the next task that names "
            "it there tries again. %s" % (volume.name, copy.backend, volume.backend, error.message),
            error.parameter,
        ) from error
    _discarded(work, entry, copy.id)


def _finish_discard(work, operation, arguments):
    with work.store.reading() as reader:
        (left,) = reader.driven_volumes(ids=[arguments["id"]])
    try:
        work.engine().volumes.delete(arguments["id"])
    except StorageError as error:
        with work.store.writing() as writer:
            writer.change_volume(arguments["id"], status="available")
            writer.settle(operation.settles)
        raise StorageError(
            error.code,
            "What volume %r left on backend %s when it was migrated could not be deleted again. It is kept there as volume %r; delete that with "
            "legacy_volume when the cause is mended. %s" % (operation.name, operation.backend, left.resource.name, error.message),
            error.parameter,
        ) from error
    _discarded(work, operation.settles, arguments["id"])


def _discarded(work, entry, volume_id):
    with work.store.writing() as writer:
        writer.drop_volume(volume_id)
        writer.settle(entry)


def _undo_migrate(work, operation, arguments):
    _undo(work, arguments)


def _undo(work, arguments, stays=False):
    """Take a copy back that was not exchanged: close it, delete it, unless it ``stays``, forget it. What is done already is not done again."""
    with work.store.reading() as reader:
        left = reader.unsettled(keys=(), resource_ids={arguments["id"], arguments["target"]})
        there = reader.driven_volumes(ids=[arguments["target"]])
    for record in left:
        if record.noun == "access":
            access.close(work, record)
    if there and not stays:
        work.engine().volumes.delete(arguments["target"])
    with work.store.writing() as writer:
        if there:
            writer.drop_volume(arguments["target"])
        for record in left:
            if record.action == "migrate" and record.arguments["target"] == arguments["target"]:
                writer.settle(record.operation_id)


ACTIONS = {"migrate": _migrate, "undo_migrate": _undo_migrate, "finish_move": _finish_move, "finish_discard": _finish_discard}
