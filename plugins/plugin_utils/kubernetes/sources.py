# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what the collection's modules return to the source of a PersistentVolume: where the kubelet finds the volume. Pure.

Limits are those of Kubernetes' own validation (pkg/apis/core/validation) and of what its volume plugins do on the node.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ...module_utils.model.attachment import stable_link
from ...module_utils.model.errors import StorageError, invalid

_PROTOCOLS = {"iscsi": "iscsi", "fibre_channel": "fc"}
_IQN = re.compile(r"iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+(:[^,;*&$|\s]+)?")
_EUI = re.compile(r"eui\.[A-Za-z0-9]{16}")
_NAA = re.compile(r"naa\.[A-Za-z0-9]{32}")
_WWN = re.compile(r"[0-9a-f]{16}")
_HIGHEST_LUN = 255
_FLAT_SPACE = 0x4000
_LINKS = {"iscsi": "ip-*-iscsi-%s-lun-%s", "fc": "*fc-0x%s-lun-%s"}
BLOCK = ("iscsi", "fc", "local")


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the kubelet finds a volume.

    :param kind: ``iscsi``, ``fc``, ``local`` or ``nfs``: the field of a PersistentVolume's spec.
    :param spec: that field's content; what belongs to the wish (fsType, readOnly, secretRef) is not in it.
    :param hosts: the nodes that can reach it, by the names that the controller knows them by; empty where that is not known.
    :param size: GiB, ``None`` where it is not known.
    :param identity: ``volume_id``, ``volume_name`` and ``backend`` of the volume, and ``encrypted`` where its node encrypts it; empty for directories.
    """

    kind: str
    spec: t.Dict[str, t.Any]
    hosts: t.Tuple[str, ...] = ()
    size: t.Optional[int] = None
    identity: t.Dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def chap(self):
        """Whether the kubelet needs a Secret to log in."""
        return bool(self.spec.get("chapAuthSession") or self.spec.get("chapAuthDiscovery"))


def find_source(value):
    """Return the Source of an export, a list of exports of one volume (one for each node), an attachment, or ``{server, path}``.

    Results of list tasks (``{"export": …}``) count as what they hold.

    :raises StorageError: ``invalid`` or ``unsupported``: what Kubernetes cannot reach, naming the field.
    """
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    parts = [_unwrapped(item) for item in items]
    if not parts:
        raise StorageError("invalid", "value: the list is empty. Pass the exports of one volume, at least one.", "value")
    if "server" in parts[0]:
        return _only(parts, _nfs)
    if "path" in parts[0]:
        return _only(parts, _local)
    return _exported(parts)


def _unwrapped(item):
    if item is None:
        item = {"export": None}
    if not isinstance(item, dict):
        raise invalid("value", item, "is neither an export, an attachment nor a dictionary with server and path.")
    for wrapper in ("export", "attachment"):
        if wrapper in item:
            if item.get("failed"):
                raise StorageError("invalid", "value: the task that should have made this %s failed: %s" % (wrapper, item.get("msg")), "value")
            item = item[wrapper]
            break
    if item is None:
        raise StorageError(
            "invalid", "value: there is no export yet. In check mode a task that would make one returns null; leave the filter out then.", "value"
        )
    return dict(item)


def _only(parts, make):
    if len(parts) > 1:
        raise StorageError("invalid", "value: a PersistentVolume takes one of these, and there are %d." % len(parts), "value")
    return make(parts[0])


def _nfs(part):
    server, path = part.get("server"), part.get("path")
    if not server or not isinstance(server, str) or re.search(r"[\s/]", server):
        raise invalid("server", server, "is no host name or address.")
    return Source("nfs", {"server": str(server), "path": absolute(path, "path")})


def _local(part):
    if part.get("protocol") in ("nfs", "glusterfs", "quobyte", "smbfs", "vzstorage", "file"):
        raise StorageError(
            "unsupported",
            "value: volume %r is a file on the node (%s), not a block device, and Kubernetes mounts only devices and directories."
            % (part.get("volume_name"), part["protocol"]),
            "value",
        )
    if part.get("state") == "absent" or not part.get("host"):
        raise invalid("value", part.get("volume_name"), "is not attached to a node. Pass the attachment that legacy_attachment returned.")
    return Source("local", {"path": absolute(part["path"], "path")}, (part["host"],), _whole(part.get("size")), _identity(part))


def _exported(parts):
    for part in parts:
        missing = [field for field in ("volume_id", "host", "protocol", "connection_info") if not part.get(field)]
        if missing:
            raise StorageError("invalid", "value: an export lacks %s. Pass what legacy_export returned." % ", ".join(missing), "value")
    first = parts[0]
    make = {"iscsi": _iscsi, "fc": _fc}.get(_PROTOCOLS.get(first["protocol"]))
    if make is None:
        raise StorageError(
            "unsupported",
            "value: volume %r is exported by %s, for which Kubernetes has no source of its own. Attach it to the node (legacy_attachment) "
            "and pass the attachment: source local takes any block device." % (first.get("volume_name"), first["protocol"]),
            "value",
        )
    sources = [(part["host"], _PROTOCOLS[first["protocol"]], make(part)) for part in parts if _same_volume(first, part)]
    for host, _kind, spec in sources[1:]:
        if spec != sources[0][2]:
            raise StorageError(
                "unsupported",
                "value: %s reaches volume %r by %s, but %s by %s. A PersistentVolume has one source for all nodes; export the volume to fewer "
                "nodes, or let the storage system give all of them the same target and LUN."
                % (sources[0][0], first.get("volume_name"), _shown(sources[0][2]), host, _shown(spec)),
                "value",
            )
    hosts = tuple(sorted({host for host, _kind, _spec in sources}))
    return Source(sources[0][1], sources[0][2], hosts, _whole(first.get("size")), _identity(first))


def _same_volume(first, part):
    if (part["volume_id"], part["protocol"]) != (first["volume_id"], first["protocol"]):
        raise StorageError(
            "invalid",
            "value: holds exports of %s by %s and of %s by %s. Pass those of one volume."
            % (first.get("volume_name"), first["protocol"], part.get("volume_name"), part["protocol"]),
            "value",
        )
    return True


def _shown(spec):
    return ", ".join("%s %s" % (key, "/".join(value) if isinstance(value, list) else value) for key, value in sorted(spec.items()))


def _iscsi(part):
    info = part["connection_info"]
    _refuse_encrypted(part, info)
    portal, iqn = info.get("target_portal"), info.get("target_iqn")
    if not portal or not iqn:
        # Drivers that know several paths need not name a first one.
        portal, iqn = (portal or _first(info, "target_portals")), (iqn or _first(info, "target_iqns"))
    if not portal:
        raise invalid("connection_info.target_portal", portal, "is missing: the driver told no portal.")
    if not any(pattern.fullmatch(str(iqn)) for pattern in (_IQN, _EUI, _NAA)):
        raise invalid("connection_info.target_iqn", iqn, "is no target name that Kubernetes accepts (iqn., eui. or naa.).")
    number = info.get("target_lun")
    lun = _lun(_first(info, "target_luns") if number is None else number)
    spec = {"targetPortal": str(portal), "iqn": str(iqn), "lun": lun}
    portals = _other_portals(info, spec)
    if portals:
        spec["portals"] = portals
    if info.get("auth_method"):
        _refuse_other_methods("auth_method", info["auth_method"])
        spec["chapAuthSession"] = True
    if info.get("discovery_auth_method"):
        _refuse_other_methods("discovery_auth_method", info["discovery_auth_method"])
        spec["chapAuthDiscovery"] = True
    return spec


def _first(info, name):
    values = info.get(name) or [None]
    return values[0]


def _other_portals(info, spec):
    """Return the further portals of the same target and LUN; the source has one name and one number for all portals."""
    portals = info.get("target_portals") or []
    iqns = info.get("target_iqns") or [spec["iqn"]] * len(portals)
    luns = info.get("target_luns") or [spec["lun"]] * len(portals)
    same = [str(portal) for portal, iqn, lun in zip(portals, iqns, luns) if iqn == spec["iqn"] and int(lun) == spec["lun"]]
    return sorted(set(same) - {spec["targetPortal"]})


def _refuse_other_methods(name, method):
    if str(method).upper() != "CHAP":
        raise StorageError("unsupported", "connection_info.%s: %r: the kubelet knows only CHAP." % (name, method), "value")


def _fc(part):
    info = part["connection_info"]
    _refuse_encrypted(part, info)
    told = info.get("target_wwn")
    if told is None:
        told = info.get("target_wwns")
    ports = sorted({_wwn(one) for one in ([told] if isinstance(told, str) else told or [])})
    if not ports:
        raise invalid("connection_info.target_wwn", told, "is empty: the driver told no port of the storage system.")
    numbers = {_lun(one) for one in info.get("target_luns") or [info.get("target_lun")]}
    if len(numbers) > 1:
        raise StorageError(
            "unsupported",
            "connection_info.target_luns: volume %r has LUN %s at different ports. A PersistentVolume has one number for all ports."
            % (part.get("volume_name"), " and ".join(map(str, sorted(numbers)))),
            "value",
        )
    return {"targetWWNs": ports, "lun": numbers.pop()}


def _wwn(value):
    word = str(value).lower().replace(":", "")
    word = word[2:] if word.startswith("0x") else word
    if not _WWN.fullmatch(word):
        raise invalid("connection_info.target_wwn", value, "is no port name: 16 hexadecimal digits.")
    return word


def _lun(value):
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if isinstance(value, bool) or not 0 <= number <= _HIGHEST_LUN:
        raise StorageError(
            "unsupported",
            "connection_info.target_lun: %r: Kubernetes accepts LUNs from 0 to %d. Unmap volumes of this node that nobody needs, or attach this one and "
            "use source local." % (value, _HIGHEST_LUN),
            "value",
        )
    return number


def _refuse_encrypted(part, info):
    if info.get("encrypted"):
        raise StorageError(
            "unsupported",
            "value: volume %r is encrypted. The kubelet cannot open it, and would format it; attach it and use source local." % part.get("volume_name"),
            "value",
        )


def absolute(path, parameter):
    """Return ``path`` if Kubernetes takes it: absolute, without ``..``. Raises StorageError ``invalid``."""
    if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
        raise invalid(parameter, path, "must be an absolute path without '..'.")
    return str(path)


def _whole(size):
    return int(size) if size else None


def _identity(part):
    told = {name: str(part[name]) for name in ("volume_id", "volume_name", "backend") if part.get(name)}
    return dict(told, encrypted="true") if part.get("encryption") else told


def device_patterns(kind, spec):
    """Return glob patterns of the links under /dev/disk/by-path that a node has while the kubelet is connected to a source."""
    if kind == "iscsi":
        return [_LINKS[kind] % (_literal(spec["iqn"]), spec["lun"])]
    if kind == "fc":
        return [_LINKS[kind] % (port, spec["lun"]) for port in spec.get("targetWWNs") or []]
    return []


def export_patterns(export):
    """Return glob patterns of the links under /dev/disk/by-path and by-id that a node has while anybody there uses an export.

    Nothing is refused: what is to be taken away need not be what Kubernetes could reach.
    """
    info = export.get("connection_info") or {}
    kind = _PROTOCOLS.get(export.get("protocol"))
    names = {"iscsi": ("target_iqns", "target_iqn"), "fc": ("target_wwns", "target_wwn")}.get(kind, ())
    told = next((info[name] for name in names if info.get(name)), [])
    ports = [told] if isinstance(told, str) else told
    luns = info.get("target_luns") or [info.get("target_lun")]
    found = [stable_link(export["volume_id"]).rpartition("/")[2]]
    for port, lun in zip(ports, luns * len(ports) if len(luns) == 1 else luns):
        name = _literal(port) if kind == "iscsi" else str(port).lower().replace(":", "").removeprefix("0x")
        found.extend(_LINKS[kind] % (name, number) for number in _lun_names(lun, info.get("addressing_mode")))
    return sorted(set(found))


def _lun_names(lun, mode):
    """Return how udev may write a LUN (path_id): from 256 on in hexadecimal, and most arrays give such numbers in flat space addressing."""
    if not str(lun).isdigit():
        return []
    numbers = [int(lun)] + [int(lun) + _FLAT_SPACE] * (int(lun) > _HIGHEST_LUN or mode == "SAM3-flat")
    return [str(one) if one <= _HIGHEST_LUN else "0x%04x%04x00000000" % (one & 0xFFFF, one >> 16 & 0xFFFF) for one in numbers]


def _literal(text):
    return re.sub(r"([*?\[])", r"[\1]", text)
