# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel shows of one volume, put into the plan's Facts. Reads only."""

from __future__ import annotations

import dataclasses
import os

from ..module_utils.plan.connections import Facts
from . import access, devices, iscsi, links, loop, multipathd, usage


@dataclasses.dataclass(frozen=True)
class Seen:
    """The device of a volume now.

    :param name: kernel name (``dm-3``), ``None`` when it is no block device or not there.
    :param path: a path to it that is right now, ``None`` when nothing is there.
    :param disks: kernel names of its SCSI disks.
    :param size: bytes, of the smallest of map and paths.
    :param wrong: disks that tell another identity than the recorded one.
    """

    name: str | None = None
    path: str | None = None
    mapped: bool = False
    disks: tuple = ()
    size: int = 0
    identity: str = "none"
    wrong: tuple = ()


def look(system, record, ask=True):
    """Return what is Seen of a recorded attachment.

    :param ask: ask every path for its identity now; else believe what the kernel learned when the path appeared.
    """
    identity = record.identity if record else {}
    if not identity:
        return Seen()
    if identity["kind"] == "file":
        path = record.device.get("path", "")
        if not os.path.exists(path):
            return Seen()
        right = os.path.realpath(path) == identity["serial"]
        return Seen(None, path, size=os.stat(path).st_size, identity="right" if right else "wrong")
    name, disks = devices.find(system, identity)
    if name is None and not disks:
        return Seen()
    members = tuple(disks)
    everything = ([name] if name else []) + list(members)
    mapped = bool(name) and devices.map_uuid(system, name).startswith("mpath-")
    answers = {}
    if identity["kind"] == "scsi":
        for disk in members:
            answers[disk] = devices.fresh_serial(system, disk) if ask else devices.cached_serial(system, disk)
    if ask and name and identity["kind"] in devices.ASKED:
        answers[name] = (devices.identify(system, system.node(name)) or {}).get("serial")
    wrong = tuple(disk for disk, serial in sorted(answers.items()) if serial and serial != identity["serial"])
    if wrong:
        verdict = "wrong"
    elif name is None:
        verdict = "none"
    elif answers and not any(answers.values()):
        verdict = "unknown"
    elif identity["kind"] == "node" and os.path.realpath(record.device.get("path", "")) != os.path.realpath(system.node(name)):
        verdict = "wrong"
    else:
        verdict = "right"
    smallest = min(devices.size(system, each) for each in everything)
    return Seen(name, system.node(name) if name else None, mapped, members, smallest, verdict, wrong)


def leftovers(system, seen, data, loops=()):
    """Return the disks at the address in connection_info's data, and the loop devices over the volume's file, that are not those Seen."""
    return tuple(name for name in (*iscsi.disks_at(system, data or {}), *loops) if name not in (seen.name, *seen.disks))


def gather(system, record, volume_id, data, loops=()):
    """Return ``(Facts, Seen)`` of one volume.

    :param data: connection_info's data of what is wanted, or of the record; ``None`` when neither is known.
    :param loops: the loop devices over the volume's file.
    """
    seen = look(system, record)
    # Attached as a file, before files got block devices: it gets one once nobody uses it.
    mere_file = bool(record) and record.identity.get("kind") == "file" and loop.serves(record.export.protocol)
    left = leftovers(system, seen, data, () if mere_file else loops)
    everything = [name for name in (seen.name, *seen.disks, *left) if name]
    place = seen.path or (system.node(left[0]) if left else None)
    linked = True
    if record and links.possible(system, record.identity.get("key")):
        linked = seen.name is not None and links.leads_to(system, volume_id, seen.name)
    modes = access.modes(system, seen)
    maps = [holder for holder in (devices.map_over(system, left),) if holder]
    users = usage.users(system, place, everything + maps) if place else []
    if mere_file:
        linked = bool(users)
    return Facts(
        boot_id=system.boot_id(),
        multipathd=system.runs("multipathd"),
        identity=seen.identity,
        mapped=seen.mapped,
        paths=len(seen.disks),
        size=seen.size // devices.GIB,
        users=tuple(users),
        leftovers=left,
        linked=linked,
        access_mode=modes.get(seen.name, "rw"),
        alike=len(set(modes.values())) < 2,
    ), seen


def paths(system, seen):
    """Return ``[{"device", "state"}]`` of a device's disks; ``active`` is a path that multipath uses, or a running disk without it."""
    told = multipathd.path_states() if seen.mapped else {}
    found = []
    for disk in seen.disks:
        state = devices.path_state(system, disk)
        if state == "running":
            state = told.get(disk, "active")
        found.append({"device": "/dev/" + disk, "state": state})
    return found


def attachment(system, record, seen):
    """Return what users are told of one attachment; no secrets."""
    export = record.export
    identity = record.identity.get("serial") if seen.mapped else None
    return {
        "volume_id": export.volume_id,
        "volume_name": export.volume_name,
        "backend": export.backend,
        "host": export.host,
        "protocol": export.protocol,
        "access_mode": export.access_mode,
        "path": record.link,
        "device": "/dev/" + seen.name.replace("!", "/") if seen.name else None,
        "multipath_id": identity,
        "paths": paths(system, seen),
        "size": seen.size // devices.GIB if seen.path else export.size,
        "state": record.state,
    }
