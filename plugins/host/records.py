# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attachment records: one root-only file each, replaced as a whole and on the disk before anything is done."""

from __future__ import annotations

import contextlib
import json
import os

from ..module_utils.model.attachment import AttachmentRecord
from ..module_utils.model.errors import StorageError


def write_durably(path, text, mode=0o600):
    """Replace a file so that a crash leaves the old or the new one, whole.

    :raises StorageError: ``host`` when it cannot be written, as on a full or read-only disk; the old one is still there.
    """
    draft = "%s.%d" % (path, os.getpid())
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
        _sync_directory(os.path.dirname(path))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise StorageError("host", "%s cannot be written on this host: %s. Mend that and run the task again." % (path, error.strerror)) from error


def _sync_directory(path):
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Records:
    """The records of one node, in ``<state_dir>/attachments``."""

    def __init__(self, state_dir):
        self._directory = os.path.join(state_dir, "attachments")

    def _path(self, volume_id):
        return os.path.join(self._directory, volume_id + ".json")

    def get(self, volume_id):
        """Return the record, or ``None``. Raises StorageError ``internal`` when the file cannot be read."""
        try:
            with open(self._path(volume_id), encoding="utf-8") as stream:
                return AttachmentRecord.from_dict(json.load(stream))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StorageError) as error:
            raise StorageError(
                "internal",
                "The attachment record %r cannot be read: %s. See what is attached of that volume, then mend or remove the record."
                % (self._path(volume_id), error),
            ) from error

    def all(self):
        """Return ``({volume id: record}, {volume id: StorageError})`` of those that can be read and of those that cannot."""
        found, unreadable = {}, {}
        for volume_id in self.ids():
            try:
                record = self.get(volume_id)
            except StorageError as error:
                unreadable[volume_id] = error
                continue
            if record is not None:  # not detached meanwhile
                found[volume_id] = record
        return found, unreadable

    def put(self, record):
        """Write the record; when this returns it survives a power cut. Raises StorageError ``host`` when it cannot be written."""
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        write_durably(self._path(record.export.volume_id), json.dumps(record.to_dict(), indent=1, sort_keys=True) + "\n")

    def remove(self, volume_id):
        """Forget the record, if there is one."""
        try:
            os.unlink(self._path(volume_id))
        except FileNotFoundError:
            return
        _sync_directory(self._directory)

    def ids(self):
        """Return the volume ids that have a record, sorted."""
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return []
        return sorted(name[:-5] for name in names if name.endswith(".json"))
