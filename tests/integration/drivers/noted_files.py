# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A driver that notes on a volume what taking a snapshot makes of its file, and believes its note, as Cinder's remotefs does."""

from __future__ import annotations

import os

from cinder import interface
from sparse_files import SparseFileDriver


@interface.volumedriver
class NotedFileDriver(SparseFileDriver):
    """Volumes as sparse files, each with a note of its format."""

    def create_volume(self, volume):
        """Make a volume, which is raw."""
        volume.admin_metadata["format"] = "raw"
        return super().create_volume(volume)

    def create_snapshot(self, snapshot):
        """Note that the volume is in an overlay now; also where the snapshot fails."""
        snapshot.volume.admin_metadata["format"] = "qcow2"
        super().create_snapshot(snapshot)

    def delete_snapshot(self, snapshot):
        """Note that it is raw again."""
        super().delete_snapshot(snapshot)
        snapshot.volume.admin_metadata["format"] = "raw"

    def initialize_connection(self, volume, connector):
        """Keep what is noted where the test looks for what the host was told."""
        told = super().initialize_connection(volume, connector)
        with open(os.path.join(self._exports(volume), connector["host"]), "w", encoding="utf-8") as stream:
            stream.write(volume.admin_metadata["format"])
        return told


@interface.volumedriver
class CloningNotedFileDriver(NotedFileDriver):
    """The same, and a clone's note is its original's, as with Cinder's RemoteFS."""

    driver_prefix = "sparse_files"  # there is no sparse_files_qcow2_volumes, so all are raw

    def create_cloned_volume(self, volume, src_vref):
        """Make a volume with another one's content, and its note."""
        told = super().create_cloned_volume(volume, src_vref)
        volume.admin_metadata["format"] = src_vref.admin_metadata["format"]
        return told

    create_cloned_volume.__module__ = "cinder.volume.drivers.remotefs"
