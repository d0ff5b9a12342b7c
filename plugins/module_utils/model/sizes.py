# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes as people write them, in whole GiB as Cinder counts them."""

from __future__ import annotations

import re

from .errors import StorageError, invalid

GIB = 1024**3
_UNITS = {"": GIB, "b": 1}
for _power, _letter in enumerate("kmgtp", start=1):
    for _suffix in ("", "b", "ib"):
        _UNITS[_letter + _suffix] = 1024**_power
LARGEST = 2**31 - 1  # GiB, 2 ZiB: what a database's integer holds
_LONGEST = 100  # characters; Python reads no number of more than 4300 digits
_SIZE = re.compile(r"^\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)\s*$")


def parse_size(value, parameter="size"):
    """Return a size in GiB (an int of at least 1) from ``10``, ``10GiB``, ``10 G`` or ``1TiB``.

    A bare number means GiB. All units are powers of 1024, as in Cinder, LVM and ansible.builtin.human_to_bytes.

    :raises StorageError: code ``invalid`` when it is no size, or no whole number of GiB up to ``LARGEST``.
    """
    if (isinstance(value, int) and abs(value) > LARGEST) or (isinstance(value, str) and len(value) > _LONGEST):
        raise _too_large(parameter)
    match = _SIZE.match(str(value)) if not isinstance(value, bool) else None
    if match is None or match.group("unit").lower() not in _UNITS:
        raise invalid(parameter, value, "is not a size. Write whole GiB, as in 10, 10GiB, 10 G or 1TiB.")
    unit = _UNITS[match.group("unit").lower()]
    whole, dot, fraction = match.group("number").partition(".")
    scale = 10 ** len(fraction)
    numerator = int(whole + fraction) * unit
    size, remainder = divmod(numerator, scale * GIB)
    if remainder or size < 1:
        raise invalid(parameter, value, "must be a whole number of GiB, at least 1. Storage systems behind Cinder count in GiB.")
    if size > LARGEST:
        raise _too_large(parameter)
    return size


def _too_large(parameter):
    """The error about a number that is best not repeated."""
    return StorageError(
        "invalid", "%s: is more than the largest size there can be, %d GiB. Write whole GiB, as in 10." % (parameter, LARGEST), parameter
    )
