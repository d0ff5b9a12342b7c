# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups in a repository: what stands there, how one is made, read and deleted.

A backup is two snapshots of restic. The first holds the volume's content. The second is written only when that is whole, and its
tags say all there is to know: without it nothing counts, so what a killed run leaves is never taken for a backup, and nothing but the
repository and its password is needed to find a backup again. (A tag set afterwards would do the same, but `restic tag` wants the
repository for itself, and would wait for everybody else's backups.)
"""

from __future__ import annotations

import datetime
import hashlib
import json
import urllib.parse

from ...module_utils.model.backups import Backup
from ...module_utils.model.errors import StorageError
from ..patience import uncounted
from . import content
from .restic import LOCKED

_RECORD, _CONTENT = "legacy-storage-backup", "legacy-storage-content"
_ABOUT = "about="


def catalogue_of(store, restic, name, limit=None):
    """Return the Catalogue of a registered repository.

    :param restic: a function of a Repository and a limit in seconds that returns its Restic.
    """
    with store.reading() as reader:
        repository = next((item for item in reader.repositories() if item.name == name), None)
    if repository is None:
        raise StorageError(
            "not_found",
            "repository: %r is not registered on this controller. Register it with legacy_backup_repository." % name,
            "repository",
        )
    return Catalogue(name, restic(repository, limit))


class Catalogue:
    """The backups of one repository.

    :param name: the repository's name on this controller. :param restic: its Restic.
    """

    def __init__(self, name, restic):
        self._name = name
        self._restic = restic

    def backups(self):
        """Return every Backup that is whole."""
        found = self._restic.snapshots(_RECORD, _CONTENT)
        contents = {_run_of(item) for item in found if _CONTENT in item["tags"]}
        backups = [self._backup(item) for item in found if _RECORD in item["tags"]]
        return [backup for backup in backups if backup.id in contents]

    def unfinished(self):
        """Return [{"run", "name", "age"}] of contents without a record; ``age`` is in seconds, since their saving began."""
        found = self._restic.snapshots(_RECORD, _CONTENT)
        whole = {_run_of(item) for item in found if _RECORD in item["tags"]}
        return [{"run": _run_of(item), "name": _name_of(item), "age": _age_of(item)} for item in found if _run_of(item) not in whole]

    @uncounted()
    def save(self, run, name, about, device, length, tell):
        """Store the first ``length`` bytes of a Device as the content of a backup that does not count yet. Return its facts (dict).

        :param tell: called with the percentage (int) every now and then.
        """
        checksum, progress = hashlib.sha256(), content.Progress(tell, length)
        with self._restic.saving(_filename(about["volume"]), [_CONTENT, _tag("run", run), _tag("name", name)]) as saving:
            for block in content.blocks(device, length):
                checksum.update(block)
                saving.write(block)
                progress.add(len(block))
        if saving.summary["total_bytes_processed"] != length:
            raise self._damaged(name, "restic took %d bytes of %d" % (saving.summary["total_bytes_processed"], length))
        return {"bytes": length, "sha256": checksum.hexdigest(), "bytes_added": saving.summary["data_added"]}

    def record(self, run, name, about):
        """Make a backup whose content is there count. ``about``: JSON-ready data."""
        volume = about["volume"]
        tags = [
            _RECORD,
            _tag("run", run),
            _tag("name", name),
            _tag("volume", volume["name"]),
            _ABOUT + _quote(json.dumps(about, sort_keys=True)),
        ]
        self._once_free(lambda: self._write_record(volume, tags, dict(about, name=name)))

    def _once_free(self, call):
        """Call as soon as nobody has the repository for himself, as a prune has: what took hours of copying is worth waiting for, however long."""
        while True:
            try:
                return call()
            except StorageError as error:
                if not error.details.get(LOCKED):
                    raise
            self._restic.wait_until_free()

    def _write_record(self, volume, tags, about):
        with self._restic.saving(_filename(volume) + ".json", tags) as saving:
            saving.write(json.dumps(about, sort_keys=True, indent=1).encode())

    @uncounted()
    def read(self, backup, write, tell):
        """Hand a backup's content to ``write`` (bytes), block by block. Raises StorageError unless it is what was saved.

        :param tell: called with the percentage (int) at once and every now and then.
        """
        checksum, length = hashlib.sha256(), 0
        found = [item for item in self._restic.snapshots_once_free(_tag("run", backup.id)) if _CONTENT in item["tags"]]
        if not found:
            raise StorageError("not_found", "The backup is not in the repository %s any more." % self._name)
        progress = content.Progress(tell, backup.bytes)
        with self._restic.reading(found[0]["id"], _filename(backup.volume)) as stream:
            while block := stream.read(content.BLOCK):
                checksum.update(block)
                length += len(block)
                write(block)
                progress.add(len(block))
        if (length, checksum.hexdigest()) != (backup.bytes, backup.sha256):
            raise self._damaged(backup.name, "it gave %d bytes of %d, or others than were saved" % (length, backup.bytes))

    def verify(self, run, name, about, tell):
        """Read the content of a backup that does not count yet back from the repository. Raises StorageError unless it is what was saved."""
        self._once_free(lambda: self.read(Backup(self._name, name, id=run, **about), lambda block: None, tell))

    def delete(self, run=None, name=None, unfinished_only=False):
        """Delete a backup with its content, by run or by name. Tell whether there was something."""
        found = [
            item
            for item in self._restic.snapshots_once_free(_tag("run", run) if run else _tag("name", name))
            if {_RECORD, _CONTENT} & set(item["tags"])
        ]
        if unfinished_only:
            whole = {_run_of(item) for item in found if _RECORD in item["tags"]}
            found = [item for item in found if _run_of(item) not in whole]
        records_first = sorted(found, key=lambda item: _RECORD not in item["tags"])
        self._restic.forget([item["id"] for item in records_first])
        return bool(found)

    def prune(self):
        """Free the space of what was deleted."""
        self._restic.prune()

    def _backup(self, item):
        about = next(json.loads(urllib.parse.unquote(tag[len(_ABOUT) :])) for tag in item["tags"] if tag.startswith(_ABOUT))
        return Backup(self._name, _name_of(item), id=_run_of(item), **about)

    def _damaged(self, name, how):
        return StorageError(
            "backend",
            "repository %s: backup %r is damaged: %s. `restic check --read-data` on the repository tells more." % (self._name, name, how),
        )


def _run_of(item):
    return next((tag[len("run=") :] for tag in item["tags"] if tag.startswith("run=")), None)


def _age_of(item):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(item["time"])).total_seconds()


def _name_of(item):
    return next(urllib.parse.unquote(tag[len("name=") :]) for tag in item["tags"] if tag.startswith("name="))


def _tag(key, value):
    return "%s=%s" % (key, _quote(value))


def _quote(text):
    """restic takes a comma for the end of a tag."""
    return urllib.parse.quote(text, safe="")


def _filename(volume):
    return _quote("%s.%s" % (volume["backend"], volume["name"]))[:200] + ".raw"
