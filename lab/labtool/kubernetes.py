# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kubernetes cluster: its servers on the machine, at the lab's end of the management network, and hosts of the lab as its nodes."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
from pathlib import Path

from . import daemons, kubernetes_build, network, packages, processes, ssh
from .errors import LabError
from .host import Host
from .paths import Paths, write_atomically
from .run import run
from .topology import MANAGEMENT, MAX_NODES, hosts

URL = f'https://{MANAGEMENT.gateway}:6443'
_ETCD = 'http://127.0.0.1:2379'
_SERVERS = ('etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler')
_START_SECONDS = 120
_NODE_SECONDS = 300
_LEAVE_SECONDS = 900  # packages are taken out one by one, on a machine that may be busy
_ON_HOST = '/opt/lab-kubernetes'


def _directory(paths: Paths) -> Path:
    return paths.state / 'kubernetes'


def running(paths: Paths) -> list[processes.Process]:
    """The servers that run."""
    return daemons.running(_directory(paths))


def configuration(paths: Paths) -> Path:
    """The kubeconfig of the cluster's administrator."""
    return _directory(paths) / 'admin.conf'


def api(paths: Paths) -> list[str]:
    """The words of a request to the API server, before its method and path."""
    return [*network.inside(paths), str(paths.checkout / 'lab/kubernetes/api'), str(configuration(paths))]


def up(paths: Paths, nodes: list[Host]) -> None:
    """Make and start a cluster with these hosts as its nodes, what runs already left alone.

    SourcesMissing where it cannot be built, LabError where it does not come up.
    """
    if not network.exists(paths):
        raise LabError('the lab is not up')
    log = paths.logs / 'kubernetes.log'
    packages.ensure(log, kubernetes_build.PACKAGES)
    programs = kubernetes_build.servers(paths, log)
    if len(running(paths)) < len(_SERVERS):
        down(paths, nodes)
    try:
        if not running(paths):
            _start(paths, programs)
        for host in nodes:
            _join(paths, host, programs, log)
    except BaseException:
        down(paths, nodes)
        raise


def down(paths: Paths, nodes: list[Host]) -> None:
    """Take the hosts out of the cluster that are in it, end its servers and forget all that it held."""
    try:
        for host in nodes:
            if _joined(paths, host).exists() and host.running():
                run([*_root(paths, host), f'{_ON_HOST}/leave'], timeout=_LEAVE_SECONDS, log=paths.logs / 'kubernetes.log')
    finally:  # a host that did not leave is known still, and leaves when this is run again
        processes.end_all(lambda: running(paths), grace=5)
    shutil.rmtree(_directory(paths), ignore_errors=True)


def _joined(paths: Paths, host: Host) -> Path:
    return _directory(paths) / 'nodes' / host.spec.name


def _start(paths: Paths, programs: Path) -> None:
    directory = _directory(paths)
    directory.mkdir(parents=True, mode=0o700)
    key, certificate = directory / 'server.key', directory / 'server.crt'
    run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=lab', '-addext',
         f'subjectAltName=IP:{MANAGEMENT.gateway},IP:127.0.0.1', '-keyout', key, '-out', certificate])
    _make_users(directory, certificate.read_text(encoding='utf-8'))
    daemons.start(paths, directory, 'etcd', ['etcd', '--data-dir', directory / 'etcd', '--listen-client-urls', _ETCD, '--advertise-client-urls', _ETCD,
                                             '--listen-peer-urls', 'http://127.0.0.1:2380'])
    daemons.start(paths, directory, 'kube-apiserver', [
        programs / 'kube-apiserver', f'--etcd-servers={_ETCD}', f'--bind-address={MANAGEMENT.gateway}', f'--advertise-address={MANAGEMENT.gateway}',
        f'--tls-cert-file={certificate}', f'--tls-private-key-file={key}', f'--token-auth-file={directory}/tokens.csv',
        '--authorization-mode=Node,RBAC', '--enable-admission-plugins=NodeRestriction', '--disable-admission-plugins=ServiceAccount',
        f'--service-account-key-file={key}', f'--service-account-signing-key-file={key}', f'--service-account-issuer={URL}',
        '--service-cluster-ip-range=10.32.0.0/24', '--kubelet-preferred-address-types=InternalIP', '--allow-privileged=true',
    ])
    daemons.wait(lambda: _ready(paths), f'the API server did not answer (see {paths.logs}/kube-apiserver.log)', _START_SECONDS)
    for name in ('kube-controller-manager', 'kube-scheduler'):
        daemons.start(paths, directory, name, [
            programs / name, f'--kubeconfig={directory}/admin.conf', '--leader-elect=false', '--bind-address=127.0.0.1', '--port=0',
            f'--tls-cert-file={certificate}', f'--tls-private-key-file={key}',
        ])


