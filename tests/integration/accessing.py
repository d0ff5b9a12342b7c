# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A verb for tests: what operations of the controller do between opening a volume and closing it."""

from __future__ import annotations

import os
import signal

from ansible_collections.baremetal.legacy_storage.plugins.controller.engine import copying as tool
from ansible_collections.baremetal.legacy_storage.plugins.controller.execute import access
from ansible_collections.baremetal.legacy_storage.plugins.controller.execute.executor import Executor

VERB = "test.access"


def run(session, arguments, check, warn):
    """Open a volume or snapshot by id, write and read at its front, copy it to a file, or fail or die while it is open."""
    work = Executor(session.store(), session.engine)
    work.prepare()
    opened = {"volume": access.opened_volume, "snapshot": access.opened_snapshot}[arguments["kind"]]
    with opened(work, arguments["id"]) as device:
        if arguments.get("write"):
            with open(device.path, "r+b") as stream:
                stream.write(arguments["write"].encode())
        if arguments.get("copy_to"):
            target = access_device(arguments["copy_to"], device.size)
            told = []
            tool.copy(device, target, device.size, told.append)
            tool.compare(device, target, device.size)
        if arguments.get("fail"):
            raise RuntimeError(arguments["fail"])
        if arguments.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        with open(device.path, "rb") as stream:
            return {"front": stream.read(64).rstrip(b"\0").decode(), "size": device.size, "format": device.format, "direct": device.direct}


def access_device(path, size):
    """Return a file that is there as a Device."""
    from ansible_collections.baremetal.legacy_storage.plugins.controller.engine.access import Device

    return Device(path, "raw", size, False)
