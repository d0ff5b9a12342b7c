# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying one opened Device over another, with the journal telling how far it got."""

from __future__ import annotations

import os

from ...module_utils.model.errors import StorageError
from ...module_utils.model.sizes import GIB
from ..engine import copying
from ..patience import uncounted
from . import access

UNTOUCHED = "untouched"  # the detail of an error that came before the first byte was written
_BLOCK = 1024**2


def copy_verified(work, entry, source, target, length):
    """Copy ``length`` bytes and compare every one afterwards, as read back.

    :param entry: the journal entry whose ``step`` tells the progress.
    :raises StorageError: ``host``; then the target is worthless.
    """
    copying.copy(source, target, length, telling(work, entry, "copying"))
    copying.compare(source, target, length, telling(work, entry, "verifying"))


def telling(work, entry, doing):
    """Return a function of a percentage that writes it to the journal: ``copying 37 %``."""

    def tell(percent):
        with work.store.writing() as writer:
            writer.step(entry, "%s %d %%" % (doing, percent))

    return tell


def revert_by_copying(work, entry, volume_id, snapshot_id):
    """Copy a snapshot over its volume, for drivers that cannot revert themselves, and compare.

    A killed run leaves the volume half old, half new, and the snapshot whole: do it again. What a host wrote past the recorded size is taken away:
    the snapshot has nothing there.

    :raises StorageError: with the detail UNTOUCHED where nothing was written, as for ``conflict`` when the volume was extended since.
    """
    written = False
    try:
        with work.store.reading() as reader:
            (volume,) = reader.driven_volumes(ids=[volume_id])
            (snapshot,) = reader.driven_snapshots(ids=[snapshot_id])
        size = snapshot.resource.size
        if volume.resource.size != size:
            raise StorageError(
                "conflict",
                "Volume %r has %d GiB, its snapshot %r only %d: the backend cannot revert it itself, and what lies beyond would stay. Make a volume "
                "from the snapshot instead." % (volume.resource.name, volume.resource.size, snapshot.resource.name, size),
            )
        with access.opened_snapshot(work, snapshot_id) as source, access.opened_volume(work, volume_id) as target:
            written = True
            length = min(size * GIB, source.size, target.size)  # what was adopted may end within a GiB, and a volume made of its snapshot not
            copy_verified(work, entry, source, target, length)
            if target.format == "raw":
                _clear(target, length)
    except StorageError as error:
        if not written:
            error.details[UNTOUCHED] = True
        raise


@uncounted()
def _clear(device, start):
    """Write zeros over whatever else a Device holds from ``start`` on."""
    with open(device.path, "r+b", buffering=0) as stream:
        place = stream.seek(start)
        while block := stream.read(_BLOCK):
            zeros = memoryview(bytes(len(block)))
            if block != zeros:
                stream.seek(place)
                while zeros:
                    zeros = zeros[stream.write(zeros) :]
            place += len(block)
        os.fsync(stream.fileno())
