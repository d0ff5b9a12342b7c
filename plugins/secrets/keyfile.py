# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files for their owner only, such as keys: made whole or not at all."""

from __future__ import annotations

import os


def create_once(path, content):
    """Write a new file (mode 0600) with ``content`` (bytes); tell whether it was made. One that exists stays as it is.

    Several processes may try at once, and any may be killed: the file appears under its name only when it is complete.
    """
    if os.path.exists(path):
        return False
    draft = "%s.%d" % (path, os.getpid())
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(draft, path)  # fails when another process was first: then its file counts
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True


def replace(path, content):
    """Put ``content`` (bytes) in a file's place (mode 0600), whole or not at all."""
    draft = "%s.%d" % (path, os.getpid())
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)  # or a power cut could bring the old file back
    finally:
        os.close(folder)
