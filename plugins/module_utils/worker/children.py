# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting the commands of drivers and connectors without copying the worker first."""

from __future__ import annotations

import functools
import subprocess


def start_quickly(processutils):
    """Let ``oslo_concurrency.processutils`` start commands by vfork.

    It gives every command a ``preexec_fn`` that only sets SIGPIPE back, which subprocess does anyway; with one, Python forks, and a worker
    that has imported a hundred megabytes pays for that with each of the sixteen commands that Cinder's LVM driver runs when it starts.
    """
    if not isinstance(processutils.subprocess, _Subprocess):
        processutils.subprocess = _Subprocess(processutils._subprocess_setup)


class _Subprocess:
    """The module ``subprocess``, but for that."""

    def __init__(self, setup):
        self._setup = setup

    def __getattr__(self, name):
        return getattr(subprocess, name)

    def Popen(self, *args, **keywords):
        """Start a command; a ``preexec_fn`` that somebody asked for stays."""
        before = keywords.get("preexec_fn")
        if isinstance(before, functools.partial) and before.func is self._setup and before.args == (None,) and not before.keywords:
            keywords["preexec_fn"] = None
        return subprocess.Popen(*args, **keywords)
