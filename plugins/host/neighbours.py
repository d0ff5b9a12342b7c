# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose disks stand at an address.

A storage system gives the LUN number of a volume that was taken back to the next one. A record of the first, of a node that was fenced, then leads to
the disks of the second, and what is done at that address would be done to them.
"""

from __future__ import annotations

from ..module_utils.model.errors import StorageError
from . import devices, iscsi


def theirs(node, volume_id, identity, data):
    """Return ``{kernel name: record}`` of the disks at an address that are another attachment's.

    :param identity: of the volume's own record. :param data: connection_info's data, ``None`` where there is none.
    :raises StorageError: ``host`` where a disk may be that of an attachment whose record cannot be read.
    """
    strange = strangers(node.system, identity, data)
    if not strange:
        return {}
    records, unreadable = node.records.all()
    others = [record for other, record in records.items() if other != volume_id]
    owners = {record.identity["serial"]: record for record in others if record.identity.get("kind") == "scsi"}
    unknown = sorted(disk for disk, serial in strange.items() if serial not in owners)
    for other in sorted(set(unreadable) - {volume_id}) if unknown else ():
        raise StorageError(
            "host",
            "/dev/%s stands at the address of volume %s and may be that of another attachment, which cannot be told: %s Nothing was changed."
            % (unknown[0], volume_id, unreadable[other].message),
        )
    # A disk that has become another volume under what the kernel remembers of it is nobody's.
    return {
        disk: owners[serial] for disk, serial in strange.items() if serial in owners and devices.fresh_serial(node.system, disk) in (None, serial)
    }


def strangers(system, identity, data):
    """Return ``{kernel name: serial}`` of the disks at an address that tell another identity, whosever they are."""
    told = {disk: devices.cached_serial(system, disk) for disk in _disks_at(system, data or {})}
    return {disk: serial for disk, serial in told.items() if serial and serial != identity.get("serial")}


def _disks_at(system, data):
    return iscsi.disks_at(system, data) + _fibre_channel_disks_at(system, data)


def _fibre_channel_disks_at(system, data):
    """Return the kernel names of the disks at the ports and LUNs of connection_info's data, by udev's links, as os-brick finds what it takes away."""
    ports = data.get("target_wwns") or data.get("target_wwn") or []
    ports = [ports] if isinstance(ports, str) else ports
    luns = data.get("target_luns") or [data.get("target_lun", 0)]
    endings = tuple("-fc-0x%s-lun-%s" % (port.lower(), _udevs_lun(int(lun))) for port, lun in zip(ports, luns * len(ports) if len(luns) == 1 else luns))
    links = [name for name in system.names("dev/disk/by-path") if endings and name.endswith(endings)]
    found = (devices.kernel_name(system, system.path("dev/disk/by-path", name)) for name in links)
    return [name for name in dict.fromkeys(found) if name]


def _udevs_lun(lun):
    return lun if lun < 256 else "0x%04x%04x00000000" % (lun & 0xFFFF, lun >> 16 & 0xFFFF)
