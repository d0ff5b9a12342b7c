# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node's settings, as role ``node`` wrote them."""

from __future__ import annotations

import dataclasses
import json

from ..module_utils.model.errors import StorageError


@dataclasses.dataclass(frozen=True)
class Settings:
    """:param host: this node's name, unique over the inventory. :param my_ip: address told to arrays, or ``None``."""

    state_dir: str
    lock_dir: str
    host: str
    multipath: bool = True
    my_ip: str | None = None


def load(path):
    """Read ``node.json``. Raises StorageError ``invalid`` when a setting is missing."""
    try:
        with open(path, encoding="utf-8") as stream:
            data = json.load(stream)
        return Settings(data["state_dir"], data["lock_dir"], data["host"], bool(data.get("multipath", True)), data.get("my_ip") or None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            "invalid", "node_config: %r cannot be used: %s. Apply the role baremetal.legacy_storage.node again." % (path, error), "node_config"
        ) from error
