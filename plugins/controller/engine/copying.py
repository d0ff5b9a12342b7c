# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying and comparing what Devices hold, by qemu-img.

qemu-img reads holes without reading them, writes zeros as holes or by the array's own command without taking old data for zeros, keeps
several requests in flight past the page cache, and knows the formats that drivers of file systems use. Nothing of it need be written again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time

from ...module_utils.model.errors import StorageError
from ..patience import uncounted

# The child dies with this worker, however that ends: nobody may write to a device that the next run takes away.
_DIE_TOGETHER = (
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(1, 9)\n"
    "os.getppid() == int(sys.argv[1]) or sys.exit('orphaned')\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)
_REQUESTS = "8"  # in flight at once
_TELL_EVERY = 2  # seconds
_PROGRESS = re.compile(rb"\((\d+)\.\d+/100%\)")


def copy(source, target, size, tell=None):
    """Copy the first ``size`` bytes of one Device over another and have them written to the disk.

    :param tell: called with the percentage (int) every few seconds.
    """
    _run(
        [
            "convert",
            "-n",
            "-W",
            "-m",
            _REQUESTS,
            "-O",
            target.format,
            "-T",
            _cache(source),
            "-t",
            _cache(target),
            _image(source, size),
            _image(target, size),
        ],
        tell,
    )


def compare(source, target, size, tell=None):
    """Read the first ``size`` bytes of two Devices back from the disks and compare every byte.

    :raises StorageError: ``host`` when they differ, saying where.
    """
    cache = "none" if source.direct and target.direct else "writeback"
    _run(["compare", "-T", cache, _image(source, size), _image(target, size)], tell)


def write_file(source, size, path, kind, compressed=False, tell=None):
    """Copy the first ``size`` bytes of a Device to a file of format ``kind``, in place of the file that is there. It is not yet flushed.

    :param tell: called with the percentage (int) every few seconds.
    """
    packing = ["-c"] if compressed else []
    _run(["convert", "-m", _REQUESTS, *packing, "-T", _cache(source), "-O", kind, _image(source, size), path], tell)


def qemu_img(*arguments, tell=None):
    """Run qemu-img with ``arguments`` and return what it printed. Raises StorageError ``host`` with its words.

    :param tell: called with the percentage (int) every few seconds, for commands that know ``-p``.
    """
    return _run(list(arguments), tell)


def _cache(device):
    return "none" if device.direct else "writeback"


def _image(device, size):
    """Return what qemu-img calls the first ``size`` bytes of a Device; arrays round sizes up, each to its own."""
    kind = "host_device" if stat.S_ISBLK(os.stat(device.path).st_mode) else "file"
    node = {"driver": device.format, "file": {"driver": kind, "filename": device.path}}
    if device.format == "raw":
        node["size"] = size
    return "json:" + json.dumps(node)


@uncounted()
def _run(arguments, tell):
    if shutil.which("qemu-img") is None:
        raise StorageError(
            "not_installed", "qemu-img is not installed on this controller. Apply the role baremetal.legacy_storage.controller again."
        )
    if tell is not None:
        arguments.insert(1, "-p")
    command = [sys.executable, "-IS", "-c", _DIE_TOGETHER, str(os.getpid()), "qemu-img", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        words = _listen(child.stdout, tell)
        status = child.wait()
    except BaseException:
        child.kill()
        child.wait()
        raise
    finally:
        child.stdout.close()
    if status:
        raise StorageError("host", "qemu-img %s failed (exit %d): %s" % (arguments[0], status, words or "no reason"))
    return words


def _listen(stream, tell):
    """Read what a qemu-img prints to its end, telling the progress; return the other words."""
    words, told, last = [], None, time.monotonic()
    rest = b""
    for chunk in iter(lambda: os.read(stream.fileno(), 65536), b""):
        *lines, rest = re.split(rb"[\r\n]", rest + chunk)
        for line in lines:
            found = _PROGRESS.search(line)
            if found is None:
                words.append(line)
            elif tell is not None and found.group(1) != told and time.monotonic() - last >= _TELL_EVERY:
                told, last = found.group(1), time.monotonic()
                tell(int(told))
    words.append(rest)
    return b"\n".join(line for line in words if line.strip()).decode("utf-8", "replace").strip()
