# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.filtering import as_filter
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.leaving import plan_leaving


class FilterModule:
    """The filter ``node_leaving_plan``."""

    def filters(self):
        """Return it under its name."""
        return {"node_leaving_plan": as_filter("node_leaving_plan", plan_leaving)}
