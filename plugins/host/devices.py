# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Block devices as sysfs shows them. Nothing here starts a process or changes anything; tests give another root."""

from __future__ import annotations

import os
import re
import stat

from . import aoe, drbd, loop, nvme, scsi

GIB = 1024 ** 3
APPEARANCE = "appearance-"
ASKED = ("aoe", "drbd")  # kinds that are asked for their identity as a whole, having no paths that could be


class System:
    """The kernel's view of this host, below ``root`` (``/`` but in tests)."""

    def __init__(self, root="/"):
        self.root = root

    def path(self, *parts):
        """Return an absolute path below the root."""
        return os.path.join(self.root, *parts)

    def read(self, *parts):
        """Return a small file's text without blanks around it, or ``""`` when it cannot be read."""
        try:
            with open(self.path(*parts), encoding="utf-8", errors="replace") as stream:
                return stream.read().strip()
        except OSError:
            return ""

    def names(self, *parts):
        """Return a directory's entries, sorted; none when it is not there."""
        try:
            return sorted(os.listdir(self.path(*parts)))
        except OSError:
            return []

    def boot_id(self):
        """Return the id of this boot."""
        return self.read("proc/sys/kernel/random/boot_id")

    def runs(self, command):
        """Tell whether a process of this name runs."""
        return any(self.read("proc", name, "comm") == command for name in self.names("proc") if name.isdigit())

    def number(self, path):
        """Return ``major:minor`` of the block device whose node is at ``path``, or ``""``."""
        try:
            state = os.stat(path)
        except OSError:
            return ""
        return "%d:%d" % (os.major(state.st_rdev), os.minor(state.st_rdev)) if stat.S_ISBLK(state.st_mode) else ""

    def node(self, name):
        """Return the path of a kernel device's node."""
        return self.path("dev", name.replace("!", "/"))


def kernel_name(system, path):
    """Return the kernel's name (``dm-3``) of the block device that ``path`` leads to, or ``None`` when it is none."""
    real = os.path.realpath(path)
    directory = os.path.realpath(system.path("dev"))
    if not real.startswith(directory + "/"):
        return None
    name = real[len(directory) + 1:].replace("/", "!")
    return name if os.path.isdir(system.path("sys/class/block", name)) else None


def size(system, name):
    """Return a device's size in bytes; 0 when it is gone."""
    sectors = system.read("sys/class/block", name, "size")
    return int(sectors) * 512 if sectors.isdigit() else 0


def map_uuid(system, name):
    """Return the device-mapper uuid of ``dm-*``, or ``""``."""
    return system.read("sys/class/block", name, "dm/uuid")


def slaves(system, name):
    """Return the devices right below."""
    return system.names("sys/class/block", name, "slaves")


def holders(system, name):
    """Return the devices right above."""
    return system.names("sys/class/block", name, "holders")


def is_scsi(system, name):
    """Tell whether the device is a SCSI disk."""
    return bool(re.match(r"^sd[a-z]+$", name))


def path_state(system, name):
    """Return what the SCSI layer says of a path: ``running``, ``blocked``, ``transport-offline``, ``offline`` ... or ``gone``."""
    return system.read("sys/class/block", name, "device/state") or "gone"


def cached_serial(system, name):
    """Return the serial that the kernel learned when the disk appeared or was rescanned last; ``None`` when it has none."""
    try:
        with open(system.path("sys/class/block", name, "device/vpd_pg83"), "rb") as stream:
            page = stream.read()
    except OSError:
        return None
    return scsi.serial_of_page(page, system.read("sys/class/block", name, "device/vendor"), system.read("sys/class/block", name, "device/model"))


def fresh_serial(system, name):
    """Return the serial that the disk tells now; ``None`` when it does not answer or its transport is down."""
    if path_state(system, name) != "running":  # a command to a blocked device would wait for the transport's time-out
        return None
    return scsi.ask_serial(system.node(name), system.read("sys/class/block", name, "device/vendor"), system.read("sys/class/block", name, "device/model"))


def disks(system):
    """Return the names of all SCSI disks."""
    return [name for name in system.names("sys/class/block") if is_scsi(system, name)]


def scsi_with(system, serial):
    """Return the SCSI disks whose cached serial is ``serial``."""
    return [name for name in disks(system) if cached_serial(system, name) == serial]


def map_with(system, uuid):
    """Return the ``dm-*`` with this uuid, or ``None``."""
    for name in system.names("sys/class/block"):
        if name.startswith("dm-") and map_uuid(system, name) == uuid:
            return name
    return None


def mapping(system, name):
    """Return the ``dm-*`` that device-mapper calls ``name``, or ``None``."""
    for each in system.names("sys/class/block"):
        if each.startswith("dm-") and system.read("sys/class/block", each, "dm/name") == name:
            return each
    return None


def map_over(system, names):
    """Return the dm-multipath map over one of the disks ``names``, or ``None``."""
    for name in names:
        for holder in holders(system, name):
            if map_uuid(system, holder).startswith("mpath-"):
                return holder
    return None


