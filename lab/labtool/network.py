# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: one namespace, a bridge per network in it, a tap per host and network."""

from __future__ import annotations

import json
from pathlib import Path

from . import processes
from .errors import LabError
from .paths import Paths
from .run import run, succeeds
from .topology import NETWORKS, HostSpec, Network

_NETNS = Path('/run/netns')
# Forwarding makes the kernel answer "unreachable". The others keep a pulled tap, which then belongs to no bridge,
# from answering by itself for the bridges.
_SETTINGS = '''
cd /proc/sys/net
echo 1 > ipv4/ip_forward
echo 1 > ipv4/conf/all/arp_ignore
[ ! -d ipv6 ] || echo 1 > ipv6/conf/default/disable_ipv6
'''


def exists(paths: Paths) -> bool:
    """Whether the namespace is there."""
    return paths.namespace_file.exists()


def inside(paths: Paths) -> list[str]:
    """The words that put a command into the namespace; nsenter replaces itself by the command, so the pid stays."""
    return ['nsenter', f'--net={paths.namespace_file}', '--']


def up(paths: Paths, specs: list[HostSpec]) -> None:
    """Make what is missing, and plug every cable in."""
    if not succeeds(inside(paths) + ['true']):
        paths.namespace_file.unlink(missing_ok=True)
        _remember_mount(paths)
        run(['ip', 'netns', 'add', paths.namespace])
    links = _links(paths)
    run(inside(paths) + ['sh', '-ec', _SETTINGS])
    batch = ['link set lo up']
    for network in NETWORKS:
        if network.name not in links:
            batch += [f'link add {network.name} address {network.mac()} type bridge forward_delay 0',
                      f'address add {network.gateway}/24 dev {network.name}',
                      f'link set {network.name} up']
        for spec in specs:
            tap = spec.tap(network)
            if tap not in links:
                batch += [f'tuntap add dev {tap} mode tap']
            batch += [f'link set {tap} master {network.name} up']
    # Hosts that ask for the world get "unreachable" at once instead of waiting for a time-out.
    batch += ['route replace unreachable default']
    run(['ip', '-n', paths.namespace, '-batch', '-'], stdin='\n'.join(batch) + '\n')


def down(paths: Paths) -> None:
    """Remove the namespace with all in it. What ran in it must have ended: a process would keep it alive unseen."""
    if exists(paths):
        run(['ip', 'netns', 'delete', paths.namespace])
    if _mount_marker(paths).exists() and not any(_NETNS.iterdir()):
        # iproute2 mounted its directory for us and would leave that mount behind.
        if succeeds(['umount', _NETNS]):
            _mount_marker(paths).unlink()


def set_link(paths: Paths, spec: HostSpec, network: Network, state: str) -> None:
    """Pull (`down`) or plug (`up`) one cable, at the bridge's end: as with a switch between, the host sees no carrier change.

    Taking the tap itself down would break it for good: User-Mode Linux gives up an interface at the first error.
    """
    if spec.tap(network) not in _links(paths):
        raise LabError(f'{spec.name} has no cable to {network.name}: is the lab up?')
    end = ['master', network.name] if state == 'up' else ['nomaster']
    run(['ip', '-n', paths.namespace, 'link', 'set', 'dev', spec.tap(network), *end])


def pulled(paths: Paths, spec: HostSpec) -> list[str]:
    """Names of the networks whose cable to a host is pulled."""
    links = _links(paths)
    return [network.name for network in NETWORKS if links.get(spec.tap(network)) != network.name]


def _links(paths: Paths) -> dict[str, str]:
    """Each interface in the namespace, and the bridge it is plugged into (or nothing)."""
    if not exists(paths):
        return {}
    return {link['ifname']: link.get('master', '') for link in json.loads(run(['ip', '-n', paths.namespace, '-json', 'link', 'show']))}


def leftover_processes(paths: Paths) -> list[processes.Process]:
    """Everything that runs in the namespace, except the callers of this command."""
    return processes.in_namespace(paths.namespace_file)


def _mount_marker(paths: Paths) -> Path:
    # Of all checkouts: the last lab that goes takes the mount with it, whichever came first.
    return paths.labs / 'netns-was-not-mounted'


def _remember_mount(paths: Paths) -> None:
    # os.path.ismount does not see a directory that is mounted on itself, as iproute2 does it.
    mounts = Path('/proc/self/mountinfo').read_text(encoding='utf-8').splitlines()
    if not any(line.split()[4] == str(_NETNS) for line in mounts):
        _mount_marker(paths).touch()
