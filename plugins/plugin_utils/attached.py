# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From volumes to the hosts that have them. Pure: no I/O."""

from __future__ import annotations

from ..module_utils.model.attachment import stable_link

_PARTS = {"backend": str, "name": str, "id": str, "size": int, "attached_to": list}


def check_listing(listing):
    """Return the volumes of a listing, which is what ``legacy_volume_info`` returns or a part of it.

    :raises ValueError: where it is something else; the text says what is wrong.
    """
    volumes = listing.get("volumes") if isinstance(listing, dict) else None
    if not isinstance(volumes, list):
        raise ValueError("it must be a dictionary with a list called volumes, as the playbook attachments_listing writes it")
    for place, volume in enumerate(volumes):
        for part, kind in _PARTS.items():
            if not isinstance(volume, dict) or not isinstance(volume.get(part), kind):
                raise ValueError("volumes[%d].%s must be %s" % (place, part, {str: "a text", int: "a number", list: "a list"}[kind]))
    return volumes


def hosts_of(volumes):
    """Return ``{host: [attachment, ...]}`` of the volumes that are attached, hosts and attachments in a fixed order.

    An attachment has ``backend``, ``volume_name``, ``volume_id``, ``size`` (GiB), ``path`` (the stable one) and ``metadata``.
    """
    hosts = {}
    for volume in sorted(volumes, key=lambda one: (one["backend"], one["name"])):
        for host in volume["attached_to"]:
            hosts.setdefault(host, []).append({
                "backend": volume["backend"],
                "volume_name": volume["name"],
                "volume_id": volume["id"],
                "size": volume["size"],
                "path": stable_link(volume["id"]),
                "metadata": volume.get("metadata") or {},
            })
    return dict(sorted(hosts.items()))
