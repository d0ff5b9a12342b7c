# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fibre Channel on this node: which disks stand behind which port, as sysfs shows it. Reads only."""

from __future__ import annotations


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
