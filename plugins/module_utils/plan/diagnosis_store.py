# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the store says of itself: what is not settled, what is in a status that nobody is at work on, hosts that share a name. Pure."""

from __future__ import annotations

from ..model.backups import UNRESTORED
from ..model.replication import ERROR
from ..model.resources import AT_REST
from .diagnosis_picture import Finding, busy_ids, some_of, titled
from .failover import unconfirmed
from .settlement import ENDINGS, opened_elsewhere
from .volumes import UNREVERTED

_REMEDIES = {
    UNRESTORED: "Restore a backup to it with legacy_backup, or delete it by a task with state: absent.",
    UNREVERTED: "Revert it again with legacy_volume and revert_to, or delete it by a task with state: absent.",
}
_WORDS = {
    "undo_create": "takes back what was made",
    "undo_migrate": "takes back what was copied",
    "close": "closes it",
    "finish_extend": "finishes extending",
    "finish_update": "finishes the change",
    "finish_delete": "finishes deleting",
}


def span(seconds):
    """Return a time as people say it."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return "%d %s%s" % (count, unit, "" if count == 1 else "s")
    return "%d s" % max(0, seconds)


def journal(picture):
    """Return the Findings about operations that have not ended."""
    found = []
    for record in picture.unsettled:
        if record.noun == "backend":
            where, told = "backend %s" % record.backend, unconfirmed(record).message
            found.append(Finding("error", "failover", where, told, "Run that task again; the doctor never fails a backend over or back."))
            continue
        if record.noun == "access" and record.arguments["host"] not in picture.fenced and opened_elsewhere(record.arguments, picture.host, picture.boot):
            found.append(_open_elsewhere(picture, record))
            continue
        ending = ENDINGS.get((record.noun, record.action))
        found.append(
            Finding(
                "warning",
                "unsettled",
                titled(record.noun, record.backend, record.name),
                "%s was begun %s ago and has not ended: it is under way, or its run was interrupted."
                % (record.action, span(picture.ages.get(record.operation_id, 0))),
                "The next task that names it %s first; the doctor does the same when told to mend. It leaves alone what another task works on."
                % _WORDS.get(ending, "settles it"),
                ("settle", record.operation_id),
            )
        )
    return found


def _open_elsewhere(picture, record):
    return Finding(
        "warning",
        "unsettled",
        titled(record.noun, record.backend, record.name),
        "was opened by the controller %s %s ago and is not closed: it is under way there, or its run was interrupted."
        % (record.arguments["host"], span(picture.ages.get(record.operation_id, 0))),
        "The next task there that names it closes it first. Where that controller is dead for good, or called otherwise now, fence it and tell the doctor "
        "so (doctor_fenced: [%s])." % record.arguments["host"],
    )


def statuses(picture):
    """Return the Findings about statuses that nobody is at work on."""
    busy = busy_ids(picture)
    found = []
    for noun, items in (("volume", picture.volumes), ("snapshot", picture.snapshots), ("group snapshot", picture.group_snapshots)):
        for item in items:
            if noun == "volume" and (item.unreachable or (item.status == ERROR and item.replicated)):
                found.append(_left(item))
            elif item.status not in AT_REST and item.id not in busy:
                found.append(
                    Finding(
                        "error",
                        "status",
                        titled(noun, item.backend, item.name),
                        "is in status %s, and nobody is at work on it." % item.status,
                        _REMEDIES.get(item.status, "See on the storage system whether it is whole. Delete it by a task with state: absent."),
                    )
                )
    found += [
        Finding(
            "error",
            "status",
            titled("export", item.backend, "%s on %s" % (item.volume_name, item.host)),
            "is in status %s, and nobody is at work on it." % item.status,
            "Detach the volume from that host and attach it again.",
        )
        for item in picture.mappings
        if item.status != "exported" and item.id not in busy
    ]
    return found


def _left(volume):
    """What the array that serves its backend now does not have, or not for certain."""
    why = "is not replicated, and lies on the array that its backend was failed over from."
    return Finding(
        "error",
        "failover",
        titled("volume", volume.backend, volume.name),
        why if volume.unreachable else "could not be failed over or back with its backend.",
        "Fail the backend back when its array is there again (legacy_backend_failover)."
        if volume.unreachable
        else "See on the storage system what it has of it. Once it is sound there, run legacy_backend_failover again with the backend's state and "
        "force: [unconfirmed].",
    )


def initiators(picture):
    """Return the Findings about hosts that share an initiator's name."""
    hosts = {}
    for item in picture.mappings:
        if item.connector.get("initiator"):
            hosts.setdefault(item.connector["initiator"], set()).add(item.host)
    for node in picture.nodes or ():
        if node.initiator:
            hosts.setdefault(node.initiator, set()).add(node.host or node.name)
    return [
        Finding(
            "error",
            "initiator",
            "initiator %s" % initiator,
            "is the name of several hosts: %s. Storage systems take them for one host, and each may write to the other's volumes."
            % some_of(names),
            "Give each host a name of its own in /etc/iscsi/initiatorname.iscsi (the role baremetal.legacy_storage.node does), "
            "then detach and attach its volumes.",
        )
        for initiator, names in hosts.items()
        if len(names) > 1
    ]
