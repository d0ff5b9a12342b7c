# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVMe over fabrics on this node, as sysfs shows it: a controller is a connection to one portal of a subsystem, and has the subsystem's namespaces.

With the kernel's own multipath a namespace is one device (``nvme0n1``) with a hidden one at each controller (``nvme0c2n1``); without it, it is a device
at each controller.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re

from . import portals

_NAMESPACE = re.compile(r"^nvme(\d+)(?:c\d+)?n(\d+)$")
_USABLE = ("", "optimized", "non-optimized")  # what a controller says of a namespace (ANA); nothing where its subsystem has no such thing
# Their controllers come and go with the volumes. LightOS' own service looks after those of LIGHTOS.
CONNECTED = ("nvmeof", "nvme")


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a namespace is.

    :param portals: {(address, port)}. :param rdma: those of them that speak RDMA. :param names: {attribute in sysfs: value} of which one is known, at most.
    """

    nqn: str
    portals: frozenset
    rdma: frozenset
    names: dict


def is_namespace(name):
    """Tell whether a kernel name (or ``None``) is that of a namespace's device; a partition's is not."""
    return bool(re.match(r"^nvme\d+n\d+$", name or ""))


def native_multipath(system):
    """Tell whether the kernel makes one device of all paths to a namespace."""
    return system.read("sys/module/nvme_core/parameters/multipath") == "Y"


def targets(data):
    """Return the Targets in connection_info's data, in each of the forms that os-brick takes (NVMeOFConnProps)."""
    found = []
    for each in data.get("volume_replicas") or [data]:
        nqn, told = each.get("target_nqn"), each.get("portals")
        if not nqn and each.get("nqn") and each.get("target_port"):
            nqn, told = each["nqn"], [(each.get("target_portal"), each["target_port"], each.get("transport_type"))]
        if nqn and told:
            speak = {(str(portal[0]).lower(), str(portal[1])): portal[2] if len(portal) > 2 else None for portal in told}
            rdma = frozenset(portal for portal, transport in speak.items() if transport in ("rdma", "RoCEv2"))
            found.append(Target(nqn, frozenset(speak), rdma, _names(each)))
    return found


def _names(data):
    """As os-brick prefers them: the uuid is the volume's for good, the NGUID the array's, the number that of whoever has it now."""
    for attribute, key in (("uuid", "vol_uuid"), ("nguid", "volume_nguid"), ("nsid", "ns_id")):
        if data.get(key):
            return {attribute: _plain(data[key])}
    return {}


def _plain(value):
    return str(value).replace("-", "").lower()


def _controllers(system, target):
    """Return the kernel names of the controllers at a Target's portals."""
    found = []
    for name in system.names("sys/class/nvme"):
        if system.read("sys/class/nvme", name, "subsysnqn") == target.nqn and _portal(system, name) in target.portals:
            found.append(name)
    return found


def _portal(system, controller):
    address = dict(part.strip().partition("=")[::2] for part in system.read("sys/class/nvme", controller, "address").split(","))
    return address.get("traddr", "").lower(), address.get("trsvcid", "")


def _namespaces(system, controller):
    """Return the kernel names of the devices of a controller's namespaces."""
    matches = (_NAMESPACE.match(name) for name in system.names("sys/class/nvme", controller))
    return ["nvme%sn%s" % match.groups() for match in matches if match]


def unconnected(system, data):
    """Return a sentence for each portal in connection_info's data that this host has no live controller at."""
    told = []
    for target in targets(data):
        live = [name for name in _controllers(system, target) if system.read("sys/class/nvme", name, "state") == "live"]
        there = {_portal(system, name) for name in live}
        told += ["Portal %s:%s of %s is not connected." % (*portal, target.nqn) for portal in sorted(target.portals - there)]
    return told


def back_again(system, data):
    """Return the portals, each (address, port), in connection_info's data that have no controller and take a connection now.

    The kernel connects a controller that it has by itself, for as long as it keeps it (ctrl_loss_tmo, 600 s). Portals of RDMA cannot be asked.
    """
    found = []
    for target in targets(data):
        there = {_portal(system, name) for name in _controllers(system, target)}
        found += sorted(target.portals - there - target.rdma)
    return portals.that_answer(found)


def devices_at(system, data):
    """Return the kernel names of the devices that stand where connection_info's data says and have the name that it says, sorted."""
    found = set()
    for target in targets(data):
        for controller in _controllers(system, target):
            for name in _namespaces(system, controller):
                if any(_plain(system.read("sys/class/block", name, attribute)) == value for attribute, value in target.names.items()):
                    found.add(name)
    return sorted(found)


def _empty(system, data):
    """Return ``[(controller, Target)]`` of the controllers at an address that have no namespace."""
    return [(name, target) for target in targets(data) for name in _controllers(system, target) if not _namespaces(system, name)]


def empty_controllers(system, data):
    """Return what is left of a connection whose namespaces are gone, one sentence part each: a controller with another volume's belongs to that."""
    return ["controller %s of %s at %s" % (name, target.nqn, system.read("sys/class/nvme", name, "address")) for name, target in _empty(system, data)]


def disconnect_empty(system, data):
    """Disconnect the controllers at an address that have no namespace. os-brick leaves them where the device is gone already."""
    for name, _target in _empty(system, data):
        _tell(system, name, "delete_controller")  # what does not go is told by empty_controllers


def rescan(system, name):
    """Let every controller of a namespace look at it again: each has a size of its own, and the kernel sends what is beyond it to none."""
    for controller in _over(system, name):
        _tell(system, controller, "rescan_controller")


def _tell(system, controller, what):
    with contextlib.suppress(OSError):  # it is gone meanwhile
        with open(system.path("sys/class/nvme", controller, what), "w", encoding="ascii") as stream:
            stream.write("1")


def shared(system, name):
    """Tell whether a namespace's controllers have others as well, so that only the storage system can take it away."""
    return any(set(_namespaces(system, controller)) - {name} for controller in _over(system, name))


def _over(system, name):
    return [controller for controller in system.names("sys/class/nvme") if name in _namespaces(system, controller)]


def paths(system, name):
    """Return ``[{"device", "state"}]`` of a namespace's device: its controllers, ``active`` where the kernel can send something by it.

    Else the state is the controller's (``connecting``, ``deleting`` ...), or what that says of the namespace (``inaccessible`` ...).
    """
    found = []
    for controller in _over(system, name):
        state = system.read("sys/class/nvme", controller, "state") or "gone"
        if state == "live":
            state = _access(system, controller, name)
        found.append({"device": "/dev/" + controller, "state": state})
    return found


def _access(system, controller, name):
    said = _of_path(system, controller, name, "ana_state")
    return "gone" if said is None else "active" if said in _USABLE else said


def _of_path(system, controller, name, attribute):
    """Return what a controller's own device of a namespace says; ``None`` where it has none."""
    for each in system.names("sys/class/nvme", controller):
        match = _NAMESPACE.match(each)
        if match and "nvme%sn%s" % match.groups() == name:
            return system.read("sys/class/nvme", controller, each, attribute)
    return None


def path_sizes(system, name):
    """Return the sizes in bytes by which a namespace's live controllers know it."""
    live = [controller for controller in _over(system, name) if system.read("sys/class/nvme", controller, "state") == "live"]
    told = [_of_path(system, controller, name, "size") or "" for controller in live]
    return [int(sectors) * 512 for sectors in told if sectors.isdigit()]
