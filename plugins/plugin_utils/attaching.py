# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What legacy_attachment asks of node and controller, and what it makes of their answers. Pure: no I/O.

A :class:`Progress` is one wanted attachment on its way: what was asked, what the two halves have answered so far.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..module_utils.model.attachment import UNREADABLE, stable_link
from ..module_utils.plan.difference import collect

# The parts of a node's record and of an export that a user gets to see.
_EXPORT_PARTS = ("volume_id", "volume_name", "protocol", "size", "connection_info")
_NODE_PARTS = ("path", "device", "multipath_id", "paths", "encryption")


@dataclasses.dataclass
class Progress:
    """One wanted attachment, and what became of it so far.

    :param record: the node's record of it before the task, or ``None``.
    :param export: the controller's Export as a dict, or ``None`` where there is none (or none yet, in check mode).
    :param connection: the node's attachment after the task, or ``None``.
    :param fresh: the export was made by this task, so this task may take it back.
    :param volume_id: of the volume that a detaching item means, None where the controller does not know it.
    :param exported_at: tells the one export that this task may unmap from those that other tasks make meanwhile. None where there is none.
    :param listed: that export as a listing tells it, of a detaching item that the node has no record of: it says where to look for the device.
    """

    backend: str
    volume: str
    state: str
    multipath: str
    access_mode: str = "rw"
    encryption: t.Optional[dict] = dataclasses.field(default=None, repr=False)
    record: t.Optional[dict] = None
    export: t.Optional[dict] = None
    connection: t.Optional[dict] = None
    changed: bool = False
    fresh: bool = False
    volume_id: t.Optional[str] = None
    exported_at: t.Optional[str] = None
    listed: t.Optional[dict] = None
    operations: t.List[dict] = dataclasses.field(default_factory=list)
    error: t.Optional[str] = None

    @property
    def name(self):
        """How messages and diffs call it."""
        return "%s/%s" % (self.backend, (self.export or self.record or {}).get("volume_name") or self.volume)


def wanted(arguments):
    """Return the list of Progress that the task's (validated) arguments ask for; the single form makes a list of one.

    What an item leaves out is as the task says.
    """
    items = arguments["attachments"] if arguments.get("attachments") is not None else [arguments]
    keys = ("backend", "volume", "state", "multipath", "access_mode", "encryption")
    return [Progress(**{key: item.get(key) or arguments.get(key) for key in keys}) for item in items]


def find_record(records, backend, volume):
    """Return the node's record of a volume named by name or id on ``backend``, or ``None``."""
    for record in records:
        if record.get("backend") == backend and volume in (record.get("volume_name"), record.get("volume_id")):
            return record
    return None


def refused_name(told, here, hosts, node_name=None):
    """Return why a node's own name is refused, ``None`` where it is not.

    A name that is none of the inventory's may be that of before a renaming; that of another host of the inventory is a copied disk's, most likely, and
    a task for a copy would detach what its original uses.

    :param told: the name that the node tells. :param here: the host of the inventory that was asked. :param hosts: all names in the inventory.
    :param node_name: what the task, or the host's variable, says the node is called.
    """
    if told in (here, node_name) or told not in hosts:
        return None
    return (
        "node_name: host %r says that it is the node %r, which is another host of the inventory. If it has a copy of that one's disk, detach nothing, and "
        "apply the role baremetal.legacy_storage.node to it with node_machine: copied. If both are names of one host, say node_name: %s. Nothing was changed."
        % (here, told, told)
    )


def names_to_resolve(item, records):
    """Return the names and ids by which the controller must be asked what volume and which export a detaching item means.

    A node's record keeps the name of the day it was attached: since then the volume may have been renamed, and its name given to another. Of a
    record that cannot be read only the id is known.
    """
    if item.state == "present" and not any(record.get("state") == UNREADABLE for record in records):
        return []
    return [item.volume] + ([item.record["volume_id"]] if item.record else [])


