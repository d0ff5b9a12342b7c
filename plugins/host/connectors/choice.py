# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connector speaks a protocol: one of ours, or os-brick's.

A connector offers what :class:`Connector` says. One of ours is a class made from ``(system, data)``, with two functions more, and is known
by its line in ``OWN``; its needs stand in ``host/protocols.py``.
"""

from __future__ import annotations

import typing as t

from ...module_utils.model.errors import StorageError
from .. import protocols
from .aoe import Aoe
from .drbd import Drbd


class Connector(t.Protocol):
    """One volume's way to this host and away again."""

    def connect(self):
        """Return device info: ``type``, ``path`` and what :meth:`disconnect` wants back. Raises StorageError with the reason."""

    def login_failures(self):
        """Return a sentence for each path that did not come up though the volume is connected."""

    def disconnect(self, device_info, force=False):
        """Take the device away. Raises StorageError ``host`` when a step failed, also with ``force``."""

    def extend(self):
        """Let the kernel look at the volume's size again. Raises StorageError ``host``."""


class OwnConnector(Connector, t.Protocol):
    """A connector of ours."""

    def stays(self):
        """Return what stands at the volume's address in this host's kernel: one sentence part each. Reads only."""


OWN = {"aoe": Aoe, "drbd": Drbd}


def unwrap(connection_info, protocol):
    """Return ``(protocol, data)`` of a Cinder connection_info, with or without its envelope."""
    info = connection_info.get("conn", connection_info)
    if "data" in info:
        return info.get("driver_volume_type", protocol).lower(), info["data"]
    return protocol.lower(), info


def choose(system, protocol, data, of_os_brick):
    """Return the Connector of one volume.

    :param data: connection_info's data, with its secrets. :param of_os_brick: called for a protocol that is not ours; returns the connector.
    :raises StorageError: ``unsupported`` for a product that ended, ``invalid`` for data that is none of its protocol.
    """
    ended = protocols.ended(protocol)
    if ended:
        raise StorageError(
            "unsupported",
            "Volumes cannot be connected by %s any more: %s. Nothing was connected. Copy the data on a host that still runs the vendor's software, "
            "to a backend that has a protocol of its own in legacy_connector_info." % (protocol.upper(), ended),
        )
    own = OWN.get(protocol)
    return own(system, data) if own else of_os_brick()


def stays(system, protocol, data):
    """Return what stands at the address of a volume of one of our protocols, one sentence part each; none for those of os-brick."""
    own = OWN.get(protocol)
    if own is None:
        return []
    try:
        return own(system, data).stays()
    except StorageError:  # data that never led anywhere
        return []
