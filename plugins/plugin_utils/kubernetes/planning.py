# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster holds and what is wanted: may it be done, and what of it. Pure; decides before anything is changed anywhere."""

from __future__ import annotations

from ...module_utils.model.errors import StorageError
from ...module_utils.model.sizes import GIB, parse_size
from . import names
from . import pods as of_pods
from .items import read_items
from .manifests import HOSTNAME, MANAGED_BY, MANAGER, VOLUME_ID, persistent_volume
from .owners import find_owned, ownership_problems
from .sources import device_patterns, export_patterns

_MULTIATTACH = "<is> True"
_KINDS = ("iscsi", "fc", "local", "nfs")
_ENDED = ("Succeeded", "Failed")
# What of an item the manifest takes as it is.
_WISHES = ("name", "access_modes", "volume_mode", "fs_type", "read_only", "storage_class", "mount_options", "claim", "node_labels", "labels", "annotations")
_SOMEWHERE = {"volume_id": "stand-in", "host": "node"}
_STAND_INS = {
    "iscsi": dict(_SOMEWHERE, protocol="iscsi", connection_info={"target_portal": "192.0.2.1:3260", "target_iqn": "iqn.2000-01.invalid:x", "target_lun": 0}),
    "fc": dict(_SOMEWHERE, protocol="fibre_channel", connection_info={"target_wwn": "0" * 16, "target_lun": 0}),
    "local": dict(_SOMEWHERE, path="/dev/null"),
}


def plan_volumes(wanted, cluster):
    """Return one decision (dict) for each wanted volume, in the same order.

    :param wanted: items of the role's ``kubernetes_volumes_list``. One with ``manifest`` is compared with it as well;
        of one with ``export``, ``devices`` are the export's, by whatever protocol, and under /dev/disk/by-id as well.
    :param cluster: ``persistent_volumes``, ``claims``, ``pods`` and ``storage_classes``: lists of objects as the API returns them. Besides, where they are
        known, ``volumes``, as legacy_volume_info tells them, ``hosts``, the label kubernetes.io/hostname of each node that an item names, and
        ``known_as``, the name that the controller knows each of them by, where that is another.
    :returns: for each: ``name``, ``state``, ``problems`` (sentences; when there are any, nothing may be changed), ``exists``,
        ``claim`` (name and namespace of the claim that is there and bound to it, or null), ``grows`` (``from``, ``to``, or null), ``claim_size``
        (what its claim may ask for, or null), ``kind`` (of the source that is there, or null), ``devices`` (patterns under
        /dev/disk/by-path that nodes show while they use it), ``secret`` (of the source that is there, or null), ``hosts`` (nodes that the
        affinity names), ``path`` (of a local source) and ``extra_specs`` (all that its volume should have, or null where they stay as they are).
    """
    seen, wanted = _Cluster(cluster), read_items(wanted)
    owned = list(zip(wanted, find_owned(wanted, seen.known)))
    decisions = []
    for place, (item, volume_id) in enumerate(owned):
        decision = _absent(item, seen) if item.get("state") == "absent" else _present(item, seen)
        if not decision["problems"]:
            decision["extra_specs"] = _extra_specs(item, next((one for one in seen.known if one["id"] == volume_id), {}))
            decision["problems"] = ownership_problems(item, volume_id, owned[:place], seen.volumes, seen.known, seen.called(_nodes(item)))
        decisions.append(decision)
    return decisions


class _Cluster:
    def __init__(self, told):
        self.volumes = {one["metadata"]["name"]: one for one in told.get("persistent_volumes") or []}
        self.claims = {_key(one["metadata"]): one for one in told.get("claims") or []}
        self.pods = [one for one in told.get("pods") or [] if (one.get("status") or {}).get("phase") not in _ENDED]
        self.known = told.get("volumes") or []
        self.hosts = told.get("hosts") or {}
        self.known_as = told.get("known_as") or {}
        self.growing_classes = {one["metadata"]["name"] for one in told.get("storage_classes") or [] if one.get("allowVolumeExpansion")}

    def called(self, nodes):
        """Return nodes by the names that the controller knows them by."""
        return [self.known_as.get(node, node) for node in nodes]

    def users(self, claim):
        """Return the names of the pods that have a claim and have not ended."""
        return sorted(pod["metadata"]["name"] for pod in self.pods if _key(claim) in of_pods.claims(pod))


