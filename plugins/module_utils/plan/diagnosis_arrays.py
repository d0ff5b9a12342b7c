# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What arrays and repositories of backups have, compared with what the store says they have. Pure."""

from __future__ import annotations

import re

from ..model.replication import ERROR
from .diagnosis_picture import Finding, busy_ids, some_of, titled

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OURS = re.compile(r"(?:volume|snapshot|_snapshot)-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")

_ABANDONED = 7 * 86400  # seconds; longer than another controller, whose journal is not ours, takes to save and to verify


def array(picture, backend, view):
    """Return the Findings about what one backend's array says."""
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
    busy = busy_ids(picture)
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
                "The driver could not tell whether %s are there (%s)." % ("%d %ss" % (len(untold), noun), some_of(untold)),
                "Look at the storage system's own list where it matters.",
            )
        )
    return found


def _missing(noun, item):
    return Finding(
        "error",
        "missing",
        titled(noun, item.backend, item.name),
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
        titled("volume", item.backend, item.name),
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
                "The storage system has %d more that this store does not know: %s." % (len(others), some_of(others)),
                "Nothing, where they are somebody else's. They can be adopted.",
            )
        )
    return found


def repository(picture, name, view):
    """Return the Findings about one repository of backups."""
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
            "It only takes room. The next backup of that name takes it away%s"
            % (
                ", and so does the doctor when told to mend."
                if item["age"] > _ABANDONED
                else ". Once it is a week old, and surely nobody's any more, the doctor does as well when told to mend."
            ),
            ("forget", (name, item["run"])) if item["age"] > _ABANDONED else None,
        )
        for item in view.unfinished
        if item["run"] not in at_work
    ]