def resolve(item, records, volumes, host):
    """Give an item the node's record of the volume that bears its name now, and the export of that volume to ``host``.

    :param volumes: what the controller knows by :func:`names_to_resolve`; a volume it knows no longer goes by the record alone.
    """
    known = {volume["id"]: volume for volume in volumes if volume.get("backend") == item.backend}
    meant = next((volume for volume in known.values() if item.volume in (volume["name"], volume["id"])), None)
    if meant is not None:
        item.volume_id = meant["id"]
        item.exported_at = (meant.get("exported_at") or {}).get(host)
        item.record = find_record(records, item.backend, meant["id"])
    elif item.record and item.record["volume_id"] in known:
        item.record = None


def to_disconnect(item):
    """Tell whether the node must be asked before the volume is unmapped: also where it had no record a moment ago, since another task may attach it."""
    return item.state == "absent" and not item.error and bool(item.record or item.exported_at)


def is_unknown_there(item):
    """Tell whether the node knows nothing of what is to be disconnected: another than this collection may have connected it, as a kubelet does."""
    return item.record is None and item.exported_at is not None


def take_listing(items, exports):
    """Give items their exports out of a listing."""
    for item in items:
        item.listed = next((one for one in exports if (one["volume_id"], one["exported_at"]) == (item.volume_id, item.exported_at)), None)


def is_unmapped(item):
    """Tell whether there is nothing to unmap of a detaching item: what is exported after this task looked is another task's."""
    return item.state == "absent" and item.volume_id is not None and item.exported_at is None


def recognize(item, records):
    """Give an attaching item the node's record of the volume that the controller means by its name."""
    if item.state == "present" and item.export:
        item.record = find_record(records, item.backend, item.export["volume_id"])


def is_unrecorded(item):
    """Tell whether an export was there of which the node has no whole record: a task that detaches the volume may be about to unmap it."""
    found = item.state == "present" and not item.error and item.export and not item.fresh
    return bool(found) and (item.record is None or item.record.get("state", "connected") != "connected")


def refuse_unreadable(items, records, volumes):
    """Give an error to each item whose record on the node cannot be read: nobody knows what the node holds of its volume.

    :param volumes: what the controller knows by :func:`names_to_resolve`.
    """
    unreadable = {record["volume_id"]: record for record in records if record.get("state") == UNREADABLE}
    for item in items:
        ids = {item.volume} | {volume["id"] for volume in volumes if volume.get("backend") == item.backend and volume["name"] == item.volume}
        for volume_id in sorted(ids & set(unreadable)):
            item.error = unreadable[volume_id]["problems"][0]


def refuse_twice(items, volumes):
    """Give an error to each item of a volume that stands in the list twice, also once by name and once by id: which one is meant?

    The node is asked first where a volume is detached, so it must be seen before that. Of two that attach, the controller tells it.

    :param volumes: what the controller knows by :func:`names_to_resolve`.
    """
    names = {(volume.get("backend"), volume["id"]): volume["name"] for volume in volumes}
    called = [{item.volume, item.volume_id, names.get((item.backend, item.volume_id))} - {None} for item in items]
    for place, item in enumerate(items):
        same = [other for number, other in enumerate(items) if number != place and other.backend == item.backend and called[number] & called[place]]
        if same and "absent" in [item.state, *(other.state for other in same)]:
            item.error = "attachments: %s and %s stand in one list for the same volume. Keep one; nothing was changed." % (
                "%s/%s" % (item.backend, item.volume), " and ".join("%s/%s" % (other.backend, other.volume) for other in same)
            )


def may_hold(item, records):
    """Tell whether the node may still hold a part of an item's connection."""
    exported = (item.export or {}).get("volume_id")
    return find_record(records, item.backend, item.volume) is not None or any(record["volume_id"] == exported for record in records)


def export_requests(items, connector, fenced=False, state=None, renew=False):
    """Return legacy_export's ``exports`` for the items that are still on their way.

    :param connector: of the node; for a fenced one, which cannot be asked, only ``host``.
    :param state: instead of what each item wants. :param renew: make other exports of those that are there, for whoever is to unmap one of before.

    ``multipath: no`` is told to the array through the connector: it then hands out one path.
    """
    requests = []
    for item in items:
        request = {"backend": item.backend, "volume": item.volume, "state": state or item.state}
        if request["state"] == "absent":
            request.update(host=connector["host"], fenced=fenced)
            if not fenced:
                request.update(exported_at=item.exported_at or "")
        else:
            properties = dict(connector["properties"], multipath=False) if item.multipath == "no" else connector["properties"]
            request.update(access_mode=item.access_mode, renew=renew, connector=dict(connector, properties=properties))
        requests.append(request)
    return requests


