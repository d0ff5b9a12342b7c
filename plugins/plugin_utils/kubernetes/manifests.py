# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests of PersistentVolumes, their claims, and Secrets with CHAP credentials. Pure: dictionaries from dictionaries."""

from __future__ import annotations

import base64
import re

from ...module_utils.model.errors import StorageError, invalid
from ...module_utils.model.redaction import HIDDEN
from ...module_utils.model.sizes import GIB, parse_size
from . import names
from .items import truth
from .sources import BLOCK, find_source

PREFIX = "baremetal.legacy-storage/"
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "baremetal.legacy_storage"
HOSTNAME = "kubernetes.io/hostname"
VOLUME_ID = PREFIX + "volume-id"
ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany")
VOLUME_MODES = ("Filesystem", "Block")
_FS_TYPE = re.compile(r"[a-z0-9][a-z0-9._-]*")
# (what connection_info calls it, what the kubelet calls it)
_SESSION = (("auth_username", "node.session.auth.username"), ("auth_password", "node.session.auth.password"))
_DISCOVERY = (
    ("discovery_auth_username", "discovery.sendtargets.auth.username"),
    ("discovery_auth_password", "discovery.sendtargets.auth.password"),
)


def persistent_volume(
    value,
    name,
    access_modes=("ReadWriteOnce",),
    volume_mode="Filesystem",
    fs_type=None,
    read_only=None,
    size=None,
    storage_class="",
    reclaim_policy="Retain",
    mount_options=(),
    claim=None,
    chap_secret=None,
    node_names=None,
    node_labels=None,
    labels=None,
    annotations=None,
):
    """Return the manifest of a PersistentVolume for what ``value`` leads to; see the filter's documentation.

    :param value: what :func:`.sources.find_source` takes.
    :raises StorageError: what Kubernetes would not accept, or would accept and lose data with, naming the parameter.
    """
    source = find_source(value)
    read_only = None if read_only is None else truth(read_only, "read_only")
    modes = _access_modes(access_modes, source.kind, _one_of(volume_mode, "volume_mode", VOLUME_MODES), read_only)
    content = dict(source.spec)
    if volume_mode == "Block":
        _refuse_for_block(source.kind, fs_type, mount_options)
    elif source.kind == "nfs" and fs_type is not None:
        raise invalid("fs_type", fs_type, "has no meaning for nfs, whose file system is the server's.")
    elif fs_type is not None:
        if not isinstance(fs_type, str) or not _FS_TYPE.fullmatch(fs_type):
            raise invalid("fs_type", fs_type, "is no file system, such as ext4 or xfs.")
        content["fsType"] = str(fs_type)
    if read_only or modes == ["ReadOnlyMany"]:
        if source.kind == "local":
            raise invalid("read_only", read_only, "is not offered by source local. Let the pod mount it with readOnly.")
        content["readOnly"] = True
    if source.chap:
        content["secretRef"] = _secret_reference(chap_secret)
    spec = {
        "capacity": {"storage": "%dGi" % _size(size, source)},
        "accessModes": modes,
        "volumeMode": str(volume_mode),
        "persistentVolumeReclaimPolicy": _reclaim_policy(reclaim_policy),
        source.kind: content,
    }
    if storage_class:
        spec["storageClassName"] = names.subdomain(storage_class, "storage_class")
    if mount_options:
        spec["mountOptions"] = _mount_options(mount_options)
    if claim:
        spec["claimRef"] = dict({"apiVersion": "v1", "kind": "PersistentVolumeClaim"}, **_reference(claim, "claim"))
    affinity = _affinity(source, node_names, node_labels)
    if affinity:
        spec["nodeAffinity"] = affinity
    metadata = _metadata(names.subdomain(name, "name"), labels, annotations, source.identity)
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def persistent_volume_claim(volume, name=None, namespace=None, size=None, labels=None, annotations=None):
    """Return the manifest of the claim that only ``volume`` (a manifest of :func:`persistent_volume`) can satisfy.

    :param name: defaults, as ``namespace``, to what the volume is reserved for; another than that is refused.
    :param size: GiB or with a unit; by default the volume's. A claim may ask for less than its volume has.
    """
    try:
        spec, reserved = volume["spec"], volume["spec"].get("claimRef") or {}
        capacity, modes, volume_name = spec["capacity"]["storage"], spec["accessModes"], volume["metadata"]["name"]
    except (KeyError, TypeError, AttributeError) as error:
        raise StorageError("invalid", "volume: lacks %s. Pass what the filter persistent_volume returned." % error, "volume") from error
    target = {}
    for parameter, given in (("name", name), ("namespace", namespace)):
        if given and reserved and given != reserved[parameter]:
            raise invalid(parameter, given, "is not what PersistentVolume %s is reserved for: %s/%s." % (volume_name, reserved["namespace"], reserved["name"]))
        target[parameter] = given or reserved.get(parameter)
    target = _reference(target, None)
    request = capacity
    if size is not None:
        request = "%dGi" % parse_size(size)
        if names.bytes_of(request) > names.bytes_of(capacity):
            raise invalid("size", size, "is more than PersistentVolume %s has (%s)." % (volume_name, capacity))
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": dict(_metadata(target["name"], labels, annotations, {}), namespace=target["namespace"]),
        "spec": {
            "accessModes": list(modes),
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            "resources": {"requests": {"storage": request}},
            # Empty is not missing: where it is missing, the cluster's default class is put in, and then another volume is made.
            "storageClassName": spec.get("storageClassName", ""),
            "volumeName": volume_name,
        },
    }


