# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encryption at rest: JSON-ready data to Fernet tokens, with a key from a root-only file."""

from __future__ import annotations

import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ..module_utils.model.errors import StorageError
from .keyfile import create_once


class Vault:
    """Encrypts and decrypts with the keys of one file: one a line, the first encrypts, all decrypt (rotation)."""

    def __init__(self, keys):
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    @classmethod
    def from_file(cls, path):
        """Read the key file. Raises StorageError ``not_installed`` when it is missing or holds no key."""
        try:
            with open(path, "rb") as stream:
                keys = stream.read().split()
            return cls(keys)
        except (OSError, ValueError) as error:
            raise StorageError(
                "not_installed",
                "The encryption key %r cannot be used (%s). Apply the role baremetal.legacy_storage.controller; if the key "
                "was lost, restore it from your backup: without it the stored secrets cannot be read." % (path, error),
            ) from error

    @staticmethod
    def create_file(path):
        """Make the key file (mode 0600) if there is none; tell whether it was made."""
        return create_once(path, Fernet.generate_key() + b"\n")

    def encrypt(self, data):
        """Return the token (str) for JSON-ready data."""
        return self._fernet.encrypt(json.dumps(data, sort_keys=True).encode("utf-8")).decode("ascii")

    def opens(self, token):
        """Tell whether a token was made with one of these keys."""
        try:
            self._fernet.decrypt(token.encode("ascii"))
        except InvalidToken:
            return False
        return True

    def decrypt(self, token):
        """Return the data of a token. Raises StorageError ``internal`` when the key is not the one that made it."""
        try:
            return json.loads(self._fernet.decrypt(token.encode("ascii")))
        except InvalidToken as error:
            raise StorageError(
                "internal", "A stored secret cannot be decrypted: the key file is not the one it was made with. Restore that key."
            ) from error
