# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How operations end: taking back what a failed one left, and the status a volume has at rest."""

from __future__ import annotations

import dataclasses

from ...module_utils.model.errors import EXISTS, StorageError


def give_up(work, error, entry, undo, forget, volume_id=None):
    """Take back what a failed creation left on the array, then raise ``error``; what cannot be taken back stays in the journal.

    What the array had already is not what this creation left.
    """
    work.store.check_locks()
    try:
        if EXISTS not in error.details:
            undo()
    except StorageError as second:
        raise StorageError(
            error.code,
            "%s What it left could not be taken back either (%s); the next task that names it tries again."
            % (error.message, second.message),
            error.parameter,
        ) from error
    with work.store.writing() as writer:
        forget(writer)
        if volume_id is not None:
            rest(writer, volume_id)
        writer.settle(entry)
    raise error


def refuse_present(work, noun, new, is_on_array, made_as=None):
    """Refuse to create what the array has already under the same id: a store that was restored from a backup does not know what was made since.

    The same for the ids that a store gave from whose export this one was made. Asked before the journal has its entry, since what a failed or killed
    creation left is deleted, and that would be this.

    :param new: the Volume or Snapshot. :param is_on_array: tells of such a one whether the array has it; False where the driver cannot tell.
    :param made_as: the name that its id is derived from, if that is not its own.
    :raises StorageError: ``conflict``; the array was not asked to change anything.
    """
    former = work.former_ids(noun, new.backend, made_as or new.name)
    for there in (new, *(dataclasses.replace(new, id=identity) for identity in former)):
        if is_on_array(there):
            raise StorageError(
                "conflict",
                "name: backend %s has a %s %s-%s already that the store does not know, as after a store was restored from a backup that is older than it. "
                "It was left as it is. Take it back with adopt: {source-name: %s-%s} where the driver can, or delete or rename it on the storage system and "
                "run the task for %r again."
                % (new.backend, noun, noun, there.id, noun, there.id, new.name),
                "name",
            )


def rest(writer, volume_id, **values):
    """Give a volume the status it has at rest, unless it bears a mark that its content is not what it should be: that stays."""
    if not is_mark(writer.status_of("volume", volume_id)):
        values["status"] = "in-use" if writer.has_exports(volume_id) else "available"
    if values:
        writer.change_volume(volume_id, **values)


def is_mark(status):
    """Tell whether a volume's status (None for one without a row) says that its content is not what it should be."""
    return status is not None and status.startswith("error")
