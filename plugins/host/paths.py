# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths of what was just connected: waited for, connected once more where they must be there, told where they are not."""

from __future__ import annotations

import dataclasses
import time

from ..module_utils.model.errors import StorageError
from ..module_utils.plan.multipath import NATIVE
from . import devices, facts, iscsi, multipathd

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
    expected = _expected(node.address(record.export), wanted)
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
            % ("the map" if found.seen.mapped else "the namespace", found.active, _told(node, record, found.paths)),
        )
    if not found.seen.mapped and not found.plain:
        node.warn(
            "Volume %s is attached without multipath, though it has %d paths: multipathd makes no map of it. Does multipath's configuration exclude it? "
            "Say multipath: no where that is meant." % (record.export.volume_name, expected)
        )
    if found.seen.mapped and found.active < found.reachable:
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
    paths = facts.paths(node.system, seen)
    active = sum(path["state"] == "active" for path in paths)
    several = seen.mapped or required and record.export.protocol.lower() in NATIVE
    plain = not required and (reachable == 1 or not node.system.runs("multipathd"))
    complete = active >= max(2 if required else 1, reachable) if several else seen.identity == "right" and plain
    return _Found(seen, paths, active, reachable, several, plain, complete)


def _tell_multipathd(system, seen, told):
    """Have multipathd take the disks of the volume that are outside its map. Each is ``told`` once.

    os-brick does so once, for those that are there when it learns the volume's name; multipathd may have looked at another one just before.
    """
    outside = set(seen.disks) - set(devices.slaves(system, seen.name)) - told
    for disk in sorted(outside):
        multipathd.add_path(disk)
    told |= outside


def _told(node, record, paths):
    """Return what is known of a volume's paths, for a message."""
    states = ["%s is %s" % (path["device"], path["state"]) for path in paths]
    return "; ".join(iscsi.at_portals(node.system, node.address(record.export)) + states)


def _expected(data, wanted):
    """How many paths the volume should have; what is yet to be discovered is not known."""
    if wanted.multipath == "no" or not data.get("target_portals"):
        return 2 if wanted.multipath == "required" else 1
    return len({portal for portal, _iqn, _lun in iscsi.targets(data)})