def chap_secret(credentials, name, namespace, labels=None, annotations=None):
    """Return the manifest of the Secret that the kubelet logs in with.

    :param credentials: ``auth_username`` and ``auth_password``, or the same with ``discovery_`` before, or both: as connection_info calls them.
    :raises StorageError: ``invalid``; its message never holds a value.
    """
    if not isinstance(credentials, dict):
        raise StorageError("invalid", "credentials: must be a dictionary with auth_username and auth_password.", "credentials")
    data = {}
    for pair in (_SESSION, _DISCOVERY):
        if any(credentials.get(field) for field, _word in pair):
            for field, word in pair:
                data[word] = _encoded(credentials.get(field), field)
    if not data:
        raise StorageError("invalid", "credentials: hold neither auth_username and auth_password nor discovery_auth_username and …_password.", "credentials")
    target = _reference({"name": name, "namespace": namespace}, None)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": dict(_metadata(target["name"], labels, annotations, {}), namespace=target["namespace"]),
        "type": "kubernetes.io/iscsi-chap",
        "data": data,
    }


def _encoded(value, field):
    if not value or not isinstance(value, str):
        raise StorageError("invalid", "credentials.%s: is missing." % field, "credentials")
    if value.startswith(HIDDEN):
        raise StorageError(
            "invalid",
            "credentials.%s: is what results show instead of it. legacy_chap_secret gets it from the controller, and keeps it out of the play." % field,
            "credentials",
        )
    return base64.b64encode(value.encode("utf-8")).decode("ascii")


def _one_of(value, parameter, choices):
    if value not in choices:
        raise invalid(parameter, value, "must be one of %s." % ", ".join(choices))
    return value


def _access_modes(value, kind, volume_mode, read_only):
    modes = list(value) if isinstance(value, (list, tuple)) else [value]
    if not modes:
        raise invalid("access_modes", modes, "must name at least one.")
    if "ReadWriteOncePod" in modes:
        raise invalid("access_modes", "ReadWriteOncePod", "is supported by Kubernetes for CSI volumes only. Use ReadWriteOnce.")
    for mode in modes:
        _one_of(mode, "access_modes", ACCESS_MODES)
    modes = [str(mode) for mode in ACCESS_MODES if mode in modes]
    if kind in BLOCK:
        _refuse_unsafe_modes(modes, kind, volume_mode)
    if read_only and "ReadWriteMany" in modes or read_only is False and modes == ["ReadOnlyMany"]:
        raise invalid("read_only", read_only, "contradicts access_modes %s." % ", ".join(modes))
    return modes


def _refuse_unsafe_modes(modes, kind, volume_mode):
    """One device may be at two nodes, but nothing there keeps a file system that both mount from being destroyed."""
    if len(modes) > 1:
        raise invalid("access_modes", modes, "are several. A volume of source %s has one: nothing would keep a node from writing while others read." % kind)
    if kind == "local" and modes != ["ReadWriteOnce"]:
        raise invalid("access_modes", modes[0], "is not possible for source local, which is at one node. Use ReadWriteOnce.")
    if modes == ["ReadWriteMany"] and volume_mode != "Block":
        raise invalid(
            "access_modes",
            modes[0],
            "destroys an ordinary file system on source %s. Use volume_mode Block with an application that knows of the other writers, or nfs." % kind,
        )


