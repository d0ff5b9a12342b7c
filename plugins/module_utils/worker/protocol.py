# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worker's protocol: one JSON object a line, on a pair of pipes or on a socket.

client: ``{"hello": {"protocol": 1, "half": "controller", "config": "/etc/..."}}``
worker: ``{"hello": {"protocol": 1, "version": "0.1.0"}}``
client: ``{"request": {"verb": "volume.ensure", "arguments": {...}, "check": false}}``
worker: any number of ``{"warning": "..."}``, then ``{"result": {...}}`` or ``{"error": {...}}``.
"""

from __future__ import annotations

import json

PROTOCOL = 1
VERSION = "0.1.0"


def send(stream, message):
    """Write one message (a dict) to a binary stream and flush it."""
    stream.write(json.dumps(message, separators=(",", ":")).encode("utf-8") + b"\n")
    stream.flush()


def receive(stream):
    """Read one message from a binary stream; ``None`` at its end. Raises ValueError for what is no message."""
    line = stream.readline()
    if not line:
        return None
    message = json.loads(line.decode("utf-8"))
    if not isinstance(message, dict):
        raise ValueError("not a message: %.80r" % line)
    return message
