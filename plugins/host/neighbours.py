# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose disks stand at an address.

A storage system gives the LUN number of a volume that was taken back to the next one. A record of the first, of a node that was fenced, then leads to
the disks of the second, and what is done at that address would be done to them.
"""

from __future__ import annotations

from ..module_utils.model.errors import StorageError
from . import addresses, devices


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
    told = {disk: devices.cached_serial(system, disk) for disk in addresses.disks_at(system, data or {})}
    return {disk: serial for disk, serial in told.items() if serial and serial != identity.get("serial")}
