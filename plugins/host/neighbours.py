# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose disks stand at an address.

A storage system gives the LUN number of a volume that was taken back to the next one. A record of the first, of a node that was fenced, then leads to
the disks of the second, and what is done at that address would be done to them.
"""

from __future__ import annotations

from ..module_utils.model.errors import StorageError
from . import addresses, devices, nvme


def theirs(node, volume_id, identity, data):
    """Return ``{kernel name: record}`` of the disks and namespaces at an address that are another attachment's.

    :param identity: of the volume's own record. :param data: connection_info's data, ``None`` where there is none.
    :raises StorageError: ``host`` where a disk may be that of an attachment whose record cannot be read.
    """
    strange = strangers(node.system, identity, data)
    if not strange:
        return {}
    records, unreadable = node.records.all()
    others = [record for other, record in records.items() if other != volume_id]
    owners = {record.identity["serial"]: record for record in others if record.identity.get("kind") in ("scsi", "nvme")}
    unknown = sorted(name for name, serial in strange.items() if serial not in owners)
    for other in sorted(set(unreadable) - {volume_id}) if unknown else ():
        raise StorageError(
            "host",
            "/dev/%s stands at the address of volume %s and may be that of another attachment, which cannot be told: %s Nothing was changed."
            % (unknown[0], volume_id, unreadable[other].message),
        )
    # A disk that has become another volume under what the kernel remembers of it is nobody's.
    return {name: owners[serial] for name, serial in strange.items() if serial in owners and _unchanged(node.system, name, serial)}


def strangers(system, identity, data):
    """Return ``{kernel name: serial}`` of the disks and namespaces at an address that tell another identity, whosever they are."""
    told = {name: _serial(system, name) for name in addresses.devices_at(system, data or {})}
    return {name: serial for name, serial in told.items() if serial and serial != identity.get("serial")}


def _serial(system, name):
    return devices.cached_serial(system, name) or system.read("sys/class/block", name, "wwid")


def _unchanged(system, name, serial):
    """The kernel itself takes a namespace away that calls itself something else than before."""
    return nvme.is_namespace(name) or devices.fresh_serial(system, name) in (None, serial)
