# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LUKS headers, read without a process: what is on a device, by its own words.

The layout is that of the LUKS2 on-disk format specification (gitlab.com/cryptsetup/LUKS2-docs), sections 2.1 and 3.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct

from . import reading

SUBSYSTEM = "baremetal.legacy_storage"  # written into the headers that we make
_MAGIC = b"LUKS\xba\xbe"
_BINARY = struct.Struct(">6sHQQ48s32s64s40s48sQ184s64s")
_SIZES = [0x4000 << step for step in range(9)]  # 16 KiB to 4 MiB


@dataclasses.dataclass(frozen=True)
class Header:
    """A LUKS header.

    :param version: 1 or 2; nothing but the uuid is read of version 1.
    :param offset: where the data begins, in bytes. :param sector: size of its sectors.
    :param dynamic: the data goes to the device's end.
    :param keyslots: how many there are. :param key_size: of the volume key, in bits; ``None`` where no slot tells it.
    """

    version: int
    uuid: str
    subsystem: str = ""
    offset: int = 0
    sector: int = 512
    dynamic: bool = True
    keyslots: int = 0
    cipher: str | None = None
    key_size: int | None = None

    def room(self, size):
        """Return how many bytes of data a device of ``size`` bytes has room for; 0 where the header fixes that."""
        return max(size - self.offset, 0) // self.sector * self.sector if self.dynamic else 0


def read(path):
    """Return the Header of a device or file, or ``None`` where no whole one begins it. Raises OSError."""
    with reading.opened(path) as device:
        first = device.read(0, 4096)
        if len(first) < 4096 or not first.startswith(_MAGIC):
            return None
        _magic, version, size, _sequence, _label, algorithm, _salt, uuid, subsystem, _offset, _padding, checksum = _BINARY.unpack_from(first)
        if version == 1:
            return Header(1, _text(uuid))
        if version != 2 or size not in _SIZES or device.size < size:
            return None
        whole = bytearray()
        while len(whole) < size:
            whole += device.read(len(whole), min(size - len(whole), reading.BLOCK))
    if _text(algorithm) not in hashlib.algorithms_available:
        return None
    digest = hashlib.new(_text(algorithm), whole[:448] + bytes(64) + whole[512:]).digest()
    if not checksum.startswith(digest):
        return None
    return _described(_text(uuid), _text(subsystem), json.loads(whole[4096:].split(b"\0", 1)[0]))


def _described(uuid, subsystem, told):
    segment = told["segments"]["0"]
    slots = [slot for slot in told["keyslots"].values() if slot["type"] == "luks2"]
    return Header(
        2, uuid, subsystem, int(segment["offset"]), int(segment["sector_size"]), segment["size"] == "dynamic", len(slots), segment["encryption"],
        slots[0]["key_size"] * 8 if slots else None,
    )


def _text(field):
    return field.split(b"\0", 1)[0].decode("ascii", "replace")
