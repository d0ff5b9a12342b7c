# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Cinder driver for the lab: logical volumes of this host, of which a node becomes a DRBD peer without a disk of its own.

DRBD 8.4 has two peers to a resource, so a volume is attached to one node at a time. The secret of a volume is its own, and stays.
"""

from __future__ import annotations

import os
import re
import secrets
import socket

from cinder import coordination, exception, interface
from cinder.volume.drivers import lvm
from oslo_concurrency import processutils

_FOLDER = "/etc/drbd.d"
_FIRST_MINOR, _FIRST_PORT = 100, 7100
_RESOURCE = """\
resource {name} {{
  net {{ protocol C; cram-hmac-alg sha1; shared-secret "%(shared-secret)s"; ping-timeout 20; }}
  on {host} {{ device /dev/drbd{minor} minor {minor}; disk {disk}; meta-disk {meta}; address ipv4 {address}:{port}; }}
  on {node} {{ device /dev/drbd{minor} minor {minor}; disk none; meta-disk internal; address ipv4 {node_address}:{port}; }}
}}
"""


@interface.volumedriver
class LvmDrbdDriver(lvm.LVMVolumeDriver):
    """Cinder's LVM driver with DRBD in place of iSCSI."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.protocol = "drbd"

    def create_export(self, context, volume, connector, vg=None):
        """Give the volume a secret, once."""
        return None if volume.provider_auth else {"provider_auth": secrets.token_hex(16)}

    def ensure_export(self, context, volume):
        """Do nothing."""

    def remove_export(self, context, volume):
        """Leave the resource, if that was not done."""
        self._leave(volume)

    @coordination.synchronized("lab-drbd-minors")
    def initialize_connection(self, volume, connector):
        """Bring the resource up for one node; this host itself has the volume without DRBD."""
        if connector["host"] == socket.gethostname():
            return {"driver_volume_type": "local", "data": {"device_path": self.local_path(volume)}}
        path = self._path(volume)
        if os.path.exists(path) and "on %s {" % connector["host"] not in self._read(path):
            raise exception.VolumeBackendAPIException(data="%s has a peer already" % volume.name)
        minor = self._minor(path) if os.path.exists(path) else min(set(range(_FIRST_MINOR, 200)) - self._taken())
        config = _RESOURCE.format(
            name=volume.name, minor=minor, port=_FIRST_PORT + minor, host=socket.gethostname(), disk=self.local_path(volume), meta=self._meta(volume),
            address=self.configuration.target_ip_address, node=connector["host"], node_address=connector["ip"],
        )
        if not os.path.exists(path):
            self._join(volume, path, config % {"shared-secret": volume.provider_auth})
        data = {"name": volume.name, "device": "/dev/drbd%d" % minor, "config": config, "provider_auth": volume.provider_auth}
        return {"driver_volume_type": "drbd", "data": data}

    def validate_connector(self, connector):
        """Take any that has an address."""
        if not connector.get("ip"):
            raise exception.InvalidConnectorException(missing="ip")

    def terminate_connection(self, volume, connector, **kwargs):
        """Leave the resource."""
        if connector["host"] != socket.gethostname():
            self._leave(volume)

    def extend_volume(self, volume, new_size):
        """Grow a volume that no node has: DRBD 8.4 cuts off a primary without a disk whose peer's disk grows."""
        if os.path.exists(self._path(volume)):
            raise exception.VolumeBackendAPIException(data="%s is attached over DRBD, where it cannot grow; detach it first" % volume.name)
        self.vg.extend_volume(volume.name, self._sizestr(new_size))

    def _join(self, volume, path, text):
        processutils.execute("modprobe", "drbd")
        if not os.path.exists(self._meta(volume)):
            processutils.execute("lvcreate", "--yes", "--extents", "1", "--name", "meta-" + volume.id, self.configuration.volume_group)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        processutils.execute("drbdadm", "create-md", "--force", volume.name)
        processutils.execute("drbdadm", "up", volume.name)
        # This is the only disk there is, so whatever is on it is the volume.
        processutils.execute("drbdadm", "primary", "--force", volume.name)
        processutils.execute("drbdadm", "secondary", volume.name)

    def _leave(self, volume):
        path = self._path(volume)
        if os.path.exists(path):
            processutils.execute("drbdadm", "down", volume.name)
            os.unlink(path)
        if os.path.exists(self._meta(volume)):
            processutils.execute("lvremove", "--yes", "%s/meta-%s" % (self.configuration.volume_group, volume.id))

    def _meta(self, volume):
        return "/dev/%s/meta-%s" % (self.configuration.volume_group, volume.id)

    @staticmethod
    def _path(volume):
        return os.path.join(_FOLDER, volume.name + ".res")

    def _taken(self):
        return {self._minor(os.path.join(_FOLDER, name)) for name in os.listdir(_FOLDER) if name.endswith(".res")}

    def _minor(self, path):
        return int(re.search(r" minor (\d+);", self._read(path))[1])

    @staticmethod
    def _read(path):
        with open(path, encoding="utf-8") as stream:
            return stream.read()
