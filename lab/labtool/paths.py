# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything of this checkout's lab lies, and the names derived from it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import LabError

# A unix socket's path ends at 107 bytes; ssh adds 17 of its own to a control path while it makes it.
_SOCKET_PATH_MAX = 107
_LONGEST_SOCKET = 'cm/' + 'r' * 8 + '-172.30.0.255' + '.' * 17


@dataclass(frozen=True)
class Paths:
    """Paths and names of one checkout's lab. Two checkouts share the cache but nothing else."""

    checkout: Path
    cache: Path
    # What tells a second lab of the checkout from the first.
    second: str = ''

    @classmethod
    def of_this_checkout(cls) -> Paths:
        """The lab of the checkout that this file is in; LabError if a socket in it could not exist."""
        cache = os.environ.get('BLS_CACHE')
        if not cache:
            base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
            cache = Path(base) / 'baremetal.legacy_storage'
        paths = cls(Path(__file__).resolve().parents[2], Path(cache).resolve())
        if len(os.fsencode(paths.state / _LONGEST_SOCKET)) > _SOCKET_PATH_MAX:
            raise LabError(f'{paths.state} is too long a path for a unix socket in it: set BLS_CACHE to a shorter directory')
        if not all(char.isalnum() or char in '/._-+@' for char in str(paths.state)):
            raise LabError(f'{paths.state} has characters that ssh or the kernel command line cannot carry: set BLS_CACHE')
        return paths

    @property
    def key(self) -> str:
        """Eight hex digits that tell this checkout, with this cache, from others."""
        return hashlib.sha256(os.fsencode(self.checkout) + b'\0' + os.fsencode(self.cache) + os.fsencode(self.second)).hexdigest()[:8]

    @property
    def emulated(self) -> Paths:
        """Those of the emulated machine's lab, which shares nothing with this one but the cache."""
        return replace(self, second='\0emulated')

    @property
    def namespace(self) -> str:
        """Name of the network namespace."""
        return f'bls-{self.key}'

    @property
    def namespace_file(self) -> Path:
        """Where iproute2 keeps the namespace."""
        return Path('/run/netns') / self.namespace

    @property
    def labs(self) -> Path:
        """Directory of all checkouts' labs."""
        return self.cache / 'lab'

    @property
    def state(self) -> Path:
        """Everything of a lab that `down` removes."""
        return self.labs / self.key

    @property
    def lock(self) -> Path:
        """Outlives `state`, so that a waiter never locks a removed file."""
        return self.labs / f'{self.key}.lock'

    @property
    def logs(self) -> Path:
        """Logs, outside `state` so that a failed `up` leaves them; `down` removes them."""
        return self.labs / f'{self.key}.logs'

    @property
    def images(self) -> Path:
        """Directory of the images, shared by checkouts."""
        return self.cache / 'images'

    @property
    def kubernetes(self) -> Path:
        """Directory of what clusters are made of, shared by checkouts."""
        return self.cache / 'kubernetes'

    @property
    def kernels(self) -> Path:
        """Directory of what emulated machines boot, shared by checkouts."""
        return self.cache / 'kernels'

    @property
    def wheelhouse(self) -> Path:
        """What the hosts can fetch over HTTP."""
        return self.cache / 'wheelhouse'

    @property
    def recipe(self) -> Path:
        """The image's recipe, in the checkout."""
        return self.checkout / 'lab' / 'image'

    @property
    def firmware(self) -> Path:
        """The program that a host starts with, at power-on and at reboot."""
        return self.checkout / 'lab' / 'firmware'

    @property
    def uml(self) -> Path:
        """User-Mode Linux's directory of running hosts."""
        return self.state / 'uml'

    @property
    def sockets(self) -> Path:
        """Control sockets of ssh."""
        return self.state / 'cm'

    @property
    def private_key(self) -> Path:
        """The key that opens every host."""
        return self.state / 'id_ed25519'

    @property
    def known_hosts(self) -> Path:
        """The hosts' public keys."""
        return self.state / 'known_hosts'

    @property
    def inventory(self) -> Path:
        """The Ansible inventory."""
        return self.state / 'inventory.yml'

    @property
    def settings(self) -> Path:
        """What `up` was asked for."""
        return self.state / 'lab.json'

    def host(self, name: str) -> Path:
        """Directory of one host's disks and record."""
        return self.state / 'hosts' / name


def read_json(path: Path) -> dict:
    """The object in a JSON file; empty if the file is missing or was cut short by a crash."""
    try:
        value = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    temporary.touch(mode=mode)
    temporary.write_text(text, encoding='utf-8')
    temporary.replace(path)
