# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a host is: keys, names and addresses, packed as the tar archive that is the host's second disk."""

from __future__ import annotations

import io
import tarfile
import uuid
from pathlib import Path

from .paths import Paths, write_atomically
from .run import run
from .topology import MANAGEMENT, MAX_NODES, NETWORKS, HostSpec, hosts

_OPS = 1000
# The controller's own: LIO at boot, and what it saved brought back as on any Debian target.
_STORAGE_MODULES = 'target_core_mod\niscsi_target_mod\ntarget_core_iblock\ntarget_core_file\n'
_TARGET_RESTORE = 'etc/systemd/system/multi-user.target.wants/rtslib-fb-targetctl.service'
_TARGET_UNIT = '/lib/systemd/system/rtslib-fb-targetctl.service'
# Debian's targetctl reads here what cinder's helper, with the rtslib of Python's index, writes there.
_TARGETS_READ = 'etc/rtslib-fb-target/saveconfig.json'
_TARGETS_WRITTEN = '/etc/target/saveconfig.json'


def make_keys(paths: Paths, specs: list[HostSpec]) -> None:
    """Make the keys that are missing: the one that opens the hosts, and each host's own, pinned in known_hosts."""
    _make_key(paths.private_key, 'lab')
    lines = []
    for spec in specs:
        key = _host_key(paths, spec)
        _make_key(key, spec.name)
        kind, blob = _public(key).split()[:2]
        lines.append(f'{spec.ssh_address},{spec.name} {kind} {blob}\n')
    write_atomically(paths.known_hosts, ''.join(lines))


def _host_key(paths: Paths, spec: HostSpec) -> Path:
    return paths.host(spec.name) / 'ssh_host_ed25519_key'


def _public(key: Path) -> str:
    return key.with_name(key.name + '.pub').read_text(encoding='utf-8')


def _make_key(path: Path, comment: str) -> None:
    public = path.with_name(path.name + '.pub')
    if path.exists() and public.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path])


def network_commands(spec: HostSpec) -> str:
    """What `ip -batch` runs in the host before systemd starts."""
    lines = ['link set lo up']
    for index, network in enumerate(NETWORKS):
        lines += [f'address add {spec.address(network)}/24 broadcast + dev vec{index}', f'link set vec{index} up']
    lines.append(f'route add default via {MANAGEMENT.gateway}')
    return '\n'.join(lines) + '\n'


def hosts_file(spec: HostSpec) -> str:
    """/etc/hosts: every host that a lab can have, so that a host added later needs no change here."""
    lines = ['127.0.0.1 localhost', '::1 localhost ip6-localhost']
    lines += [f'{other.ssh_address} {other.name}' for other in hosts(MAX_NODES)]
    if spec.name not in '\n'.join(lines):
        lines.append(f'{spec.ssh_address} {spec.name}')
    return '\n'.join(lines) + '\n'


def write_disk(paths: Paths, spec: HostSpec, disk: Path) -> None:
    """Write a host's configuration disk."""
    key = _host_key(paths, spec)
    authorized = _public(paths.private_key)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w', format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, 'etc/hostname', spec.name + '\n')
        _add(archive, 'etc/hosts', hosts_file(spec))
        _add(archive, 'etc/machine-id', uuid.uuid4().hex + '\n', mode=0o444)
        _add(archive, 'etc/lab/network', network_commands(spec))
        _add(archive, 'etc/ssh/ssh_host_ed25519_key', key.read_text(encoding='utf-8'), mode=0o600)
        _add(archive, 'etc/ssh/ssh_host_ed25519_key.pub', _public(key))
        for home, owner in (('root', 0), ('home/ops', _OPS)):
            _add(archive, f'{home}/.ssh', None, mode=0o700, owner=owner)
            _add(archive, f'{home}/.ssh/authorized_keys', authorized, mode=0o600, owner=owner)
        if spec.storage:
            _add(archive, 'etc/modules-load.d/lab-target.conf', _STORAGE_MODULES)
            _add_link(archive, _TARGET_RESTORE, _TARGET_UNIT)
            _add_link(archive, _TARGETS_READ, _TARGETS_WRITTEN)
        # Last, so that a power cut while unpacking makes the next boot unpack again.
        _add(archive, 'etc/lab/configured', '')
    disk.touch(mode=0o600)
    disk.write_bytes(buffer.getvalue())


def _add(archive: tarfile.TarFile, name: str, text: str | None, *, mode: int = 0o644, owner: int = 0) -> None:
    """Add a file, or a directory when there is no text."""
    entry = tarfile.TarInfo(name)
    entry.mode, entry.uid, entry.gid = mode, owner, owner
    if text is None:
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
    else:
        data = text.encode()
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))


def _add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    archive.addfile(entry)
