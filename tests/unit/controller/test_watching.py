# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that moves nothing is ended; one that has to wait itself is not."""

from __future__ import annotations

import subprocess
import time

from ansible_collections.baremetal.legacy_storage.plugins.controller.backup.watching import Watch


def test_only_what_somebody_waits_for_is_ended():
    with subprocess.Popen(["sleep", "600"]) as child:
        watch = Watch(child, 1)
        for _block in range(3):
            with watch.waiting():
                time.sleep(0.1)
            time.sleep(0.5)
        time.sleep(1.5)
        assert child.poll() is None and not watch.silent, "it waited for us"
        with watch.waiting():
            child.wait(60)
        assert watch.silent
