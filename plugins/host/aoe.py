# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an AoE target calls itself: asked over the wire, past the kernel's driver (AoE, revision 11).

Shelf and slot are an address that the next volume may get. What tells volumes apart is the serial of the ATA disk that the target plays, and
the config string that an administrator gave it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import select
import socket
import struct
import time

_ETHERTYPE = 0x88A2
_BROADCAST = b"\xff" * 6
_HEADER = struct.Struct("!6s6sHBBHBBI")  # to, from, type, version and flags, error, shelf, slot, command, tag
_VERSION, _RESPONSE, _ERROR = 0x10, 0x08, 0x04
_ATA, _CONFIG = 0, 1
_CONFIG_HEAD = struct.Struct("!HHBBH")  # buffers, firmware, sectors, version and command, length of the config string
_ATA_HEAD = struct.Struct("!BBBB6sH")  # flags, feature, sectors, command, LBA, reserved
_IDENTIFY_DEVICE = 0xEC
_OURS = 0x80000000  # the kernel leaves answers with this bit in their tag to whoever asked
_ETHERNET = "1"  # ARPHRD_ETHER
_PATIENCE = 3  # seconds for the first target to answer
_AGAIN = 0.5  # seconds between two questions: frames get lost
_GRACE = 0.2  # seconds for others who have the address, too
_NAME = re.compile(r"^etherd!e(\d+)\.(\d+)$")


@dataclasses.dataclass(frozen=True)
class Target:
    """What answered at an address.

    :param serial: of its ATA disk, without blanks around it. :param config: its config string. :param sectors: of 512 bytes.
    """

    serial: str
    model: str
    config: str
    sectors: int


def address(name):
    """Return ``(shelf, slot)`` of the kernel's ``etherd!e1.2``, or ``None`` for anything else, partitions too."""
    match = _NAME.match(name)
    return (int(match[1]), int(match[2])) if match else None


def device(shelf, slot):
    """Return the kernel's name of the device at an address."""
    return "etherd!e%d.%d" % (shelf, slot)


def is_up(system, name):
    """Tell whether the kernel's driver reaches the target of its device."""
    return system.read("sys/class/block", name, "state").partition(",")[0] == "up"


def distinguishes(target, shelf, slot):
    """Tell whether a Target says anything that the next volume at its address would not say as well.

    vblade's serial is its address and the name of its host.
    """
    nameless = target.serial in ("", "%d.%d" % (shelf, slot)) or target.model.endswith("vblade")
    return bool(target.config) or not nameless


def identity(target, shelf, slot):
    """Return the identity of the volume behind a Target, fit for names of files."""
    text = ":".join(part for part in (target.serial, target.config) if part)
    if not re.match(r"^[0-9A-Za-z#+.:=@_-]{1,120}$", text):
        text = hashlib.sha256(text.encode()).hexdigest()
    return "aoe-e%d.%d-%s" % (shelf, slot, text)


def fresh_identity(system, name):
    """Ask whoever is at the address of ``etherd!e1.2`` now; ``None`` when nobody answers, or the kernel does not reach it.

    Two targets that have taken the same address are an identity that no volume has.
    """
    if not is_up(system, name):
        return None
    shelf, slot = address(name)
    told = sorted({identity(target, shelf, slot) for target in ask(system, shelf, slot)})
    return " and ".join(told) or None


def interfaces(system):
    """Return the network interfaces on which the kernel's driver speaks AoE."""
    allowed = system.read("sys/module/aoe/parameters/aoe_iflist").split()
    found = []
    for name in system.names("sys/class/net"):
        up = int(system.read("sys/class/net", name, "flags") or "0", 16) & 1
        if up and system.read("sys/class/net", name, "type") == _ETHERNET and (not allowed or name in allowed):
            found.append(name)
    return found


