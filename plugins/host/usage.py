# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses a device: mounts in every mount namespace, swap, devices above it, processes that hold it open."""

from __future__ import annotations

import os

from . import devices, loop, mounts

# They hold or open every disk for a moment and let go by themselves.
_CARETAKERS = ("multipathd", "systemd-udevd", "(udev-worker)", "udev-worker", "udevd", "iscsid")


def users(system, path, own=()):
    """Return who uses the device or file at ``path``, one sentence part each, in a stable order.

    :param own: kernel names of all devices of the attachment (map and paths): they hold each other, that is no use.
    """
    told = []
    stack = _stack(system, own)
    numbers = {system.read("sys/class/block", name, "dev"): name for name in stack}
    numbers.pop("", None)
    if not own:
        loops = loop.with_file(system, os.path.realpath(path))
        told += ["it backs %s" % system.node(name) for name in loops]
        numbers.update({system.read("sys/class/block", name, "dev"): name for name in loops})
    told += _mounts(system, numbers)
    told += _swaps(system, stack)
    for name in stack:
        if name not in own and not _is_partition(system, name):
            told.append("%s (%s) stands on it" % (system.node(name), _describe(system, name)))
    told += _processes(system, {system.node(name) for name in stack} if own else {os.path.realpath(path)})
    return list(dict.fromkeys(told))


def _stack(system, own):
    """Return ``own`` and every partition and device above them."""
    found, queue = [], list(own)
    while queue:
        name = queue.pop(0)
        if name in found:
            continue
        found.append(name)
        queue += devices.holders(system, name)
        queue += [part for part in system.names("sys/class/block", name) if os.path.exists(system.path("sys/class/block", name, part, "partition"))]
    return found


def _is_partition(system, name):
    return os.path.exists(system.path("sys/class/block", name, "partition")) or "part" in devices.map_uuid(system, name).split("-mpath-")[0]


def _describe(system, name):
    uuid = devices.map_uuid(system, name)
    label = system.read("sys/class/block", name, "dm/name")
    if uuid.startswith("LVM-"):
        return "logical volume %s" % label
    if uuid.startswith("CRYPT-"):
        return "encrypted device %s" % label
    if uuid:
        return "device-mapper %s" % label
    if os.path.isdir(system.path("sys/class/block", name, "md")):
        return "RAID array"
    return "block device"


def _mounts(system, numbers):
    told, seen = [], set()
    for pid in ["self"] + [name for name in system.names("proc") if name.isdigit()]:
        try:
            space = os.readlink(system.path("proc", pid, "ns/mnt"))
        except OSError:
            space = pid
        if space in seen:
            continue
        seen.add(space)
        for line in system.read("proc", pid, "mountinfo").splitlines():
            fields = line.split(" ")
            if len(fields) > 4 and fields[2] in numbers:
                place = mounts.unescape(fields[4])
                sentence = "mounted at %s" % place
                if sentence not in told:
                    told.append(sentence if len(seen) == 1 else "%s (in the mount namespace of process %s)" % (sentence, pid))
    return told


def _swaps(system, stack):
    nodes = {os.path.realpath(system.node(name)): name for name in stack}
    lines = system.read("proc/swaps").splitlines()[1:]
    return ["swap on %s" % line.split()[0] for line in lines if line and os.path.realpath(mounts.unescape(line.split()[0])) in nodes]


def _processes(system, nodes):
    told = []
    own = str(os.getpid())
    for pid in system.names("proc"):
        if not pid.isdigit() or pid == own:
            continue
        for handle in system.names("proc", pid, "fd"):
            try:
                target = os.readlink(system.path("proc", pid, "fd", handle))
            except OSError:
                continue
            if target in nodes:
                command = system.read("proc", pid, "comm")
                if command not in _CARETAKERS:
                    told.append("%s is open in process %s (%s)" % (target, pid, command))
                break
    return told
