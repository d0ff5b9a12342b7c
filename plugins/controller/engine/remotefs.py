# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cinder's RemoteFS drivers, which keep volumes as files on shares (NFS, Quobyte): what it takes to find and remove what they leave when interrupted.

They tell on which share a new volume lies only once it is complete; without that they delete nothing, and say nothing of it. A snapshot is a file
that the volume is written to from then on, an overlay; and they clone by a snapshot of their own, which is there as long as the data is copied.
"""

from __future__ import annotations

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
