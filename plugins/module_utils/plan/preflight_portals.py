# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where nodes will have to reach to: the portals that backends' options and exports name. Pure."""

from __future__ import annotations

from ..model.errors import StorageError

_ISCSI = 3260
# Cinder's own options for where its targets listen; $my_ip and the like are known to cinder alone.
# What a vendor's driver calls them is not known; its exports tell.
_ADDRESSES = ("target_ip_address", "iscsi_ip_address", "target_secondary_ip_addresses", "iscsi_secondary_ip_addresses")
_PORTS = ("target_port", "iscsi_port")
_NFS = 2049


def portals(backends, exports=()):
    """Return the portals that backends and exports name, each once, as ``address:port``.

    :param backends: as legacy_backend_info returns them. :param exports: as legacy_export_info returns them; their portals are what storage systems said.
    :raises StorageError: ``invalid``, when they are nothing of the kind.
    """
    for items, title in ((backends, "backends"), (exports, "exports")):
        if not isinstance(items, (list, tuple)) or not all(isinstance(item, dict) for item in items):
            raise StorageError("invalid", "%s: give the list that the module returned." % title)
    found = []
    for backend in backends:
        options = backend.get("options") or {}
        port = next((options[key] for key in _PORTS if options.get(key)), _ISCSI)
        for key in _ADDRESSES:
            found += [_portal(address, port) for address in _listed(options.get(key)) if address not in ("0.0.0.0", "::") and address[0] != "$"]
        found += [_portal(address, _NFS) for address in _listed(options.get("nas_host"))]
    for export in exports:
        data = export.get("connection_info") or {}
        data = data.get("data", data)
        protocol = str(export.get("protocol") or "").lower()
        if protocol in ("iscsi", "iser"):
            found += [str(text).partition(",")[0] for text in _listed(data.get("target_portals") or data.get("target_portal"))]
        elif protocol == "nfs" and ":/" in str(data.get("export") or ""):
            found.append(_portal(data["export"].partition(":/")[0], _NFS))
        elif protocol == "rbd":
            found += [_portal(address, port) for address, port in zip(_listed(data.get("hosts")), _listed(data.get("ports")))]
        elif protocol in ("nvmeof", "nvme"):
            found += [_portal(one[0], one[1]) for one in data.get("portals") or () if len(one) > 2 and str(one[2]).lower() == "tcp"]
    return sorted(set(found))


def _listed(value):
    if not value:
        return []
    items = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return [str(item).strip() for item in items if str(item).strip()]


def _portal(address, port):
    return ("[%s]:%s" if ":" in address and not address.startswith("[") else "%s:%s") % (address, port)
