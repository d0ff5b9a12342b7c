# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long operations may take. Storage systems are asked through drivers, and many of those wait for ever."""

from __future__ import annotations

import contextlib
import math
import threading
import time

_RUNNING = threading.local()  # whose operation this thread is at


@contextlib.contextmanager
def uncounted():
    """Stop this thread's clock for as long as data is copied, which says nothing of whether a storage system answers. Also a decorator."""
    patience, whose = getattr(_RUNNING, "operation", (None, None))
    if patience is None:
        yield
        return
    left = patience.stop(whose)
    try:
        yield
    finally:
        patience.go_on(whose, left)


class Patience:
    """Measures operations that run in threads.

    :param seconds: that one operation may take; 0 for as long as it takes.
    """

    def __init__(self, seconds):
        self.seconds = float(seconds)  # a text in settings that an older Ansible wrote
        self._ends = {}

    @contextlib.contextmanager
    def spent_on(self, whose):
        """Measure one operation."""
        self.go_on(whose, self.seconds)
        _RUNNING.operation = (self, whose)
        try:
            yield
        finally:
            del _RUNNING.operation
            self._ends.pop(whose, None)

    def stop(self, whose):
        """Measure an operation no further; return how many seconds it has left."""
        left = self._ends[whose] - time.monotonic()
        self._ends[whose] = math.inf
        return left

    def go_on(self, whose, left):
        """Measure an operation that has ``left`` seconds."""
        self._ends[whose] = time.monotonic() + left

    def is_over(self, whose):
        """Tell whether an operation that runs now has taken too long."""
        end = self._ends.get(whose)
        return bool(self.seconds) and end is not None and time.monotonic() >= end

    def left(self):
        """Return how long (seconds) to wait before looking again, or None: until something ends."""
        if not self.seconds:
            return None
        return max(0.01, min([self.seconds, *(end - time.monotonic() for end in list(self._ends.values()))]))
