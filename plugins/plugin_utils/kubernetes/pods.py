# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods have to go when a node is drained or replaced, and which would not. Pure. The rules are those of kubectl drain and kubernetes.core.k8s_drain."""

from __future__ import annotations

_ENDED = ("Succeeded", "Failed")
_MIRROR = "kubernetes.io/config.mirror"


def on_node(pods, node):
    """Return the pods that a node has."""
    return [one for one in pods if one["spec"].get("nodeName") == node]


def elsewhere(pods, node):
    """Return which pods run on other nodes, by claim: {(namespace, name): [(pod, node), ...]}."""
    users = {}
    for pod in pods:
        where = pod["spec"].get("nodeName")
        if where not in (None, "", node) and (pod.get("status") or {}).get("phase") == "Running":
            for claim in claims(pod):
                users.setdefault(claim, []).append((pod["metadata"]["name"], where))
    return users


def evicted(pods):
    """Return the pods that draining takes from their node, as namespace/name."""
    return sorted(shown(one) for one in pods if not (_is_mirror(one) or _is_daemon(one)))


def killed(pods):
    """Return those of a dead node that somebody has to delete: those of DaemonSets would come again at once."""
    return [{"namespace": one["metadata"]["namespace"], "name": one["metadata"]["name"]} for one in pods if not (_is_mirror(one) or _is_daemon(one))]


def refused(pods, force, delete_emptydir, claimed):
    """Return why pods of a node would not go, as sentences.

    :param claimed: {claim: PersistentVolume} of those that have to leave the node, with (namespace, name) for the claim.
    """
    problems = []
    live = [one for one in pods if not _is_mirror(one) and not _has_ended(one)]
    # k8s_drain looks for directories before it looks whose a pod is: it would evict those of DaemonSets, too.
    emptied = [shown(one) for one in live if any(volume.get("emptyDir") is not None for volume in one["spec"].get("volumes") or [])]
    if emptied and not delete_emptydir:
        problems.append(
            "drain_delete_emptydir: pods have data in an emptyDir, which goes with them: %s. Say drain_delete_emptydir=true where that may be lost."
            % ", ".join(sorted(emptied))
        )
    bare = [shown(one) for one in live if not one["metadata"].get("ownerReferences")]
    if bare and not force:
        problems.append("drain_force: nobody would start these pods again: %s. Say drain_force=true where they may end for good." % ", ".join(sorted(bare)))
    for pod in pods:
        names = sorted({claimed[claim] for claim in claims(pod) if claim in claimed})
        if names and not _has_ended(pod) and (_is_mirror(pod) or _is_daemon(pod)):
            problems.append(
                "pod %s uses PersistentVolume %s, and draining leaves it, as it is a DaemonSet's or a static one. Stop it first."
                % (shown(pod), ", ".join(names))
            )
    return problems


def shown(pod):
    """Return how messages name a pod."""
    return "%s/%s" % (pod["metadata"].get("namespace"), pod["metadata"]["name"])


def claims(pod):
    """Return the claims that a pod has, as (namespace, name); those that Kubernetes made for it (``ephemeral``) are named after it."""
    found = []
    for volume in pod["spec"].get("volumes") or []:
        made = "%s-%s" % (pod["metadata"]["name"], volume.get("name")) if volume.get("ephemeral") else None
        found.append((volume.get("persistentVolumeClaim") or {}).get("claimName") or made)
    return [(pod["metadata"].get("namespace"), claim) for claim in found if claim]


def _has_ended(pod):
    return (pod.get("status") or {}).get("phase") in _ENDED


def _is_mirror(pod):
    return _MIRROR in (pod["metadata"].get("annotations") or {})


def _is_daemon(pod):
    return any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences") or [])
