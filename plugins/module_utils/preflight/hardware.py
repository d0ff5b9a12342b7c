# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells one machine from all others, as sysfs shows it: the fingerprint of ``plan/machines.py``."""

from __future__ import annotations

from ..plan.machines import fingerprint

_DMI = "/sys/class/dmi/id/"
_NET = "/sys/class/net/"
_PERMANENT = "0"  # NET_ADDR_PERM, <linux/netdevice.h>


def look(machine):
    """Return the fingerprint of a Machine. The firmware's part is for root alone to see."""
    macs = [_permanent(machine, _NET + name) for name in machine.names(_NET) if _is_adapter(machine, _NET + name)]
    return fingerprint(machine.text(_DMI + "product_uuid"), machine.text(_DMI + "product_serial"), macs)


def _is_adapter(machine, folder):
    """Bridges, bonds, VLANs and the ends of containers have no device below them, and virtual functions are not there at each boot."""
    return machine.is_there(folder + "/device") and not machine.is_there(folder + "/device/physfn")


def _permanent(machine, folder):
    """Return the address that an adapter was made with. One that somebody set may be set by the same file on a copy; a random one changes."""
    under_bond = machine.text(folder + "/bonding_slave/perm_hwaddr")
    if under_bond:
        return under_bond
    return machine.text(folder + "/address") if machine.text(folder + "/addr_assign_type") in ("", _PERMANENT) else ""
