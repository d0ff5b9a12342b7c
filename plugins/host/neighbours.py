# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose disks stand at an address.

A storage system gives the LUN number of a volume that was taken back to the next one. A record of the first, of a node that was fenced, then leads to
the disks of the second, and what is done at that address would be done to them.
"""

from __future__ import annotations

from . import devices, iscsi


def theirs(node, volume_id, identity, data):
    """Return ``{kernel name: record}`` of the disks at an address that are another attachment's.

    :param identity: of the volume's own record. :param data: connection_info's data, ``None`` where there is none.
    """
    strange = {disk: devices.cached_serial(node.system, disk) for disk in iscsi.disks_at(node.system, data or {})}
    strange = {disk: serial for disk, serial in strange.items() if serial and serial != identity.get("serial")}
    if not strange:
        return {}
    records = [node.records.get(other) for other in node.records.ids() if other != volume_id]
    owners = {record.identity["serial"]: record for record in records if record is not None and record.identity.get("kind") == "scsi"}
    # A disk that has become another volume under what the kernel remembers of it is nobody's.
    return {
        disk: owners[serial] for disk, serial in strange.items() if serial in owners and devices.fresh_serial(node.system, disk) in (None, serial)
    }
