# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which PersistentVolume has which volume: never two of them one, and none is taken for another's. Pure.

Kubernetes knows nothing of it: to it two PersistentVolumes are two volumes, and their pods write to one device at once.
"""

from __future__ import annotations

from .manifests import MANAGED_BY, MANAGER, VOLUME_ID


def find_owned(wanted, known):
    """Return the id of each wanted volume, in the same order: None where it is none of the controller's, or not there yet.

    :param wanted: items of the role's list. :param known: volumes as legacy_volume_info tells them.
    """
    return [_found(item, known) for item in wanted]


def _found(item, known):
    if item.get("source") == "nfs":
        return None
    here = [one for one in known if one["backend"] == item.get("backend")]
    return next((one["id"] for key in ("id", "name") for one in here if one[key] == _name(item)), None)


def _name(item):
    return item.get("volume") or item["name"]


def ownership_problems(item, volume_id, others, volumes, known, nodes=()):
    """Return why the volume that an item names is not its PersistentVolume's, as sentences.

    :param others: ``(item, volume id)`` of the rest of the list.
    :param volumes: the cluster's PersistentVolumes, {name: object}. :param known: volumes as legacy_volume_info tells them.
    :param nodes: the nodes that the item names, by the names that the controller knows them by; empty where it names none.
    """
    if item.get("source") in (None, "nfs"):
        return []
    shown = "%s/%s" % (item.get("backend"), _name(item))
    for other, other_id in others:
        place = (other.get("backend"), _name(other))
        if other.get("source") != "nfs" and (other_id == volume_id if volume_id else place == (item.get("backend"), _name(item))):
            return [
                "volume: %s and %s in the list are both volume %s. A volume belongs to one PersistentVolume: keep one of the two. If it replaces the other, "
                "remove that by a run before." % (item["name"], other["name"], shown)
            ]
    has = _id_of(volumes.get(item["name"]))
    if has and has != volume_id:
        really = next((one for one in known if one["id"] == has), None)
        if volume_id or really:
            return [
                "volume: PersistentVolume %s is volume %s, and not %s. Say that one, or choose another name."
                % (item["name"], "%s/%s (%s)" % (really["backend"], really["name"], has) if really else has, shown)
            ]
    owner = next((name for name, one in sorted(volumes.items()) if name != item["name"] and volume_id and _id_of(one) == volume_id), None)
    if owner is None:
        return [] if has or item.get("state") == "absent" or not nodes else _elsewhere(item, shown, volume_id, known, nodes)
    if item.get("state") == "absent":
        return [
            "volume: %s is PersistentVolume %s's, which needs its mapping and its data. Take %s out of the list; if there is a PersistentVolume %s still, "
            "delete that alone, with kubectl." % (shown, owner, item["name"], item["name"])
        ]
    return [
        "volume: %s is PersistentVolume %s already. Pods of two would write to one device and destroy its data: use that one, or remove it first "
        "(state: absent)." % (shown, owner)
    ]


def _elsewhere(item, shown, volume_id, known, nodes):
    """A volume that no PersistentVolume here has, and that other hosts have, is somebody else's: another cluster's, perhaps."""
    mapped = next((one.get("attached_to") or [] for one in known if one["id"] == volume_id), [])
    others = sorted(set(mapped) - set(nodes))
    if not others:
        return []
    return [
        "volume: %s is no PersistentVolume's here and mapped to %s, which %s does not name. They may write to it, for another cluster perhaps, and pods here "
        "would destroy their data. Choose another name, or detach it there first." % (shown, ", ".join(others), item["name"])
    ]


def _id_of(volume):
    labels = ((volume or {}).get("metadata") or {}).get("labels") or {}
    return labels.get(VOLUME_ID) if labels.get(MANAGED_BY) == MANAGER else None
