# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk's serial out of VPD page 0x83, as udev and multipath call it."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import scsi

EXTENDED = bytes.fromhex("6001405309c19a76a5f4ce398272f655")
PLAIN = bytes.fromhex("5000c500a1b2c3d4")


@pytest.mark.parametrize(
    ("designators", "serial"),
    [
        ([(1, 3, EXTENDED)], "36001405309c19a76a5f4ce398272f655"),
        # LIO gives a T10 vendor id first; the registered NAA name wins.
        ([(2, 1, b"LIO-ORG hh1:309c19a7"), (1, 3, EXTENDED)], "36001405309c19a76a5f4ce398272f655"),
        # Extended before plain, whatever comes first.
        ([(1, 3, PLAIN), (1, 3, EXTENDED)], "36001405309c19a76a5f4ce398272f655"),
        ([(1, 3, PLAIN)], "35000c500a1b2c3d4"),
        ([(1, 2, bytes.fromhex("0025385b71b00a1c"))], "20025385b71b00a1c"),
        ([(2, 1, b"ATA     disk one\0\0")], "1ATA_disk_one"),
        # The name of a target port is not the disk's.
        ([(1, 0x13, PLAIN)], None),
        ([], None),
    ],
)
def test_serial(vpd_page, designators, serial):
    assert scsi.serial_of_page(vpd_page(*designators)) == serial


def test_vendor_specific_names_carry_vendor_and_model(vpd_page):
    assert scsi.serial_of_page(vpd_page((2, 0, b"A/1")), "ACME", "Disk") == "0ACME_Disk_A_1"


@pytest.mark.parametrize("page", [b"", b"\0\x83", b"\0\x83\0\xff\x01\x03\0", b"\0\x83\0\x08\x01\x03\0\x40abc"])
def test_a_cut_page_does_not_break(page):
    assert scsi.serial_of_page(page) in (None, "3616263")


def test_no_answer_is_no_serial(tmp_path):
    plain = tmp_path / "no-disk"
    plain.write_bytes(b"")
    assert scsi.ask_serial(str(plain)) is None
    assert scsi.ask_serial(str(tmp_path / "missing")) is None
