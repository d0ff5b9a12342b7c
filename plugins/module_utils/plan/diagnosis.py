# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What store, arrays and nodes say of each other, compared. Pure: (a Picture) -> findings, no I/O, no clock.

A finding never guesses: what an array or a node could not tell is a ``note`` that says so, not a fault.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..model.backups import UNRESTORED
from ..model.replication import ERROR
from ..model.resources import AT_REST, GroupSnapshot, Mapping, Snapshot, Unsettled, Volume
from .failover import unconfirmed
from .settlement import ENDINGS, opened_elsewhere
from .volumes import UNREVERTED

SEVERITIES = ("error", "warning", "note")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OURS = re.compile(r"(?:volume|snapshot|_snapshot)-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHOWN = 5  # names listed of many
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


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    :param severity: ``error`` (data or access is in danger, or something does not work), ``warning`` (something is left over
        or about to go wrong) or ``note`` (could not be compared).
    :param check: a stable word for the kind of finding.
    :param where: what it is about, as in ``volume one/data``.
    :param problem: what is wrong. :param remedy: what would mend it.
    :param mend: what the doctor can do itself, or None: ("settle", operation's id), ("unexport", export's id) or ("protect", path).
    """

    severity: str
    check: str
    where: str
    problem: str
    remedy: str
    mend: t.Optional[t.Tuple[str, str]] = None

    def to_public(self):
        """Return what a task shows."""
        shown = {key: getattr(self, key) for key in ("severity", "check", "where", "problem", "remedy")}
        return dict(shown, mendable=self.mend is not None, mended=False, mend_error=None)


@dataclasses.dataclass(frozen=True)
class ArrayView:
    """What one backend's array said.

    :param error: why it said nothing, or None.
    :param volumes: its list, dicts with ``id`` (ours, or None), ``name`` and ``size`` in GiB; None where the driver keeps no such list.
    :param snapshots: the same for snapshots.
    :param sizes: {volume id: size in GiB, "missing", or None where the driver cannot tell}, of volumes that are not in its list.
    """

    error: t.Optional[str] = None
    volumes: t.Optional[t.List[dict]] = None
    snapshots: t.Optional[t.List[dict]] = None
    sizes: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class RepositoryView:
    """What one repository of backups said.

    :param error: why it said nothing, or None. :param unfinished: contents without a record, dicts with ``run`` and ``name``.
    """

    error: t.Optional[str] = None
    unfinished: t.Sequence[dict] = ()


@dataclasses.dataclass(frozen=True)
class NodeView:
    """What one node said.

    :param name: its name in the inventory. :param host: what its connector calls it; None where it did not answer.
    :param error: why it said nothing, or None.
    :param attachments: as legacy_attachment_info returns them.
    """

    name: str
    host: t.Optional[str] = None
    initiator: t.Optional[str] = None
    error: t.Optional[str] = None
    attachments: t.List[dict] = dataclasses.field(default_factory=list)

    @property
    def names(self):
        """By what exports may know it."""
        return {self.name, self.host or self.name}


@dataclasses.dataclass(frozen=True)
class Picture:
    """All that is compared.

    :param ages: {operation's id: seconds since it began}.
    :param arrays: {backend: ArrayView}; a backend that was not to be asked is not in it.
    :param nodes: NodeViews, or None where no node was asked.
    :param fenced: hosts, controllers among them, that somebody swears to be dead.
    :param released: ids of what the store let go of on purpose, which may still be there.
    :param repositories: {repository: RepositoryView}; one that was not to be asked is not in it.
    :param host: this controller's name. :param boot: the id of its boot.
    """

    backends: t.Sequence[str] = ()
    volumes: t.Sequence[Volume] = ()
    snapshots: t.Sequence[Snapshot] = ()
    mappings: t.Sequence[Mapping] = ()
    unsettled: t.Sequence[Unsettled] = ()
    ages: t.Dict[str, float] = dataclasses.field(default_factory=dict)
    arrays: t.Dict[str, ArrayView] = dataclasses.field(default_factory=dict)
    nodes: t.Optional[t.Sequence[NodeView]] = None
    fenced: t.Sequence[str] = ()
    released: t.AbstractSet[str] = frozenset()
    repositories: t.Dict[str, RepositoryView] = dataclasses.field(default_factory=dict)
    group_snapshots: t.Sequence[GroupSnapshot] = ()
    host: t.Optional[str] = None
    boot: t.Optional[str] = None


def diagnose(picture):
    """Return the Findings of a Picture, the worst first."""
    findings = _journal(picture) + _statuses(picture) + _initiators(picture)
    for backend in picture.backends:
        if backend in picture.arrays:
            findings += _array(picture, backend, picture.arrays[backend])
    for name, view in picture.repositories.items():
        findings += _repository(picture, name, view)
    if picture.nodes is not None:
        findings += _nodes(picture)
    return in_order(findings)


def in_order(findings):
    """Return findings, the worst first."""
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), finding.check, finding.where))


def span(seconds):
    """Return a time as people say it."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return "%d %s%s" % (count, unit, "" if count == 1 else "s")
    return "%d s" % max(0, seconds)


def _where(noun, backend, name):
    return "%s %s/%s" % (noun, backend, name)


def _listed(names):
    names = sorted(names)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (" and %d more" % more if more > 0 else "")


def _journal(picture):
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
                _where(record.noun, record.backend, record.name),
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
        _where(record.noun, record.backend, record.name),
        "was opened by the controller %s %s ago and is not closed: it is under way there, or its run was interrupted."
        % (record.arguments["host"], span(picture.ages.get(record.operation_id, 0))),
        "The next task there that names it closes it first. Where that controller is dead for good, or called otherwise now, fence it and tell the doctor "
        "so (doctor_fenced: [%s])." % record.arguments["host"],
    )


def _busy(picture):
    """Return the ids of what somebody works on, or an interrupted run did."""
    made = {record.arguments[key] for record in picture.unsettled for key in ("target", "temporary") if key in record.arguments}
    made |= {member["id"] for record in picture.unsettled if record.noun == "group_snapshot" for member in record.arguments["members"]}
    return made | {record.resource_id for record in picture.unsettled}


def _statuses(picture):
    busy = _busy(picture)
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
                        _where(noun, item.backend, item.name),
                        "is in status %s, and nobody is at work on it." % item.status,
                        _REMEDIES.get(item.status, "See on the storage system whether it is whole. Delete it by a task with state: absent."),
                    )
                )
    found += [
        Finding(
            "error",
            "status",
            _where("export", item.backend, "%s on %s" % (item.volume_name, item.host)),
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
        _where("volume", volume.backend, volume.name),
        why if volume.unreachable else "could not be failed over or back with its backend.",
        "Fail the backend back when its array is there again (legacy_backend_failover)."
        if volume.unreachable
        else "See on the storage system what it has of it; then fail the backend over or back again, or release the volume and adopt it again.",
    )


def _initiators(picture):
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
            % _listed(names),
            "Give each host a name of its own in /etc/iscsi/initiatorname.iscsi (the role baremetal.legacy_storage.node does), "
            "then detach and attach its volumes.",
        )
        for initiator, names in hosts.items()
        if len(names) > 1
    ]


