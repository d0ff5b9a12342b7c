# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs legacy_attachment_info on the node and, where ``controller`` is given, sets beside it what the controller has exported to the node."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils import comparing
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.other_host import OtherHost, check_known


class ActionModule(ActionBase):
    """Action plugin of ``legacy_attachment_info``."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        """Run the task; see the module's documentation for its result."""
        result = super().run(tmp, task_vars)
        controller = self._task.args.get("controller")
        if controller:
            check_known(task_vars["hostvars"], controller, "controller")
        in_background = bool(self._task.async_val and not self._connection.has_native_async)
        if in_background and controller:
            raise AnsibleActionFail("async: the node's answer is compared with the controller's, so controller cannot be given with it.")
        result.update(self._execute_module(module_args=self._task.args, task_vars=task_vars, wrap_async=in_background))
        if not controller or result.get("failed") or result.get("host") is None:
            return result
        exports = self._exports(task_vars, controller, result["host"], result)
        result["attachments"] = comparing.side_by_side(result["attachments"], exports, self._task.args.get("volumes"))
        return result

    def _exports(self, task_vars, controller, host, result):
        other = OtherHost(self, task_vars, controller)
        try:
            arguments = {"host": host}
            if self._task.args.get("controller_config"):
                arguments["controller_config"] = self._task.args["controller_config"]
            answer = other.run("baremetal.legacy_storage.legacy_export_info", arguments)
        finally:
            other.close()
        if answer.get("failed"):
            raise AnsibleActionFail("controller: %s on %r" % (answer.get("msg"), controller))
        if answer.get("warnings"):
            result["warnings"] = list(result.get("warnings") or []) + answer["warnings"]
        return answer["exports"]
