# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes: what each operation does to the array and the store."""

from __future__ import annotations

import contextlib
import dataclasses

from ...module_utils.model.backups import UNRESTORED
from ...module_utils.model.errors import StorageError
from ...module_utils.model.resources import DRAWN_FROM, Source, Volume
from ...module_utils.plan import retyping
from ...module_utils.plan.volumes import UNREVERTED
from . import imports
from .adopting import adopt, once_here, refuse_managed
from .backups import fill
from .cloning import CloneSnapshot
from .copying import UNTOUCHED, revert_by_copying
from .endings import give_up, refuse_present, rest
from .migration import retype_by_migration
from .pools import find_pool


def _create(work, operation, arguments):
    source = Source(**arguments["source"]) if arguments.get("source") else None
    image, operation = imports.taken_out(_placed(work, operation))
    values = {key: value for key, value in operation.arguments.items() if key != "source"}
    volume = Volume(backend=operation.backend, name=operation.name, source=source, **dict(values, status="creating"))
    refuse_present(work, "volume", volume, work.engine().volumes.is_on_array)
    between = CloneSnapshot(work, volume)
    with work.store.writing() as writer:
        entry = writer.begin(operation, volume.id)
        writer.add_volume(volume)
        between.begin(writer)
        if source is not None and source.kind in DRAWN_FROM:
            writer.bury(source.kind, source.id, operation.backend, source.name)
    with contextlib.ExitStack() as until_done:
        try:
            content = until_done.enter_context(imports.fetched(work, entry, volume, image))
        except StorageError as error:  # the array was not asked for anything
            give_up(work, error, entry, lambda: None, lambda writer: writer.drop_volume(volume.id))
        try:
            pool = work.engine().volumes.create(volume.id)
            source = content.pour(source) if content else source
            if source is not None and source.kind == "backup":
                fill(work, entry, volume.id, source.name.partition("/")[0], source.id)
        except StorageError as error:
            give_up(work, error, entry, lambda: _take_back(work, volume, between), lambda writer: _forget_created(writer, volume, between))
    with work.store.writing() as writer:
        writer.change_volume(volume.id, status="available", pool=pool, source=source and dataclasses.asdict(source))
        between.end(writer)
        writer.settle(entry)


def _placed(work, operation):
    """Return the operation that makes a volume with the pool that it is made in."""
    pool = find_pool(work, operation.backend, operation.arguments["pool"])
    return dataclasses.replace(operation, arguments=dict(operation.arguments, pool=pool))


def _take_back(work, volume, between):
    between.delete()
    imports.take_back(work, volume.id)


def _forget_created(writer, volume, between):
    between.end(writer)
    if volume.is_clone:
        writer.bury("volume", volume.id, volume.backend, volume.name)
    writer.drop_volume(volume.id)


def _undo_create(work, operation, arguments):
    imports.forget(work, arguments["id"])
    work.engine().volumes.delete(arguments["id"])
    _deleted(work, operation, operation.settles)


