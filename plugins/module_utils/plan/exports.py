# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning exports. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

from ..model.errors import StorageError, missing_parent
from ..model.identity import derive_id
from ..model.replication import ELSEWHERE
from .operations import Operation

ANEW = "(anew)"  # stands for the time of an export that is yet to be renewed
# By these an array knows a host. Two connectors that differ in one are two hosts to it.
IDENTITY_KEYS = ("initiator", "wwpns", "wwnns", "nqn")
# Two hosts that have one of these in common are one host to an array.
_OWN = {"initiator": "iSCSI initiator name", "nqn": "NVMe host name", "nvme_hostid": "NVMe host id", "wwpns": "Fibre Channel port name"}


def plan_export(landscape, wanted):
    """Return the operations that make ``wanted`` (a WantedExport) true.

    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    landscape.backend(wanted.backend)
    volume = landscape.volume(wanted.backend, wanted.volume)
    if wanted.state == "absent":
        current = volume and landscape.mapping(volume, wanted.host)
        if current:
            _refuse_renewed(volume, current, wanted)
        return [delete_export(current, wanted.fenced)] if current else []
    if volume is None:
        raise missing_parent("volume", "there is no volume %r on backend %s." % (wanted.volume, wanted.backend))
    if volume.status not in ("available", "in-use"):
        raise StorageError("conflict", "volume: volume %r is in status %s; it must be available." % (volume.name, volume.status), "volume")
    current = landscape.mapping(volume, wanted.host)
    _refuse_shared(landscape, volume, wanted)
    renewal = []
    if current is not None:
        _refuse_stranger(volume, current, wanted)
        _refuse_elsewhere(volume, current)
        if wanted.renew:
            arguments = {"id": current.id, "volume_id": volume.id, "host": wanted.host}
            renewal = [Operation("renew", "export", wanted.backend, volume.name, arguments)]
        same_paths = current.connector.get("multipath") == wanted.connector.properties.get("multipath")
        if same_paths and current.access_mode == wanted.access_mode:
            return renewal
    action = "create" if current is None else "update"
    arguments = {
        "id": derive_id("export", wanted.backend, "%s/%s" % (volume.id, wanted.host)),
        "volume_id": volume.id,
        "host": wanted.host,
        "connector": dict(wanted.connector.properties, **({"mode": "ro"} if wanted.access_mode == "ro" else {})),
    }
    return renewal + [Operation(action, "export", wanted.backend, volume.name, arguments)]


def delete_export(mapping, fenced=False):
    """Return the operation that unmaps a volume from a host."""
    arguments = {"id": mapping.id, "volume_id": mapping.volume_id, "host": mapping.host, "fenced": fenced}
    if mapping.status == ELSEWHERE:
        arguments["elsewhere"] = True
    return Operation("delete", "export", mapping.backend, mapping.volume_name, arguments)


def _refuse_renewed(volume, current, wanted):
    """Another task attaches the volume there: its device would lose the LUN, which the array may give to another volume at once."""
    if wanted.exported_at in (None, current.exported_at):
        return
    before = "not the one of %s that this task means" % wanted.exported_at if wanted.exported_at else "and there was none when this task began"
    raise StorageError(
        "conflict",
        "volume: another task exported volume %r to %s meanwhile, to attach it there: its export is of %s, %s. It was left mapped, so that what the other "
        "task connects keeps working. If the volume shall be detached all the same, run this task again."
        % (volume.name, current.host, current.exported_at, before),
        "volume",
    )


def _refuse_elsewhere(volume, current):
    """The node's device leads to an array that no longer serves the volume: mapping it anew beside that would let the host write to the old copy."""
    if current.status == ELSEWHERE:
        raise StorageError(
            "conflict",
            "volume: volume %r was attached to %s before backend %s was failed over or back, so the device there leads to the other array. Detach it "
            "(legacy_attachment, state: absent; force where that array is dead), then attach it again."
            % (volume.name, current.host, volume.backend),
            "volume",
        )


def _refuse_stranger(volume, current, wanted):
    """A host that changed its identity, or another one of the same name, must not take an export over: who uses it is not known."""
    for key in IDENTITY_KEYS:
        before, now = current.connector.get(key), wanted.connector.properties.get(key)
        if before != now:
            raise StorageError(
                "conflict",
                "connector: volume %r is mapped to host %r with %s %s, but the connector says %s. If that is one host whose identity changed, detach "
                "the volume first; if they are two hosts, give each a name of its own." % (volume.name, wanted.host, key, before, now),
                "connector",
            )


def identities(properties):
    """Return {name: what kind of name it is} of all names in a connector's properties that no other host may have; names in lower case."""
    found = {}
    for key, kind in _OWN.items():
        value = properties.get(key) or ()
        for name in [value] if isinstance(value, str) else value:
            found[str(name).lower()] = kind
    return found


def refuse_twins(mappings, host, properties):
    """Refuse a connector that another host's has a name in common with.

    :param mappings: exports to whatever hosts.
    :raises StorageError: ``conflict``, with both hosts and the name.
    """
    own = identities(properties)
    for mapping in mappings:
        shared = [] if mapping.host == host else sorted(set(own) & set(identities(mapping.connector)))
        if shared:
            raise StorageError(
                "conflict",
                "connector: hosts %r and %r have the same %s %s, as hosts cloned from one image do. An array takes them for one host, and each would "
                "write to the other's volumes. Give each its own name (role baremetal.legacy_storage.node does). If they are one host that was called "
                "%r before, detach its volumes under that name first." % (mapping.host, host, own[shared[0]], shared[0], mapping.host),
                "connector",
            )


def _refuse_shared(landscape, volume, wanted):
    refuse_twins(landscape.mappings.values(), wanted.host, wanted.connector.properties)
    for mapping in landscape.mappings.values():
        if mapping.host != wanted.host and mapping.volume_id == volume.id and not volume.multiattach:
            raise StorageError(
                "in_use",
                "volume: volume %r is attached to %s. Detach it there first, or create it with "
                "extra_specs multiattach: '<is> True' where the backend offers it." % (volume.name, mapping.host),
                "volume",
            )
