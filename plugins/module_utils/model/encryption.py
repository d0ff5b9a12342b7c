# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task asks of a volume's encryption, and what a node remembers of it. Plain data; never a key in what is remembered."""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import StorageError, invalid

FORMATS = ("never", "empty", "overwrite")
PBKDFS = ("argon2id", "argon2i", "pbkdf2")
_FEWEST = {"pbkdf2": 1000}  # iterations that cryptsetup takes; 4 for the others
LARGEST_KEY = 8192  # bytes: passes through a pipe at once
PARAMETER = "encryption"
LOCKED = {"locked": True}  # instead of a task's dict: connect, but open nothing
_SOURCES = ("key", "sealed_key", "key_file", "key_command")


@dataclasses.dataclass(frozen=True)
class KeySource:
    """Where a key comes from.

    :param kind: ``key`` (the key itself, text), ``sealed_key`` (the same, sealed to the node), ``key_file`` (a path on the node) or
        ``key_command`` (a list of words, run on the node; its output is the key).
    """

    kind: str
    value: t.Any = dataclasses.field(repr=False)

    @property
    def told(self):
        """What people are told of it: what the task calls it."""
        return "key" if self.kind == "sealed_key" else self.kind


@dataclasses.dataclass(frozen=True)
class EncryptionWish:
    """What a task asks.

    :param key: the KeySource that shall open the volume; ``None`` leaves a volume locked that is (a boot that has no key).
    :param previous: the KeySource that opened it until now, to be replaced.
    :param format: ``never``, ``empty`` (only what is proven empty) or ``overwrite`` (whatever is there, but not what is LUKS already).
    :param cipher: as cryptsetup writes it. :param key_size: bits of the volume key. ``None``: cryptsetup's own choice when formatting, any otherwise.
    :param pbkdf: how a key slot is derived from the key. :param iterations: how often, instead of as often as this host
        manages in two seconds. For slots that are made.
    """

    key: t.Optional[KeySource] = None
    previous: t.Optional[KeySource] = None
    format: str = "empty"
    cipher: t.Optional[str] = None
    key_size: t.Optional[int] = None
    pbkdf: t.Optional[str] = None
    iterations: t.Optional[int] = None

    @classmethod
    def from_dict(cls, data):
        """Build from a task's ``encryption``; ``None`` where the volume is not to be encrypted.

        :raises StorageError: ``invalid`` for what cannot be meant. No message shows a key.
        """
        if data is None:
            return None
        if not isinstance(data, dict):
            raise StorageError("invalid", "encryption: must be a dict with key, key_file or key_command.", PARAMETER)
        if data == LOCKED:
            return cls()
        key = _source(data, "")
        if key is None:
            raise StorageError("invalid", "encryption: needs one of key, key_file and key_command.", PARAMETER)
        previous = _source(data, "previous_")
        if previous is not None and previous == key:
            raise StorageError("invalid", "encryption: the previous key is the key itself. Give the new one as key.", PARAMETER)
        chosen = data.get("format") or "empty"
        if chosen not in FORMATS:
            raise invalid("encryption.format", chosen, "must be one of %s." % ", ".join(FORMATS))
        pbkdf = data.get("pbkdf")
        if pbkdf is not None and pbkdf not in PBKDFS:
            raise invalid("encryption.pbkdf", pbkdf, "must be one of %s." % ", ".join(PBKDFS))
        key_size, iterations = data.get("key_size"), data.get("iterations")
        if key_size is not None and key_size not in (128, 256, 512):
            raise invalid("encryption.key_size", key_size, "must be 128, 256 or 512 bits.")
        if iterations is not None and (pbkdf is None or iterations < _FEWEST.get(pbkdf, 4)):
            raise invalid("encryption.iterations", iterations, "needs pbkdf, and must be at least 1000 for pbkdf2, 4 for the others.")
        return cls(key, previous, chosen, data.get("cipher"), key_size, pbkdf, iterations)


def _source(data, prefix):
    given = [(kind, data[prefix + kind]) for kind in _SOURCES if data.get(prefix + kind) is not None]
    if not given:
        return None
    if len(given) > 1:
        names = " and ".join(prefix + kind for kind, _value in given)
        raise StorageError("invalid", "encryption: %s exclude each other." % names, PARAMETER)
    kind, value = given[0]
    name = "encryption.%s%s" % (prefix, kind)
    if kind == "key_command":
        if not isinstance(value, (list, tuple)) or not value or not all(isinstance(word, str) for word in value) or not value[0].startswith("/"):
            raise StorageError("invalid", "%s: must be a list of words that begins with a program's absolute path." % name, PARAMETER)
        return KeySource(kind, tuple(value))
    if not isinstance(value, str) or not value:
        raise StorageError("invalid", "%s: is empty." % name, PARAMETER)
    if kind == "key_file" and not value.startswith("/"):
        raise invalid(name, value, "must be an absolute path on the node.")
    return KeySource(kind, value)


@dataclasses.dataclass(frozen=True)
class EncryptionRecord:
    """What a node remembers of an encrypted volume.

    :param key_from: ``key``, ``key_file`` or ``key_command``. :param key_file: the path. :param key_command: the words.
    :param uuid: of the LUKS header; ``None`` before it is known.
    :param formatting: what the device calls itself on which a LUKS header is being made; nothing can have been written through it before
        this is ``None`` again.
    """

    key_from: str = "key"
    key_file: t.Optional[str] = None
    key_command: t.Optional[t.List[str]] = None
    uuid: t.Optional[str] = None
    formatting: t.Optional[str] = None

    @classmethod
    def of(cls, source, before=None):
        """Return the record for a KeySource; what was known of the header stays known."""
        before = before or cls()
        if source is None:
            return before
        path = source.value if source.kind == "key_file" else None
        words = list(source.value) if source.kind == "key_command" else None
        return dataclasses.replace(before, key_from=source.told, key_file=path, key_command=words)

    def source(self):
        """Return the KeySource that can be asked without a task, or ``None``."""
        if self.key_file:
            return KeySource("key_file", self.key_file)
        return KeySource("key_command", tuple(self.key_command)) if self.key_command else None

    def same_source(self, source):
        """Tell whether the key comes from where the record says."""
        return source is None or EncryptionRecord.of(source, self) == self


def mapping_name(volume_id):
    """Return device-mapper's name of an opened volume."""
    return "legacy-storage-%s" % volume_id


def mapping_uuid(luks_uuid, volume_id):
    """Return device-mapper's uuid of an opened volume, as cryptsetup makes it (lib/libdevmapper.c, dm_prepare_uuid)."""
    return "CRYPT-LUKS2-%s-%s" % (luks_uuid.replace("-", ""), mapping_name(volume_id))