def _key(reference):
    return reference.get("namespace"), reference["name"]


def _reference(key):
    return {"namespace": key[0], "name": key[1]}


def _decision(item, volume):
    spec = volume["spec"] if volume else {}
    kind = next((one for one in _KINDS if spec.get(one)), None)
    source = spec.get(kind) or {}
    reference = source.get("secretRef")
    return {
        "name": item["name"],
        "state": item.get("state") or "present",
        "problems": [],
        "exists": volume is not None,
        "claim": None,
        "grows": None,
        "claim_size": None,
        "kind": kind,
        "devices": export_patterns(item["export"]) if item.get("export") else device_patterns(kind, source),
        "secret": {"name": reference["name"], "namespace": reference.get("namespace")} if reference else None,
        "hosts": hosts_of(spec),
        "path": source.get("path") if kind == "local" else None,
        "extra_specs": None,
    }


def hosts_of(spec):
    """Return the nodes that an affinity names, by their label kubernetes.io/hostname."""
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
    found = {
        host for term in terms for one in term.get("matchExpressions") or [] if one["key"] == HOSTNAME and one["operator"] == "In" for host in one["values"]
    }
    return sorted(found)


def _nodes(item):
    """Return the nodes that an item names."""
    named = {"iscsi": item.get("nodes"), "fc": item.get("nodes"), "local": [item.get("node")]}.get(item.get("source"))
    return [node for node in named or [] if node]


def _extra_specs(item, volume):
    """Return all extra specs that a volume should have, None where nothing is said of them. Several nodes are let in only by ``multiattach``."""
    said = item.get("extra_specs")
    if item.get("source") not in ("iscsi", "fc") or len(_nodes(item)) < 2:
        return said or None
    specs = dict(said or volume.get("extra_specs") or {})
    if str(specs.get("multiattach")).lower() != _MULTIATTACH.lower():
        specs["multiattach"] = _MULTIATTACH
    return specs


def _wanted_hosts(item, seen):
    """Return the nodes that an item names, by their label kubernetes.io/hostname; None where it names none."""
    named = _nodes(item)
    return sorted({seen.hosts[node] for node in named}) if named and all(node in seen.hosts for node in named) else None


