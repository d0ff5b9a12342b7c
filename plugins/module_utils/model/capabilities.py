# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a storage system says of its pools, in one form for all drivers. Nothing is guessed: what a driver does not say is None."""

from __future__ import annotations

_NUMBERS = {
    "total_capacity_gb": "total_capacity_gb",
    "free_capacity_gb": "free_capacity_gb",
    "provisioned_capacity_gb": "provisioned_capacity_gb",
    "max_over_subscription_ratio": "max_over_subscription_ratio",
    "reserved_percentage": "reserved_percentage",
}
_ABILITIES = {  # in lower case
    "thin_provisioning": "thin_provisioning_support",
    "thick_provisioning": "thick_provisioning_support",
    "multiattach": "multiattach",
    "qos": "qos_support",  # QoS_support to most drivers, but not to Ceph's
    "online_extend": "online_extend_support",
    "replication": "replication_enabled",
}


def pool_details(stats, group_snapshots=False):
    """Return a dict for each pool of a driver's ``stats``: name, capacities, and under ``capabilities`` what it offers.

    :param group_snapshots: whether the driver has a way to take them. What it says of itself may take that back for a pool, but never make it so.

    A pool that is silent on something has what the backend as a whole says of it, as in Cinder.
    """
    return [
        _pool(group_snapshots, dict({key: value for key, value in stats.items() if key != "pools"}, **pool))
        for pool in stats.get("pools") or ()
    ]


def _pool(group_snapshots, said):
    details = {"name": said.get("pool_name")}
    details.update((key, _number(said.get(source))) for key, source in _NUMBERS.items())
    abilities = {key.lower(): value for key, value in said.items()}
    details["capabilities"] = {key: _truth(abilities.get(source)) for key, source in _ABILITIES.items()}
    declared = _truth(said.get("consistent_group_snapshot_enabled"))
    details["capabilities"]["consistent_group_snapshot"] = group_snapshots and declared is not False
    details["replication_targets"] = list(said.get("replication_targets") or ())
    return details


def _number(value):
    """Drivers write numbers as they like, and Cinder allows the words infinite, unknown and auto."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _truth(value):
    if isinstance(value, str):
        return {"true": True, "<is> true": True, "false": False, "<is> false": False}.get(value.strip().lower())
    return None if value is None else bool(value)
