# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which protocols this host can speak now, and what is missing for the others. Reads files only.

The needs are what os-brick's connectors start or open (os_brick/initiator/connectors and remotefs, 7.0 and 7.1) and ours (host/connectors), by
protocol.
"""

from __future__ import annotations

import dataclasses
import os
import re

_FOLDERS = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")


@dataclasses.dataclass(frozen=True)
class Program:
    """A program, by name or by absolute path, and where it comes from."""

    name: str
    comes_from: str

    def missing(self, system):
        """Return what to say when it is not there, else ``None``."""
        places = [self.name.lstrip("/")] if self.name.startswith("/") else [os.path.join(folder, self.name) for folder in _FOLDERS]
        if any(os.access(system.path(place), os.X_OK) for place in places):
            return None
        return "program %s (%s)" % (self.name, self.comes_from)


@dataclasses.dataclass(frozen=True)
class Module:
    """A kernel module, loaded, built in, or there to be loaded."""

    name: str

    def missing(self, system):
        """Return what to say when it is not there, else ``None``."""
        if os.path.isdir(system.path("sys/module", self.name)):
            return None
        folder = os.path.join("lib/modules", system.read("proc/sys/kernel/osrelease"))
        listed = system.read(folder, "modules.builtin") + "\n" + system.read(folder, "modules.dep")
        files = (line.partition(":")[0].rpartition("/")[2].partition(".")[0].replace("-", "_") for line in listed.splitlines())
        return None if self.name in files else "kernel module %s" % self.name


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Any of several modules is enough."""

    needs: tuple

    def missing(self, system):
        """Return what to say when none is there, else ``None``."""
        told = [need.missing(system) for need in self.needs]
        return " or ".join(told) if all(told) else None


@dataclasses.dataclass(frozen=True)
class File:
    """A file, and who writes it."""

    name: str
    comes_from: str

    def missing(self, system):
        """Return what to say when it is not there, else ``None``."""
        return None if os.path.exists(system.path(self.name.lstrip("/"))) else "file %s (%s)" % (self.name, self.comes_from)


