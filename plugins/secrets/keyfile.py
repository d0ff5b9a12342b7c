# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files for their owner only, such as keys: made whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile


def create_once(path, content):
    """Write a new file (mode 0600) with ``content`` (bytes); tell whether it was made. One that exists stays as it is.

    Several processes may try at once, and any may be killed: the file appears under its name only when it is complete.
    """
    if os.path.exists(path):
        return False
    with _draft(path, content) as draft:
        try:
            os.link(draft, path)  # fails when another process was first: then its file counts
        except FileExistsError:
            return False
        finally:
            os.unlink(draft)
    return True


def replace(path, content):
    """Put ``content`` (bytes) in a file's place (mode 0600), whole or not at all."""
    with _draft(path, content) as draft:
        os.rename(draft, path)


@contextlib.contextmanager
def _draft(path, content):
    """Write a file beside ``path`` and yield its path, to be given the other name; that it has it is on disk in the end.

    Its own name cannot be foreseen, since the folder may be one in which others make files and links.
    """
    folder, name = os.path.split(path)
    handle, draft = tempfile.mkstemp(prefix=name + ".", dir=folder or ".")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        yield draft
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        raise
    folder = os.open(folder or ".", os.O_RDONLY)
    try:
        os.fsync(folder)  # or a power cut could bring back what was there before
    finally:
        os.close(folder)
