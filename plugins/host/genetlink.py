# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generic netlink: messages to a family of the kernel and back, attributes as ``{type: bytes}``."""

from __future__ import annotations

import os
import socket
import struct

_MESSAGE = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_GENERIC = struct.Struct("=BBH")  # command, version, reserved
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_REQUEST, _ACK, _DUMP = 1, 4, 0x300
_ERROR, _DONE = 2, 3
_NETLINK_GENERIC = 16  # linux/netlink.h; not in every Python's socket
_CONTROLLER = 0x10  # GENL_ID_CTRL
_GETFAMILY, _FAMILY_ID, _FAMILY_NAME = 3, 1, 2
_NESTED = 0x8000
_TYPE = 0x3FFF  # without the bits for nested and for network byte order
_LIMIT = 10  # seconds


def pack(attributes):
    """Return the bytes of ``{type: bytes, or such a dict}``."""
    parts = []
    for kind, value in attributes.items():
        nested = isinstance(value, dict)
        body = pack(value) if nested else value
        parts.append(_ATTRIBUTE.pack(_ATTRIBUTE.size + len(body), kind | (_NESTED if nested else 0)) + body + b"\0" * (-len(body) % 4))
    return b"".join(parts)


def unpack(data):
    """Return ``{type: bytes}`` of a run of attributes."""
    found, at = {}, 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE] = data[at + _ATTRIBUTE.size:at + length]
        at += -(-length // 4) * 4
    return found


class Family:
    """One family, for as long as the ``with`` block lasts. Raises OSError where the kernel has none of this name."""

    def __init__(self, name, version=1):
        self._version = version
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC)
        self._socket.settimeout(_LIMIT)
        self._socket.bind((0, 0))
        self._sequence = 0
        try:
            (answer,) = self._exchange(_CONTROLLER, _GETFAMILY, 1, pack({_FAMILY_NAME: name.encode() + b"\0"}), 0)
        except OSError:
            self._socket.close()
            raise
        self._id = struct.unpack("=H", unpack(answer)[_FAMILY_ID])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._socket.close()

    def ask(self, command, payload):
        """Return the payloads of the answers to one request. Raises OSError with what the kernel says."""
        return self._exchange(self._id, command, self._version, payload, 0)

    def dump(self, command, payload):
        """Return one payload for each thing that the kernel has."""
        return self._exchange(self._id, command, self._version, payload, _DUMP)

    def _exchange(self, family, command, version, payload, flags):
        self._sequence += 1
        body = _GENERIC.pack(command, version, 0) + payload
        self._socket.send(_MESSAGE.pack(_MESSAGE.size + len(body), family, _REQUEST | (flags or _ACK), self._sequence, 0) + body)
        answers = []
        while True:
            data, at = self._socket.recv(1 << 18), 0
            while at + _MESSAGE.size <= len(data):
                length, kind, _flags, sequence, _port = _MESSAGE.unpack_from(data, at)
                body = data[at + _MESSAGE.size:at + length]
                at += -(-length // 4) * 4
                if sequence != self._sequence:
                    continue
                if kind == _DONE:
                    return answers
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", body)[0]
                    if code:
                        raise OSError(code, os.strerror(code))
                    return answers
                answers.append(body[_GENERIC.size:])
