# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a lock service other than PostgreSQL holds the locks, a task that lost one is stopped before it writes. The service is a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest


def told(case, folder):
    """Return what the holder of a lock is told (losing_locks.py)."""
    command = [os.environ["BLS_CONTROLLER_PYTHON"], str(Path(__file__).parent / "losing_locks.py"), case, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_lock_that_is_kept_stops_nobody(tmp_path):
    assert told("kept", tmp_path) == {"code": None, "left": 0}


@pytest.mark.parametrize(
    ("case", "code", "words"),
    [
        ("lost", "store", "gave a lock of this task away"),
        ("another's", "store", "gave a lock of this task away"),
        ("away", "store", "could not be asked whether the locks are still held: no route to it"),
        ("waits", "busy", "is being worked on by another task for more than 1 s"),
        ("mute", "invalid", "lock_url: this kind of lock service cannot tell a task that it has lost its lock"),
    ],
)
def test_a_task_is_stopped_when_its_lock_is_lost_or_cannot_be_known(tmp_path, case, code, words):
    found = told(case, tmp_path)
    assert found["code"] == code and words in found["message"], found
