# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do about operations that a killed run left behind. Pure: (unsettled records) -> operations.

A creation is undone, since nobody can know how far the array got with it; whoever wants the thing creates it
again under the same derived id. Everything else is finished: the user had asked for it by name. But a volume whose restoring
was killed stays marked as such, unless nothing had been written, since finishing that needs the repository; and a backup that was complete stays.
"""

from __future__ import annotations

import dataclasses

from .operations import Operation

ENDINGS = {
    ("volume", "create"): "undo_create",
    ("volume", "extend"): "finish_extend",
    ("volume", "retype"): "finish_retype",
    ("volume", "revert"): "finish_revert",
    ("volume", "adopt"): "finish_adopt",
    ("volume", "release"): "finish_release",
    ("volume", "delete"): "finish_delete",
    ("volume", "migrate"): "undo_migrate",
    ("volume", "move"): "finish_move",
    ("volume", "discard"): "finish_discard",
    ("snapshot", "create"): "undo_create",
    ("snapshot", "adopt"): "finish_adopt",
    ("snapshot", "release"): "finish_release",
    ("snapshot", "delete"): "finish_delete",
    ("group_snapshot", "create"): "undo_create",
    ("group_snapshot", "delete"): "finish_delete",
    ("volume", "restore"): "fail_restore",
    ("backup", "create"): "clean_up",
    ("backup", "delete"): "finish_delete",
    ("image", "create"): "undo_create",
    ("image", "replace"): "undo_create",
    ("image", "delete"): "finish_delete",
    ("export", "create"): "undo_create",
    ("export", "update"): "finish_update",
    ("export", "delete"): "finish_delete",
    ("access", "open"): "close",
}
_FIRST = {"open": 0, "migrate": 1}  # what is open must be closed before anything else, and a copy go before its volume changes
_FORGOTTEN = {"finish_extend": "forget", "finish_retype": "forget", "finish_revert": "fail_revert"}  # what need not be finished for a deletion


def plan_settlement(landscape, keys, doomed=None):
    """Return the operations that settle what concerns ``keys``, a set of (noun, backend, name or id).

    :param doomed: id of the thing that the task deletes; it need not grow first, which a full array would refuse.
    """
    operations = []
    for record in sorted(landscape.unsettled.values(), key=lambda record: _FIRST.get(record.action, len(_FIRST))):
        if not keys & _concerns(record):
            continue
        if record.noun == "backend":  # a fail over, which only its own task may end (failover.py)
            continue
        ending = ENDINGS[(record.noun, record.action)]
        if ending == "fail_restore" and _wrote_nothing(record):
            ending = "undo_restore"
        if record.resource_id == doomed:
            ending = _FORGOTTEN.get(ending, ending)
        operations.append(_settling(record, ending))
    return operations


def finish_deletions(landscape, repository, named=frozenset()):
    """Return the operations that finish deletions of backups in a repository that killed runs left: what ``keep`` deleted, no other task may ever name.

    :param named: the (repository, name) of backups that the task names, which settle their own.
    """
    killed = [
        record
        for record in landscape.unsettled.values()
        if (record.noun, record.action, record.backend) == ("backup", "delete", repository) and (repository, record.name) not in named
    ]
    return [dataclasses.replace(_settling(record, ENDINGS[("backup", "delete")]), spares=True) for record in killed]


def _settling(record, ending):
    return Operation(ending, record.noun, record.backend, record.name, dict(record.arguments), settles=record.operation_id)


def opened_elsewhere(arguments, host, boot):
    """Tell whether a volume may be connected on another host than ours, which alone could disconnect it.

    :param arguments: of an ``access`` record. :param host: our name. :param boot: the id of our boot: a host that was renamed since has it still.
    """
    return bool(arguments.get("connection")) and arguments["host"] != host and arguments["boot"] != boot


def _wrote_nothing(record):
    """Tell whether a killed restoring got nowhere: its step changes before the first byte is written. Old records do not say what to go back to."""
    return record.step == "begun" and "former_status" in record.arguments


def _concerns(record):
    """Return the keys of which any makes a record a task's affair: a killed backup left things on its volume's backend, too."""
    keys = {record.key, (record.noun, record.backend, record.resource_id)}
    return keys | ({record.saved_volume} if record.saved_volume else set())
