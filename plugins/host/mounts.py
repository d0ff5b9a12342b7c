# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The remote file systems that os-brick mounted for volumes; it leaves them mounted for ever."""

from __future__ import annotations

import os
import re

from . import loop, programs


def unescape(text):
    """Return a path as the kernel's tables escape it: blanks as ``\\040``."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def unmount_unused(system, mount_dir, used):
    """Unmount what is mounted in ``mount_dir`` and holds no file that is in use; return what went wrong, one sentence each.

    :param used: paths of the files of other attachments. Files below a loop device are in use anyway.
    """
    mount_dir = os.path.realpath(mount_dir)
    used = list(used) + [loop.backing_file(system, name) for name in system.names("sys/class/block")]
    problems = []
    for place in _mounted(system, mount_dir):
        if any(path.startswith(place + "/") for path in used):
            continue
        _output, problem = programs.run("umount", place)
        if problem:
            problems.append(problem)
        elif place != mount_dir:
            os.rmdir(place)  # os-brick made it
    return problems


def _mounted(system, mount_dir):
    """Return the mount points in the directory, the last one first. Reads what the kernel knows: looking at a dead share would hang."""
    fields = (line.split(" ") for line in system.read("proc/self/mountinfo").splitlines())
    places = [unescape(parts[4]) for parts in fields if len(parts) > 4]
    return [place for place in reversed(places) if place == mount_dir or place.startswith(mount_dir + "/")]
