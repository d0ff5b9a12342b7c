# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports that tasks disconnected in order to unmap them: another task, which was told of one before, must not connect it any more.

They are known by their ``exported_at``, and a later export is another one, so the latest of a volume says it all. It stands beside the volume's lock, under
which it is read and written, and goes with the boot as that does: no task outlives a boot of its node.
"""

from __future__ import annotations

import os

from ..module_utils.plan.connections import latest
from .records import write_durably


def _path(lock_dir, volume_id):
    return os.path.join(lock_dir, "volume-%s.withdrawn" % volume_id)


def get(lock_dir, volume_id):
    """Return the ``exported_at`` of the latest export of a volume that was withdrawn in this boot, "" where none was."""
    try:
        with open(_path(lock_dir, volume_id), encoding="utf-8") as stream:
            return stream.read().strip()
    except FileNotFoundError:
        return ""


def put(lock_dir, volume_id, exported_at):
    """Withdraw exports (a list of ``exported_at``), and all earlier ones. Raises StorageError ``host`` when that cannot be written."""
    write_durably(_path(lock_dir, volume_id), latest([get(lock_dir, volume_id), *exported_at]) + "\n")
