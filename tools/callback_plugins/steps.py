# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for each task that changed something or took a while, under the demonstration's steps; failures in full."""

from __future__ import annotations

import time

from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = """
name: steps
type: stdout
short_description: What the demonstration shows of its playbooks
description:
  - One line for each task that changed something or took more than two seconds. Failures look as they always do.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

_A_WHILE = 2  # seconds


class CallbackModule(Default):
    """Ansible's own output, but for results that are as hoped."""

    CALLBACK_NAME = "steps"

    def __init__(self):
        super().__init__()
        self._started = time.monotonic()
        self._step = None

    def v2_playbook_on_play_start(self, play):
        """Remember the play, for failures; say nothing."""
        self._play = play

    def v2_playbook_on_task_start(self, task, is_conditional):
        """Start the clock."""
        self._started = time.monotonic()
        step = task.get_vars().get("demo_step")
        if step and step != self._step:
            self._step = step
            self._display.display("\n" + step["title"], color="bright blue")
        super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task):
        """Start the clock."""
        self._started = time.monotonic()
        super().v2_playbook_on_handler_task_start(task)

    def v2_playbook_on_include(self, included_file):
        """A step's title comes when it begins."""

    def _line(self, result, word, color):
        seconds = time.monotonic() - self._started
        host = self.host_label(result).rpartition(" -> ")[2].partition("(")[0]
        host = "nodes" if "{{" in host else host  # a loop may go to several
        task = result.task.get_name()
        self._display.display(f"  {host:<12} {task.partition(' : ')[2] or task:<62} {word:<8} {seconds:6.1f} s", color=color)

    def v2_runner_on_ok(self, result):
        """Print what changed something or took a while."""
        if result.result.get("changed"):
            self._line(result, "changed", "yellow")
        elif time.monotonic() - self._started > _A_WHILE and result.task.action.rpartition(".")[2] not in (
            "include_tasks",
            "gather_facts",
            "setup",
        ):
            self._line(result, "ok", "green")

    def v2_runner_item_on_ok(self, result):
        """A loop is one line."""

    def v2_runner_on_skipped(self, result):
        """Nothing was done."""

    v2_runner_item_on_skipped = v2_runner_on_skipped

    def v2_playbook_on_stats(self, stats):
        """The demonstration has a table of its own."""
