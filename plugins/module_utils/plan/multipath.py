# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who makes one device of a volume's paths, by protocol (docs/protocols.md). Pure: no I/O, no clock, no library.

Protocols are named as os-brick names them. That of an export which only check mode foretells is not known: ``""``.
"""

from __future__ import annotations

from ..model.errors import StorageError

MAPPED = frozenset({"iscsi", "iser", "fibre_channel"})  # SCSI disks: dm-multipath
NATIVE = frozenset({"nvmeof", "nvme", "lightos"})  # namespaces: the kernel's own, nvme_core.multipath


def all_paths(protocol, multipath, multipathd):
    """Tell whether a volume is to be connected over every path that there is.

    :param multipath: ``required``, ``preferred`` or ``no``. :param multipathd: whether multipathd runs.
    """
    word = protocol.lower()
    return multipath != "no" and (word in NATIVE or word in MAPPED and (multipath == "required" or multipathd))


def becomes_map(protocol, multipath, multipathd):
    """Tell whether a dm-multipath map comes of connecting; ``None`` where the protocol is not known yet."""
    if multipath == "no" or not multipathd:
        return False
    return protocol.lower() in MAPPED if protocol else None


def sweepable(protocol):
    """Tell whether this host can take a volume's device away: a namespace stays for as long as the storage system shows it to a controller."""
    return protocol.lower() not in NATIVE


def wants_map(protocol, multipath):
    """Tell whether a device that is no dm-multipath map is not what was asked for."""
    return multipath == "required" and protocol.lower() in MAPPED


def refuse_required(protocol, multipathd, native):
    """Raise StorageError where ``multipath: required`` cannot hold: ``unsupported`` on any host, ``host`` on this one as it is now.

    :param native: whether the kernel's NVMe multipath is on.
    """
    word = protocol.lower()
    if word and word not in MAPPED | NATIVE:
        raise StorageError(
            "unsupported",
            "multipath: required, but volumes that are connected by %s have no paths that this host could make one device of. Ask for multipath: preferred, "
            "or no. Nothing was connected." % word.upper(),
            "multipath",
        )
    if word in NATIVE and not native:
        raise StorageError(
            "host",
            "multipath: required, but the kernel's own NVMe multipath is not on (/sys/module/nvme_core/parameters/multipath does not say Y). Load the "
            "module of the transport (as nvme_tcp) where nvme_core is not loaded yet, start the kernel without nvme_core.multipath=N, or ask for "
            "multipath: preferred.",
            "multipath",
        )
    if word not in NATIVE and not multipathd:
        raise StorageError(
            "host",
            "multipath: required, but multipathd does not run on this host. Start it (the role baremetal.legacy_storage.node does, "
            "with node_multipath: true), or ask for multipath: preferred.",
            "multipath",
        )