def udev_serial(system, name):
    """Return ID_SERIAL as udev's database has it, or ``None``."""
    number = system.read("sys/class/block", name, "dev")
    for line in system.read("run/udev/data", "b" + number).splitlines():
        if line.startswith("E:ID_SERIAL="):
            return line[len("E:ID_SERIAL="):]
    return None


def rbd_key(system, name):
    """Return ``rbd-<cluster>-<pool id>-<image id>`` of ``rbdN``."""
    folder = "sys/bus/rbd/devices/" + name[3:]
    parts = [system.read(folder, part) for part in ("cluster_fsid", "pool_id", "image_id")]
    return "rbd-" + "-".join(parts) if all(parts) else None


def identify(system, path):
    """Return what the thing at ``path`` calls itself: ``{"kind", "serial", "key"}``; asks disks themselves.

    ``kind`` is ``scsi``, ``nvme``, ``dm``, ``rbd``, ``aoe``, ``drbd``, ``loop`` (known by the file below it), ``node`` (a block device without a name
    of its own) or ``file``. ``key`` is the name under which udev's rule looks for the link, ``None`` where udev cannot make one.
    Returns ``None`` when nothing is there, or a disk that does not answer.
    """
    if not os.path.exists(path):
        return None
    name = kernel_name(system, path)
    if name is None:
        return {"kind": "file", "serial": os.path.realpath(path), "key": None}
    uuid = map_uuid(system, name)
    if uuid.startswith("mpath-"):
        answers = [serial for serial in (fresh_serial(system, disk) for disk in slaves(system, name)) if serial]
        return {"kind": "scsi", "serial": answers[0], "key": scsi.udev_safe(uuid)} if answers else None
    if uuid:
        return {"kind": "dm", "serial": uuid, "key": scsi.udev_safe(uuid)}
    if is_scsi(system, name):
        serial = fresh_serial(system, name)
        return {"kind": "scsi", "serial": serial, "key": udev_serial(system, name) or serial} if serial else None
    wwid = system.read("sys/class/block", name, "wwid")
    if name.startswith("nvme") and wwid:
        return {"kind": "nvme", "serial": wwid, "key": scsi.udev_safe(wwid)}
    if name.startswith("rbd") and rbd_key(system, name):
        return {"kind": "rbd", "serial": rbd_key(system, name), "key": rbd_key(system, name)}
    if aoe.address(name):
        serial = aoe.fresh_identity(system, name)
        return {"kind": "aoe", "serial": serial, "key": appearance(system, name)} if serial else None
    if re.match(r"^drbd\d+$", name):
        volume = next((volume for volume in drbd.volumes(system) if "drbd%d" % volume.minor == name), None)
        return {"kind": "drbd", "serial": volume.identity, "key": appearance(system, name)} if volume and volume.readable else None
    if loop.backing_file(system, name):
        return {"kind": "loop", "serial": loop.backing_file(system, name), "key": "loop" + loop.backing_file(system, name)}
    # Its driver's own link (/dev/disk/by-id/emc-vol-…) says which volume it is; a kernel's name is another volume's after a boot.
    return {"kind": "node", "serial": os.path.abspath(path) if os.path.islink(path) else name, "key": None}


def appearance(system, name):
    """Return the key of a device that udev cannot ask for its name: its appearance in this boot; ``None`` before Linux 5.15.

    The number is never given twice in a boot, so what was seen to be the volume stays it for as long as the device is there.
    """
    number = system.read("sys/class/block", name, "diskseq")
    return APPEARANCE + number if number else None


def find(system, identity):
    """Return ``(device, disks)``: the kernel name of the device with this identity (or ``None``), and the SCSI disks of it."""
    kind, serial, key = identity.get("kind"), identity.get("serial"), identity.get("key") or ""
    if kind == "scsi":
        members = scsi_with(system, serial)
        mapped = map_with(system, key) if key.startswith("mpath-") else map_over(system, members)
        if mapped:
            members = sorted(set(members) | set(slaves(system, mapped)))
        return (mapped or (members[0] if members and not key.startswith("mpath-") else None)), members
    if kind == "dm":
        return map_with(system, serial), []
    if kind == "nvme":
        matches = [name for name in system.names("sys/class/block") if name.startswith("nvme") and system.read("sys/class/block", name, "wwid") == serial]
        matches = [name for name in matches if nvme.is_namespace(name)]
        return (matches[0] if matches else None), []
    if kind == "rbd":
        matches = [name for name in system.names("sys/class/block") if re.match(r"^rbd\d+$", name) and rbd_key(system, name) == serial]
        return (matches[0] if matches else None), []
    if kind == "loop":
        matches = loop.with_file(system, serial)
        return (matches[0] if matches else None), []
    if kind == "aoe":
        name = "etherd!" + serial.split("-")[1]
        return (name if os.path.isdir(system.path("sys/class/block", name)) else None), []
    if kind == "drbd":
        matches = ["drbd%d" % volume.minor for volume in drbd.volumes(system) if volume.identity == serial]
        return (matches[0] if matches else None), []
    if kind == "node":
        return kernel_name(system, serial if serial.startswith("/") else system.node(serial)), []
    return None, []
