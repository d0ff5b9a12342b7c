# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Ceph cluster for the hosts: a monitor, a manager and an OSD that keeps its data in memory, on the lab's side of a storage network."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

from . import daemons, network, packages, processes
from .paths import Paths
from .run import run
from .topology import STORAGE_NETWORKS

PACKAGES = {'ceph-mon': 'ceph-mon', 'ceph-mgr': 'ceph-mgr', 'ceph-osd': 'ceph-osd', 'ceph-common': 'ceph'}
POOL = 'volumes'
USER = 'cinder'
ADDRESS = STORAGE_NETWORKS[0].gateway
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


def directory(paths: Paths) -> Path:
    """What a cluster has on the machine."""
    return paths.state / 'ceph'


def gateway(paths: Paths) -> Path:
    """What a gateway to its objects has there (objects.py)."""
    return directory(paths) / 'objects'


def running(paths: Paths) -> list[processes.Process]:
    """The daemons that run, the gateway to its objects among them."""
    return daemons.running(directory(paths)) + daemons.running(gateway(paths))


def client_files(paths: Paths) -> Path:
    """The directory with what a client gets into /etc/ceph: ceph.conf and the keyring of the user."""
    return directory(paths) / 'client'


def up(paths: Paths) -> None:
    """Make and start a cluster, if there is none that runs; LabError if it does not come up."""
    paths.logs.mkdir(parents=True, exist_ok=True)
    packages.ensure(paths.logs / 'ceph.log', PACKAGES)
    if len(daemons.running(directory(paths))) == 3:
        return
    down(paths)
    try:
        if not network.exists(paths):
            network.up(paths, [])  # no host is needed
        _make(paths)
    except BaseException:
        down(paths)
        raise


def down(paths: Paths) -> None:
    """End the cluster and forget all it held: the data was in memory. Where no hosts are up, the network goes with it."""
    processes.end_all(lambda: running(paths), grace=1)
    shutil.rmtree(directory(paths), ignore_errors=True)
    if not paths.settings.exists() and not any((paths.state / 'hosts').glob('*')):
        network.down(paths)
        shutil.rmtree(paths.state, ignore_errors=True)


def options(paths: Paths) -> list[str | Path]:
    """The words that tell every program of Ceph where the cluster is."""
    return ['--conf', directory(paths) / 'ceph.conf']


def ask(paths: Paths, *words: str | Path, timeout: float = 30) -> str:
    """What `ceph` answers the administrator; LabError."""
    return run([*network.inside(paths), 'ceph', *options(paths), '--name', 'client.admin', '--connect-timeout', '20', *words], timeout=timeout)


def _make(paths: Paths) -> None:
    place = directory(paths)
    place.mkdir(parents=True, mode=0o700)
    names = {'fsid': uuid.uuid4(), 'address': ADDRESS, 'directory': place, 'size': _GIB << 30}
    client = _CONFIGURATION.format(**names)
    (place / 'ceph.conf').write_text(client + _OF_THE_DAEMONS.format(**names), encoding='utf-8')

    def keyring(name: str, *caps: str) -> Path:
        path = place / f'{name}.keyring'
        words = [word for cap in caps for word in ('--cap', *cap.split(' ', 1))]
        run(['ceph-authtool', '--create-keyring', path, '--gen-key', '--name', name, *words])
        return path

    monitor = keyring('mon.', 'mon allow *')
    admin = keyring('client.admin', 'mon allow *', 'osd allow *')
    run(['ceph-authtool', monitor, '--import-keyring', admin])
    run(['monmaptool', '--create', '--addv', 'a', f'[v2:{ADDRESS}:3300,v1:{ADDRESS}:6789]', '--fsid', str(names['fsid']), place / 'monmap'])
    run([*network.inside(paths), 'ceph-mon', *options(paths), '--id', 'a', '--mkfs', '--monmap', place / 'monmap', '--keyring', monitor])
    shutil.copy(monitor, place / 'mon' / 'keyring')
    daemons.start(paths, place, 'ceph-mon', ['ceph-mon', *options(paths), '--id', 'a', '-f'])

    # It alone knows how full the pools are.
    (place / 'mgr').mkdir()
    ask(paths, 'auth', 'get-or-create', 'mgr.a', 'mon', 'allow profile mgr', 'osd', 'allow *', '-o', place / 'mgr.a.keyring')
    daemons.start(paths, place, 'ceph-mgr', ['ceph-mgr', *options(paths), '--id', 'a', '-f'])

    osd = uuid.uuid4()
    number = ask(paths, 'osd', 'new', str(osd)).strip()
    (place / 'osd').mkdir()
    ask(paths, 'auth', 'get-or-create', f'osd.{number}', 'mon', 'allow profile osd', 'osd', 'allow *', '-o', place / f'osd.{number}.keyring')
    run([*network.inside(paths), 'ceph-osd', *options(paths), '--id', number, '--mkfs', '--osd-uuid', str(osd)])
    daemons.start(paths, place, 'ceph-osd', ['ceph-osd', *options(paths), '--id', number, '-f'])

    ask(paths, 'osd', 'pool', 'create', POOL, '8')
    ask(paths, 'osd', 'pool', 'application', 'enable', POOL, 'rbd')
    files = client_files(paths)
    files.mkdir()
    (files / 'ceph.conf').write_text(client, encoding='utf-8')
    ask(paths, 'auth', 'get-or-create', f'client.{USER}', 'mon', 'profile rbd', 'osd', f'profile rbd pool={POOL}',
        '-o', files / f'ceph.client.{USER}.keyring')
    daemons.wait(lambda: any(pool['stats']['max_avail'] for pool in json.loads(ask(paths, 'df', '--format', 'json'))['pools']),
                 'the pool did not become usable', _START_SECONDS)
