# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Showing connection_info without what opens the door: keys stay, secret values go."""

from __future__ import annotations

HIDDEN = "(hidden)"
HIDDEN_CHANGED = "(hidden, another value)"
_SECRET_WORDS = ("password", "passwd", "secret", "token", "keyring", "private_key", "auth_key", "credential", "provider_auth")
_PUBLIC_KEYS = ("auth_method",)


def is_secret_key(key):
    """Tell whether the value under ``key`` of connection_info or of driver options must not be shown."""
    word = str(key).lower()
    if word in _PUBLIC_KEYS:
        return False
    return any(part in word for part in _SECRET_WORDS) or word.startswith(("auth_", "discovery_auth_"))


def redact(value):
    """Return a copy of nested plain data in which the values of secret keys read ``(hidden)``."""
    if isinstance(value, dict):
        return {key: (HIDDEN if is_secret_key(key) and item not in (None, "") else redact(item)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(item) for item in value]
    return value
