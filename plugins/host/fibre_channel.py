# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fibre Channel on this node: which adapter sees which port, and which disks stand behind it, as sysfs shows it. Reads only."""

from __future__ import annotations

import re

_REMOTE = re.compile(r"rport-(\d+):")


def targets(data):
    """Return the ``(port name, LUN)`` that connection_info's data names: 16 digits in lower case, and the kernel's number."""
    ports = data.get("target_wwns") or data.get("target_wwn") or []
    ports = [ports] if isinstance(ports, str) else ports
    luns = data.get("target_luns") or [data.get("target_lun", 0)]
    mode = data.get("addressing_mode")
    return [(_plain(port), _kernels(int(lun), mode)) for port, lun in zip(ports, luns * len(ports) if len(luns) == 1 else luns)]


def _kernels(lun, mode):
    """Flat space addressing is a part of the number to the kernel (os_brick/initiator/linuxscsi.py, lun_for_addressing)."""
    return lun + 0x4000 if mode == "SAM3-flat" or mode == "SAM2" and lun >= 256 else lun


def _plain(port):
    return port.lower().replace(":", "").removeprefix("0x")


def disks_at(system, data):
    """Return the kernel names of the disks at the ports and LUNs of connection_info's data, sorted.

    They are asked of the kernel, not of udev, which may not have come to a disk yet.
    """
    wanted, found = targets(data), set()
    for target in system.names("sys/class/fc_transport") if wanted else ():
        folder = "sys/class/fc_transport/%s" % target
        port = _plain(system.read(folder, "port_name"))
        for address in system.names(folder, "device"):
            lun = address.rpartition(":")[2]
            if lun.isdigit() and (port, int(lun)) in wanted:
                found.update(system.names(folder, "device", address, "block"))
    return sorted(found)


def visible(system, data):
    """Return ``{(adapter, port)}``, by their names, of the paths over which connection_info's data is to be reached and that the fabric gives now."""
    wanted, chosen = {port for port, _lun in targets(data)}, _chosen(system, data)
    found = set()
    for match in filter(None, map(_REMOTE.match, system.names("sys/class/fc_remote_ports") if wanted else ())):
        folder = "sys/class/fc_remote_ports/%s" % match.string
        path = _plain(system.read("sys/class/fc_host", "host" + match.group(1), "port_name")), _plain(system.read(folder, "port_name"))
        if path[1] in wanted and (chosen is None or path in chosen) and system.read(folder, "port_state") == "Online":
            found.add(path)
    return found


def invisible(system, data):
    """Return a sentence for each port that no adapter sees, where what is left goes over one adapter or one port alone.

    Drivers name more ports than a host is zoned to, and each of its adapters with all of them, so that nothing is said where there are two ways.
    """
    seen = visible(system, data)
    ports = {port for _adapter, port in seen}
    if len(ports) > 1 and len({adapter for adapter, _port in seen}) > 1:
        return []
    return ["Port %s is seen by no adapter of this host." % port for port in sorted({port for port, _lun in targets(data)} - ports)]


def _chosen(system, data):
    """Return the ``{(adapter, port)}`` that the storage system masked the volume to, ``None`` where it does not tell (initiator_target_map)."""
    told = {_plain(adapter): ports for adapter, ports in (data.get("initiator_target_map") or {}).items()}
    adapters = {_plain(system.read("sys/class/fc_host", name, "port_name")) for name in system.names("sys/class/fc_host")}
    named = {port for port, _lun in targets(data)}
    found = {(adapter, _plain(port)) for adapter in adapters for port in told.get(adapter, ())}
    return {path for path in found if path[1] in named} if told else None
