# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drivers and connectors may rely on when they start a command: the same as without our change, only sooner."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

SCRIPT = """
import json, os, subprocess
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.children import start_quickly
from oslo_concurrency import processutils

forked = []
os.register_at_fork(before=lambda: forked.append(True))  # heard by Python's own fork, not by vfork

def run(**keywords):
    del forked[:]
    out, _err = processutils.execute("grep", "SigIgn", "/proc/self/status", **keywords)
    return {"pipe ignored": bool(int(out.split()[1], 16) & 1 << 12), "forked": bool(forked)}

found = {"before": run()}
start_quickly(processutils)
start_quickly(processutils)
found["after"] = run()
found["asked for"] = run(preexec_fn=lambda: None)
try:
    processutils.execute("false")
except processutils.ProcessExecutionError as error:
    found["failure"] = error.exit_code
found["others"] = subprocess.Popen is processutils.subprocess.Popen
print(json.dumps(found))
"""


@pytest.mark.parametrize("python", ["BLS_CONTROLLER_PYTHON", "BLS_NODE_PYTHON"])
def test_commands_start_without_a_copy_of_the_worker_and_as_they_did(python):
    done = subprocess.run([os.environ[python], "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {
        "before": {"pipe ignored": False, "forked": True},
        "after": {"pipe ignored": False, "forked": False},
        "asked for": {"pipe ignored": False, "forked": True},
        "failure": 1,
        "others": False,
    }
