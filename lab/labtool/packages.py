# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian packages that the lab needs on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from .errors import LabError
from .run import run, succeeds

# Package, and the program in it that the lab calls.
PACKAGES = MappingProxyType({
    'user-mode-linux': 'linux.uml',
    'mmdebstrap': 'mmdebstrap',
    'e2fsprogs': 'mkfs.ext4',
    'iproute2': 'ip',
    'kmod': 'depmod',
    'netcat-openbsd': 'nc.openbsd',
    'openssh-client': 'ssh',
    'util-linux': 'nsenter',
})
# Not always in an ordinary user's path.
_SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


def missing(programs: Mapping[str, str] = PACKAGES) -> list[str]:
    """Packages whose program is not here."""
    path = os.environ.get('PATH', '') + ':' + _SYSTEM_PATH
    return [package for package, program in programs.items() if not shutil.which(program, path=path)]


def ensure(log: Path, programs: Mapping[str, str] = PACKAGES) -> None:
    """Install what is missing; LabError that says what to install when that cannot be done here."""
    if os.geteuid() != 0:
        raise LabError('the lab makes network namespaces and taps: run it as root')
    os.environ['PATH'] = os.environ.get('PATH', '') + ':' + _SYSTEM_PATH
    wanted = missing(programs)
    if wanted:
        _install(wanted, programs, log)
    if not Path('/dev/net/tun').exists():
        raise LabError('/dev/net/tun is missing: the kernel of this machine has no tun/tap')


def _install(wanted: list[str], programs: Mapping[str, str], log: Path) -> None:
    advice = f'install with: apt-get install {" ".join(wanted)}'
    if not shutil.which('apt-get'):
        raise LabError(f'missing programs and no apt-get here; {advice}')
    print(f'installing {", ".join(wanted)}', flush=True)
    env = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
    install = ['apt-get', 'install', '--yes', '--no-install-recommends', *wanted]
    if not succeeds(install[:1] + ['--simulate'] + install[1:], timeout=60):
        run(['apt-get', 'update'], timeout=180, log=log, env=env)
    try:
        run(install, timeout=300, log=log, env=env)
    except LabError as error:
        # Lists that are older than the repository name files that are gone.
        run(['apt-get', 'update'], timeout=180, log=log, env=env)
        try:
            run(install, timeout=300, log=log, env=env)
        except LabError:
            raise LabError(f'{error}; {advice}') from None
    if missing(programs):
        raise LabError(f'still missing after the installation: {", ".join(missing(programs))}')