def ask(system, shelf, slot):
    """Return every Target that answers at an address, over any interface; none after some seconds of silence."""
    sockets = []
    try:
        for name in interfaces(system):
            line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sockets.append(line)
            line.bind((name, _ETHERTYPE))
        return _conversation(sockets, shelf, slot)
    finally:
        for line in sockets:
            line.close()


def announce(system, shelf, slot):
    """Let the target at an address tell the kernel's driver that it is there: only this one, where the driver itself would ask all."""
    for name in interfaces(system):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as line:
            line.bind((name, _ETHERTYPE))
            _send(line, _BROADCAST, shelf, slot, _CONFIG, 1, _CONFIG_HEAD.pack(0, 0, 0, _VERSION, 0))


def _send(line, to, shelf, slot, command, tag, payload):
    frame = _HEADER.pack(to, line.getsockname()[4], _ETHERTYPE, _VERSION, 0, shelf, slot, command, tag) + payload
    try:
        line.send(frame.ljust(60, b"\0"))
    except OSError:  # an interface that goes down meanwhile
        pass


def _conversation(sockets, shelf, slot):
    tag = _OURS | int.from_bytes(os.urandom(3), "big")
    configs, disks = {}, {}
    begin = time.monotonic()
    end, again = begin + _PATIENCE, begin
    while time.monotonic() < end:
        if time.monotonic() >= again:
            again += _AGAIN
            for line in sockets:
                _send(line, _BROADCAST, shelf, slot, _CONFIG, tag, _CONFIG_HEAD.pack(0, 0, 0, _VERSION, 0))
        ready, _write, _error = select.select(sockets, [], [], max(0, min(again, end) - time.monotonic()))
        for line in ready:
            sender, command, body = parse(line.recv(65535), tag, shelf, slot)
            if command == _CONFIG:
                configs[sender] = parse_config(body)
                if sender not in disks:
                    _send(line, sender, shelf, slot, _ATA, tag, _ATA_HEAD.pack(0, 0, 1, _IDENTIFY_DEVICE, b"\0" * 6, 0))
            elif command == _ATA and sender not in disks:
                disks[sender] = parse_disk(body)
                end = min(end, time.monotonic() + _GRACE)
    return [Target(config=configs[sender], **disks[sender]) for sender in disks if disks[sender] and sender in configs]


def parse(frame, tag, shelf, slot):
    """Return ``(sender, command, body)`` of an answer to a question with this tag, ``(None, None, b"")`` of any other frame."""
    if len(frame) >= _HEADER.size:
        _to, sender, kind, flags, _error, its_shelf, its_slot, command, its_tag = _HEADER.unpack_from(frame)
        if (kind, its_tag, its_shelf, its_slot) == (_ETHERTYPE, tag, shelf, slot) and flags & _RESPONSE and not flags & _ERROR:
            return sender, command, frame[_HEADER.size:]
    return None, None, b""


def parse_config(body):
    """Return the config string of an answer to a config query."""
    length = _CONFIG_HEAD.unpack_from(body)[-1] if len(body) >= _CONFIG_HEAD.size else 0
    return body[_CONFIG_HEAD.size:_CONFIG_HEAD.size + length].decode("utf-8", "backslashreplace")


def parse_disk(body):
    """Return ``{"serial", "model", "sectors"}`` of an answer to IDENTIFY DEVICE, ``None`` when it is none (ATA8-ACS 7.16.7)."""
    page = body[_ATA_HEAD.size:_ATA_HEAD.size + 512]
    if len(page) < 512:
        return None
    words = struct.unpack("<256H", page)
    sectors = int.from_bytes(page[200:208], "little") if words[83] & 1 << 10 else int.from_bytes(page[120:124], "little")
    return {"serial": _text(page[20:40]), "model": _text(page[54:94]), "sectors": sectors}


def _text(field):
    """ATA keeps the two characters of a word in the other order."""
    swapped = b"".join(field[at + 1:at + 2] + field[at:at + 1] for at in range(0, len(field), 2))
    return swapped.replace(b"\0", b" ").decode("ascii", "backslashreplace").strip()
