# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How operations end: taking back what a failed one left, and the status a volume has at rest."""

from __future__ import annotations

from ...module_utils.model.errors import StorageError


def give_up(work, error, entry, undo, forget, volume_id=None):
    """Take back what a failed creation left on the array, then raise ``error``; what cannot be taken back stays in the journal."""
    try:
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


def rest(writer, volume_id, **values):
    """Give a volume the status it has at rest."""
    writer.change_volume(volume_id, status="in-use" if writer.has_exports(volume_id) else "available", **values)
