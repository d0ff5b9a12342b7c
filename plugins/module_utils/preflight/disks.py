# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Block devices as preflight wants to know them: whose they are, which maps lie over them, which carry the system. Reads sysfs only."""

from __future__ import annotations

import os

SYSTEM_POINTS = ("/", "/boot", "/boot/efi", "/usr", "/var")
LONGHORN = "iqn.2019-10.io.longhorn:"
# By the kernel's names. What nbd, loop and zd show is as little ours; but these systems bring a device node that multipathd would take.
_FOREIGN_NAMES = {"pxd": "Portworx", "rbd": "Ceph", "drbd": "DRBD"}
_TRANSPORTS = (("/session", "iscsi"), ("/rport-", "fcp"), ("/usb", "usb"), ("/ata", "ata"), ("/virtio", "virtio"), ("/end_device-", "sas"))


def sessions(machine):
    """Return every iSCSI session: ``{"id", "target", "portal", "state", "disks", "owner"}``; ``owner`` is a product that is not ours, or ``None``."""
    found = []
    for name in machine.names("/sys/class/iscsi_session"):
        folder = "/sys/class/iscsi_session/" + name
        number = name[len("session"):]
        connection = "/sys/class/iscsi_connection/connection%s:0/" % number
        target = machine.text(folder + "/targetname")
        address = machine.text(connection + "persistent_address") or machine.text(connection + "address")
        port = machine.text(connection + "persistent_port") or machine.text(connection + "port")
        disks = []
        for scsi_target in machine.names(folder + "/device"):
            for address_of_lun in machine.names(folder + "/device/" + scsi_target) if scsi_target.startswith("target") else ():
                disks += machine.names("%s/device/%s/%s/block" % (folder, scsi_target, address_of_lun))
        owner = "Longhorn" if target.startswith(LONGHORN) else None
        portal = ("[%s]:%s" if ":" in address else "%s:%s") % (address, port)
        found.append({"id": number, "target": target, "portal": portal, "state": machine.text(folder + "/state"), "disks": disks, "owner": owner})
    return found


def describe(machine, name, live):
    """Return ``{"name", "vendor", "product", "protocol", "owner"}`` of a disk, in multipath's words.

    :param live: what sessions() returned.
    """
    folder = "/sys/class/block/" + name
    place = machine.resolved(folder)
    kind = next((word for part, word in _TRANSPORTS if part in place), "unspec")
    if name.startswith("nvme"):
        protocol = "nvme:" + (machine.text(folder + "/device/transport") or "pcie")
    else:
        protocol = "scsi:" + kind if name.startswith("sd") else kind
    owner = next((its["owner"] for its in live if name in its["disks"]), None)
    owner = owner or next((product for prefix, product in _FOREIGN_NAMES.items() if name.startswith(prefix)), None)
    return {
        "name": name,
        "vendor": machine.text(folder + "/device/vendor"),
        "product": machine.text(folder + "/device/model"),
        "protocol": protocol,
        "owner": owner,
    }


def maps(machine):
    """Return every dm-multipath map: ``{"name", "device", "paths"}``, paths by the kernel's names."""
    found = []
    for device in machine.names("/sys/class/block"):
        folder = "/sys/class/block/%s/" % device
        if device.startswith("dm-") and machine.text(folder + "dm/uuid").startswith("mpath-"):
            found.append({"name": machine.text(folder + "dm/name") or device, "device": device, "paths": machine.names(folder + "slaves")})
    return found


def system_devices(machine, mounted):
    """Return the kernel names of all block devices that the system's own file systems lie on, from the uppermost down to whole disks.

    :param mounted: Mounts of this host.
    """
    waiting = []
    for mount in mounted:
        if mount.point in SYSTEM_POINTS:
            place = machine.resolved("/sys/dev/block/" + mount.device)
            if not machine.is_there(place) and mount.source.startswith("/dev/"):  # btrfs has a device number of its own
                place = "/sys/class/block/" + os.path.basename(machine.resolved(mount.source))
            waiting.append(machine.resolved(place))
    return _layers(machine, waiting)


def logical_volumes(machine, live):
    """Return LVM's active logical volumes: ``{"name", "devices"}``, with the name of device-mapper, and the disks below as describe() tells of them.

    :param live: what sessions() returned.
    """
    found = []
    for device in machine.names("/sys/class/block"):
        folder = "/sys/class/block/" + device
        if device.startswith("dm-") and machine.text(folder + "/dm/uuid").startswith("LVM-"):
            below = [name for name in _layers(machine, [machine.resolved(folder)]) if not name.startswith("dm-")]
            found.append({"name": machine.text(folder + "/dm/name") or device, "devices": [describe(machine, name, live) for name in below]})
    return found


def _layers(machine, places):
    """Return the kernel names of block devices at these places of sysfs, and of all that they lie on, down to whole disks."""
    found, waiting = [], list(places)
    while waiting:
        place = waiting.pop(0)
        name = os.path.basename(place)
        if name in found or not machine.is_there("/sys/class/block/" + name):
            continue
        found.append(name)
        if machine.is_there(place + "/partition"):
            waiting.append(os.path.dirname(place))
        waiting += [machine.resolved("/sys/class/block/" + below) for below in machine.names(place + "/slaves")]
    return found
