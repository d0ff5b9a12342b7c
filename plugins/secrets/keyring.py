# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a vault's key file: the first key encrypts, all of them decrypt; one marked ``next`` is made known before it is used."""

from __future__ import annotations

import hashlib

_WAITING = "next"


class Keyring:
    """What a key file holds. Never changed; each step of a rotation returns another one.

    :param lines: (key, whether it waits to be used) pairs.
    """

    def __init__(self, lines):
        self._lines = tuple(lines)

    @classmethod
    def parse(cls, text):
        """Read a key file's text. Raises ValueError where it holds no key."""
        words = [line.split() for line in text.splitlines() if line.strip()]
        if not words or any(len(line) > 2 or line[1:] not in ([], [_WAITING]) for line in words):
            raise ValueError("it holds no keys")
        return cls((line[0], len(line) > 1) for line in words)

    def render(self):
        """Return the key file's text."""
        return "".join("%s %s\n" % (key, _WAITING) if waiting else "%s\n" % key for key, waiting in self._lines)

    @property
    def keys(self):
        """The keys, that which encrypts first."""
        return [key for key, _waiting in self._lines]

    @property
    def fingerprints(self):
        """What tells keys apart and does not show them."""
        return [hashlib.sha256(key.encode("ascii")).hexdigest()[:16] for key in self.keys]

    def add(self, key):
        """Make a new key known. Where a rotation is under way already, it goes on with its own."""
        return self if len(self._lines) > 1 else Keyring(self._lines + ((key, True),))

    def use(self):
        """Encrypt with the key that waits."""
        waiting = [(key, False) for key, waits in self._lines if waits]
        return Keyring(waiting + [line for line in self._lines if not line[1]])

    def drop(self):
        """Forget every key but the first."""
        return Keyring(self._lines[:1])

    def __eq__(self, other):
        return self._lines == other._lines

    __hash__ = None