def _array(picture, backend, view):
    if view.error is not None:
        return [
            Finding(
                "error",
                "backend",
                "backend %s" % backend,
                "%s Nothing on it could be compared." % view.error,
                "See that its storage system runs and can be reached from the controller, and that the backend's options are right.",
            )
        ]
    volumes = [item for item in picture.volumes if item.backend == backend and item.status != ERROR]
    left = {item.id for item in picture.volumes if item.status == ERROR}  # by a fail over: the array need not have them
    snapshots = [item for item in picture.snapshots if item.backend == backend and item.volume_id not in left]
    busy = _busy(picture)
    known = busy | picture.released | {item.id for item in (*picture.volumes, *picture.snapshots)}  # of all backends, which may share it
    known |= {identity for item in picture.group_snapshots for identity in (item.id, item.group_id)}
    found = _compare(backend, "volume", volumes, view.volumes, view.sizes, busy)
    found += _compare(backend, "snapshot", snapshots, view.snapshots, {}, busy)
    found += _orphans(backend, "volume", known, view.volumes or ())
    return found + _orphans(backend, "snapshot", known, view.snapshots or ())


def _compare(backend, noun, ours, listed, sizes, busy):
    """Compare what the store has of one noun with an array's list of it."""
    found, untold = [], []
    seen = {item["id"]: item for item in listed or () if item.get("id")}
    for item in ours:
        if item.id in busy:
            continue
        size = seen[item.id].get("size") if item.id in seen else sizes.get(item.id)
        grouped = getattr(item, "group_snapshot_id", None)  # arrays may list a member under its group's name, or not at all
        if size == "missing" or (noun == "snapshot" and seen and item.id not in seen and not grouped):  # it lists those that we have, too
            found.append(_missing(noun, item))
        elif item.id not in seen and not isinstance(size, int):
            untold.append(item.name)
        elif noun == "volume" and isinstance(size, int) and size != item.size:
            found.append(_size(item, size))
    if listed is None:
        if noun == "volume" or ours:
            left = " It tells of each %s only." % noun if ours and not untold else ""
            found.append(
                Finding(
                    "note",
                    "not_compared",
                    "%ss of backend %s" % (noun, backend),
                    "The driver does not list what is on its storage system, so things that nobody knows of cannot be found.%s" % left,
                    "Look at the storage system's own list where it matters.",
                )
            )
    if untold and (noun == "volume" or listed is not None):
        found.append(
            Finding(
                "note",
                "not_compared",
                "%ss of backend %s" % (noun, backend),
                "The driver could not tell whether %s are there (%s)." % ("%d %ss" % (len(untold), noun), _listed(untold)),
                "Look at the storage system's own list where it matters.",
            )
        )
    return found


