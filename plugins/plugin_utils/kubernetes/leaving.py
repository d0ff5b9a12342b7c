# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done when volumes leave a node of a cluster for another, and what is in the way. Pure; decides before anything is changed anywhere.

An unfinished run left a note (a ConfigMap): what it had set out to move. A PersistentVolume that is gone is made again by it.
"""

from __future__ import annotations

import json

from . import pods as of_pods
from .manifests import HOSTNAME
from .moving import moved_volumes, with_node
from .planning import hosts_of

_OURS_TO_REMOVE = {"kubernetes.io/pv-protection"}
# Whether the node is dead for good: the playbook's words for the two nodes.
_PARAMETERS = {False: ("drain_node", "drain_to"), True: ("replace_node", "replace_by")}
_ENCRYPTED = {
    False: "PersistentVolume %s: its volume is encrypted on %s, and its key is not this playbook's. Detach it there, and attach it on %s by a task with "
    "encryption.",
    True: "PersistentVolume %s: its volume is encrypted, and its key is not this playbook's. Take it back from %s (legacy_attachment, state: absent, "
    "fenced: true), attach it on %s by a task with encryption, and run this again.",
}


def plan_leaving(cluster, node, to, volumes, held=(), node_names=None, gone=False, force=False, delete_emptydir=False, further=False):
    """Return what is to be done.

    :param cluster: ``persistent_volumes``, ``pods`` and ``nodes``, as the API returns them, and ``note``: the list of ConfigMaps with the note, perhaps empty.
    :param node: the node that volumes leave, by the name that the controller knows it by. :param to: that of the node that they go to.
    :param volumes: all volumes that the controller knows, as legacy_volume_info tells them. :param held: what the controller tells of
        its exports, then what the node tells of its attachments; of two on one volume the later counts.
    :param node_names: labels kubernetes.io/hostname of nodes that the controller knows by another name.
    :param gone: the node is dead for good; otherwise it answers, and comes back. :param force: as kubectl drain's, and so ``delete_emptydir``.
    :param further: whether there are other controllers; what only they know waits for a run with them, unless this one knows nothing that moves.
    :returns: ``problems`` (sentences; where there are any, nothing may be changed), ``node`` (name of the Node, or null), ``cordoned``, ``moves``
        (as moved_volumes, and ``replace``: whether the PersistentVolume is to be deleted, to be made or neither), ``stays`` (name and why), ``theirs``
        (sentences of what waits for a run with another controller), ``devices`` (all that the node shows while kubelets use any of them), ``mapped`` (what
        the controller has mapped to the node), ``evicted`` and ``killed`` (pods), ``note`` and ``noted``.
    """
    plan = _Plan(cluster, node, to, volumes, node_names or {}, gone, further)
    plan.read_nodes()
    plan.read_note()
    plan.read_volumes({one["volume_id"]: one for one in held})
    pods = of_pods.on_node(cluster["pods"], plan.node)
    problems = plan.problems
    if not gone:
        problems.extend(of_pods.refused(pods, force, delete_emptydir, {claim: name for name, claim in plan.claims.items()}))
    return {
        "problems": problems,
        "node": plan.node if plan.found else None,
        "cordoned": plan.cordoned,
        "moves": plan.moves,
        "stays": plan.stays,
        "theirs": plan.theirs,
        "devices": sorted(set(plan.devices)),
        "mapped": plan.mapped,
        "evicted": of_pods.evicted(pods),
        "killed": of_pods.killed(pods),
        "note": {"to": plan.to_label, "host": to, "moves": json.dumps(plan.moves, sort_keys=True)},
        "noted": plan.noted is not None,
    }


class _Plan:
    def __init__(self, cluster, node, to, volumes, node_names, gone, further):
        self.cluster, self.node_host, self.to_host, self.gone, self.further = cluster, node, to, gone, further
        self.label, self.to_label = str(node_names.get(node, node)), str(node_names.get(to, to))
        self.volumes = {one["id"]: one for one in volumes}
        self.known = {one["metadata"]["name"]: one for one in cluster["persistent_volumes"]}
        self.problems, self.moves, self.stays, self.theirs, self.devices = [], [], [], [], []
        self.claims = {}

    # Nodes

    def read_nodes(self):
        """Find both Nodes by their label, and refuse a node that cannot take the volumes, or one said to be dead that is not."""
        parameter, to_parameter = _PARAMETERS[self.gone]
        leaving, target = self._node(self.label), self._node(self.to_label)
        self.found = leaving is not None
        self.cordoned = bool(leaving and leaving["spec"].get("unschedulable"))
        self.node = leaving["metadata"]["name"] if leaving else self.label
        if leaving is None and not self.gone:
            self.problems.append(_no_node(parameter, self.label))
        if leaving is not None and self.gone and _ready(leaving):
            self.problems.append(
                "%s: the kubelet of %s reported to the API server within the last minute (Ready), so it is not dead. Fence it, and wait until it is NotReady; "
                "or use drain_node." % (parameter, self.node)
            )
        if target is None:
            self.problems.append(_no_node(to_parameter, self.to_label))
        elif not _ready(target) or target["spec"].get("unschedulable"):
            self.problems.append(
                "%s: node %s is %s, so no pod would start there. Choose another." % (to_parameter, self.to_label, "cordoned" if _ready(target) else "not Ready")
            )

    def _node(self, label):
        return next((one for one in self.cluster["nodes"] if (one["metadata"].get("labels") or {}).get(HOSTNAME) == label), None)

    # What an unfinished run noted

    def read_note(self):
        """Read it, without what has moved on since; for another target than that run's, refuse what it has mapped there and has not ended."""
        self.noted = next((one["data"] for one in self.cluster.get("note") or []), None)
        self.moving = {}
        if self.noted is None:
            return
        before = self.noted["to"]
        self.moving = {one["name"]: one for one in json.loads(self.noted["moves"]) if not self._moved_on(one["name"], before)}
        if before == self.to_label:
            return
        host = self.noted.get("host", before)
        begun = sorted(name for name, one in self.moving.items() if host in self._mapped_to(one))
        if begun:
            self.problems.append(
                "%s: a run that did not end was moving volumes of %s to %s, and has mapped these there: %s. Finish that first, by the same playbook with that "
                "node; or take them back from there (legacy_export, state: absent; with fenced: true where that node is dead)."
                % (_PARAMETERS[self.gone][1], self.label, before, ", ".join(begun))
            )
        for one in self.moving.values():
            one["manifest"] = one["manifest"] and with_node(one["manifest"], before, self.to_label)

    def _moved_on(self, name, before):
        """Whether a PersistentVolume is no business of the note any more: that run had done with it, and it may have moved again since."""
        names = hosts_of(self.known[name]["spec"]) if name in self.known else []
        return bool(names) and self.label not in names and not (before == self.to_label and before in names)

    # Volumes

    def read_volumes(self, held):
        """Tell apart what moves and what stays; held is {volume id: what the node tells of its attachment}."""
        there = [one["id"] for one in self.volumes.values() if self.node_host in one["attached_to"]]
        found = moved_volumes(self.known.values(), self.label, self.to_label, there)
        # By the other direction: which ones name the node that they would go to.
        named = {one["name"] for one in moved_volumes(self.known.values(), self.to_label, self.label)}
        users = of_pods.elsewhere(self.cluster["pods"], self.node)
        # What is noted is this run's to end: its PersistentVolume may be gone.
        leave = self.further and any(one["volume_id"] in self.volumes for one in found + list(self.moving.values()))
        for move in found:
            volume = self.known[move["name"]]
            claim = _claim_of(volume)
            self.claims[move["name"]] = claim
            self.devices.extend(move["devices"])
            if move["volume_id"] not in self.volumes:
                (self.theirs if leave and move["name"] not in self.moving else self.problems).append(_unknown(move))
                continue
            why = None if move["name"] in self.moving else self._stays(move, named, users.get(claim))
            if why:
                self.stays.append({"name": move["name"], "why": why})
                continue
            self._refuse(move, volume)
            noted = self.moving.get(move["name"]) or {}
            told = held.get(move["volume_id"]) or noted
            backend = self.volumes[move["volume_id"]]["backend"]
            kept = {part: told.get(part, noted.get(part)) for part in ("access_mode", "multipath")}  # an export tells no multipath
            self.moves.append(dict(move, backend=backend, replace="delete" if move["manifest"] else None, **kept))
            if told.get("encryption") or move["encrypted"] and not self._on_target(move):
                self.problems.append(_ENCRYPTED[self.gone] % (move["name"], self.node_host, self.to_host))
        for name in sorted(set(self.moving) - {one["name"] for one in found}):
            noted = self.moving[name]
            if name not in self.known and noted["manifest"] is None:
                continue  # somebody else's doing: this playbook would not have deleted it
            if noted["volume_id"] not in self.volumes:
                self.problems.append(_unknown(noted))
                continue
            self.devices.extend(noted["devices"])
            self.moves.append(dict(noted, replace=None if name in self.known else "make"))
        ids = {one["volume_id"] for one in found + self.moves}
        self.mapped = [{"backend": self.volumes[one]["backend"], "volume": one} for one in there if one in ids]

    def _mapped_to(self, move):
        return self.volumes[move["volume_id"]]["attached_to"] if move["volume_id"] in self.volumes else []

    def _on_target(self, move):
        return self.to_host in self._mapped_to(move)

    def _stays(self, move, named, users):
        """Return why a volume stays as it is, or None."""
        if move["kind"] == "local":
            return None
        if move["manifest"] and users:
            return "it is used by %s" % ", ".join("pod %s on %s" % user for user in users)
        has = move["name"] in named if move["manifest"] else self._on_target(move)
        return "%s may run its pods already" % self.to_label if has and not self.gone else None

    def _refuse(self, move, volume):
        metadata = volume["metadata"]
        others = sorted(set(metadata.get("finalizers") or []) - _OURS_TO_REMOVE)
        if move["manifest"] and others:
            self.problems.append(
                "PersistentVolume %s cannot be replaced: somebody else keeps it by the finalizer %s. Have that removed first."
                % (move["name"], ", ".join(others))
            )
        if metadata.get("deletionTimestamp") and move["name"] not in self.moving:
            self.problems.append("PersistentVolume %s is being deleted. Wait until it is gone." % move["name"])


def _unknown(move):
    return "PersistentVolume %s: its volume %s is not known to this controller. Say by storage_controller which one has it." % (
        move["name"],
        move["volume_id"],
    )


def _no_node(parameter, label):
    return "%s: the cluster has no Node with the label %s=%s. Say by %s_node_names what it is called there." % (
        parameter,
        HOSTNAME,
        label,
        parameter.partition("_")[0],
    )


def _ready(node):
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _claim_of(volume):
    reference = volume["spec"].get("claimRef")
    return (reference.get("namespace"), reference["name"]) if reference else None
