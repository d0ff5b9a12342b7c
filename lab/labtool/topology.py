# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts and networks there are: the one place to change the shape of the lab. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_NODES = 2
MAX_NODES = 20
DEFAULT_MEMORY_MIB = 1500
DATA_DISK_GIB = 20


@dataclass(frozen=True)
class Network:
    """One bridge of the lab, a /24."""

    name: str
    prefix: str

    @property
    def gateway(self) -> str:
        """The bridge's own address."""
        return self.prefix + '.1'

    def mac(self, octet: int = 1) -> str:
        """A fixed hardware address for each address, so that peers' ARP entries outlive a power cut."""
        return f'02:1e:00:00:{NETWORKS.index(self):02x}:{octet:02x}'


# The first is the one that ssh uses: cutting a storage network must not cut ssh.
NETWORKS = (
    Network('management', '172.30.0'),
    Network('storage-a', '172.30.1'),
    Network('storage-b', '172.30.2'),
)
MANAGEMENT = NETWORKS[0]
STORAGE_NETWORKS = NETWORKS[1:]
WHEELHOUSE_PORT = 8000


@dataclass(frozen=True)
class HostSpec:
    """What one host is; nothing about whether it runs."""

    name: str
    octet: int
    group: str
    storage: bool = False

    def address(self, network: Network) -> str:
        """The host's address on a network."""
        return f'{network.prefix}.{self.octet}'

    @property
    def ssh_address(self) -> str:
        """The address that ssh uses."""
        return self.address(MANAGEMENT)

    @property
    def storage_addresses(self) -> list[str]:
        """The addresses on the storage networks, in their order."""
        return [self.address(network) for network in STORAGE_NETWORKS]

    def tap(self, network: Network) -> str:
        """The host's cable to a network: an interface name, 15 characters at most."""
        return f'{self.name}.{NETWORKS.index(network)}'


CONTROLLER = HostSpec('controller1', 10, 'storage_controllers', storage=True)


def hosts(nodes: int) -> list[HostSpec]:
    """The hosts of a lab with so many nodes."""
    return [CONTROLLER] + [HostSpec(f'node{number}', 10 + number, 'storage_nodes') for number in range(1, nodes + 1)]


def network_named(name: str) -> Network:
    """The network of that name; KeyError if there is none."""
    for network in NETWORKS:
        if network.name == name:
            return network
    raise KeyError(name)
