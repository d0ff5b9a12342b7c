# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""multipathd is told of a disk by the name that it knows the disk by, also while udev is still at work."""

from __future__ import annotations

import types

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import multipathd

NAA, T10 = "36001405ebb255500a644e2e91f05ad1a", "1LIO-ORG_IBLOCK:a5e85165-00d9-4159-a4df-05ac6a5e1cc8"


@pytest.mark.parametrize(
    "link, wwid, mpath, name",
    [
        (T10, NAA, None, ""),
        ("SLIO-ORG_IBLOCK_a5e85165", NAA, None, ""),
        (NAA, NAA, None, NAA),
        (T10, T10, None, T10),
        (T10, "", None, T10),
        ("", NAA, None, ""),
        (T10, NAA, "dm-0", T10),
    ],
)
def test_a_name_that_only_udevs_first_link_bears_is_asked_for_again(link, wwid, mpath, name):
    scsi = types.SimpleNamespace(get_sysfs_wwn=lambda names, mpath=None: link, get_sysfs_wwid=lambda names: wwid)
    multipathd.wait_for_its_name(scsi)
    assert scsi.get_sysfs_wwn(["sda"], mpath) == name
