# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what came out of each task, as one JSON object a line, for the tests to read."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: recorded
type: aggregate
short_description: Writes each task's result to the file named in BLS_TEST_RESULTS
description: For the tests.
"""


class CallbackModule(CallbackBase):
    """Record every result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "recorded"

    def _record(self, result, status):
        data = result.result if hasattr(result, "result") else result._result
        task = result.task if hasattr(result, "task") else result._task
        host = result.host if hasattr(result, "host") else result._host
        with open(os.environ["BLS_TEST_RESULTS"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"task": task.get_name(), "host": host.get_name(), "status": status, "result": data}, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        """Record a success."""
        self._record(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """Record a failure."""
        self._record(result, "failed")

    def v2_runner_on_unreachable(self, result):
        """Record a host that could not be reached."""
        self._record(result, "unreachable")

    def v2_runner_on_skipped(self, result):
        """Record a skipped task."""
        self._record(result, "skipped")
