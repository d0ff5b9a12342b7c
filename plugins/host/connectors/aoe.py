# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ATA over Ethernet, by the kernel's driver alone: its files in /dev/etherd do what aoetools' programs do.

connection_info's data, as os-brick 3.x knew it: ``target_shelf`` and ``target_lun``. With ``target_serial``, the serial that the target's disk
must have, a target that is not the volume is never touched.
"""

from __future__ import annotations

import errno
import os
import time

from ...module_utils.model.errors import StorageError, invalid
from .. import aoe, devices, usage
from .modules import load

_WAIT = 20  # seconds for the kernel to find a target that answers
_GONE_WAIT = 10  # seconds for a flushed device to go
_AGAIN = 1  # seconds between two attempts


class Aoe:
    """One volume at its shelf and slot.

    :param data: connection_info's data. :raises StorageError: ``invalid`` when it names no address.
    """

    def __init__(self, system, data):
        self._system = system
        self._shelf = _number(data, "target_shelf", 0xFFFE)
        self._slot = _number(data, "target_lun", 0xFE)
        self._serial = data.get("target_serial")
        self._name = aoe.device(self._shelf, self._slot)
        self._short = self._name.partition("!")[2]

    def connect(self):
        """Ask the target who it is, and let the kernel find it. Raises StorageError ``host``, or ``conflict`` when it is not the volume."""
        load(self._system, "aoe")
        target = self._verified()
        if self._there() and not self._users():
            self._flush()  # the driver finds targets by itself: what it knows of this one may be older than the volume
        deadline = time.monotonic() + _WAIT
        while True:
            if self._there():
                self._tell("revalidate")
            else:
                aoe.announce(self._system, self._shelf, self._slot)
            if self._usable(target):
                return {"type": "block", "path": self._system.node(self._name)}
            if time.monotonic() > deadline:
                raise StorageError(
                    "host",
                    "The volume was not connected: AoE target %s answers, but the kernel made no device of its %d sectors. `dmesg` and /dev/etherd/err tell "
                    "why." % (self._short, target.sectors),
                )
            time.sleep(_AGAIN)

    def login_failures(self):
        """Return nothing: the kernel's driver uses each interface on which the target answers."""
        return []

    def disconnect(self, _device_info, force=False):
        """Let the kernel forget the device. Raises StorageError ``host`` when somebody holds it, or it stays."""
        if not self._there():
            return
        if not force and self._claimed():
            raise StorageError("host", "The volume was not disconnected: %s is mounted or held by another device." % self._system.node(self._name))
        self._flush()

    def extend(self):
        """Let the kernel ask the target for its size. Raises StorageError ``host``."""
        self._tell("revalidate")

    def stays(self):
        """Return the kernel's device at the address."""
        return ["device %s" % self._system.node(self._name)] if self._there() else []

    def _verified(self):
        targets = aoe.ask(self._system, self._shelf, self._slot)
        if not targets:
            raise StorageError(
                "host",
                "The volume was not connected: no AoE target answers as %s on %s. Is it exported, and is this host in its network? AoE is not routed."
                % (self._short, ", ".join(aoe.interfaces(self._system)) or "any interface, for none is up"),
            )
        known = {aoe.identity(target, self._shelf, self._slot) for target in targets}
        if len(known) > 1:
            raise StorageError(
                "conflict", "Several AoE targets answer as %s: %s. Give each a shelf and slot of its own; nothing was connected."
                % (self._short, ", ".join(sorted(known))),
            )
        if self._serial and targets[0].serial != self._serial:
            raise StorageError(
                "conflict",
                "AoE target %s is another volume: its serial is %r, not %r. Nothing was connected." % (self._short, targets[0].serial, self._serial),
            )
        if not self._serial and not aoe.distinguishes(targets[0], self._shelf, self._slot):
            raise StorageError(
                "conflict",
                "AoE target %s says nothing by which its volume could be told from the next one at this address (serial %r, no config string), so the "
                "stable path could come to lead to another volume. Give it a config string, or let its driver return target_serial; nothing was connected."
                % (self._short, targets[0].serial),
            )
        return targets[0]

    def _there(self):
        return os.path.isdir(self._system.path("sys/class/block", self._name))

    def _usable(self, target):
        return self._there() and aoe.is_up(self._system, self._name) and devices.size(self._system, self._name) == target.sectors * 512

    def _users(self):
        return usage.users(self._system, self._system.node(self._name), [self._name])

    def _claimed(self):
        """Tell whether a mount or another device holds it, which flushing would not respect."""
        try:
            os.close(os.open(self._system.node(self._name), os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
        except OSError as error:
            return error.errno == errno.EBUSY
        return False

    def _flush(self):
        deadline = time.monotonic() + _GONE_WAIT
        while self._there():
            self._tell("flush")
            if self._there() and time.monotonic() > deadline:
                raise StorageError("host", "The kernel keeps %s: somebody has it open." % self._system.node(self._name))
            if self._there():
                time.sleep(0.2)

    def _tell(self, what):
        """Write the device's name to one of the driver's files; never make a file of that name."""
        path = self._system.path("dev/etherd", what)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(handle, self._short.encode())
            finally:
                os.close(handle)
        except OSError as error:
            if self._there():
                raise StorageError("host", "The kernel's AoE driver did not %s %s (%s: %s)." % (what, self._short, path, error.strerror)) from error


def _number(data, key, highest):
    value = data.get(key)
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not 0 <= number <= highest:
        raise invalid("connection_info", value, "is no AoE %s: a number from 0 to %d." % (key, highest))
    return number
