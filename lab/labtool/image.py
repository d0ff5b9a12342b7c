# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts' common root file system: built once per recipe, shared by checkouts, never changed after."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from . import building
from .errors import LabError
from .paths import Paths
from .run import locked, run

SUITE = 'bookworm'
_MODULES = Path('/usr/lib/uml/modules')
_SIZE = '16G'
_INODES = '600000'
_BUILD_SECONDS = 900


def ensure(paths: Paths, log: Path) -> Path:
    """The image's path, built first if this recipe has none yet; LabError names the log when building fails."""
    modules = _modules()
    image = paths.images / _recipe_hash(paths.recipe, modules) / 'root.img'
    if image.exists():
        return image
    with locked(paths.images / 'build.lock', 'the building of the image', timeout=_BUILD_SECONDS):
        building.sweep(paths.images)
        if not image.exists():
            print('building the image (once; minutes)', flush=True)
            _build(paths, modules, image, log)
    return image


def sweep(paths: Paths) -> None:
    """Remove what a killed build left, unless one runs now."""
    if building.remains(paths.images):
        try:
            with locked(paths.images / 'build.lock', 'the building of the image', timeout=0):
                building.sweep(paths.images)
        except LabError:
            pass


def _modules() -> Path:
    versions = sorted(_MODULES.glob('*')) if _MODULES.is_dir() else []
    if not versions:
        raise LabError(f"no modules in {_MODULES}: is Debian's package user-mode-linux installed?")
    return versions[-1]


def _recipe_hash(recipe: Path, modules: Path) -> str:
    """What the image depends on. Not the state of Debian: delete the cache to take in updates."""
    digest = hashlib.sha256(f'{SUITE} {_SIZE} {_INODES} {modules.name}'.encode())
    for path in sorted(recipe.rglob('*')):
        if path.is_file():
            digest.update(f'{path.relative_to(recipe)}\0{path.stat().st_mode & 0o111}\0'.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def sources(log: Path) -> str:
    """This machine's own apt sources for the suite; $BLS_LAB_SOURCES names a sources.list to use instead."""
    override = os.environ.get('BLS_LAB_SOURCES')
    if override:
        return Path(override).read_text(encoding='utf-8')
    listing = ['apt-get', 'indextargets', '--format', 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)', 'Created-By: Packages']
    if not run(listing).strip():
        run(['apt-get', 'update'], timeout=180, log=log)
    lines = sorted(set(run(listing).splitlines()))
    wanted = [line for line in lines if line.split()[2].partition('/')[0].partition('-')[0] == SUITE]
    if not any(line.split()[2] == SUITE for line in wanted):
        raise LabError(f'no apt source of this machine has {SUITE}: name a sources.list that has it in BLS_LAB_SOURCES')
    return '\n'.join(wanted) + '\n'


def _build(paths: Paths, modules: Path, image: Path, log: Path) -> None:
    packages = [line for line in (paths.recipe / 'packages').read_text(encoding='utf-8').split('\n') if line and line[0] != '#']
    work = building.begin(paths.images)
    try:
        (work / 'sources.list').write_text(sources(log), encoding='utf-8')
        tree = work / 'tree'
        building.step(work, log, [
            'mmdebstrap', '--mode=root', '--variant=important', f'--include={",".join(packages)}', '--aptopt=Acquire::Languages "none"',
            '--dpkgopt=path-exclude=/usr/share/man/*', '--dpkgopt=path-exclude=/usr/share/doc/*', SUITE, tree, work / 'sources.list',
        ], timeout=_BUILD_SECONDS)
        building.step(work, log, [paths.recipe / 'customise', tree, modules], timeout=120)
        finished = work / 'image'
        finished.mkdir()
        # Tables are written now, or every host would write them into its own copy at every first boot.
        building.step(work, log, [
            'mkfs.ext4', '-q', '-F', '-L', 'lab', '-m', '0', '-N', _INODES, '-J', 'size=64',
            '-E', 'lazy_itable_init=0,lazy_journal_init=0', '-d', tree, finished / 'root.img', _SIZE,
        ], timeout=300)
        (finished / 'root.img').chmod(0o444)
        finished.rename(image.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