@dataclasses.dataclass(frozen=True)
class HostId:
    """What NVMe over fabrics knows this host by, which nvme makes up where there is none.

    os-brick takes the board's UUID as it is read, and a board may have none ("Not Settable", "Not Present"): the kernel then connects nothing.
    """

    name: str = "/etc/nvme/hostid"

    def missing(self, system):
        """Return what to say when it is not a UUID, else ``None``."""
        text = system.read(self.name.lstrip("/"))
        if not text or re.match(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", text, re.IGNORECASE):
            return None
        return "a UUID in %s, where %r stands (write that of uuidgen, and nqn.2014-08.org.nvmexpress:uuid:<the same> into hostnqn)" % (self.name, text[:40])


@dataclasses.dataclass(frozen=True)
class Hardware:
    """Something that the kernel lists in a class of sysfs."""

    folder: str
    title: str

    def missing(self, system):
        """Return what to say when it is not there, else ``None``."""
        return None if system.names(self.folder) else self.title


@dataclasses.dataclass(frozen=True)
class Socket:
    """A service that listens on an abstract Unix socket, or that systemd starts when somebody asks there."""

    name: str
    service: str

    def missing(self, system):
        """Return what to say when nobody listens, else ``None``."""
        return None if "@" + self.name in system.read("proc/net/unix").split() else "service %s (it does not run)" % self.service


@dataclasses.dataclass(frozen=True)
class Never:
    """What no host can speak with this collection, and why."""

    reason: str

    def missing(self, _system):
        """Return the reason."""
        return self.reason


_OPEN_ISCSI = (
    Program("iscsiadm", "package open-iscsi or iscsi-initiator-utils"),
    File("/etc/iscsi/initiatorname.iscsi", "the role node writes it"),
    Socket("ISCSIADM_ABSTRACT_NAMESPACE", "iscsid"),
)
_NVME = (Program("nvme", "package nvme-cli"), File("/etc/nvme/hostnqn", "nvme gen-hostnqn > /etc/nvme/hostnqn"), HostId())
# Their volumes are files, which get a block device (loop.py).
_LOOP = (Program("losetup", "package util-linux"), Module("loop"))
_SYNONYMS = {"nvme": "nvmeof"}
NEEDS = {
    "iscsi": (*_OPEN_ISCSI, Module("iscsi_tcp")),
    "iser": (*_OPEN_ISCSI, Module("ib_iser"), Hardware("sys/class/infiniband", "hardware: an RDMA adapter")),
    "fibre_channel": (
        Hardware("sys/class/fc_host", "hardware: a Fibre Channel host bus adapter, with its driver"),
        Program("/lib/udev/scsi_id", "package udev or systemd-udev"),
    ),
    "nvmeof": (*_NVME, Module("nvme_fabrics"), OneOf((Module("nvme_tcp"), Module("nvme_rdma")))),
    "lightos": (*_NVME, Module("nvme_tcp"), File("/etc/discovery-client/discovery.d", "Lightbits' discovery-client")),
    "rbd": (Program("rbd", "package ceph-common"), Module("rbd")),
    "nfs": (Program("mount.nfs", "package nfs-common or nfs-utils"), Module("nfs"), *_LOOP),
    "glusterfs": (Program("mount.glusterfs", "package glusterfs-client or glusterfs-fuse"), Module("fuse"), *_LOOP),
    "quobyte": (Program("mount.quobyte", "Quobyte's client"), Module("fuse"), *_LOOP),
    "scality": (Program("mount.sofs", "Scality's client"), File("/etc/sfused.conf", "Scality's client"), Module("fuse"), *_LOOP),
    "vzstorage": (
        Program("pstorage", "Virtuozzo Storage's client"),
        Program("pstorage-mount", "Virtuozzo Storage's client"),
        Module("fuse"),
        *_LOOP,
    ),
    "scaleio": (File("/dev/scini", "Dell PowerFlex's SDC package, with its kernel module scini"),),
    "storpool": (File("/etc/storpool.conf", "StorPool's client"), File("/dev/storpool", "StorPool's client, running")),
    "huaweisdshypervisor": (Program("/usr/local/bin/sds/sds_cli", "Huawei's SDS hypervisor"),),
    "gpfs": (Program("/usr/lpp/mmfs/bin/mmgetstate", "IBM Storage Scale"), *_LOOP),
    "local": (),
    "aoe": (Module("aoe"),),
    "drbd": (Module("drbd"), Program("drbdadm", "package drbd-utils"), Program("drbdsetup", "package drbd-utils")),
    "hgst": (Never("the product: HGST Solutions Storage ended, and os-brick dropped it in 4.0.0"),),
    "disco": (Never("the product: ITRI DISCO ended, and os-brick dropped it in 4.0.0"),),
}


_ENCRYPTION = (Program("cryptsetup", "package cryptsetup-bin or cryptsetup"), Module("dm_crypt"))


def encryption(system):
    """Return ``{"ready": bool, "missing": [sentence part ...]}`` for encrypted volumes, whatever protocol they come by."""
    missing = [text for text in (need.missing(system) for need in _ENCRYPTION) if text]
    return {"ready": not missing, "missing": missing}


def lacks(system, protocol):
    """Return what this host lacks for a protocol, one sentence part each; nothing for one that nobody knows."""
    return [text for text in (need.missing(system) for need in NEEDS.get(_SYNONYMS.get(protocol, protocol), ())) if text]


def ready(system, supported, machine):
    """Return ``{protocol: {"ready": bool, "missing": [sentence part ...]}}``.

    :param supported: the protocols that os-brick has a connector for on this architecture, in lower case, and ours.
    :param machine: the architecture, as the kernel names it.
    """
    found = {}
    for protocol, needs in NEEDS.items():
        missing = lacks(system, protocol)
        if protocol not in supported and not any(isinstance(need, Never) for need in needs):
            missing = ["a connector: os-brick has none for it on %s" % machine]
        found[protocol] = {"ready": not missing, "missing": missing}
    return found


def ended(protocol):
    """Return why no host can speak a protocol any more, ``None`` where that is not so."""
    return next((need.reason for need in NEEDS.get(protocol, ()) if isinstance(need, Never)), None)
