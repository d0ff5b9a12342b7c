# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sealed messages: anybody can close one for a node, only that node can open it.

connection_info holds CHAP passwords and passes through the play between controller and node. Sealed to the
node's public key it may be registered, printed with -vvv or kept on disk without giving anything away.
X25519 with an ephemeral key, HKDF-SHA256, ChaCha20-Poly1305 (RFC 7748, 5869, 8439).
"""

from __future__ import annotations

import base64
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..module_utils.model.errors import StorageError
from .keyfile import create_once

_LABEL = b"baremetal.legacy_storage sealed 1"
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _key(shared, ephemeral, recipient):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=ephemeral + recipient, info=_LABEL).derive(shared)


def seal(public_key, data):
    """Return ``data`` (JSON-ready) sealed to a base64 X25519 public key, as base64 text.

    :raises StorageError: ``invalid`` when the key is none.
    """
    try:
        recipient = base64.b64decode(public_key, validate=True)
        peer = X25519PublicKey.from_public_bytes(recipient)
    except ValueError as error:
        raise StorageError("invalid", "connector.sealing_key is no X25519 public key: %s" % error, "connector") from error
    mine = X25519PrivateKey.generate()
    ephemeral = mine.public_key().public_bytes(*_RAW)
    nonce = os.urandom(12)
    box = ChaCha20Poly1305(_key(mine.exchange(peer), ephemeral, recipient)).encrypt(nonce, json.dumps(data).encode("utf-8"), _LABEL)
    return base64.b64encode(ephemeral + nonce + box).decode("ascii")


class SealingKey:
    """A node's private key, kept in a root-only file."""

    def __init__(self, private):
        self._private = private
        self._public = private.public_key().public_bytes(*_RAW)

    @classmethod
    def temporary(cls):
        """Return a key that is kept nowhere, for check mode."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def load_or_create(cls, path):
        """Read the key file (32 raw bytes, mode 0600), or make it; several processes may try at once."""
        create_once(path, X25519PrivateKey.generate().private_bytes_raw())
        return cls._load(path)

    @classmethod
    def _load(cls, path):
        with open(path, "rb") as stream:
            return cls(X25519PrivateKey.from_private_bytes(stream.read()))

    @property
    def public(self):
        """The public key, base64."""
        return base64.b64encode(self._public).decode("ascii")

    def open(self, sealed):
        """Return the data of a sealed message. Raises StorageError ``invalid`` when it was sealed to another node."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(raw[:32]))
            return json.loads(ChaCha20Poly1305(_key(shared, raw[:32], self._public)).decrypt(raw[32:44], raw[44:], _LABEL))
        except (InvalidTag, ValueError) as error:
            raise StorageError(
                "invalid",
                "sealed_connection_info cannot be opened here: it was made for another node, or for an earlier key of this one. "
                "Export the volume again with the connector that legacy_connector_info returns now.",
                "sealed_connection_info",
            ) from error
