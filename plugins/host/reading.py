# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading devices past the page cache: what another host wrote meanwhile counts, not what this one remembers."""

from __future__ import annotations

import contextlib
import mmap
import os
import stat

BLOCK = 1 << 20  # bytes


class Reader:
    """An open device or file. Every read that does not give what was asked for raises OSError."""

    def __init__(self, handle):
        self._handle = handle
        self._buffer = mmap.mmap(-1, BLOCK)  # direct reads want an aligned place
        self.size = os.lseek(handle, 0, os.SEEK_END)

    def read(self, offset, length):
        """Return ``length`` bytes (at most BLOCK) from ``offset``; fewer only at the end. Both are multiples of 4096 but for the end."""
        length = min(length, self.size - offset)
        done = 0
        while done < length:
            with memoryview(self._buffer) as whole, whole[done:length] as rest:
                got = os.preadv(self._handle, [rest], offset + done)
            if got == 0:
                raise OSError("it ended at byte %d, before its size of %d" % (offset + done, self.size))
            done += got
        return self._buffer[:length]

    def close(self):
        """Give the place back."""
        self._buffer.close()


@contextlib.contextmanager
def opened(path, alone=False):
    """Open a device or file for reading.

    :param alone: refuse (OSError, EBUSY) a block device that is mounted or under another one.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC
    if stat.S_ISBLK(os.stat(path).st_mode):
        flags |= os.O_DIRECT | (os.O_EXCL if alone else 0)
    handle = os.open(path, flags)
    try:
        reader = Reader(handle)
        try:
            yield reader
        finally:
            reader.close()
    finally:
        os.close(handle)
