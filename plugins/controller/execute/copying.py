# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying one opened Device over another, with the journal telling how far it got."""

from __future__ import annotations

from ..engine import copying


def copy_verified(work, entry, source, target, size):
    """Copy ``size`` GiB and compare every byte afterwards, as read back. Raises StorageError ``host``; then the target is worthless.

    :param entry: the journal entry whose ``step`` tells the progress.
    """
    copying.copy(source, target, size * 1024**3, telling(work, entry, "copying"))
    copying.compare(source, target, size * 1024**3, telling(work, entry, "verifying"))


def telling(work, entry, doing):
    """Return a function of a percentage that writes it to the journal: ``copying 37 %``."""

    def tell(percent):
        with work.store.writing() as writer:
            writer.step(entry, "%s %d %%" % (doing, percent))

    return tell
