# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CHAP credentials on their way from sealed exports into Secrets: what is asked of the controller, and what is taken out of its answer. Pure."""

from __future__ import annotations

import base64

from ...module_utils.model.errors import StorageError
from ...module_utils.model.redaction import HIDDEN
from .manifests import chap_secret

_FIELDS = {"auth_method": ("auth_username", "auth_password"), "discovery_auth_method": ("discovery_auth_username", "discovery_auth_password")}


def wanted_secrets(arguments):
    """Return the Secrets that a task's (validated) arguments ask for: dicts with backend, volume, name and namespace.

    :raises StorageError: ``invalid`` where one of these is missing.
    """
    listed = arguments["secrets"]
    items = [dict(arguments)] if listed is None else listed
    wanted = []
    for place, item in enumerate(items):
        one = {part: item.get(part) or arguments.get(part) for part in ("backend", "volume", "name", "namespace")}
        for part, value in one.items():
            if not value:
                parameter = part if listed is None else "secrets[%d].%s" % (place, part)
                raise StorageError("invalid", "%s: is required." % parameter, parameter)
        wanted.append(one)
    return wanted


def export_requests(wanted, connectors, public_key):
    """Return legacy_export's items: each volume for each node, sealed to ``public_key`` instead of to the node."""
    return [
        {"backend": item["backend"], "volume": item["volume"], "connector": dict(connector, sealing_key=public_key), "state": "present"}
        for item in wanted
        for connector in connectors
    ]


def take_credentials(item, exports, unseal):
    """Return the credentials in a volume's exports: empty where it needs none, ``None`` where there is no export yet (check mode).

    :param exports: results of legacy_export, one for each node.
    :param unseal: (sealed text) to connection_info.
    :raises StorageError: ``unsupported`` when the nodes have different ones: a PersistentVolume names one Secret.
    """
    found = []
    for result in exports:
        export = result.get("export") or {}
        if not export.get("sealed_connection_info"):
            return None
        found.append((export["host"], _credentials(unseal(export["sealed_connection_info"]))))
    for host, credentials in found[1:]:
        if credentials != found[0][1]:
            raise StorageError(
                "unsupported",
                "volume: the storage system gave %s and %s different CHAP credentials for volume %r. A PersistentVolume names one Secret for all nodes; "
                "export it to one node, or attach it and use source local." % (found[0][0], host, item["volume"]),
                "volume",
            )
    return found[0][1]


def _credentials(connection_info):
    if connection_info.get("driver_volume_type") != "iscsi":
        return {}
    data = connection_info.get("data") or {}
    return {field: data.get(field) for method, fields in _FIELDS.items() if data.get(method) for field in fields}


def render(item, credentials):
    """Return the manifest of one Secret."""
    return chap_secret(credentials, item["name"], item["namespace"])


def hide(text, credentials):
    """Return ``text`` without any of the values in a list of credentials, neither as they are nor as a Secret encodes them."""
    values = {value for one in credentials for value in (one or {}).values() if value}
    values |= {base64.b64encode(value.encode("utf-8")).decode("ascii") for value in values}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text
