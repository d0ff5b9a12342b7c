# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a disconnected volume left in this host's kernel or in open-iscsi."""

from __future__ import annotations

from . import addresses, devices, iscsi, nvme
from .connectors import choice


def what_stays(system, data, identity, protocol):
    """Return what is still there of a connection: one sentence part each.

    :param data: connection_info's data: where the volume was.
    :param identity: what the device called itself (``devices.identify``), or ``None`` where nobody asked it.
    """
    found = []
    if identity and identity["kind"] != "file":
        name, disks = devices.find(system, identity)
        found += [_told(system, each) for each in dict.fromkeys(([name] if name else []) + list(disks))]
    # A namespace's number may be another volume's since: what is known of the device itself is more.
    found += [_told(system, each) for each in (addresses.disks_at if identity else addresses.devices_at)(system, data)]
    found += iscsi.empty_sessions(system, data)
    found += nvme.empty_controllers(system, data) if protocol in nvme.CONNECTED else []
    found += choice.stays(system, protocol, data)
    return list(dict.fromkeys(found))


def _told(system, name):
    if nvme.is_namespace(name) and nvme.shared(system, name):
        return "device %s (its controllers have other namespaces, so it goes when the storage system takes it back; docs/protocols.md)" % system.node(name)
    return "device %s" % system.node(name)
