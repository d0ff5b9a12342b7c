# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake of an array on iSCSI: volumes are files, and what it says of targets is what such arrays say, but nobody listens there.

The lab's LVM backend has real targets; this is for what a task makes of their description, with CHAP or, while there is a file ``faults/open``, without.
A file ``faults/lun`` holds the LUN of what is mapped; else it is 1.
"""

from __future__ import annotations

import os

from cinder import interface
from sparse_files import SparseFileDriver


@interface.volumedriver
class ToldIscsiDriver(SparseFileDriver):
    """Sparse files, told as iSCSI targets."""

    def initialize_connection(self, volume, connector):
        """Let a host in."""
        super().initialize_connection(volume, connector)
        lun, told = 1, os.path.join(self._dir, "faults", "lun")
        if os.path.exists(told):
            with open(told, encoding="utf-8") as stream:
                lun = int(stream.read())
        data = {"target_portal": "192.0.2.10:3260", "target_iqn": "iqn.2010-10.org.openstack:volume-" + volume.id, "target_lun": lun, "encrypted": False}
        if not os.path.exists(os.path.join(self._dir, "faults", "open")):
            data.update(auth_method="CHAP", auth_username="canary-user", auth_password="canary-chap-" + volume.id)
        return {"driver_volume_type": "iscsi", "data": data}
