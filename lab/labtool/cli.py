# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys

from . import ceph, ceph_mirror, image, inventory, kubernetes, kubernetes_build, network, objects, packages, ssh
from .emulated import EmulatedLab
from .errors import LabError
from .lab import Lab
from .paths import Paths
from .topology import DEFAULT_NODES, MAX_NODES, NETWORKS, network_named

_SOURCES_MISSING = 3  # exit code of `kubernetes up` where Debian's sources cannot be had


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    # `timeout 300 lab up` must take back what it began, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    try:
        return options.function(options.lab(Paths.of_this_checkout()), options)
    except LabError as error:
        print(f'lab: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='lab', description='Bare-metal hosts as User-Mode Linux processes.')
    parser.set_defaults(lab=Lab, nodes=None)
    add = _adder(parser)

    command = add('up', _up, 'bring the lab up; what runs already is kept')
    command.add_argument('--nodes', type=_node_count, help=f'number of nodes beside the controller (default {DEFAULT_NODES})')
    _add_memory(command)
    _add_common(add)
    command = add('emulated', None, "the same for a lab of one machine with Debian's own kernel, which QEMU emulates: emulated1")
    command.set_defaults(lab=EmulatedLab)
    machine = _adder(command)
    _add_memory(machine('up', _up, 'bring the machine up (minutes); one that runs already is kept'))
    _add_common(machine)
    command = add('ceph', _ceph, 'start or end a Ceph cluster beside the hosts, which keeps its data in memory')
    command.add_argument('state', choices=['up', 'down', 'files'], help='files: print the directory with what clients need in /etc/ceph')
    command = add('mirror', _mirror, 'start or end a second Ceph cluster, which mirrors images of the first, and the first one')
    command.add_argument('state', choices=['up', 'down', 'files', 'lose', 'find'],
                         help='files: print the directory with what clients of the second need in /etc/ceph; '
                              'lose: let the first fall silent; find: let it go on as it was')
    command = add('objects', _objects, 'start or end an S3 gateway to the Ceph cluster')
    command.add_argument('state', choices=['up', 'down', 'keys'], help='keys: print the path of a JSON file with the URL and the keys of its user')
    command = add('kubernetes', _kubernetes, 'make a Kubernetes cluster with hosts as its nodes, or take it away')
    command.add_argument('state', choices=['up', 'down', 'kubeconfig', 'python', 'api'],
                         help="kubeconfig: print the path of the administrator's; python: print that of one that kubernetes.core can use; "
                              'api: METHOD PATH, ask the API server')
    command.add_argument('words', nargs='*', metavar='WORD', help='of up: the hosts that are to be nodes (default node1)')
    add('packages', _packages, 'print the Debian packages that the lab needs on this machine')
    return parser


def _adder(parser: argparse.ArgumentParser):
    """What adds a command to a parser: a function of its name, what it runs and its help."""
    commands = parser.add_subparsers(required=True, metavar='COMMAND')

    def add(name: str, function, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        return command

    return add


def _add_memory(command: argparse.ArgumentParser) -> None:
    command.add_argument('--memory', type=int, metavar='MIB', help='memory of each host that is booted for the first time')


def _add_common(add) -> None:
    """What every kind of lab can do."""
    add('down', _down, 'end the lab and leave nothing behind')
    add('status', _status, 'show the hosts; exit code 0 only if all answer')
    command = add('ssh', _ssh, 'open a shell or run a command in a host')
    command.add_argument('host', help='HOST or USER@HOST')
    command.add_argument('remote', nargs=argparse.REMAINDER, metavar='COMMAND')
    command = add('inventory', _inventory, 'print the Ansible inventory')
    command.add_argument('--path', action='store_true', help='print the path of the inventory file instead')
    add('power-cut', _power_cut, 'take the power from a host, at once').add_argument('host')
    command = add('power-on', _power_on, 'boot a host again from its own disk')
    command.add_argument('host')
    command.add_argument('--no-wait', action='store_true', help='do not wait until it has booted')
    command = add('link', _link, 'pull or plug the cable between a host and a network')
    command.add_argument('host')
    command.add_argument('network', choices=[network.name for network in NETWORKS])
    command.add_argument('state', choices=['up', 'down'])
    add('exec', _exec, "run a command in the lab's network namespace").add_argument('words', nargs=argparse.REMAINDER, metavar='COMMAND')


def _node_count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= MAX_NODES:
        raise argparse.ArgumentTypeError(f'0 to {MAX_NODES}')
    return count


def _up(lab: Lab, options: argparse.Namespace) -> int:
    lab.up(options.nodes, options.memory)
    lab.say(f'all hosts answer; inventory: {lab.paths.inventory}')
    return 0


def _down(lab: Lab, options: argparse.Namespace) -> int:
    lab.down()
    if not lab.paths.second:
        EmulatedLab(lab.paths).down()
    lab.say('nothing is left')
    return 0


def _status(lab: Lab, options: argparse.Namespace) -> int:
    table, good = lab.status()
    print(table)
    return 0 if good else 1


def _ssh(lab: Lab, options: argparse.Namespace) -> int:
    user, _at, name = options.host.rpartition('@')
    host = lab.host(name)
    if host.running() is None:
        raise LabError(f'{name} has no power')
    words = ssh.command(lab.paths, host, user or ssh.USER, ('-o', 'LogLevel=ERROR'))
    # As ssh itself: words are joined by blanks, the far shell parts them.
    os.execvp(words[0], words + options.remote)


def _inventory(lab: Lab, options: argparse.Namespace) -> int:
    print(lab.paths.inventory if options.path else inventory.render(lab.paths, lab.specs), end='\n' if options.path else '')
    return 0


def _power_cut(lab: Lab, options: argparse.Namespace) -> int:
    host = lab.host(options.host)
    with lab.locked():
        host.power_cut()
        ssh.close_connections(lab.paths, host.spec.ssh_address)
    return 0


def _power_on(lab: Lab, options: argparse.Namespace) -> int:
    host = lab.host(options.host)
    with lab.locked():
        if not host.record():
            raise LabError(f'{options.host} was never up: `lab up` first')
        if not host.running():
            lab.power_on(host, image.ensure(lab.paths, lab.paths.logs / 'up.log'))
    if not options.no_wait:
        lab.wait(host)
    return 0


def _link(lab: Lab, options: argparse.Namespace) -> int:
    network.set_link(lab.paths, lab.host(options.host).spec, network_named(options.network), options.state)
    return 0


def _exec(lab: Lab, options: argparse.Namespace) -> int:
    words = options.words[1:] if options.words[:1] == ['--'] else options.words
    if not words:
        raise LabError('exec needs a command')
    if not network.exists(lab.paths):
        raise LabError('the lab is not up')
    command = network.inside(lab.paths) + words
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise LabError(f'{shlex.join(words)}: {error}') from None


def _ceph(lab: Lab, options: argparse.Namespace) -> int:
    if options.state == 'files':
        if not ceph.running(lab.paths):
            raise LabError('there is no cluster: `lab ceph up` first')
        print(ceph.client_files(lab.paths))
        return 0
    with lab.locked():
        if options.state == 'up':
            ceph.up(lab.paths)
            lab.say(f'Ceph answers on {ceph.ADDRESS}: pool {ceph.POOL}, user {ceph.USER}')
        else:
            ceph_mirror.down(lab.paths)
    return 0


def _mirror(lab: Lab, options: argparse.Namespace) -> int:
    if options.state == 'files':
        if not ceph.running(lab.paths, ceph_mirror.SECOND):
            raise LabError('there is no second cluster: `lab mirror up` first')
        print(ceph.client_files(lab.paths, ceph_mirror.SECOND))
        return 0
    with lab.locked():
        {'up': ceph_mirror.up, 'down': ceph_mirror.down, 'lose': ceph_mirror.lose, 'find': ceph_mirror.find}[options.state](lab.paths)
    if options.state == 'up':
        lab.say(f'Ceph on {ceph.ADDRESS} and Ceph on {ceph_mirror.SECOND.address} mirror images of pool {ceph.POOL}')
    return 0


def _objects(lab: Lab, options: argparse.Namespace) -> int:
    if options.state == 'keys':
        if not objects.running(lab.paths):
            raise LabError('there is no gateway: `lab objects up` first')
        print(objects.keys(lab.paths))
        return 0
    with lab.locked():
        if options.state == 'up':
            objects.up(lab.paths)
            lab.say(f'S3 answers on {objects.URL}')
        else:
            objects.down(lab.paths)
    return 0


def _kubernetes(lab: Lab, options: argparse.Namespace) -> int:
    if options.state == 'python':
        print(kubernetes_build.client(lab.paths, lab.paths.logs / 'kubernetes.log'))
        return 0
    if options.state in ('up', 'down'):
        with lab.locked():
            return _change_cluster(lab, options)
    if not kubernetes.running(lab.paths):
        raise LabError('there is no cluster: `lab kubernetes up` first')
    if options.state == 'kubeconfig':
        print(kubernetes.configuration(lab.paths))
        return 0
    if len(options.words) != 2:
        raise LabError('api needs a method and a path')
    words = kubernetes.api(lab.paths) + options.words
    os.execvp(words[0], words)


def _change_cluster(lab: Lab, options: argparse.Namespace) -> int:
    if options.state == 'down':
        kubernetes.down(lab.paths, lab.hosts)
        return 0
    try:
        kubernetes.up(lab.paths, [lab.host(name) for name in options.words or ['node1']])
    except kubernetes_build.SourcesMissing as error:
        print(f'lab: {error}', file=sys.stderr)
        return _SOURCES_MISSING
    lab.say(f'Kubernetes answers on {kubernetes.URL}')
    return 0


def _packages(lab: Lab, options: argparse.Namespace) -> int:
    print('\n'.join(packages.PACKAGES))
    return 0
