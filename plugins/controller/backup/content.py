# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Device's content as a stream: read whole, written and read back."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import time

from ...module_utils.model.errors import StorageError
from ..patience import uncounted

BLOCK = 4 * 1024**2
_ZEROS = bytes(BLOCK)
_TELL_EVERY = 30  # seconds; what takes hours need not be told more often


class Progress:
    """Tells how much of a content has passed.

    :param tell: called with the percentage (int) at once, and then every half minute. :param length: of the whole, in bytes.
    """

    def __init__(self, tell, length):
        self._tell, self._length, self._passed = tell, length, 0
        self._last = time.monotonic()
        tell(0)

    def add(self, count):
        """Take note of ``count`` bytes more."""
        self._passed += count
        if time.monotonic() - self._last >= _TELL_EVERY:
            self._last = time.monotonic()
            self._tell(100 * self._passed // self._length)


def length_of(device, volume):
    """Return how many bytes of a Device are the volume's: arrays round sizes up, each to its own, and what was adopted may end within a GiB."""
    _refuse_format(device)
    return min(int(volume["size"]) * 1024**3, device.size)


def blocks(device, length):
    """Yield the first ``length`` bytes of a Device in blocks, past the page cache where that can be. A block is valid until the next."""
    handle = os.open(device.path, os.O_RDONLY | (os.O_DIRECT if device.direct else 0))
    with os.fdopen(handle, "rb", buffering=0) as stream, mmap.mmap(-1, BLOCK) as buffer, memoryview(buffer) as view:
        while length:
            count = stream.readinto(view)
            if not count:
                raise StorageError("host", "%s ended %d bytes before its size." % (device.path, length))
            count = min(count, length)
            length -= count
            with view[:count] as block:
                yield block


@uncounted()
def checksum(device, length, tell):
    """Return the SHA-256 of the first ``length`` bytes of a Device, as read back. ``tell`` is called with the percentage."""
    digest, progress = hashlib.sha256(), Progress(tell, length)
    for block in blocks(device, length):
        digest.update(block)
        progress.add(len(block))
    return digest.hexdigest()


@contextlib.contextmanager
def writing(device, length):
    """Yield a function that writes bytes to a Device, one after the other; at the end they are on the disk."""
    _refuse_format(device)
    if device.size < length:
        raise StorageError("host", "%s has %d bytes, and the backup %d." % (device.path, device.size, length))
    with open(device.path, "r+b", buffering=0) as stream:
        yield lambda block: _put(stream, block)
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _put(stream, block):
    """Write a block; zeros only where there is something else, so that a thin volume stays thin."""
    place = stream.tell()
    if block == _ZEROS[: len(block)] and stream.read(len(block)) == block:
        return
    stream.seek(place)
    rest = memoryview(block)
    while rest:
        rest = rest[stream.write(rest) :]


def _refuse_format(device):
    if device.format != "raw":
        raise StorageError(
            "unsupported",
            "The driver keeps this volume as a file in format %s, which cannot be streamed. Clone the volume and back up the clone, or have "
            "the driver make raw files." % device.format,
        )