def connection_requests(items, force=False, seal=None):
    """Return legacy_connection's ``connections`` for the items.

    :param seal: makes of data what only the node can open: so keys are never in clear on its disk, whatever way Ansible takes there.
    """
    requests = []
    for item in items:
        if item.state == "present":
            request = {"export": item.export, "volume_id": item.export["volume_id"], "encryption": sealed(item.encryption, seal)}
        else:
            meant = sorted({moment for moment in (item.exported_at, (item.record or {}).get("exported_at")) if moment})
            request = {"volume_id": item.record["volume_id"] if item.record else item.volume_id, "force": force, "exported_at": meant}
            if item.listed:
                request.update(export=item.listed)
        requests.append(dict(request, state=item.state, multipath=item.multipath))
    return requests


def sealed(encryption, seal):
    """Return a task's ``encryption`` with its keys sealed, and without what it leaves open: Ansible takes that for given."""
    if encryption is None:
        return None
    kept = {name: value for name, value in encryption.items() if value is not None and name not in ("key", "previous_key")}
    for prefix in ("", "previous_"):
        if encryption.get(prefix + "key") is not None:
            kept[prefix + "sealed_key"] = seal({"key": encryption[prefix + "key"]})
    return kept


def needs_connecting(item):
    """Tell whether the node has to be asked to connect: not where its record is verified and still what is wanted.

    Only the node can tell whether a key is still the right one.
    """
    record = item.record
    if item.encryption or (record or {}).get("encryption"):
        return True
    if record is None or item.changed or not record.get("verified") or record.get("stale"):
        return True
    if record.get("volume_id") != item.export["volume_id"] or (record.get("size") or 0) < item.export["size"]:
        return True
    if record.get("access_mode", "rw") != item.export.get("access_mode", "rw"):
        return True
    if record.get("exported_at") and record["exported_at"] != item.export.get("exported_at"):
        return True
    if item.multipath != "no" and record.get("problems"):
        return True  # a path is missing, which only the node can tell to be back
    return item.multipath == "required" and (not record.get("mapped") or len(record.get("paths") or ()) < 2)


def take_exports(items, answer):
    """Merge legacy_export's result into the items it was asked for, in the same order."""
    for item, result in zip(items, _answers(items, answer, "exports")):
        item.changed = item.changed or bool(result.get("changed"))
        item.export = result.get("export") or item.export
        if item.state == "present":
            item.exported_at = (item.export or {}).get("exported_at")
        operations = result.get("operations") or []
        item.operations.extend(operations)
        item.fresh = item.state == "present" and any(one.get("action") == "create" for one in operations)
        if result.get("failed"):
            item.error = result.get("msg") or "legacy_export failed without a message"


def take_back(items, answer):
    """Merge legacy_export's result of unmapping again what the node could not connect: then nothing was changed."""
    for item, result in zip(items, _answers(items, answer, "exports")):
        if result.get("failed"):
            item.error += " Taking the export back failed as well: %s" % result.get("msg")
        else:
            item.changed, item.operations, item.export = False, [], None


def was_turned(item):
    """Tell whether this task let the export say another access mode than the node has."""
    updated = any((operation.get("action"), operation.get("noun")) == ("update", "export") for operation in item.operations)
    return bool(updated and item.record and item.record.get("access_mode", "rw") != item.access_mode)


def as_before(item):
    """Return the item as it would be wanted with the access mode that the node has."""
    return dataclasses.replace(item, access_mode=item.record.get("access_mode", "rw"))


def turn_back(items, answer):
    """Merge legacy_export's result of giving exports the access mode back that the node kept: then nothing was changed."""
    for item, result in zip(items, _answers(items, answer, "exports")):
        if result.get("failed"):
            item.error += " The export says access_mode: %s now; run the task again when that is mended: %s" % (item.access_mode, result.get("msg"))
        else:
            item.changed, item.operations, item.export = False, [], result.get("export") or item.export


