# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands where connection_info's data leads, by whatever transport. Reads only."""

from __future__ import annotations

from . import fibre_channel, iscsi, nvme


def disks_at(system, data):
    """Return the kernel names of the SCSI disks there."""
    return iscsi.disks_at(system, data) + fibre_channel.disks_at(system, data)


def devices_at(system, data):
    """Return the kernel names of the SCSI disks there, and of NVMe namespaces that go by the name in the data."""
    return disks_at(system, data) + nvme.devices_at(system, data)


def lead(data):
    """Tell whether :func:`devices_at` would find whatever device there is."""
    return bool(iscsi.targets(data) or fibre_channel.targets(data) or any(target.names for target in nvme.targets(data)))
