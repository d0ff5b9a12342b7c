# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Showing connection_info without what opens the door: keys stay, secret values go."""

from __future__ import annotations

import re

HIDDEN = "(hidden)"
HIDDEN_CHANGED = "(hidden, another value)"
_SECRET_WORDS = ("password", "passwd", "secret", "token", "keyring", "private_key", "auth_key", "credential", "provider_auth")
_PUBLIC_KEYS = ("auth_method",)
# [MDS1[,MDS2...]:/]CLUSTER[:PASSWORD], as os_brick/remotefs/remotefs.py takes it apart.
_VIRTUOZZO_SHARE = re.compile(r"(?:\S+:/)?[a-zA-Z0-9_-]+:(\S+)$")


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


def share_password(connection_info):
    """Return the password that a Virtuozzo Storage share ends with, ``None`` for any other connection_info."""
    if connection_info.get("driver_volume_type") != "vzstorage":
        return None
    found = _VIRTUOZZO_SHARE.match(str(connection_info.get("data", {}).get("export") or ""))
    return found.group(1) if found else None


def redact_connection(connection_info):
    """Return the data of a driver's connection_info (``{"driver_volume_type", "data"}``) as people may see it."""
    data = redact(connection_info.get("data", {}))
    password = share_password(connection_info)
    return dict(data, export=data["export"][:-len(password)] + HIDDEN) if password else data
