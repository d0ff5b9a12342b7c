# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a process that moves data, and ending it when it moves none for too long."""

from __future__ import annotations

import contextlib
import threading
import time


class Watch:
    """Kills a child process for which somebody waits too long; ``silent`` tells that it did. Time spent elsewhere, as at an array, is not counted.

    :param child: a Popen. :param seconds: that one waiting may take.
    """

    def __init__(self, child, seconds):
        self.silent = False
        self._child = child
        self._seconds = seconds
        self._since = None
        self._over = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    @contextlib.contextmanager
    def waiting(self):
        """Measure the block."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def end(self):
        """Watch no longer."""
        self._over.set()

    def _look(self):
        while not self._over.wait(self._seconds / 10):
            since = self._since
            if since is not None and time.monotonic() - since > self._seconds:
                self.silent = True
                self._child.kill()
                return
