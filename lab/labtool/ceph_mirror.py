# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second Ceph cluster and the first one's images in it: rbd-mirror in both directions, for the images that somebody enables mirroring for."""

from __future__ import annotations

import json
import signal

from . import ceph, daemons, packages
from .errors import LabError
from .paths import Paths

PACKAGES = {**ceph.PACKAGES, 'rbd-mirror': 'rbd-mirror'}
SECOND = ceph.Cluster('mirror', ceph.NETWORK.prefix + '.2')
_CLUSTERS = (ceph.FIRST, SECOND)
_START_SECONDS = 120


def running(paths: Paths) -> bool:
    """Whether both clusters copy from each other."""
    return all(daemons.running(ceph.mirroring(paths, cluster)) for cluster in _CLUSTERS)


def up(paths: Paths) -> None:
    """Make and start the second cluster, and the first if there is none, and let them mirror; LabError if that does not work."""
    paths.logs.mkdir(parents=True, exist_ok=True)
    packages.ensure(paths.logs / 'ceph.log', PACKAGES)
    if running(paths):
        return
    if ceph.directory(paths, SECOND).exists():
        down(paths)
    try:
        for cluster in _CLUSTERS:
            ceph.up(paths, cluster)
        _join(paths)
    except BaseException:
        down(paths)
        raise


def down(paths: Paths) -> None:
    """End both clusters: each knows the other, so neither is of use alone."""
    for cluster in reversed(_CLUSTERS):
        ceph.down(paths, cluster)


def lose(paths: Paths) -> None:
    """Let the first cluster fall silent, with its daemon of mirroring, as when its site has no power or no lines."""
    _send(paths, signal.SIGSTOP)


def find(paths: Paths) -> None:
    """Let the first cluster go on as it was when it fell silent."""
    _send(paths, signal.SIGCONT)


def _send(paths: Paths, signum: int) -> None:
    found = ceph.running(paths)
    if not found:
        raise LabError('there is no cluster: `lab mirror up` first')
    for process in found:
        process.kill(signum)


def _join(paths: Paths) -> None:
    token = ceph.mirroring(paths) / 'token'
    for cluster in _CLUSTERS:
        _rbd(paths, cluster, 'pool', 'enable', ceph.POOL, 'image', '--site-name', _site(cluster))
        ceph.mirroring(paths, cluster).mkdir()
    token.write_text(_rbd(paths, ceph.FIRST, 'pool', 'peer', 'bootstrap', 'create', ceph.POOL), encoding='utf-8')
    _rbd(paths, SECOND, 'pool', 'peer', 'bootstrap', 'import', '--direction', 'rx-tx', ceph.POOL, token)
    for cluster in _CLUSTERS:
        user = f'rbd-mirror.{cluster.name}'
        ceph.ask(paths, 'auth', 'get-or-create', f'client.{user}', 'mon', 'profile rbd-mirror', 'osd', 'profile rbd',
                 '-o', ceph.directory(paths, cluster) / f'client.{user}.keyring', cluster=cluster)
        # --conf does not reach its connections to the clusters.
        daemons.start(paths, ceph.mirroring(paths, cluster), f'{cluster.name}-rbd-mirror',
                      ['env', f'CEPH_CONF={ceph.directory(paths, cluster)}/ceph.conf', 'rbd-mirror', '--id', user, '-f'])
    daemons.wait(lambda: all(_healthy(paths, cluster) for cluster in _CLUSTERS), f'the clusters did not find each other (see {paths.logs})', _START_SECONDS)


def _healthy(paths: Paths, cluster: ceph.Cluster) -> bool:
    return json.loads(_rbd(paths, cluster, 'pool', 'status', ceph.POOL, '--format', 'json'))['summary']['health'] == 'OK'


def _rbd(paths: Paths, cluster: ceph.Cluster, *words) -> str:
    return ceph.ask(paths, 'mirror', *words, cluster=cluster, program='rbd')


def _site(cluster: ceph.Cluster) -> str:
    # rbd-mirror looks for /etc/ceph/SITE.conf, which may be somebody's own.
    return f'lab-{cluster.name}'
