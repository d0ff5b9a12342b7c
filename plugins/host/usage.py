# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses a device: mounts in every mount namespace, swap, devices above it, processes that hold it open."""

from __future__ import annotations

import errno
import os
import re
import time

from . import devices, loop, mounts

# They hold or open every disk for a moment and let go by themselves.
_CARETAKERS = ("multipathd", "systemd-udevd", "(udev-worker)", "udev-worker", "udevd", "iscsid")
# Nodes of devices lie on these. A file on another one is not asked what it is: its server may be away.
_WITH_NODES = ("devtmpfs", "tmpfs", "overlay", "ext4", "xfs")
_MOMENT = 3  # seconds for which udev's helpers and multipath may have a device for themselves


def users(system, path, own=()):
    """Return who uses the device or file at ``path``, one sentence part each, in a stable order.

    :param own: kernel names of all devices of the attachment (map and paths): they hold each other, that is no use.
    """
    told = []
    stack = _stack(system, own)
    numbers = {system.read("sys/class/block", name, "dev"): name for name in stack}
    numbers.pop("", None)
    if own:
        loops = [name for name in system.names("sys/class/block") if _backed_by(system, name, numbers)]
    else:
        loops = loop.with_file(system, os.path.realpath(path))
    told += ["it backs %s" % system.node(name) for name in loops]
    numbers.update({system.read("sys/class/block", name, "dev"): name for name in loops})
    told += _mounts(system, numbers, {system.node(name) for name in stack})
    told += _swaps(system, stack)
    told += ["it is a part of the btrfs file system %s" % uuid for uuid in system.names("sys/fs/btrfs") if set(stack) & _parts(system, uuid)]
    for name in stack:
        if name not in own and not _is_partition(system, name):
            told.append("%s (%s) stands on it" % (system.node(name), _describe(system, name)))
    told += _processes(system, {system.node(name) for name in stack} if own else {os.path.realpath(path)}, numbers)
    return list(dict.fromkeys(told))


def held(system, own):
    """Return what the kernel keeps for somebody though :func:`users` found nobody, one sentence part each.

    So are a file system that was unmounted lazily or is mounted in a namespace without processes, and ZFS. They have a device for themselves, so
    that nobody else can: it is tried.
    """
    top = [name for name in own if not devices.holders(system, name) and (not devices.is_scsi(system, name) or devices.path_state(system, name) == "running")]
    deadline = time.monotonic() + _MOMENT
    while True:
        kept = [name for name in top if not _free(system.node(name))]
        if not kept or time.monotonic() > deadline:
            return ["%s is held by the kernel, as for a file system that was unmounted lazily while files in it are open" % system.node(name) for name in kept]
        time.sleep(0.2)


def _free(node):
    try:
        os.close(os.open(node, os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return error.errno != errno.EBUSY
    return True


def _parts(system, uuid):
    return set(system.names("sys/fs/btrfs", uuid, "devices"))


def _backed_by(system, name, numbers):
    """Tell whether a loop device stands on a device, whatever its node is called there: the kubelet makes one for each volume that a pod gets as a device."""
    path = loop.backing_file(system, name)
    return bool(path) and _number(system, path, path, _file_systems(system.read("proc/self/mountinfo"))) in numbers


def _file_systems(mountinfo):
    """Return {mount point: kind of file system}."""
    found = {}
    for line in mountinfo.splitlines():
        before, _dash, behind = line.partition(" - ")
        if behind and before.count(" ") > 3:
            found[mounts.unescape(before.split(" ")[4])] = behind.split(" ")[0]
    return found


def _number(system, path, place, file_systems):
    """Return ``major:minor`` of the block device's node at ``path``, ``""`` where there is none.

    :param place: what the path is called where ``file_systems`` are mounted.
    """
    while place not in file_systems and place.startswith("/") and place != "/":
        place = os.path.dirname(place)
    return system.number(path) if file_systems.get(place) in _WITH_NODES else ""


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
    return os.path.exists(system.path("sys/class/block", name, "partition")) or re.match(r"part\d+-", devices.map_uuid(system, name)) is not None


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


def _space(system, pid):
    """Return what decides which mounts a process sees: its namespace, and its root there."""
    try:
        space = os.readlink(system.path("proc", pid, "ns/mnt"))
    except OSError:
        return pid
    try:
        return space, os.readlink(system.path("proc", pid, "root"))
    except OSError:
        return space


def _mounts(system, numbers, nodes):
    told, seen = [], set()
    for pid in ["self"] + [name for name in system.names("proc") if name.isdigit()]:
        space = _space(system, pid)
        mountinfo = "" if space in seen else system.read("proc", pid, "mountinfo")
        if not mountinfo:  # also of a process that ended meanwhile: another one in its place will tell
            continue
        seen.add(space)
        for line in mountinfo.splitlines():
            fields = line.split(" ")
            if len(fields) > 4 and (fields[2] in numbers or _mounted_from(line, nodes)):
                place = mounts.unescape(fields[4])
                sentence = "mounted at %s" % place
                if sentence not in told:
                    told.append(sentence if pid == "self" else "%s (in the mount namespace of process %s)" % (sentence, pid))
    return told


def _mounted_from(line, nodes):
    """Tell whether a line of mountinfo names one of the nodes: btrfs and bcachefs have numbers of their own."""
    source = line.partition(" - ")[2].split(" ")[1:2]
    return any(os.path.realpath(mounts.unescape(path)) in nodes for path in "".join(source).split(":") if path.startswith("/dev/"))


def _swaps(system, stack):
    nodes = {os.path.realpath(system.node(name)): name for name in stack}
    lines = system.read("proc/swaps").splitlines()[1:]
    return ["swap on %s" % line.split()[0] for line in lines if line and os.path.realpath(mounts.unescape(line.split()[0])) in nodes]


def _processes(system, nodes, numbers):
    told, known = [], {}
    own = str(os.getpid())
    for pid in system.names("proc"):
        if not pid.isdigit() or pid == own:
            continue
        for handle in system.names("proc", pid, "fd"):
            link = system.path("proc", pid, "fd", handle)
            try:
                target = os.readlink(link)
            except OSError:
                continue
            if target not in nodes and target.startswith("/"):  # in a container the node has another name
                space = _space(system, pid)
                if space not in known:
                    known[space] = _file_systems(system.read("proc", pid, "mountinfo"))
                target = system.node(numbers.get(_number(system, link, target, known[space]), ""))
            if target in nodes:
                command = system.read("proc", pid, "comm")
                if command not in _CARETAKERS:
                    told.append("%s is open in process %s (%s)" % (target, pid, command))
                break
    return told
