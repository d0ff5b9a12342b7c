# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine that this node is: records, key and names that came onto another one with a copied disk must do nothing there.

To an array the copy would be the node itself: it would share its sessions and write to its volumes, and a detach on it would take them away from the node.
"""

from __future__ import annotations

import os

from ..module_utils.model.errors import StorageError
from ..module_utils.plan import machines
from ..module_utils.preflight import hardware
from ..module_utils.preflight.machine import Machine
from .records import write_durably


def admit(node, check=False):
    """Let nothing be done on another machine than the one that the node was set up on; take this one where none is known yet.

    :param check: write nothing.
    :raises StorageError: ``conflict`` on another machine, with both and what to do; ``internal`` where the file cannot be read.
    """
    path, kept, seen = _both(node)
    verdict = machines.judge(kept, seen)
    if verdict == machines.OTHER:
        raise StorageError("conflict", "%s Nothing was changed. %s" % (machines.problem(path, kept, seen), machines.REMEDY))
    if verdict in (machines.FIRST, machines.CHANGED) and not check:
        node.prepare()
        write_durably(path, machines.written(seen if kept is None else machines.merged(kept, seen)))


def warn(node):
    """Let a task that only looks tell what :func:`admit` would refuse."""
    try:
        admit(node, check=True)
    except StorageError as error:
        node.warn(error.message)


def _both(node):
    """Return ``(path, fingerprint kept or None, fingerprint seen)``."""
    path = os.path.join(node.settings.state_dir, machines.FILE)
    seen = hardware.look(Machine(node.system.root))
    try:
        with open(path, encoding="utf-8") as stream:
            return path, machines.parse(stream.read()), seen
    except FileNotFoundError:
        return path, None, seen
    except (OSError, ValueError) as error:
        raise StorageError(
            "internal",
            "%r, which says on what machine this node was set up, cannot be read: %s. Where this is that machine, and not one with a copy of its disk, "
            "remove the file; it is written anew." % (path, error),
        ) from error
