# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of one machine that QEMU emulates in software: slow, but with Debian's own kernel and all its modules."""

from __future__ import annotations

import uuid
from pathlib import Path

from . import kernel, packages
from .host import Host
from .lab import Lab
from .paths import Paths
from .run import run
from .topology import NETWORKS, HostSpec

MACHINE = HostSpec('emulated1', 11, 'storage_nodes')
_PROCESSORS = 2
# Everything takes ten to twenty times as long as elsewhere.
_WORDS = ('root=/dev/vda', 'console=ttyS0', 'quiet', 'net.ifnames=0', 'systemd.default_timeout_start_sec=600', 'udev.event_timeout=600')


class Machine(Host):
    """The emulated machine."""

    def command(self, image: Path, memory: int) -> list[str]:
        """The command line of QEMU."""
        booted = kernel.of(self.paths)
        # As boards have one: os-brick and nvme-cli make the host's names of it.
        board = uuid.uuid5(uuid.NAMESPACE_OID, f'{self.paths.key} {self.spec.name}')
        words = ['qemu-system-x86_64', '-name', self.spec.name, '-uuid', str(board), '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', str(_PROCESSORS),
                 '-m', f'{memory}M', '-nodefaults', '-display', 'none', '-serial', 'stdio', '-device', 'virtio-rng-pci',
                 '-kernel', str(booted.program), '-initrd', str(booted.initial), '-append', ' '.join(_WORDS)]
        # In this order: the kernel names them so. The image is locked by User-Mode Linux's hosts that run, though nobody writes to it.
        for path, form, more in ((self.directory / 'root.cow', 'qcow2', ',backing.file.locking=off'), (self.directory / 'identity.tar', 'raw', ',readonly=on'),
                                 (booted.modules, 'raw', ',readonly=on')):
            words += ['-drive', f'if=virtio,cache=unsafe,format={form},file={path}{more}']
        for index, network in enumerate(NETWORKS):
            words += ['-netdev', f'tap,id=net{index},ifname={self.spec.tap(network)},script=no,downscript=no',
                      '-device', f'virtio-net-pci,netdev=net{index},mac={network.mac(self.spec.octet)}']
        return words

    def _make_root(self, image: Path) -> None:
        run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', image, '-F', 'raw', self.directory / 'root.cow'])


class EmulatedLab(Lab):
    """A lab of its own, beside that of User-Mode Linux's hosts: it shares the image with that and nothing else."""

    packages = {**packages.PACKAGES, 'qemu-system-x86': 'qemu-system-x86_64', 'qemu-utils': 'qemu-img'}
    boot_seconds = 900

    def __init__(self, paths: Paths):
        super().__init__(paths.emulated)

    @property
    def specs(self) -> list[HostSpec]:
        """What machines there are."""
        return [MACHINE]

    def made_of(self, spec: HostSpec) -> Host:
        """The machine that a spec describes."""
        return Machine(self.paths, spec)

    def named(self, name: str) -> list[Host]:
        """The machine that a directory belongs to, if there can be such a machine."""
        return [self.made_of(spec) for spec in self.specs if spec.name == name]

    def _up(self) -> None:
        self.paths.logs.mkdir(parents=True, exist_ok=True)
        log = self.paths.logs / 'up.log'
        packages.ensure(log, self.packages)
        kernel.ensure(self.paths, log)
        super()._up()
