# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel shows of one volume, put into the plan's Facts. Reads only."""

from __future__ import annotations

import dataclasses
import os

from ..module_utils.model.encryption import mapping_name
from ..module_utils.plan.connections import Facts
from . import access, addresses, devices, links, loop, luks_header, multipathd, nvme, usage


@dataclasses.dataclass(frozen=True)
class Seen:
    """The device of a volume now.

    :param name: kernel name (``dm-3``), ``None`` when it is no block device or not there.
    :param path: a path to it that is right now, ``None`` when nothing is there.
    :param disks: kernel names of its SCSI disks.
    :param size: bytes, of the smallest of map and paths.
    :param wrong: disks that tell another identity than the recorded one.
    :param inner: kernel name of what is open of an encrypted volume. :param opened: the plan's word for it.
    """

    name: str | None = None
    path: str | None = None
    mapped: bool = False
    disks: tuple = ()
    size: int = 0
    identity: str = "none"
    wrong: tuple = ()
    inner: str | None = None
    opened: str = "no"


def look(system, record, ask=True):
    """Return what is Seen of a recorded attachment.

    :param ask: ask every path for its identity now; else believe what the kernel learned when the path appeared.
    """
    seen = _look_below(system, record, ask)
    if record is None or record.encryption is None:
        return seen
    inner = devices.mapping(system, mapping_name(record.export.volume_id))
    if inner is None:
        return seen
    right = devices.map_uuid(system, inner) == record.link_key and devices.slaves(system, inner) == [seen.name]
    return dataclasses.replace(seen, inner=inner, opened="right" if right else "wrong")


def _look_below(system, record, ask):
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
    elif (answers or identity["kind"] == "scsi") and not any(answers.values()):  # a map can be there without a disk
        verdict = "unknown"
    elif identity["kind"] == "node" and os.path.realpath(record.device.get("path", "")) != os.path.realpath(system.node(name)):
        verdict = "wrong"
    else:
        verdict = "right"
    smallest = min([devices.size(system, each) for each in everything] + (nvme.path_sizes(system, name) if nvme.is_namespace(name) else []))
    return Seen(name, system.node(name) if name else None, mapped, members, smallest, verdict, wrong)


def leftovers(system, seen, data, loops=()):
    """Return the disks at the address in connection_info's data, and of ``loops``, that are not those Seen."""
    return tuple(name for name in dict.fromkeys((*addresses.disks_at(system, data or {}), *loops)) if name not in (seen.name, *seen.disks))


def lags(system, seen):
    """Tell whether what is open of an encrypted volume is smaller than its device has room for."""
    if seen.opened != "right" or seen.path is None:
        return False
    try:
        header = luks_header.read(seen.path)
    except OSError:
        return False
    return header is not None and devices.size(system, seen.inner) < header.room(seen.size)


def gather(system, record, volume_id, data, loops=()):
    """Return ``(Facts, Seen)`` of one volume.

    :param data: connection_info's data of what is wanted, or of the record; ``None`` when neither is known.
    :param loops: the loop devices over the volume's file, and whatever else is in the way.
    """
    seen = look(system, record)
    # Attached as a file, before files got block devices: it gets one once nobody uses it.
    mere_file = bool(record) and record.identity.get("kind") == "file" and loop.serves(record.export.protocol)
    left = leftovers(system, seen, data, () if mere_file else loops)
    everything = [name for name in (seen.name, *seen.disks, *left, seen.inner) if name]
    place = seen.path or (system.node(everything[0]) if everything else None)
    modes = access.modes(system, seen)
    maps = [holder for holder in (devices.map_over(system, left),) if holder]
    users = usage.users(system, place, everything + maps) if place else []
    return Facts(
        boot_id=system.boot_id(),
        multipathd=system.runs("multipathd"),
        identity=seen.identity,
        mapped=seen.mapped,
        paths=len(nvme.paths(system, seen.name) if nvme.is_namespace(seen.name) else seen.disks),
        size=seen.size // devices.GIB,
        users=tuple(users),
        leftovers=left,
        linked=bool(users) if mere_file else linked(system, record, seen),
        access_mode=modes.get(seen.name, "rw"),
        alike=len(set(modes.values())) < 2,
        opened=seen.opened,
        lag=seen.identity == "right" and lags(system, seen),
        native=nvme.native_multipath(system),
    ), seen


def linked(system, record, seen):
    """Tell whether the stable path leads where it should; what is locked has none, and a host without udev makes none."""
    if record is None or not links.possible(system, record.link_key):
        return True
    if record.encryption is not None and seen.opened != "right":
        return seen.opened == "no"
    name = seen.inner if record.encryption is not None else seen.name
    return name is not None and links.leads_to(system, record.export.volume_id, name)


def paths(system, seen):
    """Return ``[{"device", "state"}]`` of a device's disks, or of an NVMe namespace's controllers.

    ``active`` is a path that multipath uses, or a running disk without it; ``outside the map`` a running disk that multipath did not take; ``unknown``
    one that it took, of which neither multipathd nor the kernel tells more.
    """
    if nvme.is_namespace(seen.name):
        return nvme.paths(system, seen.name)
    states = {disk: devices.path_state(system, disk) for disk in seen.disks}
    running = [disk for disk, state in states.items() if state == "running"]
    if not seen.mapped:
        states.update(dict.fromkeys(running, "active"))
    else:
        states.update(_in_map(system, seen.name, running))
    return [{"device": "/dev/" + disk, "state": state} for disk, state in states.items()]


def _in_map(system, name, disks):
    """Return {disk: what a map does with it}."""
    inside = [disk for disk in disks if disk in devices.slaves(system, name)]
    told = multipathd.path_states()
    if not told.keys() >= set(inside):  # multipathd is away, or was told to forget a path that the kernel goes on using
        told = {**multipathd.kernel_states(system, name), **told}
    return {disk: told.get(disk, "unknown") if disk in inside else "outside the map" for disk in disks}


def attachment(system, record, seen):
    """Return what users are told of one attachment; no secrets."""
    export = record.export
    identity = record.identity.get("serial") if seen.mapped else None
    name = seen.name if record.encryption is None else seen.inner
    return {
        "volume_id": export.volume_id,
        "volume_name": export.volume_name,
        "backend": export.backend,
        "host": export.host,
        "protocol": export.protocol,
        "access_mode": export.access_mode,
        "path": record.link,
        "device": "/dev/" + name.replace("!", "/") if name else None,
        "mapped": seen.mapped,
        "multipath_id": identity,
        "paths": paths(system, seen),
        "size": seen.size // devices.GIB if seen.path else export.size,
        "state": record.state,
        "encryption": encryption(record, seen.opened == "right"),
    }


def encryption(record, opened):
    """Return what users are told of a volume's encryption; ``None`` where it is not encrypted."""
    kept = record.encryption
    return None if kept is None else {"type": "luks2", "uuid": kept.uuid, "opened": opened, "key_from": kept.key_from}
