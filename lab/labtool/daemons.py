# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on the machine itself, in the lab's network namespace, and the records by which they are found again."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from . import network, processes
from .errors import LabError
from .paths import Paths, read_json, write_atomically


def start(paths: Paths, directory: Path, name: str, command: Sequence[str | Path]) -> None:
    """Start a server and record it in a directory; LabError if it ends at once."""
    log = paths.logs / f'{name}.log'
    with log.open('wb') as output:
        child = subprocess.Popen(network.inside(paths) + [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT, start_new_session=True, cwd='/')
    process = processes.find(child.pid)
    if process is None:
        raise LabError(f'{name} ended at once: see {log}')
    write_atomically(directory / f'{name}.json', json.dumps(asdict(process)) + '\n')


def running(directory: Path) -> list[processes.Process]:
    """The servers recorded in a directory that run."""
    found = []
    for record in sorted(directory.glob('*.json')):
        values = read_json(record)
        try:
            found.append(processes.Process(int(values['pid']), int(values['started'])))
        except (KeyError, ValueError, TypeError):
            continue
    return [process for process in found if process.alive()]


def wait(condition: Callable[[], bool], failure: str, seconds: float) -> None:
    """Wait until a condition holds; LabError with the failure after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise LabError(f'{failure} within {seconds:.0f} s')
        time.sleep(0.5)
