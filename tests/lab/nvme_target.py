# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A storage system that speaks NVMe/TCP: Linux' own target on the machine itself, behind two cables in a network of its own.

Its subsystems are as Cinder's nvmet target makes them (cinder/volume/targets/nvmet.py): one for each volume, the namespace 10 with the volume's id as
UUID, open to any host. What is handed out for one is what that target hands out.
"""

from __future__ import annotations

_ROOT = "/sys/kernel/config/nvmet"
_FILES = "/var/lib/lab-nvme"
_PORT = "4420"
_NAMESPACE = "10"
# The node's end, the storage system's end, and both their addresses.
CABLES = {"a": ("node-a", "port-a", "198.51.100.1", "198.51.100.2"), "b": ("node-b", "port-b", "203.0.113.1", "203.0.113.2")}
_BEGIN = """set -e
modprobe nvmet_tcp
mkdir -p %(files)s
[ -e /run/netns/storage ] || ip netns add storage
""" % {"files": _FILES}
_CABLE = """ip link add %(near)s type veth peer name %(far)s netns storage
ip address add %(near_address)s/24 dev %(near)s
ip link set %(near)s up
ip -n storage address add %(far_address)s/24 dev %(far)s
ip -n storage link set %(far)s up
mkdir %(root)s/ports/%(number)s
cd %(root)s/ports/%(number)s
echo ipv4 > addr_adrfam
echo tcp > addr_trtype
echo %(far_address)s > addr_traddr
echo %(port)s > addr_trsvcid
"""
_VOLUME = """set -e
truncate -s %(size)sG %(files)s/%(id)s
mkdir %(root)s/subsystems/%(nqn)s
cd %(root)s/subsystems/%(nqn)s
echo 1 > attr_allow_any_host
mkdir namespaces/%(namespace)s
cd namespaces/%(namespace)s
printf %(files)s/%(id)s > device_path
printf %(id)s > device_uuid
echo 1 > enable
for port in %(root)s/ports/*; do
    nsenter --net=/run/netns/storage ln -s %(root)s/subsystems/%(nqn)s $port/subsystems/
done
"""
_GROW = """set -e
truncate -s %(size)sG %(files)s/%(id)s
echo 1 > %(root)s/subsystems/%(nqn)s/namespaces/%(namespace)s/revalidate_size
"""
_REMOVE = """set -e
rm -f %(root)s/ports/*/subsystems/%(nqn)s
echo 0 > %(root)s/subsystems/%(nqn)s/namespaces/%(namespace)s/enable
rmdir %(root)s/subsystems/%(nqn)s/namespaces/%(namespace)s %(root)s/subsystems/%(nqn)s
rm -f %(files)s/%(id)s
"""


class Target:
    """The storage system on a host of a Lab."""

    def __init__(self, lab, host):
        self._lab, self._host = lab, host

    def _sh(self, script, **values):
        return self._lab.sh(self._host, script % dict(values, root=_ROOT, files=_FILES, port=_PORT, namespace=_NAMESPACE))

    def begin(self):
        """Plug both cables in and open a port at each."""
        script = _BEGIN
        for number, (near, far, near_address, far_address) in enumerate(CABLES.values(), 1):
            names = {"near": near, "far": far, "near_address": near_address, "far_address": far_address, "number": number}
            script += _CABLE % dict(names, root=_ROOT, port=_PORT)
        self._sh(script)

    def volume(self, volume_id, size):
        """Make a volume of so many GiB and return connection_info for it."""
        nqn = self.nqn(volume_id)
        self._sh(_VOLUME, id=volume_id, nqn=nqn, size=size)
        portals = [[cable[3], _PORT, "tcp"] for cable in CABLES.values()]
        return {"driver_volume_type": "nvmeof", "data": {"target_nqn": nqn, "vol_uuid": volume_id, "portals": portals, "ns_id": _NAMESPACE}}

    def grow(self, volume_id, size):
        """Let a volume grow to so many GiB."""
        self._sh(_GROW, id=volume_id, nqn=self.nqn(volume_id), size=size)

    def remove(self, volume_id):
        """Take a volume away."""
        self._sh(_REMOVE, id=volume_id, nqn=self.nqn(volume_id))

    def cable(self, name, state):
        """Pull (down) or plug (up) a cable at the storage system's end: what is under way falls silent."""
        self._lab.sh(self._host, "ip -n storage link set %s %s" % (CABLES[name][1], state))

    @staticmethod
    def nqn(volume_id):
        return "nqn.nvme-subsystem-1-" + volume_id