def _stranger(item, volume):
    if (volume["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER:
        return []
    return [
        "name: there is a PersistentVolume %s that this collection did not make (it lacks the label %s=%s). Choose another name."
        % (item["name"], MANAGED_BY, MANAGER)
    ]


def _bound_claim(volume, seen):
    """Return the claim (object) that has a volume, or None: one that is gone, or another of its name, does not count."""
    reference = volume["spec"].get("claimRef")
    claim = seen.claims.get(_key(reference)) if reference else None
    if claim is None or reference.get("uid") not in (None, claim["metadata"].get("uid")):
        return None
    return claim if claim["spec"].get("volumeName") in (None, "", volume["metadata"]["name"]) else None


def _absent(item, seen):
    volume = seen.volumes.get(item["name"])
    decision = _decision(item, volume)
    if volume is None:
        return decision
    problems = decision["problems"]
    problems.extend(_stranger(item, volume))
    wanted_hosts = _wanted_hosts(item, seen)
    left = sorted(set(decision["hosts"]) - set(wanted_hosts or decision["hosts"]))
    if left and not problems:
        problems.append(
            "%s: PersistentVolume %s names %s as well, where its volume would stay mapped. Name all of its nodes: %s."
            % ("node" if item["source"] == "local" else "nodes", item["name"], ", ".join(left), ", ".join(decision["hosts"]))
        )
    claim = _bound_claim(volume, seen)
    if claim is not None and not problems:
        decision["claim"] = _reference(_key(claim["metadata"]))
        shown = "%s/%s" % _key(claim["metadata"])
        users = seen.users(decision["claim"])
        if users:
            problems.append(
                "state: claim %s of PersistentVolume %s is used by %s. Delete what runs there first; a volume is never taken from a pod."
                % (shown, item["name"], ", ".join("pod " + user for user in users))
            )
        elif not item.get("remove_claim"):
            problems.append(
                "state: PersistentVolume %s is bound to claim %s. Delete the claim first, or say remove_claim: true. The volume's data stays "
                "on the storage system unless delete_volume says otherwise." % (item["name"], shown)
            )
    return decision


def _wish_problems(item):
    """Return what is wrong with a wish itself, before the storage system is asked for anything: rendered as if the volume were somewhere."""
    value = _STAND_INS.get(item.get("source")) or {"server": item.get("server"), "path": item.get("path")}
    keywords = {key: item[key] for key in _WISHES if item.get(key) is not None}
    try:
        persistent_volume(value, size=item.get("size") or 1, **keywords)
    except StorageError as error:
        return ["%s: %s" % (item["name"], error.message)]
    return []


def _present(item, seen):
    volume = seen.volumes.get(item["name"])
    decision = _decision(item, volume)
    problems = decision["problems"]
    if item.get("source"):
        problems.extend(_wish_problems(item))
        if problems:
            return decision
    wanted_claim = _wanted_claim(item)
    claim = seen.claims.get(wanted_claim) if wanted_claim else None
    if volume is not None:
        problems.extend(_stranger(item, volume) or _compare(item, volume, wanted_claim, seen))
        if not problems:
            decision["grows"] = _growth(item, volume, problems)
    if claim is not None:
        problems.extend(_compare_claim(item, claim))
        decision["claim"] = _reference(wanted_claim)
    if wanted_claim and not problems:
        decision["claim_size"] = _claim_size(item, claim, seen)
    return decision


def _wanted_claim(item):
    claim = item.get("claim")
    return (claim["namespace"], claim["name"]) if claim else None


def _compare(item, volume, wanted_claim, seen):
    """Return a sentence for each thing that cannot be made of a PersistentVolume that is there."""
    spec, name = volume["spec"], item["name"]
    if volume["metadata"].get("deletionTimestamp"):
        return ["name: PersistentVolume %s is being deleted. Wait until it is gone." % name]
    problems = []
    mode = spec.get("volumeMode") or "Filesystem"
    if item.get("volume_mode", "Filesystem") != mode:
        problems.append("volume_mode: PersistentVolume %s has %s, which Kubernetes does not change. Remove it first (state: absent)." % (name, mode))
    reference = spec.get("claimRef")
    if reference and wanted_claim and _key(reference) != wanted_claim:
        problems.append(
            "claim: PersistentVolume %s is reserved for %s/%s, whose data is in it. Remove it first (state: absent) to give the volume to somebody else."
            % ((name,) + _key(reference))
        )
    elif (volume.get("status") or {}).get("phase") == "Released":
        problems.append(
            "claim: PersistentVolume %s is released: its claim %s/%s was deleted, and Kubernetes does not bind it again. Remove it first (state: absent); "
            "the data stays." % ((name,) + _key(reference or {"name": "?"}))
        )
    if _bound_claim(volume, seen) is not None:
        for parameter, field, default in (("access_modes", "accessModes", ["ReadWriteOnce"]), ("storage_class", "storageClassName", "")):
            has, wants = spec.get(field) or type(default)(), item.get(parameter) or default
            if sorted(has) != sorted(wants) if isinstance(has, list) else has != wants:
                problems.append("%s: PersistentVolume %s has %s, and is bound. Remove it first (state: absent)." % (parameter, name, has or "none"))
    hosts = _wanted_hosts(item, seen) if item.get("manifest") is None and item.get("node_labels") is None else None
    if hosts is not None and hosts_of(spec) != hosts:
        problems.append(_other_nodes(name, hosts_of(spec), hosts))
    return problems + _drift(item.get("manifest"), volume)


def _other_nodes(name, has, wants):
    return (
        "nodes: PersistentVolume %s is bound to nodes %s, wanted are %s. Kubernetes does not change that: remove it first (state: absent), and use "
        "node_labels where nodes come and go." % (name, ", ".join(has) or "by labels", ", ".join(wants) or "by labels")
    )


def _drift(manifest, volume):
    """Source and node affinity never change: said here, in words that name the volume, before the API server says it."""
    if not manifest:
        return []
    name, problems = volume["metadata"]["name"], []
    wanted, there = manifest["spec"], volume["spec"]
    was, will = (((one["metadata"].get("labels") or {}).get(VOLUME_ID)) for one in (volume, manifest))
    if was != will:
        return ["volume: PersistentVolume %s is volume %s, not %s. Remove it first (state: absent), or choose another name." % (name, was or "of nobody", will)]
    for kind in _KINDS:
        if _bare(wanted.get(kind)) != _bare(there.get(kind)):
            problems.append(
                "source: PersistentVolume %s leads elsewhere (%s) than the volume is now (%s). Kubernetes does not change that: remove it first "
                "(state: absent)."
                % (name, _shown(there), _shown(wanted))
            )
            break
    if wanted.get("nodeAffinity") != there.get("nodeAffinity"):
        problems.append(_other_nodes(name, hosts_of(there), hosts_of(wanted)))
    return problems


def _bare(source):
    """A source without what the API server puts in, or leaves out, by itself."""
    defaults = {"iscsiInterface": "default"}
    return {key: value for key, value in (source or {}).items() if value not in (None, False, "") and defaults.get(key) != value}


def _shown(spec):
    kind = next((one for one in _KINDS if spec.get(one)), "?")
    parts = _bare(spec.get(kind))
    return "%s: %s" % (kind, ", ".join("%s=%s" % (key, parts[key]) for key in sorted(parts) if key != "secretRef"))


def _growth(item, volume, problems):
    if item.get("size") is None:
        return None
    try:
        wanted = parse_size(item["size"]) * GIB
    except StorageError as error:
        problems.append(error.message)
        return None
    capacity = volume["spec"]["capacity"]["storage"]
    now = names.bytes_of(capacity)
    if wanted < now:
        problems.append(
            "size: %s is less than PersistentVolume %s has (%s). Volumes never shrink; give at least that." % (item["size"], item["name"], capacity)
        )
        return None
    return {"from": capacity, "to": "%dGi" % (wanted // GIB)} if wanted > now else None


def _compare_claim(item, claim):
    spec, shown = claim["spec"], "%s/%s" % _key(claim["metadata"])
    if claim["metadata"].get("deletionTimestamp"):
        return ["claim: %s is being deleted. Wait until it is gone." % shown]
    if spec.get("volumeName") not in (None, "", item["name"]):
        return ["claim: %s has another PersistentVolume, %s. Choose another name for the claim." % (shown, spec["volumeName"])]
    if spec.get("volumeName"):
        return []
    problems = []
    for parameter, has, wants in (
        ("storage_class", spec.get("storageClassName") or "", item.get("storage_class") or ""),
        ("volume_mode", spec.get("volumeMode") or "Filesystem", item.get("volume_mode") or "Filesystem"),
        ("access_modes", sorted(spec.get("accessModes") or []), sorted(item.get("access_modes") or ["ReadWriteOnce"])),
    ):
        if has != wants:
            problems.append(
                "%s: claim %s has %s, and Kubernetes does not change that. Delete the claim, which has no volume yet." % (parameter, shown, has or "none")
            )
    return problems


def _claim_size(item, claim, seen):
    """Return what the claim may ask for: all of the volume, or what it asks for now where Kubernetes would refuse more.

    The admission plugin PersistentVolumeClaimResize lets a bound claim grow only when it has a class with allowVolumeExpansion.
    """
    wanted = "%dGi" % parse_size(item["size"]) if item.get("size") is not None else None
    if claim is None:
        return wanted
    asked = claim["spec"]["resources"]["requests"]["storage"]
    if (claim["spec"].get("storageClassName") or "") in seen.growing_classes and wanted and names.bytes_of(wanted) > names.bytes_of(asked):
        return wanted
    return asked
