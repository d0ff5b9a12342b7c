# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Cinder's LVM driver leaves on the source of a clone when it is interrupted, in a volume group without a thin pool."""

from __future__ import annotations


def delete_clone_snapshot(driver, volume):
    """Delete the snapshot that a clone (``volume``, Cinder's object) is copied from, as the driver does when it has copied; nothing for other drivers.

    As long as it is there, its source cannot be deleted, and each write to that costs another one.
    """
    if not any(cls.__module__ == "cinder.volume.drivers.lvm" for cls in type(driver).__mro__) or driver.configuration.lvm_type == "thin":
        return
    name = "clone-snap-%s" % volume.id  # nobody else's can be meant
    found = driver.vg.get_volume(name)
    if found is not None:
        size = int(float(found["size"]))  # GiB, of which the driver writes zeros if it is told to clear what it deletes
        driver.delete_snapshot({"id": "tmp-snap-%s" % volume.id, "name": name, "size": size, "volume_size": size})
