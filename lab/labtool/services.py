# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge serves to the hosts: files over HTTP, read-only."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from . import network, processes
from .errors import LabError
from .paths import Paths, read_json, write_atomically
from .run import succeeds
from .topology import MANAGEMENT, WHEELHOUSE_PORT

URL = f'http://{MANAGEMENT.gateway}:{WHEELHOUSE_PORT}/'


def _record(paths: Paths) -> Path:
    return paths.state / 'wheelhouse.json'


def running(paths: Paths) -> processes.Process | None:
    """The file server, if it runs."""
    values = read_json(_record(paths))
    try:
        process = processes.Process(int(values['pid']), int(values['started']))
    except (KeyError, ValueError, TypeError):
        return None
    return process if process.alive() else None


def up(paths: Paths) -> None:
    """Start the file server if it does not run; LabError if it does not answer within 10 s."""
    paths.wheelhouse.mkdir(parents=True, exist_ok=True)
    if running(paths):
        return
    command = network.inside(paths) + [sys.executable, '-m', 'http.server', str(WHEELHOUSE_PORT), '--bind', MANAGEMENT.gateway,
                                       '--directory', str(paths.wheelhouse)]
    log = paths.logs / 'wheelhouse.log'
    with log.open('wb') as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, cwd='/')
    process = processes.find(child.pid)
    if process:
        write_atomically(_record(paths), json.dumps(asdict(process)) + '\n')
    end = time.monotonic() + 10
    while not succeeds(network.inside(paths) + ['nc.openbsd', '-z', MANAGEMENT.gateway, str(WHEELHOUSE_PORT)], timeout=5):
        if time.monotonic() > end or not running(paths):
            raise LabError(f'the file server of the wheelhouse does not answer: see {log}')
        time.sleep(0.1)


def down(paths: Paths) -> None:
    """End the file server."""
    def look() -> list[processes.Process]:
        process = running(paths)
        return [process] if process else []

    processes.end_all(look, grace=1)
