# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Kubernetes cluster is made of, in the cache: servers built from Debian's source package, and packages for its nodes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path
from types import MappingProxyType

from . import building, image
from .errors import LabError
from .paths import Paths
from .run import locked, run

PACKAGES = MappingProxyType({
    'dpkg-dev': 'dpkg-source',
    'etcd-server': 'etcd',
    'golang-1.19-go': '/usr/lib/go-1.19/bin/go',
    'make': 'make',
    'openssl': 'openssl',
    'rsync': 'rsync',
})
NODE_PACKAGES = ('busybox-static', 'conntrack', 'containerd', 'containernetworking-plugins', 'iptables', 'runc', 'socat')
_BUILD_SECONDS = 3600  # 10 minutes on two quiet cores
_SOURCES_MISSING = 3  # exit code of lab/kubernetes/build


class SourcesMissing(LabError):
    """Debian's sources cannot be had here, so there is no Kubernetes."""


def servers(paths: Paths, log: Path) -> Path:
    """The directory with kube-apiserver, kube-controller-manager, kube-scheduler and kubelet, built first if there is none; SourcesMissing, or LabError."""
    recipe = paths.checkout / 'lab/kubernetes/build'
    made = paths.kubernetes / f'servers-{_hash(recipe.read_bytes())}'
    if made.exists():
        return made
    with locked(paths.kubernetes / 'build.lock', 'the building of Kubernetes', timeout=_BUILD_SECONDS):
        building.sweep(paths.kubernetes)
        if not made.exists():
            print('building Kubernetes (once; 10 minutes or more)', flush=True)
            work = building.begin(paths.kubernetes)
            try:
                (work / 'sources.list').write_text(re.sub('^deb ', 'deb-src ', image.sources(log), flags=re.MULTILINE), encoding='utf-8')
                building.step(work, log, [recipe, work, work / 'sources.list', work / 'made'], timeout=_BUILD_SECONDS)
                (work / 'made').rename(made)
            except building.StepFailed as error:
                if error.code == _SOURCES_MISSING:
                    raise SourcesMissing(f"Debian's source package kubernetes cannot be had here, so no cluster can be run: see {log}") from None
                raise
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return made


def node_packages(paths: Paths, log: Path, status: str) -> Path:
    """The directory with the Debian packages that a host needs to become a node, fetched first if need be; LabError.

    :param status: the host's /var/lib/dpkg/status, which tells what it has.
    """
    made = paths.kubernetes / f'packages-{_hash(repr((status, NODE_PACKAGES)).encode())}'
    if made.exists():
        return made
    with locked(paths.kubernetes / 'build.lock', 'the building of Kubernetes', timeout=_BUILD_SECONDS):
        if not made.exists():
            work = building.begin(paths.kubernetes)
            try:
                _fetch(work, log, status)
                (work / 'cache/archives').rename(made)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return made


def _fetch(work: Path, log: Path, status: str) -> None:
    for directory in ('lists/partial', 'cache/archives/partial'):
        (work / directory).mkdir(parents=True)
    (work / 'sources.list').write_text(image.sources(log), encoding='utf-8')
    (work / 'status').write_text(status, encoding='utf-8')
    apt = ['apt-get', '-q', '-o', f'Dir::Etc::sourcelist={work}/sources.list', '-o', 'Dir::Etc::sourceparts=-', '-o', f'Dir::State::lists={work}/lists',
           '-o', f'Dir::State::status={work}/status', '-o', f'Dir::Cache={work}/cache', '-o', 'Acquire::Languages=none', '-o', 'APT::Sandbox::User=root']
    run([*apt, 'update'], timeout=180, log=log)
    run([*apt, 'install', '--yes', '--no-install-recommends', '--download-only', *NODE_PACKAGES], timeout=300, log=log)
    shutil.rmtree(work / 'cache/archives/partial')
    (work / 'cache/archives/lock').unlink(missing_ok=True)


def client(paths: Paths, log: Path) -> Path:
    """The Python of an environment with what kubernetes.core needs, made first if need be; LabError."""
    recipe = paths.checkout / 'lab/kubernetes/requirements-client.txt'
    made = paths.kubernetes / f'client-{_hash(recipe.read_bytes() + sys.version.encode())}'
    with locked(paths.kubernetes / 'client.lock', 'the making of the client', timeout=600):
        if not (made / '.complete').exists():
            shutil.rmtree(made, ignore_errors=True)
            run([sys.executable, '-m', 'venv', made], timeout=120, log=log)
            run([made / 'bin/python', '-m', 'pip', '-q', '--disable-pip-version-check', '--no-input', 'install', '-r', recipe], timeout=300, log=log,
                env=dict(os.environ, PYTHONPATH=''))
            (made / '.complete').touch()
    return made / 'bin/python'


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
