# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Group snapshots: what each operation does to the array and the store.

On the array the volumes are in a group for as long as there are group snapshots of them. Drivers delete what is in a group with it, so it
is deleted only when the volumes have been taken out. The journal's step says how far that got: ``made`` (the group is there), ``joined`` (the
volumes are in it), ``deleted`` (the snapshots are gone), ``left`` (the volumes are out of it).
"""

from __future__ import annotations

from ...module_utils.model.errors import StorageError
from ...module_utils.model.resources import GroupSnapshot, Snapshot
from .endings import give_up

_GONE = "deleted"  # status of a member that the array has deleted, while it keeps others


def _create(work, operation, arguments):
    identity, place = arguments["id"], {"backend": operation.backend, "status": "creating"}
    members = tuple(Snapshot(group_snapshot_id=identity, group_snapshot=operation.name, **place, **item) for item in arguments["members"])
    values = {key: arguments[key] for key in ("id", "group_id", "description", "metadata")}
    with work.store.writing() as writer:
        entry = writer.begin(operation, identity)
        writer.add_group_snapshot(GroupSnapshot(name=operation.name, members=members, **place, **values))
    try:
        _join(work, entry, identity)
        kept = work.engine().groups.take(identity)
    except StorageError as error:
        give_up(work, error, entry, lambda: _take_back(work, entry, identity), lambda writer: writer.drop_group_snapshot(identity))
    with work.store.writing() as writer:
        for snapshot_id, data in kept.items():
            writer.set_driver_data("snapshot", snapshot_id, data)
        _set_status(writer, arguments, "available")
        writer.settle(entry)


def _join(work, entry, identity):
    """Bring the volumes into their group, unless another group snapshot of the same volumes has them there."""
    groups = work.engine().groups
    if groups.joined(identity):
        return
    made = groups.make(identity)
    with work.store.writing() as writer:
        writer.step(entry, "made")
    kept = groups.join(identity, made)
    with work.store.writing() as writer:
        _keep(writer, kept)
        writer.step(entry, "joined")


def _take_back(work, entry, identity):
    """Take away what a creation made, as far as the journal knows that it got."""
    if work.engine().groups.joined(identity):
        work.engine().groups.delete(identity)
    _dissolve(work, entry, identity)


def _dissolve(work, entry, identity):
    """Delete the group on the array without the volumes, unless another group snapshot is of it."""
    groups = work.engine().groups
    with work.store.reading() as reader:
        (own,) = reader.driven_group_snapshots(ids=[identity])
        others = [item for item in reader.driven_group_snapshots(group_id=own.resource.group_id) if item.resource.id != identity]
        step = reader.operation(entry).step
    if others:
        return
    never_joined = step == "begun" and not groups.joined(identity)
    if step != "left" and not never_joined:
        kept = groups.leave(identity)
        with work.store.writing() as writer:
            _keep(writer, kept)
            writer.step(entry, "left")
    groups.drop(identity)


def _undo_create(work, operation, arguments):
    _take_back(work, operation.settles, arguments["id"])
    _forget(work, operation.settles, arguments["id"])


def _delete(work, operation, arguments):
    identity = arguments["id"]
    with work.store.writing() as writer:
        entry = writer.begin(operation, identity)
        former = writer.status_of("group_snapshot", identity)
        members = {member["id"]: writer.status_of("snapshot", member["id"]) for member in arguments["members"]}
        _set_status(writer, arguments, "deleting")
    try:
        work.engine().groups.delete(identity)
    except StorageError as error:
        members.update(dict.fromkeys(error.details.pop("deleted", ()), _GONE))  # what an earlier attempt deleted does not come back either
        with work.store.writing() as writer:
            writer.change_group_snapshot(identity, status="error_deleting" if _GONE in members.values() else former)
            for member, status in members.items():
                writer.change_snapshot(member, status=status)
            writer.settle(entry)
        raise
    _end(work, entry, identity)


def _finish_delete(work, operation, arguments):
    with work.store.reading() as reader:
        step = reader.operation(operation.settles).step
    if step == "begun":
        work.engine().groups.delete(arguments["id"])
    _end(work, operation.settles, arguments["id"])


def _end(work, entry, identity):
    with work.store.reading() as reader:
        step = reader.operation(entry).step
    if step == "begun":
        with work.store.writing() as writer:
            writer.step(entry, "deleted")
    try:
        _dissolve(work, entry, identity)
    except StorageError as error:
        raise StorageError(
            error.code,
            "%s The snapshots are deleted, but not the group that the storage system has the volumes in; the next task that names it tries again. "
            "The volumes are as they were." % error.message,
            error.parameter,
        ) from error
    _forget(work, entry, identity)


def _forget(work, entry, identity):
    with work.store.writing() as writer:
        writer.drop_group_snapshot(identity)
        writer.settle(entry)


def _keep(writer, kept):
    for volume_id, data in kept.items():
        writer.set_driver_data("volume", volume_id, data)


def _set_status(writer, arguments, status):
    writer.change_group_snapshot(arguments["id"], status=status)
    for member in arguments["members"]:
        writer.change_snapshot(member["id"], status=status)


def _update(work, operation, arguments):
    with work.store.writing() as writer:
        writer.change_group_snapshot(arguments["id"], **{key: value for key, value in arguments.items() if key != "id"})


def _rename(work, operation, arguments):
    with work.store.writing() as writer:
        writer.rename("group_snapshot", arguments["id"], arguments["new_name"])


ACTIONS = {
    "create": _create,
    "undo_create": _undo_create,
    "delete": _delete,
    "finish_delete": _finish_delete,
    "update": _update,
    "rename": _rename,
}