def _refuse_for_block(kind, fs_type, mount_options):
    if kind == "nfs":
        raise invalid("volume_mode", "Block", "is not possible for nfs, which has no device.")
    if fs_type is not None:
        raise invalid("fs_type", fs_type, "has no meaning with volume_mode Block.")
    if mount_options:
        raise invalid("mount_options", list(mount_options), "have no meaning with volume_mode Block.")


def _secret_reference(wanted):
    if not wanted:
        raise StorageError(
            "invalid",
            "chap_secret: the storage system wants CHAP, so name the Secret that holds the credentials, as in {name: data-chap, namespace: kube-system}. "
            "legacy_chap_secret makes it.",
            "chap_secret",
        )
    return _reference(wanted, "chap_secret")


def _reference(wanted, parameter):
    if not isinstance(wanted, dict) or set(wanted) - {"name", "namespace"}:
        raise invalid(parameter, wanted, "must be a dictionary with name and namespace.")
    inside = "%s." % parameter if parameter else ""
    return {
        "name": names.subdomain(wanted.get("name"), inside + "name"),
        "namespace": names.label_name(wanted.get("namespace"), inside + "namespace"),
    }


def _size(size, source):
    if size is None:
        if source.size is None:
            raise StorageError("invalid", "size: is needed, since nothing tells how large this %s is." % source.kind, "size")
        return source.size
    whole = parse_size(size)
    if source.size is not None and whole > source.size:
        raise invalid("size", size, "is more than volume %r has (%d GiB). Let the volume grow first." % (source.identity.get("volume_name"), source.size))
    if whole * GIB >= 2**63:
        raise invalid("size", size, "is more than Kubernetes can count.")
    return whole


def _reclaim_policy(value):
    if value in ("Delete", "Recycle"):
        raise invalid(
            "reclaim_policy",
            value,
            "is not possible: in the cluster there is nobody who could delete such a volume, and Recycle erases it. Use Retain; "
            "legacy_volume deletes the volume when you say so.",
        )
    return str(_one_of(value, "reclaim_policy", ("Retain",)))


def _mount_options(value):
    if isinstance(value, str) or not all(isinstance(one, str) and one and not re.search(r"[\s,]", one) for one in value):
        raise invalid("mount_options", value, "must be a list of single options, such as noatime.")
    return [str(one) for one in value]


def _affinity(source, node_names, node_labels):
    """Return which nodes a pod may run on: those that the volume was exported to, unless told by labels."""
    if node_labels is not None:
        if source.kind == "local":
            raise invalid("node_labels", node_labels, "is not possible for source local, which is at one node: it is named by its host name.")
        wanted = names.labels(node_labels, "node_labels")
        expressions = [{"key": name, "operator": "In", "values": [value]} for name, value in sorted(wanted.items())]
    else:
        known = node_names or {}
        if not isinstance(known, dict):
            raise invalid("node_names", node_names, "must be a dictionary of the node's names in the inventory and in Kubernetes.")
        hosts = sorted({str(known.get(host, host)) for host in source.hosts})
        for host in hosts:
            names.labels({HOSTNAME: host}, "node_names")
        expressions = [{"key": HOSTNAME, "operator": "In", "values": hosts}] if hosts else []
    if not expressions:
        return None
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": expressions}]}}


def _metadata(name, labels, annotations, identity):
    shown = {"labels": names.labels(labels, "labels"), "annotations": names.annotations(annotations, "annotations")}
    for parameter, given in shown.items():
        taken = sorted(key for key in given if key.startswith(PREFIX) or key == MANAGED_BY)
        if taken:
            raise invalid(parameter, taken[0], "is set by the collection itself, which finds its volumes by it.")
    shown["labels"][MANAGED_BY] = MANAGER
    if "volume_id" in identity:
        shown["labels"][VOLUME_ID] = identity["volume_id"]
    for field in ("backend", "volume_name", "encrypted"):
        if field in identity:
            shown["annotations"][PREFIX + field.replace("_", "-")] = identity[field]
    return dict({"name": str(name)}, **{key: value for key, value in shown.items() if value})
