# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program on a node that writes to a volume while something breaks, watched from here."""

from __future__ import annotations

import threading
import time


class Writer:
    """content.py's ``write`` on a host; what it told is kept here, so the host may lose its power.

    :param process: of the command, with pipes.
    """

    def __init__(self, process, run):
        self.run = run
        self.last = -1
        self.error = None
        self._told = threading.Condition()
        self._process = process
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            word, _blank, rest = line.strip().partition(" ")
            with self._told:
                if word.isdigit():
                    self.last = int(word)
                else:
                    self.error = rest if word == "error" else line.strip()
                self._told.notify_all()

    def goes_on(self, seconds):
        """Wait until something more is on the storage. Fails when it takes longer than so many seconds, or the program had an error."""
        with self._told:
            before = self.last + 1  # one may have been on its way
            assert self._told.wait_for(lambda: self.last > before or self.error, seconds), "nothing was written for %d s" % seconds
            assert not self.error, self.error

    def waits(self, seconds):
        """Wait so many seconds, and tell whether nothing was written after the first of them."""
        time.sleep(1)
        before = self.last
        time.sleep(seconds - 1)
        return self.last == before

    def fails(self, seconds):
        """Wait until the program is told an error, and return it. Fails when that takes longer than so many seconds."""
        with self._told:
            assert self._told.wait_for(lambda: self.error, seconds), "no error came in %d s" % seconds
        return self.error

    def stop(self):
        """End the program, or what is left of it where its host lost its power."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(150)
        finally:
            self._process.kill()
            self._process.wait(10)
        self._reader.join(10)
