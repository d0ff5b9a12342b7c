# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a volume's device and its paths may be written to.

The kernel keeps the answer with each device, so a path that comes later would be writable. A file named after the device's identity in
``<state_dir>/read-only`` lets udev's rule set it on whatever appears, also at boot before anything else runs.
"""

from __future__ import annotations

import fcntl
import os
import struct

from ..module_utils.model.errors import StorageError
from . import devices, links
from .records import write_durably

_BLKROSET = 0x125D  # <linux/fs.h>


def modes(system, seen):
    """Return {kernel name: ``ro`` or ``rw``} of the device and all its disks; empty for a file."""
    names = ([seen.name] if seen.name else []) + list(seen.disks)
    return {name: "ro" if system.read("sys/class/block", name, "ro") == "1" else "rw" for name in names}


def differing(system, record, seen):
    """Return the kernel names of what is not as the record says; a file is as the share has it."""
    return sorted(name for name, mode in modes(system, seen).items() if mode != record.export.access_mode)


def apply(node, record, seen):
    """Let the device and every path of it, those to come as well, be as the record's export says.

    :raises StorageError: ``host`` when the kernel does not do it.
    """
    export = record.export
    if export.access_mode == "ro":
        for key in _keys(node.system, record, seen):
            _remember(node.settings.state_dir, key, export.volume_id)
    elif forget(node.settings.state_dir, export.volume_id):
        links.settle()  # an event that has read the files already would close the device again
    # The device first when it is closed, the paths first when it is opened: never a writable device over paths that are not.
    order = list(modes(node.system, seen))
    for name in order if export.access_mode == "ro" else reversed(order):
        _set(node.system, name, export.access_mode == "ro")
    left = differing(node.system, record, seen)
    if left:
        raise StorageError("host", "The kernel did not set %s to %s." % (", ".join("/dev/" + name for name in left), export.access_mode))


def release(node, record, seen, stays):
    """Forget what :func:`apply` remembered.

    :param stays: the device is there also when the volume is detached, so whoever uses it next may write again.
    """
    if stays and record.export.access_mode == "ro":
        for name in modes(node.system, seen):
            _set(node.system, name, False)
    forget(node.settings.state_dir, record.export.volume_id)


def forget(state_dir, volume_id):
    """Remove a volume's files; tell whether there were any."""
    folder = os.path.join(state_dir, "read-only")
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return False
    found = [path for path in (os.path.join(folder, name) for name in names) if _is_of(path, volume_id)]
    for path in found:
        os.unlink(path)
    return bool(found)


def _is_of(path, volume_id):
    with open(path, encoding="utf-8") as stream:
        return "LEGACY_STORAGE_VOLUME=%s\n" % volume_id in stream.read()


def _remember(state_dir, key, volume_id):
    path = os.path.join(state_dir, "read-only", links.safe_key(key))
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write_durably(path, "LEGACY_STORAGE_ACCESS_MODE=ro\nLEGACY_STORAGE_VOLUME=%s\n" % volume_id)


def _keys(system, record, seen):
    """Return the names under which udev's rule looks for the device and for its paths; of other kinds nothing appears but what we connect ourselves."""
    kind = record.identity.get("kind")
    found = {record.identity.get("key")} if kind in ("scsi", "dm", "nvme", "rbd") else set()
    if kind == "scsi":
        found |= {record.identity["serial"]} | {devices.udev_serial(system, disk) for disk in seen.disks}
    return sorted(filter(None, found))


def _set(system, name, read_only):
    handle = os.open(system.node(name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(handle, _BLKROSET, struct.pack("i", int(read_only)))
    except OSError as error:
        raise StorageError("host", "%s cannot be made %s: %s." % (system.node(name), "read-only" if read_only else "writable", error)) from error
    finally:
        os.close(handle)
