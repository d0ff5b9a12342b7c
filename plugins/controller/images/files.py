# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image files on this controller: what one is, and how it comes and goes without ever being half there.

Beside an image stands ``<path>.legacy-image.json``: what it is of, and its checksum. The pair may be copied to another host.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat

from ...module_utils.model.errors import StorageError, invalid, missing_parent
from ...module_utils.model.images import Image
from ..patience import uncounted

_CHUNK = 4 * 1024**2
_RECORDED = ("format", "compressed", "virtual_size", "source", "file_size", "checksum", "created_at")


def beside(path):
    """Return where the record of an image stands."""
    return path + ".legacy-image.json"


def temporary(path, image_id):
    """Return where an image is written until it is whole; the same for every run, so that the next one finds what a killed one left."""
    return os.path.join(os.path.dirname(path), ".legacy-image-%s.partial" % image_id)


def read_image(path):
    """Return the Image at ``path``, or None where no file is. A file that was copied or touched is read whole to tell."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    records = _read_records(path)
    if not records:
        return Image(path, "unknown", file_size=found.st_size)
    record = _matching(path, found, records)
    if record is None:
        return Image(path, "changed", file_size=found.st_size)
    return Image(path, **{key: record[key] for key in _RECORDED})


def _matching(path, found, records):
    """Return which of the records is of the file that is there, or None."""
    for record in records:
        if (record["file_size"], record["mtime"]) == (found.st_size, found.st_mtime_ns):
            return record
    likely = [record for record in records if record["file_size"] == found.st_size]
    checksum = "sha256:" + digest(path) if likely else None
    return next((record for record in likely if record["checksum"] == checksum), None)


def check_place(path):
    """Refuse a path where no image can be. Raises StorageError naming ``path``."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise missing_parent("path", "the folder %s does not exist on this controller. Make it first, with ansible.builtin.file." % folder)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise invalid("path", path, "is there and is no regular file; it is left alone.")


@uncounted()
def digest(path, algorithm="sha256"):
    """Return the hexadecimal digest of a file's content; a file that did not change is read once in a process."""
    found = os.stat(path)
    return _digest(path, algorithm, found.st_size, found.st_mtime_ns, found.st_ino)


@functools.lru_cache(maxsize=64)
def _digest(path, algorithm, size, mtime, inode):
    total = hashlib.new(algorithm)
    buffer = memoryview(bytearray(_CHUNK))
    with open(path, "rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            total.update(buffer[:count])
    return total.hexdigest()


def reserve(path):
    """Make an empty file that only root reads, in place of what a killed run left there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))


def free_space(folder):
    """Return how many bytes can still be written into a folder's file system."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def place(partial, path, record, replace):
    """Give a whole image its name, and have it and its record written to the disk. Return the Image.

    :param record: format, compressed, virtual_size, source, checksum, created_at.
    :raises StorageError: ``conflict`` when a file is there by now and ``replace`` does not say that it may go.
    """
    _flush(partial)
    found = os.stat(partial)
    record = dict(record, file_size=found.st_size, mtime=found.st_mtime_ns)
    if not replace and os.path.lexists(path):
        raise StorageError("conflict", "path: %s appeared while the image was made; it is left alone. Choose another path." % path, "path")
    # The former record stays in the new one: killed before the next line, this file still tells what the old image is.
    former = _matching(path, os.stat(path), _read_records(path)) if replace and os.path.exists(path) else None
    former = former and {key: former[key] for key in (*_RECORDED, "mtime")}
    _write_record(path, partial, dict(record, made_by="baremetal.legacy_storage", former=former))
    if replace:
        os.replace(partial, path)
    else:
        _rename_new(partial, path)
    _flush(os.path.dirname(path))
    return Image(path, **{key: record[key] for key in _RECORDED})


def remove(path):
    """Remove an image and its record; what is not there counts as removed."""
    for name in (path, beside(path)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
    with contextlib.suppress(FileNotFoundError):
        _flush(os.path.dirname(path))


def discard(partial, path):
    """Remove what a run that did not end left of an image that has no name yet."""
    for name in (partial, partial + ".json"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
    if not os.path.lexists(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside(path))


def _read_records(path):
    """Return what is recorded of an image, and of the one it replaced; nothing where the record cannot be understood."""
    try:
        with open(beside(path), encoding="utf-8") as stream:
            record = json.load(stream)
        return [item for item in (record, record.get("former")) if item and not set(_RECORDED + ("mtime",)) - set(item)]
    except (OSError, ValueError, AttributeError, TypeError):
        return []


def _write_record(path, partial, record):
    name = partial + ".json"
    reserve(name)
    with open(name, "w", encoding="utf-8") as stream:
        json.dump({key: value for key, value in record.items() if key != "former" or value}, stream, indent=2, sort_keys=True)
        stream.write("\n")
    _flush(name)
    os.replace(name, beside(path))


def _rename_new(partial, path):
    """Rename without ever replacing a file."""
    try:
        os.link(partial, path, follow_symlinks=False)
    except FileExistsError as error:
        raise StorageError(
            "conflict", "path: %s appeared while the image was made; it is left alone. Choose another path." % path, "path"
        ) from error
    except OSError:  # a file system without hard links
        os.rename(partial, path)
    else:
        os.unlink(partial)


def _flush(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
