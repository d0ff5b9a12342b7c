# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loading a kernel module where a connector needs it."""

from __future__ import annotations

import os
import subprocess

from ...module_utils.model.errors import StorageError


def load(system, name):
    """Load a module unless it is there. Raises StorageError ``host``."""
    if os.path.isdir(system.path("sys/module", name)):
        return
    done = subprocess.run(["modprobe", name], check=False, timeout=60, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise StorageError("host", "The kernel module %s cannot be loaded: %s" % (name, (done.stderr or done.stdout).strip() or "modprobe failed"))
