# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An object store: an S3 gateway (Ceph's radosgw) to the Ceph cluster, with one user."""

from __future__ import annotations

import json
from pathlib import Path

from . import ceph, daemons, network, packages, processes
from .paths import Paths, write_atomically
from .run import run, succeeds

PACKAGES = {**ceph.PACKAGES, 'radosgw': 'radosgw'}
PORT = 7480
URL = f'http://{ceph.ADDRESS}:{PORT}'
USER = 'backup'
_START_SECONDS = 120


def running(paths: Paths) -> list[processes.Process]:
    """The gateway, if it runs."""
    return daemons.running(ceph.gateway(paths))


def keys(paths: Paths) -> Path:
    """A JSON file with `url`, `access_key` and `secret_key`."""
    return ceph.gateway(paths) / 'keys' / 's3.json'


def up(paths: Paths) -> None:
    """Start a gateway, if none runs, and the cluster before it; LabError if one does not come up. A gateway that ended finds its objects again."""
    paths.logs.mkdir(parents=True, exist_ok=True)
    packages.ensure(paths.logs / 'ceph.log', PACKAGES)
    ceph.up(paths)
    if running(paths):
        return
    try:
        if not keys(paths).exists():
            _make(paths)
        daemons.start(paths, ceph.gateway(paths), 'radosgw', ['radosgw', *_options(paths), '--rgw-frontends', f'beast endpoint={ceph.ADDRESS}:{PORT}', '-f'])
        daemons.wait(lambda: succeeds([*network.inside(paths), 'nc.openbsd', '-z', ceph.ADDRESS, str(PORT)], timeout=5),
                     f'the gateway did not answer (see {paths.logs}/radosgw.log)', _START_SECONDS)
    except BaseException:
        down(paths)
        raise


def down(paths: Paths) -> None:
    """End the gateway. What it stored is in the cluster, and there as long as that is."""
    processes.end_all(lambda: running(paths), grace=5)


def _options(paths: Paths) -> list[str | Path]:
    return [*ceph.options(paths), '--name', 'client.rgw', '--keyring', ceph.directory(paths) / 'client.rgw.keyring',
            '--rgw-data', ceph.gateway(paths) / 'data']


def _make(paths: Paths) -> None:
    """Make the user, and with it the gateway's pools."""
    (ceph.gateway(paths) / 'data').mkdir(parents=True, exist_ok=True)
    ceph.ask(paths, 'auth', 'get-or-create', 'client.rgw', 'mon', 'allow rw', 'osd', 'allow rwx', '-o', ceph.directory(paths) / 'client.rgw.keyring')
    made = run([*network.inside(paths), 'radosgw-admin', *_options(paths), 'user', 'create', f'--uid={USER}', '--display-name=Backups'],
               timeout=_START_SECONDS)
    (key,) = json.loads(made)['keys']
    write_atomically(keys(paths), json.dumps({'url': URL, 'access_key': key['access_key'], 'secret_key': key['secret_key']}) + '\n', mode=0o600)