def _delete(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
        former = writer.status_of("volume", arguments["id"])
        writer.change_volume(arguments["id"], status="deleting")
    try:
        work.engine().volumes.delete(arguments["id"])
    except StorageError:
        with work.store.writing() as writer:  # the array still has it, so it stays as usable as it was
            writer.change_volume(arguments["id"], status=former)
            writer.settle(entry)
        raise
    _deleted(work, operation, entry)


def _finish_delete(work, operation, arguments):
    imports.forget(work, arguments["id"])
    work.engine().volumes.delete(arguments["id"])
    _deleted(work, operation, operation.settles)


def _deleted(work, operation, entry):
    volume_id = operation.arguments["id"]
    with work.store.reading() as reader:
        (driven,) = reader.driven_volumes(ids=[volume_id])
    with work.store.writing() as writer:
        if driven.resource.is_clone:
            writer.bury("volume", volume_id, operation.backend, operation.name)
        writer.drop_volume(volume_id)
        writer.settle(entry)


def _extend(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
        writer.change_volume(arguments["id"], status="extending")
    failure, _size = _grow(work, entry, operation)
    if failure is not None:
        raise failure


def _finish_extend(work, operation, arguments):
    failure, size = _grow(work, operation.settles, operation)
    if failure is not None:
        raise StorageError(
            "interrupted",
            "Volume %r was being extended to %d GiB when a run was killed, and that cannot be finished now: %s It counts as having %s; "
            "mend the cause and run the task again."
            % (operation.name, arguments["size"], failure.message, "%d GiB" % size if size else "its size of before"),
        ) from failure


def _grow(work, entry, operation):
    """Extend a volume and settle the entry. Return (why it failed or None, the size that the array tells or None)."""
    volume_id, wanted = operation.arguments["id"], operation.arguments["size"]
    size, failure = wanted, None
    try:
        _refuse_to_shrink(operation.name, wanted, work.engine().volumes.size_on_array(volume_id))
        work.engine().volumes.extend(volume_id, wanted)
    except StorageError as error:
        # It may have grown and only the answer was lost; and many arrays refuse to extend to the size there is.
        size = work.engine().volumes.size_on_array(volume_id)
        failure = None if size == wanted else error
    with work.store.writing() as writer:
        rest(writer, volume_id, **({"size": size} if size else {}))
        writer.settle(entry)
    return failure, size


def _refuse_to_shrink(name, wanted, there):
    """Raise StorageError ``conflict`` where the array has more than is wanted: some drivers, such as Ceph's, set any size they are told."""
    if there is not None and there > wanted:
        raise StorageError(
            "conflict",
            "size: %d: volume %r has %d GiB on its storage system, more than this controller knew of. Volumes never shrink; give at least that."
            % (wanted, name, there),
            "size",
        )


def _forget(work, operation, arguments):
    with work.store.writing() as writer:
        rest(writer, arguments["id"])
        writer.settle(operation.settles)


def _restore(work, operation, arguments):
    volume_id, backup = arguments["id"], arguments["backup"]
    with work.store.writing() as writer:
        entry = writer.begin(operation, volume_id)
        writer.change_volume(volume_id, status="restoring-backup")
    try:
        fill(work, entry, volume_id, backup["repository"], backup["id"])
    except StorageError as error:
        with work.store.writing() as writer:
            untouched = writer.step_of(entry) == "begun"
            writer.change_volume(volume_id, status=arguments["former_status"] if untouched else UNRESTORED)
            writer.settle(entry)
        if untouched:
            raise StorageError(error.code, "%s Nothing was written: the volume is as it was." % error.message, error.parameter) from error
        raise StorageError(
            error.code,
            "%s The content of volume %r is worth nothing now; restore a backup to it, or delete it." % (error.message, operation.name),
            error.parameter,
        ) from error
    with work.store.writing() as writer:
        rest(writer, volume_id, restored=backup)
        writer.settle(entry)


def _undo_restore(work, operation, arguments):
    with work.store.writing() as writer:
        writer.change_volume(arguments["id"], status=arguments["former_status"])
        writer.settle(operation.settles)


def _give_content_up(status):
    """Return the ending of a killed run after which nobody knows what the volume holds: it bears ``status`` from then on."""

    def end(work, operation, arguments):
        with work.store.writing() as writer:
            writer.change_volume(arguments["id"], status=status)
            writer.settle(operation.settles)

    return end


def _retype(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
        writer.change_volume(arguments["id"], status="retyping")
    try:
        _retype_on_array(work, operation, arguments)
    except StorageError:
        _leave_as_it_was(work, entry, arguments)
        raise
    _retyped(work, entry, arguments)


def _finish_retype(work, operation, arguments):
    with work.store.reading() as reader:
        (driven,) = reader.driven_volumes(ids=[arguments["id"]])
    try:
        if any(getattr(driven.resource, key) != arguments[key] for key in ("extra_specs", "qos_specs")):  # else it was migrated already
            _retype_on_array(work, operation, arguments)
    except StorageError:
        _leave_as_it_was(work, operation.settles, arguments)
        raise
    _retyped(work, operation.settles, arguments)


def _retype_on_array(work, operation, arguments):
    if work.engine().volumes.retype(arguments["id"], arguments["extra_specs"], arguments["qos_specs"]):
        return
    if arguments.get("migration_policy") == "on-demand":
        retype_by_migration(work, operation)
        return
    raise retyping.unsupported(operation.backend, operation.name)


def _retyped(work, entry, arguments):
    with work.store.writing() as writer:
        rest(writer, arguments["id"], extra_specs=arguments["extra_specs"], qos_specs=arguments["qos_specs"])
        writer.settle(entry)


def _leave_as_it_was(work, entry, arguments):
    with work.store.writing() as writer:
        rest(writer, arguments["id"])
        writer.settle(entry)


def _revert(work, operation, arguments):
    with work.store.reading() as reader:
        (driven,) = reader.driven_volumes(ids=[arguments["id"]])
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
        writer.change_volume(arguments["id"], status="reverting", reverted_to=None, restored=None)
    before = {key: getattr(driven.resource, key) for key in ("status", "reverted_to", "restored")}
    _go_on_reverting(work, operation, entry, before)


def _finish_revert(work, operation, arguments):
    _go_on_reverting(work, operation, operation.settles)


def _go_on_reverting(work, operation, entry, before=None):
    """Revert a volume and settle the entry.

    :param before: the columns that it had, where no earlier run can have written to it.
    """
    arguments = operation.arguments
    try:
        _revert_on_array(work, entry, arguments)
    except StorageError as error:
        untouched = before is not None and error.details.get(UNTOUCHED)
        with work.store.writing() as writer:
            writer.change_volume(arguments["id"], **(before if untouched else {"status": UNREVERTED}))
            writer.settle(entry)
        raise StorageError(
            error.code,
            "%s %s"
            % (
                error.message,
                "Nothing was written: the volume is as it was."
                if untouched
                else "Nobody knows what volume %r holds now. Revert it again; or look at it on the array, release it and adopt it again; or delete it."
                % operation.name,
            ),
            error.parameter,
        ) from error
    with work.store.writing() as writer:
        rest(writer, arguments["id"], reverted_to=arguments["snapshot_id"])
        writer.settle(entry)


def _revert_on_array(work, entry, arguments):
    if not work.engine().volumes.revert(arguments["id"], arguments["snapshot_id"]):
        revert_by_copying(work, entry, arguments["id"], arguments["snapshot_id"])


def _adopt(work, operation, arguments):
    if arguments["pool"] is None:
        operation = _placed(work, operation)
    volume = Volume(backend=operation.backend, name=operation.name, status="managing", **operation.arguments)
    with work.store.writing() as writer:
        refuse_managed(writer, "volume", operation)
        entry = writer.begin(operation, volume.id)
        writer.add_volume(volume)
    adopt(work, "volume", operation, entry)


def _update(work, operation, arguments):
    with work.store.writing() as writer:
        writer.change_volume(arguments["id"], **{key: value for key, value in arguments.items() if key != "id"})


def _rename(work, operation, arguments):
    with work.store.writing() as writer:
        writer.rename("volume", arguments["id"], arguments["new_name"])


ACTIONS = {
    "create": _create,
    "undo_create": _undo_create,
    "delete": _delete,
    "finish_delete": _finish_delete,
    "extend": _extend,
    "finish_extend": _finish_extend,
    "restore": _restore,
    "undo_restore": _undo_restore,
    "fail_restore": _give_content_up(UNRESTORED),
    "retype": _retype,
    "finish_retype": _finish_retype,
    "revert": _revert,
    "finish_revert": _finish_revert,
    "fail_revert": _give_content_up(UNREVERTED),
    "forget": _forget,
    "adopt": _adopt,
    **once_here("volume"),
    "update": _update,
    "rename": _rename,
}