def take_connections(items, answer):
    """Merge legacy_connection's result into the items it was asked for, in the same order."""
    for item, result in zip(items, _answers(items, answer, "connections")):
        item.changed = item.changed or bool(result.get("changed"))
        item.connection = result.get("attachment")
        item.operations.extend(connection_operation(item, word) for word in result.get("operations") or [])
        if result.get("failed"):
            item.error = result.get("msg") or "legacy_connection failed without a message"


def predict_connection(item):
    """In check mode, where an earlier task would make the volume or the controller: what attaching will come to."""
    item.changed = True
    if not item.operations:
        item.operations.append({"action": "create", "noun": "export", "backend": item.backend, "name": item.volume})
    item.operations.append(connection_operation(item, "connect"))


def predict_unprepared(item):
    """In check mode, where the node's role was not applied yet: nothing is attached, so all of it would be done."""
    if item.state == "present":
        predict_connection(item)


def connection_operation(item, word):
    """Return a node's operation (a word) in the shape that the controller's operations have."""
    name = (item.export or item.record or {}).get("volume_name") or item.volume
    return {"action": word, "noun": "connection", "backend": item.backend, "name": name}


def _answers(items, answer, key):
    """Return one result for each item, also where the module failed before it came to the items."""
    results = answer.get(key) or []
    if len(results) == len(items):
        return results
    return [{"failed": True, "msg": answer.get("msg") or "the module gave no answer for each item"}] * len(items)


def to_public(item, host):
    """Return what the task returns for one attachment."""
    shown = {"backend": item.backend, "volume": item.volume, "state": item.state, "host": host}
    shown.update(changed=item.changed, operations=item.operations)
    facts = dict(item.record or {})
    facts.update({key: value for key, value in (item.export or {}).items() if value is not None})
    for part in _EXPORT_PARTS:
        shown[part] = facts.get(part)
    there = _there_afterwards(item)
    for part in _NODE_PARTS:
        shown[part] = there.get(part)
    shown["multipath"] = there.get("mapped") if there or (item.state == "present" and not item.error) else False
    shown["access_mode"] = _mode_afterwards(item)
    if item.error:
        shown.update(failed=True, msg=item.error)
    return shown


def _there_afterwards(item):
    if item.state == "absent":
        return item.record or {} if item.error else {}
    if item.connection:
        return item.connection
    if item.export and item.changed and not item.error:
        return {"path": stable_link(item.export["volume_id"]), "encryption": _predicted_encryption(item.encryption)}
    return item.record or {}


def _mode_afterwards(item):
    """Return the access mode after the task, None where the volume is not attached then."""
    there = _there_afterwards(item)
    return there.get("access_mode") or (item.access_mode if there else None)


def _predicted_encryption(wanted):
    if wanted is None:
        return None
    (source,) = (name for name in ("key", "key_file", "key_command") if wanted.get(name) is not None)
    return {"type": "luks2", "uuid": None, "opened": True, "key_from": source}


def diff(items, host):
    """Return Ansible's ``diff``: of just what changes, what was attached before and what is afterwards."""
    return collect((item.name, _attached(item.record, host), _attached_after(item, host)) for item in items if item.changed)


def _attached(source, host):
    if not source:
        return None
    return {"host": host, "size": source.get("size"), "path": source.get("path"), "access_mode": source.get("access_mode", "rw")}


def _attached_after(item, host):
    if item.error:
        return _attached(item.record, host)
    if item.state == "absent":
        return None
    after = to_public(item, host)
    return {key: after[key] for key in ("host", "size", "path", "access_mode")}


def result(items, host, single):
    """Return the task's result for all items.

    :param single: the task named one attachment, not a list: then its failure is the task's.
    """
    shown = [to_public(item, host) for item in items]
    outcome = {"changed": any(item.changed for item in items), "diff": diff(items, host)}
    failed = [item for item in items if item.error]
    if single:
        outcome["attachment"] = shown[0]
        outcome["operations"] = shown[0]["operations"]
    else:
        outcome["attachments"] = shown
    if failed:
        outcome["failed"] = True
        told = failed[0].error if single else "; ".join("%s: %s" % (item.name, item.error) for item in failed)
        outcome["msg"] = told if single else "%d of %d attachments failed: %s" % (len(failed), len(items), told)
    return outcome
