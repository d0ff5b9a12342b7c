# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding and ending exactly the processes that the lab started."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError


@dataclass(frozen=True)
class Process:
    """One process, told from a later one with the same pid by its start time (clock ticks since boot)."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return _started(self.pid) == self.started

    def seconds(self) -> float:
        """How long it has run."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.started / os.sysconf('SC_CLK_TCK'))

    def kill(self, signum: int) -> None:
        """Send a signal, if it is still the same process."""
        if self.alive():
            try:
                os.kill(self.pid, signum)
            except ProcessLookupError:
                pass


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty if there is no such process."""
    try:
        text = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return []
    # The name before it stands in brackets and may hold anything.
    return text.rpartition(')')[2].split()


def _started(pid: int) -> int | None:
    fields = _stat(pid)
    if not fields or fields[0] in 'ZX':
        return None
    return int(fields[19])


def find(pid: int) -> Process | None:
    """The process that has a pid now."""
    started = _started(pid)
    return None if started is None else Process(pid, started)


def every(wanted: Callable[[int], bool]) -> list[Process]:
    """All running processes for whose pid `wanted` is true."""
    found = (find(int(name)) for name in os.listdir('/proc') if name.isdigit() and wanted(int(name)))
    return [process for process in found if process]


def command_line(pid: int) -> str:
    """A process's command line, words parted by blanks; empty if unknown."""
    try:
        return Path(f'/proc/{pid}/cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace').strip()
    except OSError:
        return ''


def session_of(leader: Process) -> list[Process]:
    """What runs in the session that a process of ours opened, also when that process is gone.

    A pid is not given again while a session of that number has members. So once the pid belongs to another
    process, nothing of ours is left and the session is that one's.
    """
    current = find(leader.pid)
    if current and current != leader:
        return []

    def member(pid: int) -> bool:
        fields = _stat(pid)
        return bool(fields) and int(fields[3]) == leader.pid

    return every(member)


def in_namespace(namespace_file: Path) -> list[Process]:
    """What runs in a network namespace, this process and its ancestors left out."""
    try:
        inode = namespace_file.stat().st_ino
    except OSError:
        return []
    ours = set(_ancestors(os.getpid()))

    def inside(pid: int) -> bool:
        try:
            return pid not in ours and os.stat(f'/proc/{pid}/ns/net').st_ino == inode
        except OSError:
            return False

    return every(inside)


def _ancestors(pid: int) -> Iterable[int]:
    while pid > 0:
        yield pid
        fields = _stat(pid)
        pid = int(fields[1]) if fields else 0


def end_all(look: Callable[[], list[Process]], *, grace: float = 0, timeout: float = 10) -> None:
    """End whatever `look` finds until it finds nothing: asked for `grace` seconds, then killed.

    Looking again each time catches what was forked meanwhile. LabError after `timeout` seconds.
    """
    begin = time.monotonic()
    while True:
        _reap()
        left = look()
        if not left:
            return
        waited = time.monotonic() - begin
        if waited > grace + timeout:
            raise LabError('cannot end processes ' + ', '.join(f'{process.pid} ({command_line(process.pid)[:60]})' for process in left))
        for process in left:
            process.kill(signal.SIGTERM if waited < grace else signal.SIGKILL)
        time.sleep(0.05)


def _reap() -> None:
    """Collect children of this very process, so that none stays behind as a zombie."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
