# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying one opened Device over another, with the journal telling how far it got."""

from __future__ import annotations

from ...module_utils.model.errors import StorageError
from ...module_utils.model.sizes import GIB
from ..engine import copying
from . import access


def copy_verified(work, entry, source, target, size):
    """Copy ``size`` GiB, or what there is of the last one, and compare every byte afterwards, as read back.

    :param entry: the journal entry whose ``step`` tells the progress.
    :raises StorageError: ``host``; then the target is worthless.
    """
    length = min(size * GIB, source.size)
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

    A killed run leaves the volume half old, half new, and the snapshot whole: do it again.

    :raises StorageError: ``conflict`` when the volume was extended since; then nothing was written.
    """
    with work.store.reading() as reader:
        (volume,) = reader.driven_volumes(ids=[volume_id])
        (snapshot,) = reader.driven_snapshots(ids=[snapshot_id])
    if volume.resource.size != snapshot.resource.size:
        raise StorageError(
            "conflict",
            "Volume %r has %d GiB, its snapshot %r only %d: the backend cannot revert it itself, and what lies beyond would stay. Make a volume "
            "from the snapshot instead." % (volume.resource.name, volume.resource.size, snapshot.resource.name, snapshot.resource.size),
        )
    with access.opened_snapshot(work, snapshot_id) as source, access.opened_volume(work, volume_id) as target:
        copy_verified(work, entry, source, target, snapshot.resource.size)
