# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proving that a device holds nothing, before anything is written to its beginning.

No single word of a tool proves it: blkid ends with 2 both where it finds nothing and where it cannot read (NetApp Trident issue 418, by
which volumes with data were formatted). So the device is *read*, and every byte read must be zero:

* the whole of it, up to ``WHOLE`` bytes;
* of a larger one its first ``EDGE`` and its last ``EDGE`` bytes (superblocks, partition tables and their backups, RAID and ZFS labels), a
  piece wherever file systems keep copies of their superblocks, and ``SAMPLES`` pieces evenly over the rest.

What cannot be read is not empty. A thin volume that nobody wrote to reads as zeros; a thick one may show what lay there before.
"""

from __future__ import annotations

import json
import os
import subprocess

from ..module_utils.model.errors import StorageError
from . import reading

WHOLE = 2 << 30
EDGE = 256 << 20
SAMPLES = 512
_PIECE = reading.BLOCK
_GIB = 1 << 30
_ZEROS = bytes(_PIECE)


def prove(path, name, skip=0):
    """Return when the device is proven empty.

    :param name: how messages call the volume. :param skip: bytes at the beginning that may hold anything but a signature, since we began to write there.
    :raises StorageError: ``conflict`` with what is there, ``host`` when it cannot be read.
    """
    try:
        found = signatures(path)
        if found:
            raise _refusal(name, "carries %s" % ", ".join(found))
        with reading.opened(path, alone=True) as device:
            if device.size == 0:
                raise OSError("it has no size")
            for offset in places(device.size, skip):
                piece = device.read(offset, _PIECE)
                if piece != _ZEROS[: len(piece)]:
                    raise _refusal(name, "holds data around byte %d, though no known signature" % offset)
    except OSError as error:
        raise StorageError(
            "host", "encryption: volume %s could not be read to prove that it is empty (%s), so it was not formatted." % (name, error.strerror or error)
        ) from error


def _refusal(name, what):
    return StorageError(
        "conflict",
        "encryption: volume %s is not empty: it %s. It was not formatted, and nothing was changed. Where what is on it may be lost, say format: overwrite."
        % (name, what),
        "encryption",
    )


def places(size, skip=0):
    """Return the offsets of the pieces to read of a device of ``size`` bytes, ascending and without what lies before ``skip``."""
    if size <= WHOLE:
        return list(range(skip - skip % _PIECE, size, _PIECE))
    last = (size - 1) // _PIECE
    edge = EDGE // _PIECE
    chosen = set(range(edge)) | set(range(last - edge, last + 1))
    chosen |= {last * sample // SAMPLES for sample in range(SAMPLES)}
    chosen |= {place // _PIECE for place in _copies(size)}
    return [piece * _PIECE for piece in sorted(chosen) if piece * _PIECE >= skip]


def _copies(size):
    """Yield where copies of superblocks are: ext4's in block groups 1 and the powers of 3, 5 and 7; btrfs's; XFS's at quarters of the device."""
    group = 128 << 20  # of ext4 with blocks of 4 KiB
    for base in (1, 3, 5, 7):
        power = base
        while power * group < size:
            yield power * group
            if base == 1:
                break
            power *= base
    yield from (place for place in (64 << 20, 256 * _GIB, 1024 * 1024 * _GIB) if place < size)
    yield from (size * quarter // 4 for quarter in (1, 2, 3))


def signatures(path):
    """Return what wipefs recognises on a device, such as ``ext4`` or ``gpt``. Raises OSError when it cannot look."""
    environment = dict(os.environ, LC_ALL="C")
    done = subprocess.run(
        ["wipefs", "--no-act", "--json", path], check=False, timeout=120, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment
    )
    if done.returncode or done.stderr.strip():
        raise OSError(done.stderr.strip() or "wipefs ended with %d" % done.returncode)
    try:
        found = json.loads(done.stdout or "{}").get("signatures") or []
        return list(dict.fromkeys(str(entry["type"]) for entry in found))
    except (ValueError, KeyError, TypeError) as error:
        raise OSError("wipefs answered %.100r" % done.stdout) from error
