# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module's main() does: ask the worker, and tell Ansible what came out."""

from __future__ import annotations

from .model.errors import StorageError
from .worker.client import ask


def run_task(module, half, config_path, verb, arguments, unprepared=None, single=None):
    """Ask ``half`` to run ``verb`` and end the module with its answer.

    :param unprepared: what to return in check mode where the role has not been applied yet (its first run in
        check mode installs nothing, so nothing can be asked); without it that is an error also in check mode.
    :param single: key of a list of one result, whose parts are returned beside it as well.
    """
    try:
        answer = ask(half, config_path, verb, arguments, check=module.check_mode)
    except StorageError as error:
        if error.code == "not_installed" and module.check_mode and unprepared is not None:
            module.warn("Check mode: %s What would happen is a guess until then." % error.message)
            module.exit_json(**unprepared)
        module.fail_json(msg=error.message, error=error.to_dict())
    for warning in answer.warnings:
        module.warn(warning)
    result = dict(answer.result)
    if not module._diff:
        result.pop("diff", None)
    if single:
        result.update({key: value for key, value in result[single][0].items() if key not in ("name", "changed", "failed", "msg", "error")})
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
