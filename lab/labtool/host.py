# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host: its disks, its power button, and whether it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from . import identity, network, processes
from .errors import LabError
from .paths import Paths, read_json, write_atomically
from .topology import DATA_DISK_GIB, NETWORKS, HostSpec


@dataclass(frozen=True)
class Record:
    """What is known of a host's last boot."""

    pid: int
    started: int
    image: str
    memory: int

    @property
    def process(self) -> processes.Process:
        """The host's main process."""
        return processes.Process(self.pid, self.started)


class Host:
    """A host of the lab."""

    def __init__(self, paths: Paths, spec: HostSpec):
        self.paths = paths
        self.spec = spec
        self.directory = paths.host(spec.name)
        self.console = paths.logs / f'{spec.name}.console.log'

    def record(self) -> Record | None:
        """The last boot, or None if it was never booted."""
        values = read_json(self.directory / 'host.json')
        try:
            return Record(int(values['pid']), int(values['started']), str(values['image']), int(values['memory']))
        except (KeyError, ValueError, TypeError):
            return None

    def running(self) -> processes.Process | None:
        """The main process, if the host has power."""
        record = self.record()
        return record.process if record and record.process.alive() else None

    def processes(self) -> list[processes.Process]:
        """The main process and its children; also the children that outlive a killed main process."""
        record = self.record()
        return processes.session_of(record.process) if record else []

    def power_cut(self) -> None:
        """Take the power away: nothing in the host gets a chance to write or to say goodbye."""
        # The main process first: its children are the host's programs, which must not die one by one before it.
        record = self.record()
        if record:
            record.process.kill(9)
        processes.end_all(self.processes)
        shutil.rmtree(self.paths.uml / self.spec.name, ignore_errors=True)

    def boot(self, image: Path, memory: int) -> None:
        """Give power; a host that was booted before keeps its disks, its image and its memory size (MiB)."""
        record = self.record()
        if record and Path(record.image).exists():
            image, memory = Path(record.image), record.memory
        else:
            (self.directory / 'root.cow').unlink(missing_ok=True)
        self.power_cut()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.paths.uml.mkdir(parents=True, exist_ok=True)
        self._make_disks(image)
        command = network.inside(self.paths) + self.command(image, memory)
        with self._new_console() as output:
            # A session of its own: the children are found by it, and Ctrl-C at `up` does not reach the host.
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                     start_new_session=True, cwd='/', env=_environment(self.directory))
        main = processes.find(child.pid)
        if main is None:
            raise LabError(f'{self.spec.name} ended at once: see {self.console}')
        record = Record(main.pid, main.started, str(image), memory)
        write_atomically(self.directory / 'host.json', json.dumps(asdict(record)) + '\n')

    def command(self, image: Path, memory: int) -> list[str]:
        """The command line of User-Mode Linux."""
        words = [str(self.paths.firmware), f'mem={memory}M', f'umid={self.spec.name}', f'uml_dir={self.paths.uml}/',
                 f'ubd0={self.directory}/root.cow,{image}', f'ubd1r={self.directory}/identity.tar',
                 'root=/dev/ubda', 'rw', 'init=/usr/local/sbin/lab-init', 'con=null', 'con0=null,fd:1', 'ssl=null', 'quiet']
        if self.spec.storage:
            words.append(f'ubd2={self.directory}/data.img')
        words += [f'vec{index}:transport=tap,ifname={self.spec.tap(net)},depth=128,gro=1,mac={net.mac(self.spec.octet)}'
                  for index, net in enumerate(NETWORKS)]
        return words

    def _make_disks(self, image: Path) -> None:
        disk = self.directory / 'identity.tar'
        if not (self.directory / 'root.cow').exists():
            identity.write_disk(self.paths, self.spec, disk)
            self._make_root(image)
        data = self.directory / 'data.img'
        if self.spec.storage and not data.exists():
            with data.open('wb') as handle:
                handle.truncate(DATA_DISK_GIB << 30)

    def _make_root(self, image: Path) -> None:
        """Make the host's own copy of the image: User-Mode Linux does it itself, with the first boot."""

    def _new_console(self):
        """The console's log; the boot before this one stays readable beside it."""
        self.console.parent.mkdir(parents=True, exist_ok=True)
        if self.console.exists():
            self.console.replace(self.console.with_name(self.console.name + '.1'))
        return self.console.open('wb')


def _environment(fallback: Path) -> dict[str, str]:
    """The host's memory is a file that User-Mode Linux unlinks as soon as it is open: it goes with the processes."""
    memory = '/dev/shm' if os.path.ismount('/dev/shm') else str(fallback)
    return {'PATH': os.environ.get('PATH', ''), 'HOME': '/', 'TMPDIR': memory}
