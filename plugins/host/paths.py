# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths of what was just connected: waited for, connected once more where they must be there, told where they are not."""

from __future__ import annotations

import dataclasses
import time

from ..module_utils.model.errors import StorageError
from ..module_utils.plan.multipath import NATIVE, all_paths
from . import devices, facts, fibre_channel, iscsi, multipathd, neighbours, nvme

_WAIT = 30  # seconds for the second path of a map: os-brick goes on with the first, and a busy host takes its time


@dataclasses.dataclass(frozen=True)
class _Found:
    """What there is of a volume now.

    :param complete: every path that can be there is active. :param several: they are one device, a map or the kernel's own.
    :param plain: a device without a map is what is wanted or all that there can be.
    """

    seen: facts.Seen
    paths: list
    active: int
    reachable: int
    several: bool
    plain: bool
    complete: bool


def verify(node, record, wanted, connector):
    """Wait until every path that can be there is active.

    :raises StorageError: ``conflict`` for a device that tells another identity than the volume, ``host`` where ``multipath: required`` has no map of two paths.
    """
    required = wanted.multipath == "required"
    expected = _expected(node, record, wanted)
    found = _wait(node, record, connector, required, expected)
    if required and (not found.several or found.active < 2):
        # A login may fail because the array or the network was slow, and os-brick scans no session any more once another one gave it a map.
        connector.connect()
        found = _wait(node, record, connector, required, expected)
    for sentence in connector.login_failures():
        node.warn("Volume %s/%s is connected, but not over every path: %s" % (record.export.backend, record.export.volume_name, sentence))
    if required and not found.several:
        raise StorageError("host", "multipath: required, but %s is no dm-multipath map: does multipath's configuration exclude it?" % record.device["path"])
    if required and found.active < 2:
        raise StorageError(
            "host",
            "multipath: required, but %s has %d active path(s), not 2: %s. Mend the other path, or ask for multipath: preferred."
            % ("the map" if found.seen.mapped else "the namespace", found.active, _told(node, record, found.paths, connector)),
        )
    if not found.seen.mapped and not found.plain:
        node.warn(
            "Volume %s is attached without multipath, though it has %d paths: multipathd makes no map of it. Does multipath's configuration exclude it? "
            "Say multipath: no where that is meant." % (record.export.volume_name, expected)
        )
    if found.several and found.active < found.reachable:
        node.warn(
            "Volume %s has %d active path(s) of %d: %s." % (record.export.volume_name, found.active, expected, _told(node, record, found.paths))
        )


def _wait(node, record, connector, required, expected):
    """Return what was Found when all was there, or in the end. Nobody waits for the paths of portals that did not let this host in."""
    reachable = max(expected - len(connector.login_failures()), 1)
    deadline = time.monotonic() + (_WAIT if reachable > 1 or not required else 0)
    told = set()
    while True:
        found = _look(node, record, required, reachable)
        if found.complete or time.monotonic() > deadline:
            return found
        if found.seen.mapped:
            _tell_multipathd(node.system, found.seen, told)
        time.sleep(0.5)


def _look(node, record, required, reachable):
    seen = facts.look(node.system, record)
    if seen.wrong:
        raise StorageError(
            "conflict",
            "%s tell another identity than the volume: an older device stands at its address. Nothing was kept." % ", ".join(seen.wrong),
        )
    single = record.identity["kind"] in ("scsi", "nvme")  # and not os-brick's RAID over several namespaces
    strange = neighbours.strangers(node.system, record.identity, node.address(record.export)) if single else {}
    if strange:
        raise StorageError(
            "conflict",
            "The array shows different volumes at the address of volume %s: %s, which is %s, beside %s. Nothing was kept."
            % (record.export.volume_name, *sorted(strange.items())[0], record.identity["serial"]),
        )
    paths = facts.paths(node.system, seen)
    active = sum(path["state"] == "active" for path in paths)
    least = 2 if required else 1
    if record.identity["kind"] == "nvme" and record.export.protocol.lower() in NATIVE and nvme.native_multipath(node.system):
        # A path that the storage system keeps closed (ANA) does not become active by waiting.
        return _Found(seen, paths, active, reachable, True, True, active >= least and len(paths) >= reachable)
    plain = not required and (reachable == 1 or not node.system.runs("multipathd"))
    complete = active >= max(least, reachable) if seen.mapped else seen.identity == "right" and plain
    return _Found(seen, paths, active, reachable, seen.mapped, plain, complete)


def _tell_multipathd(system, seen, told):
    """Have multipathd take the disks of the volume that are outside its map. Each is ``told`` once.

    os-brick does so once, for those that are there when it learns the volume's name; multipathd may have looked at another one just before.
    """
    outside = set(seen.disks) - set(devices.slaves(system, seen.name)) - told
    for disk in sorted(outside):
        multipathd.add_path(disk)
    told |= outside


def _told(node, record, paths, connector=None):
    """Return what is known of a volume's paths, for a message; with the connector also why others are not there."""
    at_portals = iscsi.at_portals(node.system, node.address(record.export))
    reasons = [sentence.rstrip(".") for sentence in connector.login_failures()] if connector and not at_portals else []
    return "; ".join(at_portals + ["%s is %s" % (path["device"], path["state"]) for path in paths] + reasons)


def _expected(node, record, wanted):
    """How many paths the volume should have; what is yet to be discovered is not known."""
    data, protocol = node.address(record.export), record.export.protocol.lower()
    if wanted.multipath == "no":
        return 1
    found = 0
    if data.get("target_portals"):
        found = len({portal for portal, _iqn, _lun in iscsi.targets(data)})
    elif protocol == "fibre_channel" and all_paths(protocol, wanted.multipath, node.system.runs("multipathd")):
        found = len(fibre_channel.visible(node.system, data)) + len(fibre_channel.invisible(node.system, data))
    elif protocol in nvme.CONNECTED and nvme.native_multipath(node.system) and "volume_replicas" not in data:
        found = sum(len(target.portals) for target in nvme.targets(data))
    return found or (2 if wanted.multipath == "required" else 1)
