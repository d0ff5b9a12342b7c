# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives ``legacy_runtime`` the collection's own code: its checksum at once, the wheel only where it is wanted."""

from __future__ import annotations

import os
import tempfile

from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.legacy_storage.plugins.modules.legacy_runtime import MARKER
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils import runtime_wheel

_PLUGINS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class ActionModule(ActionBase):
    """Action plugin of ``legacy_runtime``."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        """Ask the module what is there; where the code differs, transfer the wheel and let the module install it."""
        result = super().run(tmp, task_vars)
        sources = runtime_wheel.read_sources(_PLUGINS)
        arguments = dict(self._task.args, checksum=runtime_wheel.checksum(sources), version=runtime_wheel.VERSION)
        arguments.pop("wheel", None)
        answer = self._execute_module(module_args=arguments, task_vars=task_vars)
        if answer.pop("wheel_wanted", False):
            arguments["wheel"] = self._transfer(runtime_wheel.build(sources, MARKER))
            answer = self._execute_module(module_args=arguments, task_vars=task_vars)
        answer.get("invocation", {}).get("module_args", {}).pop("wheel", None)  # gone when the task ends
        result.update(answer)
        return result

    def _transfer(self, wheel):
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        folder = self._connection._shell.tmpdir
        path = self._connection._shell.join_path(folder, runtime_wheel.file_name())
        with tempfile.NamedTemporaryFile() as stream:
            stream.write(wheel)
            stream.flush()
            self._transfer_file(stream.name, path)
        self._fixup_perms2((folder, path))
        return path
