# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cinder's RemoteFS drivers, which keep volumes as files on shares (NFS, Quobyte): what it takes to find and remove what they leave when interrupted.

They tell on which share a new volume lies only once it is complete; without that they delete nothing, and say nothing of it. A snapshot is a file
that the volume is written to from then on, an overlay; and they clone by a snapshot of their own, which is there as long as the data is copied.
"""

from __future__ import annotations

import os

_COPYING = ("cinder.volume.drivers.remotefs", "cinder.volume.drivers.quobyte")  # where RemoteFS's own ways of copying are called from
_BASE = "cinder.volume.drivers.remotefs"


def copies(method):
    """Tell whether a driver's method that makes a copy is RemoteFS's own; vendors' drivers for NFS have theirs."""
    return method.__module__ in _COPYING


def keeps_files(driver):
    """Tell whether a driver keeps volumes as RemoteFS does: one file of the volume's name on one of its shares."""
    return copies(driver.create_cloned_volume) and any(cls.__module__ == _BASE for cls in type(driver).__mro__)


def tell_shares(driver, note):
    """Have ``note`` called with a new volume (Cinder's object) and its share before a driver makes the file there."""
    if not keeps_files(driver) or "_find_share" in vars(driver):
        return
    find = driver._find_share

    def find_and_tell(volume):
        share = find(volume)
        note(volume, share)
        return share

    driver._find_share = find_and_tell


def mount(driver, volume):
    """Mount the share that ``volume`` (Cinder's object) is on: on one that is away, drivers take everything for deleted already."""
    if keeps_files(driver) and volume.provider_location:
        driver._ensure_share_mounted(volume.provider_location)


def has_file(driver, volume):
    """Tell whether any share that can be mounted has a file of the name of ``volume`` (Cinder's object)."""
    return any(os.path.lexists(os.path.join(driver._get_mount_point_for_share(share), volume.name)) for share in driver._mounted_shares)


def has_file_of_snapshot(driver, snapshot):
    """Tell whether the overlay that taking ``snapshot`` (Cinder's object) would make is there already."""
    return os.path.lexists(driver._get_new_snap_path(snapshot))


def before_deletion(driver, snapshot):
    """Finish a snapshot's deletion that was interrupted after its overlay was merged and removed, before it was written down which files there are.

    A driver looks for that overlay and never finds it. It removes it only once its content is in the file beneath.
    """
    volume, folder = snapshot.volume, driver._local_volume_dir(snapshot.volume)
    path = driver._local_path_volume_info(volume)
    files = driver._read_info_file(path, empty_if_missing=True)
    merged = files.pop(snapshot.id, None)
    if merged is None or os.path.lexists(os.path.join(folder, merged)):
        return
    active = files.pop("active")
    beneath = {name: driver._qemu_img_info(os.path.join(folder, name), volume.name).backing_file for name in {volume.name, *files.values()}}
    above = [name for name, below in beneath.items() if below == merged]
    if above or active == merged:
        (top,) = set(beneath) - set(beneath.values()) - {active}  # of what the overlay stood on
        for name in above:
            driver._rebase_img(os.path.join(folder, name), top, driver._qemu_img_info(os.path.join(folder, top), volume.name).file_format)
        active = top if active == merged else active
    driver._write_info_file(path, dict(files, active=active))
    if not files and "base_format" in volume.admin_metadata:
        volume.admin_metadata["format"] = volume.admin_metadata["base_format"]


def after_deletion(driver, snapshot):
    """Remove the overlay of a snapshot that was interrupted before anything referred to it; a driver takes that for deleted."""
    path = driver._get_new_snap_path(snapshot)
    files = driver._read_info_file(driver._local_path_volume_info(snapshot.volume), empty_if_missing=True)
    if os.path.lexists(path) and os.path.basename(path) not in files.values():
        driver._delete(path)
