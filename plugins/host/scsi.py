# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a SCSI disk calls itself: the device identification page (SPC-4 7.8.6), cached by the kernel or asked now."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re

_SG_IO = 0x2285  # <scsi/sg.h>
_FROM_DEVICE = -3
_TIMEOUT_MS = 5000
_PAGE_LENGTH = 252

# (designator type, NAA format or None, code set or None) in the order of systemd's scsi_id, so that the result is udev's ID_SERIAL
# and multipath's WWID.
_PREFERENCE = (
    (3, 6, 1), (3, 6, 2), (3, 5, 1), (3, 5, 2), (3, None, 1), (3, None, 2),
    (2, None, 1), (2, None, 2), (1, None, 1), (1, None, 2), (0, None, 1), (0, None, 2),
)


class _SgIoHdr(ctypes.Structure):
    _fields_ = [
        ("interface_id", ctypes.c_int), ("dxfer_direction", ctypes.c_int), ("cmd_len", ctypes.c_ubyte), ("mx_sb_len", ctypes.c_ubyte),
        ("iovec_count", ctypes.c_ushort), ("dxfer_len", ctypes.c_uint), ("dxferp", ctypes.c_void_p), ("cmdp", ctypes.c_void_p),
        ("sbp", ctypes.c_void_p), ("timeout", ctypes.c_uint), ("flags", ctypes.c_uint), ("pack_id", ctypes.c_int),
        ("usr_ptr", ctypes.c_void_p), ("status", ctypes.c_ubyte), ("masked_status", ctypes.c_ubyte), ("msg_status", ctypes.c_ubyte),
        ("sb_len_wr", ctypes.c_ubyte), ("host_status", ctypes.c_ushort), ("driver_status", ctypes.c_ushort), ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint), ("info", ctypes.c_uint),
    ]


def udev_safe(text):
    """Return ``text`` as udev keeps it in ID_SERIAL: runs of blanks and foreign characters become ``_``."""
    return re.sub(r"[^0-9A-Za-z#+.:=@_-]", "_", re.sub(r"\s+", "_", text.strip()))


def serial_of_page(page, vendor="", model=""):
    """Return the serial (as udev's ID_SERIAL) from the bytes of VPD page 0x83, or ``None`` when it names no logical unit.

    :param vendor: of the standard inquiry; like ``model`` it is only needed for vendor specific designators.
    """
    found = {}
    position, end = 4, min(len(page), 4 + int.from_bytes(page[2:4], "big"))
    while position + 4 <= end:
        code_set, kind, length = page[position] & 0x0F, page[position + 1], page[position + 3]
        body = page[position + 4:position + 4 + length]
        position += 4 + length
        if kind & 0x30 or not body:  # names a port or a target, not the logical unit
            continue
        kind &= 0x0F
        naa = body[0] >> 4 if kind == 3 and code_set == 1 else None
        if kind == 3 and code_set == 2:
            naa = int(chr(body[0]), 16) if chr(body[0]) in "0123456789abcdefABCDEF" else None
        found.setdefault((kind, naa if naa in (5, 6) else None, code_set), body)
    for wish in _PREFERENCE:
        if wish in found:
            kind, _naa, code_set = wish
            body = found[wish]
            value = body.hex() if code_set == 1 else body.split(b"\0")[0].decode("latin-1")
            prefix = "%-8.8s%-16.16s" % (vendor, model) if kind == 0 else ""
            return udev_safe("%d%s%s" % (kind, prefix, value))
    return None


def ask_serial(node, vendor="", model=""):
    """Ask the disk at ``node`` (a path in /dev) for its serial now. ``None`` when it does not answer.

    The kernel's cached page is not enough: a LUN number that the array gave to another volume shows the old page until
    somebody rescans (CVE-2023-2088).
    """
    page = ctypes.create_string_buffer(_PAGE_LENGTH)
    sense = ctypes.create_string_buffer(32)
    command = ctypes.create_string_buffer(bytes((0x12, 0x01, 0x83, 0, _PAGE_LENGTH, 0)), 6)
    header = _SgIoHdr(
        interface_id=ord("S"), dxfer_direction=_FROM_DEVICE, cmd_len=6, mx_sb_len=len(sense), dxfer_len=_PAGE_LENGTH,
        dxferp=ctypes.addressof(page), cmdp=ctypes.addressof(command), sbp=ctypes.addressof(sense), timeout=_TIMEOUT_MS,
    )
    try:
        handle = os.open(node, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.ioctl(handle, _SG_IO, header)
    except OSError:
        return None
    finally:
        os.close(handle)
    if header.status or header.host_status or header.driver_status & 0x0F:
        return None
    return serial_of_page(page.raw[:_PAGE_LENGTH - header.resid], vendor, model)
