# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emulated machine boots: Debian's own kernel, its modules and an initial file system, made once and shared by checkouts."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from . import building, image
from .paths import Paths
from .run import locked, run

_PACKAGES = ('linux-image-amd64', 'busybox-static')
# To reach the root file system, and to name the interfaces before anything else can.
_FIRST = ('virtio_pci', 'virtio_blk', 'virtio_net', 'crc32c_generic', 'ext4')
_MODULES_SIZE = '1G'
_BUILD_SECONDS = 600


@dataclass(frozen=True)
class Kernel:
    """The directory with what a machine boots."""

    directory: Path

    @property
    def program(self) -> Path:
        """The kernel itself."""
        return self.directory / 'vmlinuz'

    @property
    def initial(self) -> Path:
        """The initial file system."""
        return self.directory / 'initrd'

    @property
    def modules(self) -> Path:
        """A disk image with what is to be in /lib/modules."""
        return self.directory / 'modules.img'


def of(paths: Paths) -> Kernel:
    """The kernel of this checkout's recipe, whether it is there or not. Not of the state of Debian: delete the cache to take in updates."""
    recipe = (image.SUITE, *_PACKAGES, *_FIRST, _MODULES_SIZE, _init(paths))
    return Kernel(paths.kernels / hashlib.sha256('\0'.join(recipe).encode()).hexdigest()[:16])


def ensure(paths: Paths, log: Path) -> Kernel:
    """The kernel, fetched first if there is none yet; LabError names the log when that fails."""
    kernel = of(paths)
    if not kernel.directory.exists():
        with locked(paths.kernels / 'build.lock', 'the fetching of the kernel', timeout=_BUILD_SECONDS):
            building.sweep(paths.kernels)
            if not kernel.directory.exists():
                print("fetching Debian's kernel (once)", flush=True)
                _build(paths, kernel, log)
    return kernel


def _init(paths: Paths) -> str:
    return (paths.checkout / 'lab' / 'emulated' / 'init').read_text(encoding='utf-8')


def _build(paths: Paths, kernel: Kernel, log: Path) -> None:
    work = building.begin(paths.kernels)
    try:
        (work / 'sources.list').write_text(image.sources(log), encoding='utf-8')
        tree = work / 'tree'
        # Unpacked only: nothing in it is run here.
        building.step(work, log, ['mmdebstrap', '--mode=root', '--variant=extract', f'--include={",".join(_PACKAGES)}',
                                  '--aptopt=Acquire::Languages "none"', image.SUITE, tree, work / 'sources.list'], timeout=_BUILD_SECONDS)
        (modules,) = (tree / 'lib' / 'modules').iterdir()
        building.step(work, log, ['depmod', '-b', tree, modules.name], timeout=120)
        finished = Kernel(work / 'kernel')
        finished.directory.mkdir()
        shutil.copy(tree / 'boot' / f'vmlinuz-{modules.name}', finished.program)
        finished.initial.write_bytes(gzip.compress(archive(_initial(paths, tree, modules.name)), 1))
        building.step(work, log, ['mkfs.ext4', '-q', '-F', '-m', '0', '-d', modules.parent, finished.modules, _MODULES_SIZE], timeout=300)
        finished.directory.rename(kernel.directory)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _initial(paths: Paths, tree: Path, version: str) -> dict[str, bytes | None]:
    files: dict[str, bytes | None] = {'bin': None, 'dev': None, 'modules': None, 'root': None}
    files['bin/busybox'] = files['bin/sh'] = (tree / 'bin' / 'busybox').read_bytes()
    files['init'] = _init(paths).encode()
    needed: list[Path] = []
    for name in _FIRST:
        lines = run(['modprobe', '-d', tree, '-S', version, '--show-depends', name]).splitlines()
        needed += [Path(line.split()[1]) for line in lines if line.startswith('insmod')]
    # Each once, after what it needs.
    for number, path in enumerate(dict.fromkeys(needed)):
        files[f'modules/{number:02}-{path.name}'] = path.read_bytes()
    return files


def archive(files: dict[str, bytes | None]) -> bytes:
    """An archive as the kernel takes it (cpio, "newc"), of {name: content, or None for a directory}; every file is a program."""
    entries = [(name, stat.S_IFDIR | 0o755 if data is None else stat.S_IFREG | 0o755, data or b'') for name, data in files.items()]
    written = b''.join(_entry(number, *entry) for number, entry in enumerate(entries, 1))
    return written + _entry(0, 'TRAILER!!!', 0, b'')


def _entry(inode: int, name: str, mode: int, data: bytes) -> bytes:
    encoded = name.encode() + b'\0'
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    head = b'070701' + b''.join(b'%08x' % field for field in fields) + encoded
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
