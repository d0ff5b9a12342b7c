# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of PersistentVolumes when one node takes the place of another. Pure: objects of the API server to manifests of the same volumes elsewhere."""

from __future__ import annotations

import copy

from ...module_utils.model.errors import StorageError, invalid
from . import names
from .manifests import HOSTNAME, MANAGED_BY, MANAGER, PREFIX, VOLUME_ID
from .planning import hosts_of
from .sources import device_patterns

_KINDS = ("local", "iscsi", "fc")


def moved_volumes(volumes, node, to, attached=()):
    """Return what moves from a node to another: a dict for each PersistentVolume of this collection, in their order.

    :param volumes: PersistentVolumes as the API server returns them; those of others, and those that have nothing to do with ``node``, are left out.
    :param node: value of the label kubernetes.io/hostname of the node that they leave. :param to: that of the one that they go to.
    :param attached: ids of the volumes that the controller has mapped to the node, for volumes whose affinity does not name it.
    :returns: for each: ``name``, ``kind`` and ``source`` (of the spec), ``volume_id``, ``backend``, ``devices`` (patterns under /dev/disk/by-path that
        a node shows while its kubelet is connected), ``secret`` (of the source, or null), ``encrypted`` (by this collection, on the node) and ``manifest``
        (to be made in the old one's place; null where the affinity does not name the node, and so nothing changes).
    :raises StorageError: ``invalid``: a name that is none; a volume that Kubernetes would not keep when its PersistentVolume goes.
    """
    names.labels({HOSTNAME: node}, "node")
    names.labels({HOSTNAME: to}, "to")
    if node == to:
        raise invalid("to", to, "is the node that the volumes leave.")
    found = []
    for volume in volumes:
        metadata, spec = volume["metadata"], volume["spec"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        kind = next((one for one in _KINDS if spec.get(one)), None)
        named = node in hosts_of(spec)
        if labels.get(MANAGED_BY) != MANAGER or kind is None or not (named or labels.get(VOLUME_ID) in attached):
            continue
        found.append(
            {
                "name": metadata["name"],
                "kind": kind,
                "volume_id": labels.get(VOLUME_ID),
                "backend": annotations.get(PREFIX + "backend"),
                "source": spec[kind],
                "devices": device_patterns(kind, spec[kind]),
                "secret": spec[kind].get("secretRef"),
                "encrypted": annotations.get(PREFIX + "encrypted") == "true",
                "manifest": _elsewhere(volume, node, to) if named else None,
            }
        )
    return found


def _elsewhere(volume, node, to):
    """Return a PersistentVolume's manifest with one node in another's place. Its claim stays bound to it: the reference has the claim's uid."""
    metadata, spec = volume["metadata"], copy.deepcopy(volume["spec"])
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy != "Retain":
        raise StorageError(
            "invalid",
            "PersistentVolume %s has the reclaim policy %s, so its data might go when it is replaced. Set it to Retain first." % (metadata["name"], policy),
            "volumes",
        )
    if spec.get("claimRef"):
        spec["claimRef"].pop("resourceVersion", None)
    kept = {key: metadata[key] for key in ("name", "labels", "annotations") if metadata.get(key)}
    return with_node({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": kept, "spec": spec}, node, to)


def with_node(manifest, node, to):
    """Return the manifest of a PersistentVolume whose affinity names a node, with another in its place."""
    manifest = copy.deepcopy(manifest)
    for term in manifest["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]:
        for expression in term.get("matchExpressions") or []:
            if expression["key"] == HOSTNAME and node in (expression.get("values") or []):
                expression["values"] = sorted({to if value == node else value for value in expression["values"]})
    return manifest
