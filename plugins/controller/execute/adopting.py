# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting and releasing: what volumes and snapshots have in common of it. The array's data is never touched."""

from __future__ import annotations

from ...module_utils.model.errors import StorageError


def adopt(work, noun, operation, entry):
    """Let the driver take over what the recorded volume or snapshot is to stand for; what it refuses is forgotten."""
    identity, reference = operation.arguments["id"], operation.arguments["adopted_from"]
    try:
        pool = work.engine().adopting.take(noun, identity, reference)
    except StorageError:
        with work.store.writing() as writer:
            _DROP[noun](writer, identity)
            writer.settle(entry)
        raise
    with work.store.writing() as writer:
        if noun == "volume":
            writer.change_volume(identity, status="available", pool=pool)
        else:
            writer.change_snapshot(identity, status="available")
        writer.settle(entry)


def forget(work, noun, operation, entry):
    """Take the row of a released volume or snapshot away."""
    with work.store.writing() as writer:
        _DROP[noun](writer, operation.arguments["id"])
        writer.bury(noun, operation.arguments["id"], operation.backend, operation.name)
        writer.settle(entry)


_DROP = {
    "volume": lambda writer, identity: writer.drop_volume(identity),
    "snapshot": lambda writer, identity: writer.drop_snapshot(identity),
}
