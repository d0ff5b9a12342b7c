# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs legacy_preflight_info on the host, and tells how far the host's clock is from the one here: only who asked knows when that was."""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Action plugin of ``legacy_preflight_info``."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        """Run the task; see the module's documentation for its result."""
        result = super().run(tmp, task_vars)
        in_background = bool(self._task.async_val and not self._connection.has_native_async)
        asked = time.time()
        result.update(self._execute_module(module_args=self._task.args, task_vars=task_vars, wrap_async=in_background))
        answered = time.time()
        now = (result.get("facts") or {}).get("clock", {}).get("now")
        if now is not None and not in_background:
            result["clock_offset"] = {"seconds": now - (asked + answered) / 2, "uncertainty": (answered - asked) / 2}
        return result
