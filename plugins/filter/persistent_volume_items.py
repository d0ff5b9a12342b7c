# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.filtering import as_filter
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.items import read_items


class FilterModule:
    """The filter ``persistent_volume_items``."""

    def filters(self):
        """Return it under its name."""
        return {"persistent_volume_items": as_filter("persistent_volume_items", read_items)}