def _missing(noun, item):
    return Finding(
        "error",
        "missing",
        _where(noun, item.backend, item.name),
        "is in the store, but its storage system has nothing of the name %s-%s." % (noun, item.id),
        "If it was deleted or renamed there on purpose, delete it here too (state: absent). If not, restore it there first.",
    )


def _size(item, size):
    remedy = (
        "Write size: %d into its task: the store then learns it." % size
        if size > item.size
        else "Volumes never shrink by tasks: see who changed it there. Its end may be lost; restore it from a snapshot or a backup."
    )
    return Finding(
        "warning" if size > item.size else "error",
        "size",
        _where("volume", item.backend, item.name),
        "has %d GiB in the store and %d GiB on its storage system." % (item.size, size),
        remedy,
    )


def _orphans(backend, noun, known, listed):
    named = [str(item.get("name")) for item in listed if item.get("id") not in known]
    strangers = [name for name in named if not known & set(_ID.findall(name))]
    made_so = [name for name in strangers if _OURS.search(name)]
    found = [
        Finding(
            "warning",
            "orphan",
            "%s %s on backend %s" % (noun, name, backend),
            "is on the storage system, named as this collection names things, and not in this store. Another controller's, or left by a lost store.",
            "Adopt it, or delete it on the storage system yourself. The doctor never does: it may hold data.",
        )
        for name in made_so
    ]
    others = sorted(set(strangers) - set(made_so))
    if others:
        found.append(
            Finding(
                "note",
                "foreign",
                "%ss of backend %s" % (noun, backend),
                "The storage system has %d more that this store does not know: %s." % (len(others), _listed(others)),
                "Nothing, where they are somebody else's. They can be adopted.",
            )
        )
    return found


