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
    except StorageError as error:
        if error.code != "store":  # then the array may have it under its new name by now, and the next run finds out
            with work.store.writing() as writer:
                _DROP[noun](writer, identity)
                writer.settle(entry)
        raise
    with work.store.writing() as writer:
        _CHANGE[noun](writer, identity, status="available", **({"pool": pool} if noun == "volume" else {}))
        writer.settle(entry)


def refuse_managed(writer, noun, operation):
    """Refuse a reference that another task adopted since this one was planned. No other writer can come between here.

    :raises StorageError: ``conflict``; the array was not asked: some would manage one thing twice, and whoever deletes the one loses the other.
    """
    reference = operation.arguments["adopted_from"]
    known = writer.adopted(noun, operation.backend, reference)
    if known is not None:
        raise StorageError("conflict", "adopt: %r is managed already, as %s %r." % (reference, noun, known), "adopt")


def once_here(noun):
    """Return what the executor does about a ``volume`` or ``snapshot`` that has its row: the rest of its adopting, and its releasing."""
    return {
        "finish_adopt": lambda work, operation, arguments: adopt(work, noun, operation, operation.settles),
        "release": lambda work, operation, arguments: _release(work, noun, operation),
        "finish_release": lambda work, operation, arguments: _finish_release(work, noun, operation),
    }


def _release(work, noun, operation):
    identity = operation.arguments["id"]
    with work.store.writing() as writer:
        entry = writer.begin(operation, identity)
        former = writer.status_of(noun, identity)
        _CHANGE[noun](writer, identity, status="unmanaging")
    try:
        work.engine().adopting.let_go(noun, identity)
    except StorageError:
        with work.store.writing() as writer:
            _CHANGE[noun](writer, identity, status=former)
            writer.settle(entry)
        raise
    _forget(work, noun, operation, entry)


def _finish_release(work, noun, operation):
    work.engine().adopting.let_go(noun, operation.arguments["id"])
    _forget(work, noun, operation, operation.settles)


def _forget(work, noun, operation, entry):
    with work.store.writing() as writer:
        _DROP[noun](writer, operation.arguments["id"])
        writer.bury(noun, operation.arguments["id"], operation.backend, operation.name)
        writer.settle(entry)


_DROP = {
    "volume": lambda writer, identity: writer.drop_volume(identity),
    "snapshot": lambda writer, identity: writer.drop_snapshot(identity),
}
_CHANGE = {
    "volume": lambda writer, identity, **values: writer.change_volume(identity, **values),
    "snapshot": lambda writer, identity, **values: writer.change_snapshot(identity, **values),
}
