# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known content on a node's device, and whether it is all there. Runs on the node, with its platform Python and nothing else.

    content.py fill DEVICE                     write the part that no case changes
    content.py write DEVICE RUN                write until stdin ends; each number that is told is on the storage
    content.py compare DEVICE [RUN LAST]       read everything back past the page cache

A device holds blocks of 4 KiB: first KEPT that stay, then SLOTS that writers go round and round. Each block follows from its writer's name and
its number, so what must stand where is known without anybody having kept it.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import select
import sys

BLOCK = 4096
KEPT = 4096  # 16 MiB
SLOTS = 4096
_CHUNK = 256  # blocks read or filled at once
_PAUSE = 0.01  # seconds between two writes


def block(run, number):
    """Return a block's content (bytes): it begins with its writer and its number."""
    title = ("%s %d\n" % (run, number)).encode("ascii")
    return title + hashlib.shake_256(title).digest(BLOCK - len(title))


def latest(slot, last):
    """Return the number that a writer wrote last into a slot when it got as far as ``last``, or ``None``."""
    number = last - (last - slot) % SLOTS
    return number if number >= 0 else None


def fill(path):
    """Write the blocks that stay."""
    buffer = mmap.mmap(-1, BLOCK * _CHUNK)
    handle = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
    for first in range(0, KEPT, _CHUNK):
        buffer[:] = b"".join(block("kept", number) for number in range(first, first + _CHUNK))
        os.pwrite(handle, buffer, first * BLOCK)
    os.close(handle)


def write(path, run):
    """Write numbered blocks, each of them on the storage before its number is told, until stdin ends or an error comes."""
    buffer = mmap.mmap(-1, BLOCK)
    handle = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
    number = 0
    while not select.select([sys.stdin], [], [], _PAUSE)[0]:
        buffer[:] = block(run, number)
        try:
            os.pwrite(handle, buffer, (KEPT + number % SLOTS) * BLOCK)
        except OSError as error:
            print("error", error.strerror, flush=True)
            return 1
        print(number, flush=True)
        number += 1
    return 0


def compare(path, run, last):
    """Tell how many bytes were compared and which blocks are not what was told to be on the storage."""
    buffer = mmap.mmap(-1, BLOCK * _CHUNK)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECT)
    lost, compared = [], 0
    for first in range(0, KEPT + SLOTS, _CHUNK):
        os.preadv(handle, [buffer], first * BLOCK)
        for place in range(first, first + _CHUNK):
            found = buffer[(place - first) * BLOCK : (place - first + 1) * BLOCK]
            if place < KEPT:
                right = found == block("kept", place)
            elif latest(place - KEPT, last) is None:
                continue
            else:
                right = _is_written(found, run, place - KEPT, latest(place - KEPT, last))
            compared += BLOCK
            if not right:
                lost.append("block %d begins with %r" % (place, found[:40]))
    os.close(handle)
    print("compared %d lost %d %s" % (compared, len(lost) * BLOCK, "; ".join(lost[:5])), flush=True)
    return 1 if lost else 0


def _is_written(found, run, slot, number):
    """Tell whether a block is the one that was told last, or a later one of its slot: the telling may have been cut off."""
    title = found.partition(b"\n")[0].split(b" ")
    if len(title) != 2 or title[0] != run.encode("ascii") or not title[1].isdigit():
        return False
    there = int(title[1])
    return there >= number and there % SLOTS == slot and found == block(run, there)


def main(arguments):
    """Run one command; the exit code."""
    command, path, *rest = arguments
    if command == "fill":
        fill(path)
        return 0
    if command == "write":
        return write(path, rest[0])
    return compare(path, *((rest[0], int(rest[1])) if rest else ("", -1)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
