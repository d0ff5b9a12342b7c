# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running other programs: always with a time limit, always with a readable failure."""

from __future__ import annotations

import fcntl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError


def run(command: Sequence[str | Path], *, timeout: float = 30, log: Path | None = None, stdin: str = '',
        env: dict[str, str] | None = None) -> str:
    """Run a command to its end and return its output; timeout in seconds, LabError when it fails or takes longer.

    With a log, output goes to that file's end instead, and the error names the file.
    """
    words = [str(word) for word in command]
    try:
        if log is None:
            done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False, input=stdin, env=env)
        else:
            with log.open('a', encoding='utf-8') as output:
                done = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
                                      input=stdin, env=env)
    except FileNotFoundError:
        raise LabError(f'{words[0]} is not installed here; `lab packages` lists what the lab needs') from None
    except subprocess.TimeoutExpired:
        raise LabError(f'took longer than {timeout:.0f} s: {" ".join(words)}' + (f' (see {log})' if log else '')) from None
    if done.returncode:
        detail = f'see {log}' if log else (done.stderr or done.stdout or '').strip()[-2000:]
        raise LabError(f'failed with {done.returncode}: {" ".join(words)}: {detail}')
    return done.stdout or ''


def succeeds(command: Sequence[str | Path], *, timeout: float = 30) -> bool:
    """Whether a command ends with 0 within so many seconds."""
    try:
        run(command, timeout=timeout)
    except LabError:
        return False
    return True


@contextmanager
def locked(path: Path, what: str, *, timeout: float) -> Iterator[None]:
    """Hold a lock file; the kernel lets go of it however this process ends. LabError after timeout seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + timeout
    with path.open('a', encoding='utf-8') as handle:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise LabError(f'another command still holds {what} after {timeout:.0f} s ({path})') from None
                if timeout and not told:
                    print(f'waiting for another command that holds {what}', flush=True)
                    told = True
                time.sleep(0.2)
        yield
