# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DRBD 8.4, the one in Linux itself, asked through its netlink family (linux/drbd_genl.h, linux/drbd.h). Needs neither programs nor debugfs."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
import struct

from ..module_utils.model.errors import StorageError
from . import genetlink

_HEAD = struct.Struct("=II")  # minor; flags of a request, code of an answer
_GET_STATUS, _CONNECT, _CHANGE_NET = 2, 10, 29
_REPLY, _CONTEXT, _NET, _STATE = 1, 2, 5, 8
_VOLUME, _RESOURCE, _MY_ADDRESS, _PEER_ADDRESS = 1, 2, 3, 4
_SECRET, _ALGORITHM, _PROTOCOL = 1, 2, 6
_PROTOCOLS = {"A": 1, "B": 2, "C": 3}
_CURRENT_STATE = 2
_FINE = (101, 1, 2, 3, 4)  # NO_ERROR, and those of enum drbd_state_rv from SS_SUCCESS on
_NOBODY = 0xFFFFFFFF
_ROLES = ("Unknown", "Primary", "Secondary")
_CONNECTIONS = (
    "StandAlone", "Disconnecting", "Unconnected", "Timeout", "BrokenPipe", "NetworkFailure", "ProtocolError", "TearDown", "WFConnection",
    "WFReportParams", "Connected",
)
_DISKS = ("Diskless", "Attaching", "Failed", "Negotiating", "Inconsistent", "Outdated", "DUnknown", "Consistent", "UpToDate")


@dataclasses.dataclass(frozen=True)
class Volume:
    """A DRBD device of this host, in the words of /proc/drbd.

    :param resource: its name. :param volume: its number in the resource. :param connection: ``Connected`` while it is being synchronized, too.
    """

    resource: str
    volume: int
    minor: int
    role: str
    connection: str
    disk: str
    peer_disk: str

    @property
    def identity(self):
        """What it is, by names that the driver of the array gave; the peer has proven the resource's secret before any I/O."""
        return "drbd-%s/%d" % (self.resource, self.volume)

    @property
    def readable(self):
        """Whether the volume's data can be reached now."""
        return self.disk == "UpToDate" or (self.connection == "Connected" and self.peer_disk == "UpToDate")


def volumes(system):
    """Return every Volume of this host; none where the module is not loaded."""
    return [found for found in map(parse, _status(system)) if found is not None]


def resources(system):
    """Return the names of all resources of this host, also of one that a killed run left without a volume."""
    return {resource_of(payload) for payload in _status(system)} - {""}


def _status(system):
    if not system.names("sys/module/drbd"):
        return []
    try:
        with genetlink.Family("drbd") as family:
            return family.dump(_GET_STATUS, _HEAD.pack(_NOBODY, 0))
    except OSError:
        return []


def resource_of(payload):
    """Return the resource's name of one answer of DRBD_ADM_GET_STATUS."""
    context = genetlink.unpack(genetlink.unpack(payload[_HEAD.size:]).get(_CONTEXT, b""))
    return context.get(_RESOURCE, b"").rstrip(b"\0").decode()


def parse(payload):
    """Return the Volume of one answer of DRBD_ADM_GET_STATUS; ``None`` for a resource without any."""
    minor, _code = _HEAD.unpack_from(payload)
    attributes = genetlink.unpack(payload[_HEAD.size:])
    context, state = genetlink.unpack(attributes.get(_CONTEXT, b"")), genetlink.unpack(attributes.get(_STATE, b""))
    if minor == _NOBODY or _VOLUME not in context or _CURRENT_STATE not in state:
        return None
    (bits,) = struct.unpack("=I", state[_CURRENT_STATE])
    return Volume(
        resource_of(payload),
        struct.unpack("=I", context[_VOLUME])[0],
        minor,
        _word(_ROLES, bits & 3),
        _word(_CONNECTIONS, bits >> 4 & 31),
        _word(_DISKS, bits >> 9 & 15),
        _word(_DISKS, bits >> 13 & 15),
    )


def _word(words, number):
    return words[min(number, len(words) - 1)]


def connect(resource, mine, peer, protocol, algorithm, secret):
    """Connect a resource to its peer, as ``drbdsetup connect`` does, which would take the secret as an argument that everybody can read.

    :param mine: ``address:port`` as drbdadm prints it (``ipv4:192.0.2.1:7000``). :raises StorageError: ``host``.
    """
    _net(_CONNECT, resource, mine, peer, {_SECRET: _text(secret), _ALGORITHM: _text(algorithm), _PROTOCOL: struct.pack("=I", _PROTOCOLS[protocol])})


def change_secret(resource, mine, peer, algorithm, secret):
    """Give a resource that is connected, or tries to be, another secret. Raises StorageError ``host``."""
    _net(_CHANGE_NET, resource, mine, peer, {_SECRET: _text(secret), _ALGORITHM: _text(algorithm)})


def _net(command, resource, mine, peer, options):
    context = {_RESOURCE: _text(resource), _MY_ADDRESS: pack_address(mine), _PEER_ADDRESS: pack_address(peer)}
    payload = _HEAD.pack(_NOBODY, 0) + genetlink.pack({_CONTEXT: context, _NET: options})
    try:
        with genetlink.Family("drbd") as family:
            answers = family.ask(command, payload)
    except OSError as error:
        raise StorageError("host", "DRBD of this kernel did not take the connection of resource %s (%s)." % (resource, error)) from error
    for answer in answers:
        code = _HEAD.unpack_from(answer)[1]
        if code not in _FINE:
            told = genetlink.unpack(genetlink.unpack(answer[_HEAD.size:]).get(_REPLY, b"")).get(1, b"")
            raise StorageError(
                "host", "DRBD refused the connection of resource %s (error %d). %s" % (resource, code, told.rstrip(b"\0").decode("utf-8", "replace").strip())
            )


def _text(value):
    return value.encode() + b"\0"


def pack_address(text):
    """Return the ``sockaddr`` of ``ipv4:192.0.2.1:7000`` or ``ipv6:[2001:db8::1]:7000``. Raises StorageError ``unsupported`` for other families."""
    family, _colon, rest = text.partition(":")
    host, _colon, port = rest.rpartition(":")
    try:
        if family == "ipv4":
            return struct.pack("=H", socket.AF_INET) + struct.pack("!H", int(port)) + ipaddress.IPv4Address(host).packed + b"\0" * 8
        if family == "ipv6":
            address = ipaddress.IPv6Address(host.strip("[]")).packed
            return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", int(port), 0) + address + struct.pack("=I", 0)
    except ValueError as error:
        raise StorageError("invalid", "DRBD's address %r is none (%s)." % (text, error)) from error
    raise StorageError("unsupported", "DRBD over %r is not supported, only over ipv4 and ipv6." % family)
