# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands where connection_info's data leads, by whatever transport. Reads only."""

from __future__ import annotations

from . import fibre_channel, iscsi


def disks_at(system, data):
    """Return the kernel names of the SCSI disks there."""
    return iscsi.disks_at(system, data) + fibre_channel.disks_at(system, data)


def lead(data):
    """Tell whether :func:`disks_at` would find whatever disk there is."""
    return bool(iscsi.targets(data) or fibre_channel.targets(data))
