# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long operations may take. Storage systems are asked through drivers, and many of those wait for ever."""

from __future__ import annotations

import contextlib
import time


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
        self._ends[whose] = time.monotonic() + self.seconds
        try:
            yield
        finally:
            self._ends.pop(whose, None)

    def is_over(self, whose):
        """Tell whether an operation that runs now has taken too long."""
        end = self._ends.get(whose)
        return bool(self.seconds) and end is not None and time.monotonic() >= end

    def left(self):
        """Return how long (seconds) to wait before looking again, or None: until something ends."""
        if not self.seconds:
            return None
        return max(0.01, min([self.seconds, *(end - time.monotonic() for end in list(self._ends.values()))]))