def _make_users(directory: Path, certificate: str) -> None:
    """Users with tokens: an administrator, and the kubelet of each host that there can be."""
    kubelets = {spec.name: f'system:node:{spec.name}' for spec in hosts(MAX_NODES)}
    tokens = []
    for name, user, group in [('admin', 'admin', 'system:masters'), *((name, user, 'system:nodes') for name, user in kubelets.items())]:
        token = secrets.token_urlsafe(32)
        tokens.append(f'{token},{user},{user},{group}\n')
        # JSON is YAML too.
        write_atomically(directory / f'{name}.conf', json.dumps({
            'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'lab',
            'clusters': [{'name': 'lab', 'cluster': {'server': URL, 'certificate-authority-data': _encoded(certificate)}}],
            'users': [{'name': user, 'user': {'token': token}}],
            'contexts': [{'name': 'lab', 'context': {'cluster': 'lab', 'user': user}}],
        }) + '\n', mode=0o600)
    write_atomically(directory / 'tokens.csv', ''.join(tokens), mode=0o600)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _ask(paths: Paths, path: str) -> dict:
    """What the API server answers to a GET; LabError if it does not."""
    return json.loads(run([*api(paths), 'GET', path]))


def _ready(paths: Paths) -> bool:
    try:
        return bool(_ask(paths, '/api/v1/namespaces/default'))
    except (LabError, ValueError):
        return False


def _node_is_ready(paths: Paths, name: str) -> bool:
    try:
        conditions = _ask(paths, f'/api/v1/nodes/{name}')['status']['conditions']
    except (LabError, ValueError, KeyError):
        return False
    return {'type': 'Ready', 'status': 'True'}.items() <= next((one for one in conditions if one['type'] == 'Ready'), {}).items()


def _root(paths: Paths, host: Host) -> list[str]:
    return ssh.command(paths, host, 'root', ('-o', 'BatchMode=yes', '-o', 'ControlPath=none', '-o', 'LogLevel=ERROR'))


def _join(paths: Paths, host: Host, programs: Path, log: Path) -> None:
    name, joined = host.spec.name, _joined(paths, host)
    if host.running() is None:
        raise LabError(f'{name} has no power')
    if not joined.exists():
        staged = _directory(paths) / 'staged'
        _stage(paths, host, programs, staged, log)
        joined.parent.mkdir(exist_ok=True)
        joined.touch()
        copy = (f'set -e; mkdir -p {_ON_HOST}; mount -t hostfs none /mnt -o {staged}; trap "umount /mnt" EXIT; cp -R /mnt/. {_ON_HOST}; '
                f'{_ON_HOST}/join {name} {host.spec.ssh_address}')
        run([*_root(paths, host), copy], timeout=_NODE_SECONDS, log=log)
        shutil.rmtree(staged)
    daemons.wait(lambda: _node_is_ready(paths, name), f'{name} did not become a node that is ready', _NODE_SECONDS)


def _stage(paths: Paths, host: Host, programs: Path, staged: Path, log: Path) -> None:
    """Lay out what goes onto the host."""
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(paths.checkout / 'lab/kubernetes/node', staged)
    status = run([*_root(paths, host), 'cat /var/lib/dpkg/status'])
    shutil.copytree(kubernetes_build.node_packages(paths, log, status), staged / 'packages')
    shutil.copy(_directory(paths) / f'{host.spec.name}.conf', staged / 'kubeconfig')
    os.link(programs / 'kubelet', staged / 'kubelet')
