# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceph clusters for the hosts: a monitor, a manager and an OSD that keeps its data in memory, on the lab's side of a storage network."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from . import daemons, network, packages, processes
from .paths import Paths
from .run import run
from .topology import STORAGE_NETWORKS

PACKAGES = {'ceph-mon': 'ceph-mon', 'ceph-mgr': 'ceph-mgr', 'ceph-osd': 'ceph-osd', 'ceph-common': 'ceph'}
POOL = 'volumes'
USER = 'cinder'
NETWORK = STORAGE_NETWORKS[0]
ADDRESS = NETWORK.gateway
_GIB = 10
_START_SECONDS = 60

_CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:{address}:3300/0,v1:{address}:6789/0]
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
"""
_OF_THE_DAEMONS = """\
keyring = {directory}/$name.keyring
public addr = {address}
cluster addr = {address}
admin socket =
run dir = {directory}
log file =
log to stderr = true
mon data = {directory}/mon
mgr data = {directory}/mgr
mgr initial modules =
osd data = {directory}/osd
osd objectstore = memstore
memstore device bytes = {size}
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon allow pool delete = true
auth allow insecure global id reclaim = false
"""


@dataclass(frozen=True)
class Cluster:
    """One cluster; its name is that of its directories, logs and clients' files."""

    name: str
    address: str


FIRST = Cluster('ceph', ADDRESS)


def directory(paths: Paths, cluster: Cluster = FIRST) -> Path:
    """What a cluster has on the machine."""
    return paths.state / cluster.name


def gateway(paths: Paths) -> Path:
    """What a gateway to the first one's objects has there (objects.py)."""
    return directory(paths) / 'objects'


def mirroring(paths: Paths, cluster: Cluster = FIRST) -> Path:
    """What the daemon has there that copies another cluster's images into this one (ceph_mirror.py)."""
    return directory(paths, cluster) / 'mirroring'


def running(paths: Paths, cluster: Cluster = FIRST) -> list[processes.Process]:
    """The daemons that run, those of its gateway and its mirroring among them."""
    folders = [directory(paths, cluster), mirroring(paths, cluster)] + ([gateway(paths)] if cluster == FIRST else [])
    return [process for folder in folders for process in daemons.running(folder)]


def client_files(paths: Paths, cluster: Cluster = FIRST) -> Path:
    """The directory with what a client gets into /etc/ceph: NAME.conf and the keyring of the user."""
    return directory(paths, cluster) / 'client'


def up(paths: Paths, cluster: Cluster = FIRST) -> None:
    """Make and start a cluster, if there is none that runs; LabError if it does not come up."""
    paths.logs.mkdir(parents=True, exist_ok=True)
    packages.ensure(paths.logs / 'ceph.log', PACKAGES)
    if len(daemons.running(directory(paths, cluster))) == 3:
        return
    down(paths, cluster)
    try:
        if not network.exists(paths):
            network.up(paths, [])  # no host is needed
        run(['ip', '-n', paths.namespace, 'address', 'replace', f'{cluster.address}/24', 'dev', NETWORK.name])
        _make(paths, cluster)
    except BaseException:
        down(paths, cluster)
        raise


def down(paths: Paths, cluster: Cluster = FIRST) -> None:
    """End the cluster and forget all it held: the data was in memory. Where no hosts and no other cluster are up, the network goes with it."""
    processes.end_all(lambda: running(paths, cluster), grace=1)
    shutil.rmtree(directory(paths, cluster), ignore_errors=True)
    others = [path for path in paths.state.glob('*/ceph.conf') if path.parent != directory(paths, cluster)]
    if not others and not paths.settings.exists() and not any((paths.state / 'hosts').glob('*')):
        network.down(paths)
        shutil.rmtree(paths.state, ignore_errors=True)


def options(paths: Paths, cluster: Cluster = FIRST) -> list[str | Path]:
    """The words that tell every program of Ceph where the cluster is."""
    return ['--conf', directory(paths, cluster) / 'ceph.conf']


def ask(paths: Paths, *words: str | Path, cluster: Cluster = FIRST, program: str = 'ceph') -> str:
    """What `ceph`, or another program of it, answers the administrator; LabError."""
    limit = ['--connect-timeout', '20'] if program == 'ceph' else []
    return run([*network.inside(paths), program, *options(paths, cluster), '--name', 'client.admin', *limit, *words], timeout=30)


def _make(paths: Paths, cluster: Cluster) -> None:
    place = directory(paths, cluster)
    place.mkdir(parents=True, mode=0o700)
    names = {'fsid': uuid.uuid4(), 'address': cluster.address, 'directory': place, 'size': _GIB << 30}
    client = _CONFIGURATION.format(**names)
    (place / 'ceph.conf').write_text(client + _OF_THE_DAEMONS.format(**names), encoding='utf-8')

    where = options(paths, cluster)

    def tell(*words: str | Path) -> str:
        return ask(paths, *words, cluster=cluster)

    def keyring(name: str, *caps: str) -> Path:
        path = place / f'{name}.keyring'
        words = [word for cap in caps for word in ('--cap', *cap.split(' ', 1))]
        run(['ceph-authtool', '--create-keyring', path, '--gen-key', '--name', name, *words])
        return path

    monitor = keyring('mon.', 'mon allow *')
    admin = keyring('client.admin', 'mon allow *', 'osd allow *')
    run(['ceph-authtool', monitor, '--import-keyring', admin])
    run(['monmaptool', '--create', '--addv', 'a', f'[v2:{cluster.address}:3300,v1:{cluster.address}:6789]', '--fsid', str(names['fsid']), place / 'monmap'])
    run([*network.inside(paths), 'ceph-mon', *where, '--id', 'a', '--mkfs', '--monmap', place / 'monmap', '--keyring', monitor])
    shutil.copy(monitor, place / 'mon' / 'keyring')
    daemons.start(paths, place, f'{cluster.name}-mon', ['ceph-mon', *where, '--id', 'a', '-f'])

    # It alone knows how full the pools are.
    (place / 'mgr').mkdir()
    tell('auth', 'get-or-create', 'mgr.a', 'mon', 'allow profile mgr', 'osd', 'allow *', '-o', place / 'mgr.a.keyring')
    daemons.start(paths, place, f'{cluster.name}-mgr', ['ceph-mgr', *where, '--id', 'a', '-f'])

    osd = uuid.uuid4()
    number = tell('osd', 'new', str(osd)).strip()
    (place / 'osd').mkdir()
    tell('auth', 'get-or-create', f'osd.{number}', 'mon', 'allow profile osd', 'osd', 'allow *', '-o', place / f'osd.{number}.keyring')
    run([*network.inside(paths), 'ceph-osd', *where, '--id', number, '--mkfs', '--osd-uuid', str(osd)])
    daemons.start(paths, place, f'{cluster.name}-osd', ['ceph-osd', *where, '--id', number, '-f'])

    tell('osd', 'pool', 'create', POOL, '8')
    tell('osd', 'pool', 'application', 'enable', POOL, 'rbd')
    files = client_files(paths, cluster)
    files.mkdir()
    (files / f'{cluster.name}.conf').write_text(client, encoding='utf-8')
    tell('auth', 'get-or-create', f'client.{USER}', 'mon', 'profile rbd', 'osd', f'profile rbd pool={POOL}',
         '-o', files / f'{cluster.name}.client.{USER}.keyring')
    daemons.wait(lambda: any(pool['stats']['max_avail'] for pool in json.loads(tell('df', '--format', 'json'))['pools']),
                 'the pool did not become usable', _START_SECONDS)
