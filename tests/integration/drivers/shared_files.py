# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cinder's own NFS driver on shares that are directories here: nothing is mounted and nobody is root. All else is the driver's, and qemu-img's.

A share is away as long as there is a file ``away`` of its name among the faults.
"""

from __future__ import annotations

import os

from cinder import interface
from cinder.volume.drivers import nfs, remotefs
from oslo_concurrency import processutils
from sparse_files import OPTIONS

SHARES = ("server:/array", "server:/second")


@interface.volumedriver
class SharedFileDriver(nfs.NfsDriver):
    """Volumes on two shares: the array's directory, which new ones go to, and ``second`` in it."""

    VERSION = "1.0.0"

    @staticmethod
    def get_driver_options():
        """Return the options of this driver."""
        return OPTIONS

    def do_setup(self, context):
        """Find the directories, without looking for what mounts shares."""
        self.configuration.append_config_values(OPTIONS)
        self.configuration.nfs_snapshot_support = True
        self._execute_as_root = False
        os.makedirs(self._get_mount_point_for_share(SHARES[1]), exist_ok=True)
        remotefs.RemoteFSSnapDriverDistributed.do_setup(self, context)
        self._ensure_shares_mounted()

    def check_for_setup_error(self):
        """Nothing to check."""

    def _execute(self, *command, **options):
        options.pop("run_as_root", None)
        return processutils.execute(*command, **options)

    def _load_shares_config(self, share_file=None):
        self.shares = dict.fromkeys(SHARES)

    def _ensure_share_mounted(self, nfs_share):
        if os.path.exists(os.path.join(self.configuration.sparse_files_dir, "faults", "away-" + nfs_share.rpartition("/")[2])):
            raise OSError("the server does not answer")

    def _get_mount_point_for_share(self, nfs_share):
        folder = self.configuration.sparse_files_dir
        return folder if nfs_share == SHARES[0] else os.path.join(folder, "second")

    def _find_share(self, volume):
        return SHARES[0]

    def _is_share_eligible(self, nfs_share, volume_size_in_gib, share_info=None):
        return True

    def _qemu_img_info(self, path, volume_name, img_format=None):
        return self._qemu_img_info_base(path, volume_name, self.configuration.sparse_files_dir, force_share=True, img_format=img_format)

    def _update_volume_stats(self):
        self._stats = {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name"),
            "vendor_name": "tests",
            "driver_version": self.VERSION,
            "storage_protocol": "nfs",
            "pools": [{"pool_name": "first", "total_capacity_gb": 1000, "free_capacity_gb": 500}],
        }
