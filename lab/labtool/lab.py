# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole lab: up, down, status."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import identity, image, inventory, network, packages, processes, services, ssh
from .errors import LabError
from .host import Host
from .paths import Paths, read_json, write_atomically
from .run import locked
from .topology import DEFAULT_MEMORY_MIB, DEFAULT_NODES, MAX_NODES, HostSpec, hosts

# Long enough to wait for another checkout that builds the image.
_LOCK_SECONDS = 1200
_MAX_MAP_COUNT = Path('/proc/sys/vm/max_map_count')
_MAPS = 262144


class Lab:
    """The lab of one checkout."""

    packages = packages.PACKAGES
    boot_seconds = 240

    def __init__(self, paths: Paths):
        self.paths = paths
        settings = read_json(paths.settings)
        self.nodes = int(settings.get('nodes', DEFAULT_NODES))
        self.memory = int(settings.get('memory', DEFAULT_MEMORY_MIB))
        self._begin = time.monotonic()

    @property
    def specs(self):
        """What hosts there are."""
        return hosts(self.nodes)

    @property
    def hosts(self) -> list[Host]:
        """The hosts."""
        return [self.made_of(spec) for spec in self.specs]

    def made_of(self, spec: HostSpec) -> Host:
        """The host that a spec describes."""
        return Host(self.paths, spec)

    def host(self, name: str) -> Host:
        """The host of that name; LabError if there is none."""
        for host in self.hosts:
            if host.spec.name == name:
                return host
        raise LabError(f'no host {name} here: there are {", ".join(spec.name for spec in self.specs)}')

    def named(self, name: str) -> list[Host]:
        """The host that a directory belongs to, if such a host can exist."""
        return [self.made_of(spec) for spec in hosts(MAX_NODES) if spec.name == name]

    def say(self, text: str) -> None:
        """A line of progress, with the seconds since the command began."""
        print(f'{time.monotonic() - self._begin:6.1f} s  {text}', flush=True)

    def locked(self):
        """Hold the lab: two commands that change it wait for each other."""
        return locked(self.paths.lock, 'this lab', timeout=_LOCK_SECONDS)

    def up(self, nodes: int | None, memory: int | None) -> None:
        """Bring everything up that is not; take back what this call began if it fails (LabError)."""
        with self.locked():
            fresh = not self.paths.settings.exists()
            before = {host.spec.name for host in self.hosts if host.running()}
            # Hosts are added to a lab, never taken out of one before `down`.
            self.nodes = max(self.nodes if nodes is None else nodes, 0 if fresh else self.nodes)
            self.memory = memory or self.memory
            try:
                self._up()
            except BaseException as error:
                self._take_back(fresh and not before, before)
                if isinstance(error, LabError):
                    raise LabError(f'{error}\nlogs: {self.paths.logs}') from None
                raise

    def _up(self) -> None:
        log = self.paths.logs / 'up.log'
        self.paths.logs.mkdir(parents=True, exist_ok=True)
        packages.ensure(log, self.packages)
        root = image.ensure(self.paths, log)
        self.say('image ready')
        self.paths.sockets.mkdir(parents=True, exist_ok=True)
        self.paths.state.chmod(0o700)
        write_atomically(self.paths.settings, json.dumps({'nodes': self.nodes, 'memory': self.memory}) + '\n')
        identity.make_keys(self.paths, self.specs)
        network.up(self.paths, self.specs)
        services.up(self.paths)
        write_atomically(self.paths.inventory, inventory.render(self.paths, self.specs))
        self.say('network ready')
        allow_maps()
        for host in self.hosts:
            if not host.running():
                self.power_on(host, root)
                self.say(f'{host.spec.name} has power')
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            list(pool.map(self.wait, self.hosts))

    def wait(self, host: Host) -> None:
        """Wait until a host has booted; LabError if it does not."""
        failed = ssh.wait_until_booted(self.paths, host, self.boot_seconds)
        self.say(f'{host.spec.name} is up' + (f' (failed units: {", ".join(failed.split())})' if failed else ''))

    def power_on(self, host: Host, root: Path) -> None:
        """Boot a host that has no power."""
        host.boot(root, self.memory)

    def _take_back(self, everything: bool, before: set[str]) -> None:
        if everything:
            self._remove()
            return
        for host in self.hosts:
            if host.spec.name not in before:
                host.power_cut()

    def down(self) -> None:
        """End and remove everything, whatever state it is in. The image and the wheelhouse stay."""
        with self.locked():
            self._remove()
            shutil.rmtree(self.paths.logs, ignore_errors=True)
            image.sweep(self.paths)

    def _remove(self) -> None:
        ssh.close_connections(self.paths)
        # By the directories, not by the settings: those may be lost.
        for directory in sorted((self.paths.state / 'hosts').glob('*')):
            for host in self.named(directory.name):
                host.power_cut()
        services.down(self.paths)
        # The namespace is the lab's own: whatever else runs in it came through `lab exec`, or was never recorded.
        processes.end_all(lambda: network.leftover_processes(self.paths), grace=2)
        network.down(self.paths)
        shutil.rmtree(self.paths.state, ignore_errors=True)
        if self.paths.state.exists():
            raise LabError(f'cannot remove {self.paths.state}')

    def status(self) -> tuple[str, bool]:
        """A table of the hosts, and whether all of them answer."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            rows = list(pool.map(self._row, self.hosts))
        table = [('HOST', 'ADDRESSES', 'POWER', 'SSH', 'UPTIME', 'CABLES'), *rows]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table]
        server = services.running(self.paths)
        lines.append(f'wheelhouse: {services.URL if server else "not served"}')
        return '\n'.join(lines), bool(server) and all(row[3] == 'answers' for row in rows)

    def _row(self, host: Host) -> tuple[str, ...]:
        process = host.running()
        addresses = ' '.join([host.spec.ssh_address, *host.spec.storage_addresses])
        if process is None:
            return (host.spec.name, addresses, 'off', '-', '-', '-')
        pulled = network.pulled(self.paths, host.spec)
        minutes, seconds = divmod(int(process.seconds()), 60)
        return (host.spec.name, addresses, 'on', 'answers' if self._answers(host) else 'silent', f'{minutes} min {seconds:02d} s',
                f'{" ".join(pulled)} pulled' if pulled else 'plugged')

    def _answers(self, host: Host) -> bool:
        try:
            ssh.ask(self.paths, host, 'true', timeout=8)
        except LabError:
            return False
        return True


def allow_maps(limit: Path = _MAX_MAP_COUNT) -> None:
    """Let a process have as many mappings as a large program on a host needs: each of its pages may be one, and the kernel's default is 65530."""
    with contextlib.suppress(OSError):  # in a container whose limits are not its own
        if int(limit.read_text(encoding='ascii')) < _MAPS:
            limit.write_text(f'{_MAPS}\n', encoding='ascii')
