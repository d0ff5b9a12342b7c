# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Cinder driver for the lab: logical volumes, served over AoE by Debian's vblade, which a systemd unit for each exported volume keeps running.

Everybody in the network sees an exported volume, as with most AoE arrays: AoE knows no initiators. A slot goes to the next volume when its volume
is unmapped. vblade takes the serial of its disk from the name of its host, so each gets a host name of its own.
"""

from __future__ import annotations

import os
import re
import socket
import time

from cinder import coordination, exception, interface
from cinder.volume import configuration
from cinder.volume.drivers import lvm
from oslo_concurrency import processutils
from oslo_config import cfg

OPTIONS = [
    cfg.IntOpt("aoe_shelf", default=7, help="Shelf of all volumes."),
    cfg.StrOpt("aoe_interface", default="eth0", help="Network interface on which they are served."),
]
cfg.CONF.register_opts(OPTIONS, group=configuration.SHARED_CONF_GROUP)
_UNITS = "/etc/systemd/system"
_UNIT = """\
[Unit]
Description=AoE target e{shelf}.{slot}: {volume}
After=lvm2-monitor.service network.target

[Service]
ExecStart=/usr/bin/unshare --uts /bin/sh -c 'hostname {name} && exec /usr/sbin/vblade {shelf} {slot} {interface} {path}'
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


@interface.volumedriver
class LvmAoeDriver(lvm.LVMVolumeDriver):
    """Cinder's LVM driver with AoE in place of iSCSI."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)
        self.protocol = "aoe"

    @classmethod
    def get_driver_options(cls):
        """Return the options of this driver."""
        return super().get_driver_options() + OPTIONS

    @coordination.synchronized("lab-aoe-slots")
    def create_export(self, context, volume, connector, vg=None):
        """Serve the volume at the first free slot."""
        if os.path.exists(self._unit(volume)):
            return
        taken = {self._slot(os.path.join(_UNITS, name)) for name in os.listdir(_UNITS) if name.startswith("lab-aoe-")}
        slot = min(set(range(1, 255)) - taken)
        name = volume.id.replace("-", "")[:12]
        values = {"shelf": self.configuration.aoe_shelf, "slot": slot, "interface": self.configuration.aoe_interface, "name": name}
        with open(self._unit(volume), "w", encoding="utf-8") as stream:
            stream.write(_UNIT.format(volume=volume.name, path=self.local_path(volume), **values))
        processutils.execute("systemctl", "daemon-reload")
        processutils.execute("systemctl", "enable", "--now", os.path.basename(self._unit(volume)))

    def ensure_export(self, context, volume):
        """Do nothing: systemd serves it again after a boot."""

    def remove_export(self, context, volume):
        """Serve the volume no more."""
        if os.path.exists(self._unit(volume)):
            processutils.execute("systemctl", "disable", "--now", os.path.basename(self._unit(volume)))
            os.unlink(self._unit(volume))
            processutils.execute("systemctl", "daemon-reload")

    def initialize_connection(self, volume, connector):
        """Return the volume's shelf and slot; this host itself has the volume without AoE."""
        if connector["host"] == socket.gethostname():
            return {"driver_volume_type": "local", "data": {"device_path": self.local_path(volume)}}
        if not os.path.exists(self._unit(volume)):
            raise exception.VolumeBackendAPIException(data="%s is not served" % volume.name)
        shelf, slot = self.configuration.aoe_shelf, self._slot(self._unit(volume))
        serial = "%d.%d:%s" % (shelf, slot, volume.id.replace("-", "")[:12])
        return {"driver_volume_type": "aoe", "data": {"target_shelf": shelf, "target_lun": slot, "target_serial": serial}}

    def validate_connector(self, connector):
        """Take any: AoE knows no initiators."""

    def terminate_connection(self, volume, connector, **kwargs):
        """Do nothing: the target goes with the last host."""

    def extend_volume(self, volume, new_size):
        """Grow the volume; vblade looks at its size when it starts, and hosts ask again until it has."""
        self.vg.extend_volume(volume.name, self._sizestr(new_size))
        if os.path.exists(self._unit(volume)):
            processutils.execute("systemctl", "restart", os.path.basename(self._unit(volume)))
            time.sleep(1)

    @staticmethod
    def _unit(volume):
        return os.path.join(_UNITS, "lab-aoe-%s.service" % volume.id)

    @staticmethod
    def _slot(unit):
        with open(unit, encoding="utf-8") as stream:
            return int(re.search(r"AoE target e\d+\.(\d+):", stream.read())[1])
