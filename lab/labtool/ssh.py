# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach a host from outside the namespace: options of ssh, calls, and the end of lingering connections."""

from __future__ import annotations

import shlex
import time

from . import network, processes
from .errors import LabError
from .host import Host
from .paths import Paths
from .run import run, succeeds

USER = 'ops'


def options(paths: Paths) -> list[str]:
    """Options that every ssh to a host needs, Ansible's too."""
    # nc opens the connection inside the namespace, hands the open socket to ssh and is gone (-F): no relay stays.
    proxy = shlex.join(network.inside(paths) + ['nc.openbsd', '-w', '10', '-F']) + ' %h %p'
    values = {
        'ProxyCommand': proxy,
        'ProxyUseFdpass': 'yes',
        'StrictHostKeyChecking': 'yes',
        'UserKnownHostsFile': str(paths.known_hosts),
        'GlobalKnownHostsFile': '/dev/null',
        'IdentitiesOnly': 'yes',
        'ControlPath': f'{paths.sockets}/%r-%h',
        # A host whose power was cut does not close its connections.
        'ServerAliveInterval': '5',
        'ServerAliveCountMax': '3',
    }
    # Nothing from the user's own configuration: it could name another proxy or key.
    words = ['-F', '/dev/null']
    for name, value in values.items():
        words += ['-o', f'{name}={value}']
    return words


def command(paths: Paths, host: Host, user: str = USER, extra: tuple[str, ...] = ()) -> list[str]:
    """The words of an ssh to a host, before the remote command."""
    return ['ssh', *options(paths), '-i', str(paths.private_key), *extra, f'{user}@{host.spec.ssh_address}']


def ask(paths: Paths, host: Host, remote: str, *, timeout: float = 10) -> str:
    """Output of a command in a host, over a connection of its own; LabError when there is no answer in so many seconds."""
    extra = ('-o', 'BatchMode=yes', '-o', 'ControlPath=none', '-o', 'LogLevel=ERROR', '-o', 'ConnectTimeout=10')
    return run([*command(paths, host, extra=extra), remote], timeout=timeout + 2)


def wait_until_booted(paths: Paths, host: Host, timeout: float) -> str:
    """Wait for ssh and for the end of the boot; the names of units that failed. LabError after timeout seconds."""
    end = time.monotonic() + timeout
    last = ''
    while time.monotonic() < end:
        if host.running() is None:
            raise LabError(f'{host.spec.name} stopped while it booted: see {host.console}')
        try:
            # --wait ends with the last job of the boot; its exit code tells only that some unit failed.
            return ask(paths, host, 'systemctl is-system-running --wait >/dev/null; systemctl --failed --no-legend --plain | cut -d" " -f1',
                       timeout=max(5.0, end - time.monotonic())).strip()
        except LabError as error:
            last = str(error).rpartition(': ')[2]
            time.sleep(0.5)
    raise LabError(f'{host.spec.name} did not answer ssh within {timeout:.0f} s ({last}): see {host.console}')


def close_connections(paths: Paths, address: str = '') -> None:
    """End the shared connections to one host, or every ssh of this lab."""
    for socket in sorted(paths.sockets.glob(f'*-{address or "*"}')):
        succeeds(['ssh', '-F', '/dev/null', '-O', 'exit', '-o', f'ControlPath={socket}', 'lab'], timeout=5)
        socket.unlink(missing_ok=True)
    # A master that hangs does not listen; it has its socket in its title.
    title = f'ssh: {paths.sockets}/'
    option = f' UserKnownHostsFile={paths.known_hosts} '

    def ours(pid: int) -> bool:
        line = processes.command_line(pid)
        if line.startswith(title):
            return line.partition(' [mux]')[0].endswith(f'-{address}' if address else '')
        # Its open socket would keep the namespace alive, unseen.
        return not address and line.startswith('ssh ') and option in line

    processes.end_all(lambda: processes.every(ours), grace=1)