def _repository(picture, name, view):
    if view.error is not None:
        return [
            Finding(
                "error",
                "repository",
                "repository %s" % name,
                "%s None of its backups can be read now, and none be made." % view.error,
                "See that its place can be reached from the controller and is mounted, and that its password is right.",
            )
        ]
    at_work = {record.operation_id for record in picture.unsettled}
    return [
        Finding(
            "warning",
            "unfinished",
            "backup %s/%s" % (name, item["name"]),
            "Its content is in the repository without its record, so it is no backup: it is under way from another controller, or its run was "
            "interrupted.",
            "The next backup of that name takes it away. Until then it only takes room.",
        )
        for item in view.unfinished
        if item["run"] not in at_work
    ]


def _nodes(picture):
    found, silent, by_host = [], {}, {}
    for node in picture.nodes:
        for name in node.names:
            by_host[name] = node
        if node.error is not None:
            silent[node.name] = node
    for item in sorted(picture.mappings, key=lambda mapping: (mapping.host, mapping.volume_name)):
        found += _export(picture, item, by_host.get(item.host))
    for name in sorted(silent):
        count = sum(item.host in silent[name].names for item in picture.mappings)
        found.append(
            Finding(
                "error" if count else "warning",
                "node",
                "node %s" % name,
                "did not answer (%s). Its %d export(s) could not be compared." % (silent[name].error.rstrip("."), count),
                "Mend the node, or its connection. Where it is dead for good, fence it and detach its volumes with fenced: true.",
            )
        )
    exported = {(item.volume_id, item.host) for item in picture.mappings}
    for node in picture.nodes:
        for record in node.attachments:
            found += _record(picture, node, record, exported)
    return found


def _export(picture, item, node):
    where = _where("export", item.backend, "%s on %s" % (item.volume_name, item.host))
    if any(record.resource_id == item.id for record in picture.unsettled):
        return []
    if item.host in picture.fenced:
        return [
            Finding(
                "warning",
                "fenced",
                where,
                "The volume is mapped to a host that is said to be fenced.",
                "The doctor unmaps it when told to mend.",
                ("unexport", item.id),
            )
        ]
    if node is None:
        return [
            Finding(
                "warning",
                "unknown_host",
                where,
                "The volume is mapped to a host that none of the nodes in the inventory calls itself.",
                "Add the host to the inventory. Where it is dead for good, fence it and tell the doctor so (doctor_fenced: [%s])."
                % item.host,
            )
        ]
    if node.error is not None or any(record.get("volume_id") == item.volume_id for record in node.attachments):
        return []
    return [
        Finding(
            "warning",
            "no_record",
            where,
            "The volume is mapped to the node, but the node has no record of it: the attaching was interrupted, or the node was installed anew.",
            "Run the task that attaches it again, or one that detaches it (legacy_attachment, state: absent).",
        )
    ]


def _record(picture, node, record, exported):
    backend, name, volume_id = record.get("backend"), record.get("volume_name"), record.get("volume_id")
    where = "node %s, volume %s/%s" % (node.name, backend, name)
    if backend not in picture.backends:
        return [
            Finding(
                "note",
                "not_compared",
                where,
                "is of a backend that is not registered on this controller.",
                "Ask the doctor of the controller that has it.",
            )
        ]
    found = []
    if (volume_id, node.host) not in exported:
        found.append(
            Finding(
                "error",
                "no_export",
                where,
                "The node holds a device of the volume, but it is not mapped to it. The device does not work, or shows another volume by now.",
                "Stop who uses it and disconnect it there (legacy_connection, state: absent); then attach the volume again where it is wanted.",
            )
        )
    if record.get("problems"):
        found.append(
            Finding(
                "warning",
                "attachment",
                where,
                "The node says: %s" % " ".join(record["problems"]),
                "Run the task that attaches it again; it connects anew what is broken and not in use.",
            )
        )
    return found
