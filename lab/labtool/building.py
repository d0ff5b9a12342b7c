# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long builds into the cache: what a killed one leaves is found and removed by the next."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path

from . import processes
from .errors import LabError
from .paths import read_json, write_atomically

_WORK = '.build-'


class StepFailed(LabError):
    """A program of a build ended with an exit code."""

    def __init__(self, text: str, code: int):
        super().__init__(text)
        self.code = code


def begin(directory: Path) -> Path:
    """Make the directory that a build works in; the caller removes it."""
    work = Path(tempfile.mkdtemp(prefix=_WORK, dir=directory))
    work.chmod(0o755)
    return work


def remains(directory: Path) -> list[Path]:
    """What builds that were killed, or run now, have there."""
    return list(directory.glob(_WORK + '*'))


def sweep(directory: Path) -> None:
    """End and remove what killed builds left; only with the lock of such builds held, for then nobody is building."""
    for found in remains(directory):
        values = read_json(found / 'step.json')
        if values:
            leader = processes.Process(int(values['pid']), int(values['started']))
            processes.end_all(functools.partial(processes.session_of, leader))
        shutil.rmtree(found, ignore_errors=True)


def step(work: Path, log: Path, command: list[str | Path], timeout: float) -> None:
    """Run one program of a build; LabError when it fails or takes longer than timeout seconds.

    In a session of its own and on record, because a killed `up` cannot end it: then the next sweep does.
    """
    with log.open('ab') as output:
        child = subprocess.Popen(['nice', *command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    leader = processes.find(child.pid) or processes.Process(child.pid, 0)
    write_atomically(work / 'step.json', json.dumps(asdict(leader)) + '\n')
    try:
        code = child.wait(timeout)
    except subprocess.TimeoutExpired:
        raise LabError(f'{command[0]} took longer than {timeout:.0f} s: see {log}') from None
    finally:
        processes.end_all(lambda: processes.session_of(leader))
    if code:
        raise StepFailed(f'{command[0]} failed with {code}: see {log}', code)
