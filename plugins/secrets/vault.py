# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encryption at rest: JSON-ready data to Fernet tokens, with a key from a root-only file."""

from __future__ import annotations

import base64
import json
import os

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ..module_utils.model.errors import StorageError
from .keyfile import create_once
from .keyring import Keyring


class Vault:
    """Encrypts and decrypts with the keys of one file: one a line, the first encrypts, all decrypt (rotation).

    :param keys: Fernet keys. :param path: the file they are from; when it changes, what it holds then counts.
    """

    def __init__(self, keys, path=None):
        self._fernets = [Fernet(key) for key in keys]
        self._path = path
        self._seen = _state(path) if path else None

    @classmethod
    def from_file(cls, path):
        """Read the key file. Raises StorageError ``not_installed`` when it is missing or holds no key."""
        return cls(read_keyring(path).keys, path)

    @classmethod
    def from_passphrase(cls, passphrase, salt, cost):
        """Derive the key from a passphrase (scrypt: ``cost`` is its n, a power of two)."""
        return cls([base64.urlsafe_b64encode(Scrypt(salt, 32, cost, 8, 1).derive(passphrase.encode("utf-8")))])

    @staticmethod
    def create_file(path):
        """Make the key file (mode 0600) if there is none; tell whether it was made."""
        return create_once(path, Fernet.generate_key() + b"\n")

    def encrypt(self, data):
        """Return the token (str) for JSON-ready data."""
        self._look_again()
        return self._fernets[0].encrypt(json.dumps(data, sort_keys=True).encode("utf-8")).decode("ascii")

    def decrypt(self, token):
        """Return the data of a token. Raises StorageError ``internal`` when the key is not the one that made it."""
        data = self._open(token)
        if data is None and self._look_again():
            data = self._open(token)
        if data is None:
            raise StorageError(
                "internal", "A stored secret cannot be decrypted: the key file is not the one it was made with. Restore that key."
            )
        return json.loads(data)

    def opens(self, token):
        """Tell whether a token was made with one of these keys."""
        return self._open(token) is not None

    def made(self, token):
        """Tell whether a token was made with the key that encrypts now."""
        return self._open(token, 1) is not None

    def _open(self, token, first=None):
        for fernet in self._fernets[:first]:
            try:
                return fernet.decrypt(token.encode("ascii"))
            except InvalidToken:
                continue
        return None

    def _look_again(self):
        """Read a file that has changed: another task may have rotated the keys. Tell whether it had."""
        if self._path is None or _state(self._path) == self._seen:
            return False
        self._seen = _state(self._path)
        self._fernets = [Fernet(key) for key in read_keyring(self._path).keys]
        return True


def read_keyring(path):
    """Return the Keyring in a key file. Raises StorageError ``not_installed`` when it is missing or holds no key."""
    try:
        with open(path, encoding="ascii") as stream:
            keyring = Keyring.parse(stream.read())
        for key in keyring.keys:
            Fernet(key)
        return keyring
    except (OSError, ValueError) as error:
        raise StorageError(
            "not_installed",
            "The encryption key %r cannot be used (%s). Apply the role baremetal.legacy_storage.controller; if the key "
            "was lost, restore it from your backup: without it the stored secrets cannot be read." % (path, error),
        ) from error


def _state(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
