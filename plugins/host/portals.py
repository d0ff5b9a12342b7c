# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking portals of a storage system whether they are there."""

from __future__ import annotations

import concurrent.futures
import socket

_PATIENCE = 2  # seconds for a portal to take a connection: one that is back takes it at once
_asked = {}


def that_answer(candidates):
    """Return those of the portals, each (address, port), that take a TCP connection now.

    All are asked at once, and each but once until :func:`forget`: the volumes of a list share their portals.
    """
    unknown = [portal for portal in candidates if portal not in _asked]
    if unknown:
        with concurrent.futures.ThreadPoolExecutor(len(unknown)) as pool:
            _asked.update(zip(unknown, pool.map(answers, unknown)))
    return [portal for portal in candidates if _asked[portal]]


def forget():
    """Let each portal be asked again."""
    _asked.clear()


def answers(portal):
    """Tell whether a portal takes a TCP connection now."""
    try:
        socket.create_connection(portal, timeout=_PATIENCE).close()
    except OSError:
        return False
    return True
