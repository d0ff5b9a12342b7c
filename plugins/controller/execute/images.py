# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image files: a volume's or snapshot's content written to a file, compared, and only then given its name.

No array changes, but the journal entry tells the next run of the partial file that a killed one left.
"""

from __future__ import annotations

import json
import os

from ...module_utils.model.errors import StorageError
from ..engine import copying
from ..images import files
from ..store import database
from .access import opened_snapshot, opened_volume
from .copying import telling


def _create(work, operation, arguments):
    path, partial = operation.name, files.temporary(operation.name, arguments["id"])
    work.engine().start(operation.backend)  # an array that cannot be reached is told before anything is recorded
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
    try:
        record = _write(work, entry, partial, arguments)
        work.store.check_locks()  # else the file may be another task's, and half of an image
        files.place(partial, path, record, replace=operation.action == "replace")
    except (StorageError, OSError) as error:
        work.store.check_locks()
        files.discard(partial, path)
        with work.store.writing() as writer:
            writer.settle(entry)
        if isinstance(error, StorageError):
            raise
        raise StorageError("host", "path: %s cannot be written: %s." % (path, error.strerror or error), "path") from error
    with work.store.writing() as writer:
        writer.settle(entry)


def _write(work, entry, partial, arguments):
    """Write the image to ``partial`` and compare it with what it is of. Return what is to be recorded of it."""
    from ..engine.access import Device  # with os-brick, which only the engine loads

    source, size, kind = arguments["source"], arguments["virtual_size"], arguments["format"]
    born = _created_at(work, source)
    opened = opened_volume(work, source["id"], whole=True) if source["kind"] == "volume" else opened_snapshot(work, source["id"])
    with opened as device:
        size = min(size, device.size)
        if not arguments["compressed"]:
            _check_space(device, size, partial)
        files.reserve(partial)
        copying.write_file(device, size, partial, kind, arguments["compressed"], telling(work, entry, "copying"))
        copying.compare(device, Device(partial, kind, size, False), size, telling(work, entry, "verifying"))
    return dict(
        {key: arguments[key] for key in ("format", "compressed")},
        virtual_size=size,
        source=dict(source, created_at=born),
        checksum="sha256:" + files.digest(partial),
        created_at=database.now().isoformat() + "Z",
    )


def _created_at(work, source):
    with work.store.reading() as reader:
        listing = reader.driven_volumes if source["kind"] == "volume" else reader.driven_snapshots
        (found,) = listing(ids=[source["id"]])
    return found.created_at.isoformat() + "Z"


def _check_space(device, size, partial):
    """Refuse a file system without room for what the volume holds; of compressed images nobody can tell before."""
    needed = json.loads(copying.qemu_img("measure", "--output=json", "-O", "qcow2", "-f", device.format, device.path))["required"]
    free, folder = files.free_space(os.path.dirname(partial)), os.path.dirname(partial)
    if min(needed, size) > free:
        raise StorageError(
            "host",
            "path: the image needs %d bytes, and %s has room for %d. Make room, choose another folder, or say compressed: true."
            % (min(needed, size), folder, free),
            "path",
        )


def _undo_create(work, operation, arguments):
    files.discard(files.temporary(operation.name, arguments["id"]), operation.name)
    with work.store.writing() as writer:
        writer.settle(operation.settles)


def _delete(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
    _remove(work, entry, operation.name)


def _finish_delete(work, operation, arguments):
    _remove(work, operation.settles, operation.name)


def _remove(work, entry, path):
    try:
        files.remove(path)
    except OSError as error:
        raise StorageError("host", "path: %s cannot be removed: %s." % (path, error.strerror), "path") from error
    finally:
        with work.store.writing() as writer:
            writer.settle(entry)


ACTIONS = {
    "create": _create,
    "replace": _create,
    "undo_create": _undo_create,
    "delete": _delete,
    "finish_delete": _finish_delete,
}
