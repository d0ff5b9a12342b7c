# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""multipath's list of the volumes that it may make maps of.

multipath-tools appends to it without waiting for the disk. A power cut soon after leaves zero bytes where the last lines were, and then neither
those lines nor the next one is ever found: volumes come back with one path (seen with multipath-tools 0.9.4).
"""

from __future__ import annotations

import os

from .records import write_durably

_FILE = "etc/multipath/wwids"


def mend(system):
    """Take zero bytes out of the list, if there are any."""
    path = system.path(_FILE)
    try:
        with open(path, "rb") as stream:
            found = stream.read()
    except FileNotFoundError:
        return
    if b"\0" in found:
        lines = found.replace(b"\0", b"\n").decode("utf-8", "replace").splitlines()
        write_durably(path, "".join(line + "\n" for line in lines if line))


def keep(system):
    """Return when the list is on the disk."""
    try:
        handle = os.open(system.path(_FILE), os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
