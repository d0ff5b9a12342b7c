# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cinder's LVM driver with volumes that are used where they are. Cinder's own drivers for that (LINSTOR, FusionStorage) need their products."""

from __future__ import annotations

from cinder import interface
from cinder.volume.drivers import lvm


@interface.volumedriver
class LocalLVMDriver(lvm.LVMVolumeDriver):
    """Exports a volume to its own host, as the path of its block device, in the form that LINSTOR's driver uses."""

    def validate_connector(self, connector):
        """Take any host: none needs a name as an initiator."""

    def create_export(self, context, volume, connector, vg=None):
        """Make the volume's device appear."""
        self.vg.activate_lv(volume["name"])

    def ensure_export(self, context, volume):
        """Make the volume's device appear."""
        self.vg.activate_lv(volume["name"])

    def remove_export(self, context, volume):
        """Do nothing: nobody else sees the volume."""

    def initialize_connection(self, volume, connector):
        """Return where the device is."""
        return {"driver_volume_type": "local", "data": {"device_path": self.local_path(volume)}}

    def terminate_connection(self, volume, connector, **kwargs):
        """Do nothing: nobody else sees the volume."""
