# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking a portal of a storage system whether it is there."""

from __future__ import annotations

import socket

_PATIENCE = 2  # seconds for a portal to take a connection: one that is back takes it at once


def answers(portal):
    """Tell whether a portal, (address, port), takes a TCP connection now."""
    try:
        socket.create_connection(portal, timeout=_PATIENCE).close()
    except OSError:
        return False
    return True
