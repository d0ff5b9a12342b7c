# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``connection.ensure`` and ``attachment.list``: look, let the plan decide, execute, tell."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import traceback

from ..module_utils.model.attachment import UNREADABLE, stable_link
from ..module_utils.model.encryption import mapping_name
from ..module_utils.model.errors import StorageError
from ..module_utils.plan.connections import Wanted, plan, predict, refuse_withdrawn
from . import access, addresses, attach, detach, devices, encryption, facts, iscsi, links, loop, neighbours, nvme, portals, usage, withdrawn
from .locks import locked

_TAKING = {"settle", "disconnect"}  # operations that take a device away


def ensure(node, requests, check, again=False):
    """Bring each connection into the state that is wanted; one that fails does not stop the others.

    :param requests: a list of ``{"export" or "volume_id", "state", "multipath", "force", "encryption", "exported_at"}``.
    :param check: decide and predict only.
    :param again: connect only what is recorded as attached by that very export: since the request was made, a task may have detached it.
    :returns: ``{"changed", "connections", "diff"}``, and ``failed`` and ``msg`` when one failed.
    """
    results, before, after = [], {}, {}
    portals.forget()
    for request in requests:
        result, was, becomes = _ensure_one(node, request, check, again)
        results.append(result)
        if was != becomes:
            before[result["volume_id"]], after[result["volume_id"]] = was, becomes
    answer = {"changed": any(result["changed"] for result in results), "connections": results, "diff": {"before": before, "after": after}}
    failed = [result["msg"] for result in results if result.get("failed")]
    if failed:
        answer.update(failed=True, msg=failed[0] if len(results) == 1 else "%d of %d failed: %s" % (len(failed), len(results), " ".join(failed)))
    return answer


def _ensure_one(node, request, check, again):
    volume_id = str(request.get("volume_id") or (request.get("export") or {}).get("volume_id") or "")
    result = {"volume_id": volume_id, "changed": False, "operations": [], "attachment": None}
    was = None
    try:
        wanted = Wanted.from_dict(request)
        if check:
            return _settled(node, wanted, result, check)
        with locked(node.settings.lock_dir, "volume-" + volume_id):
            if again:
                _refuse_detached(node.records.get(volume_id), wanted)
            return _settled(node, wanted, result, check)
    except StorageError as error:
        result.update(failed=True, msg=error.message, error=error.to_dict())
    except Exception as error:  # one volume's surprise must not hide what became of the others
        traceback.print_exc()
        fault = StorageError("internal", "Unexpected %s: %s. Please report it." % (type(error).__name__, error))
        result.update(failed=True, msg=fault.message, error=fault.to_dict())
    return result, was, was


def _refuse_detached(record, wanted):
    if record is None or not record.attached or record.export != wanted.export:
        raise StorageError("conflict", "A task has detached it, or attached it anew, meanwhile.")


def _settled(node, wanted, result, check):
    record = before = node.records.get(wanted.volume_id)
    _verify_request(node, wanted, check)
    export = wanted.export or (record.export if record else None)
    data = node.address(export) if export else None
    known, seen = _gather(node, record, wanted, data)
    known = dataclasses.replace(known, key=encryption.tested(node, record, seen, wanted))
    was = _summary(record, known)
    operations = _decided(node, record, known, seen, wanted)
    result.update(operations=operations, changed=bool(operations))
    if check:
        record, known = predict(record, known, wanted, operations)
        if record is not None:
            result["attachment"] = dict(
                _predicted(node, record, seen, operations, data), mapped=known.mapped, encryption=facts.encryption(record, known.opened == "right")
            )
        return result, was, _summary(record, known)
    try:
        with locked(node.settings.lock_dir, "os-brick") if operations else contextlib.nullcontext():
            if _TAKING & set(operations):  # others may have worked here for minutes, and somebody may have mounted it since
                now, seen = _gather(node, record, wanted, data)
                operations = _decided(node, record, dataclasses.replace(now, key=known.key), seen, wanted)
            if wanted.exported_at:
                withdrawn.put(node.settings.lock_dir, wanted.volume_id, wanted.exported_at)
            elif "connect" in operations:
                refuse_withdrawn(record, wanted.export, withdrawn.get(node.settings.lock_dir, wanted.volume_id))
            for operation in operations:
                record, seen = _execute(node, operation, record, wanted, seen)
    except StorageError as error:
        record = node.records.get(wanted.volume_id)
        known, seen = _gather(node, record, wanted, data)
        becomes = _summary(record, known)
        if record is not None:
            result["attachment"] = facts.attachment(node.system, record, seen)
        result.update(failed=True, msg=error.message, error=error.to_dict(), changed=becomes != was)
        return result, was, becomes
    known, seen = _gather(node, record, wanted, data if record else None)
    if record is not None:
        result["attachment"] = facts.attachment(node.system, record, seen)
    becomes = _summary(record, known)
    if known.returned and becomes == was and _same(before, record):
        result.update(operations=[], changed=False)  # portals that answer and do not let this host in: warnings tell them
    return result, was, becomes


def _same(before, record):
    """Tell whether two records of a volume say the same: an export is sealed anew for each task."""
    return before.export.exported_at == record.export.exported_at and dataclasses.replace(before, export=record.export) == record


def _gather(node, record, wanted, data):
    """Return ``(Facts, Seen)``. What stands at the address is the volume's to deal with, unless it is another attachment's.

    :raises StorageError: ``conflict`` where such a one stands where the volume should.
    """
    identity = record.identity if record else {}
    export = wanted.export or (record.export if record else None)
    loops = tuple(node.loops(export)) if export and data is not None else ()
    taken = neighbours.theirs(node, wanted.volume_id, identity, data)
    if taken and wanted.state == "present":
        disk, other = sorted(taken.items())[0]
        raise StorageError(
            "conflict",
            "The array has given the address of volume %s/%s to volume %s/%s, which is attached on this host as /dev/%s. Detach %s and attach it again, so "
            "that it is exported anew. Nothing was changed."
            % (export.backend, export.volume_name, other.export.backend, other.export.volume_name, disk, export.volume_name),
        )
    if record is not None:  # what stood where it was exported to before goes, too
        before = node.address(record.export)
        free = before != data and not neighbours.theirs(node, wanted.volume_id, identity, before)
        loops += tuple(addresses.disks_at(node.system, before)) if free else ()
    known, seen = facts.gather(node.system, record, wanted.volume_id, None if taken else data, loops)
    if wanted.state == "present" and wanted.multipath != "no" and data:
        known = dataclasses.replace(known, returned=len(_returned(node, seen, data)))
    return known, seen


def _returned(node, seen, data):
    """Return the portals of a device of several paths that it has none by, though they answer now."""
    if seen.mapped:
        return iscsi.back_again(node.system, data)
    return nvme.back_again(node.system, data) if nvme.is_namespace(seen.name) and nvme.native_multipath(node.system) else []


def _decided(node, record, known, seen, wanted):
    """Return the operations. Before a device goes, the kernel is asked whether somebody holds it whom nobody could name."""
    operations = plan(record, known, wanted)
    if _TAKING & set(operations):
        names = [name for name in (seen.name, *seen.disks, *known.leftovers, seen.inner) if name]
        operations = plan(record, dataclasses.replace(known, users=tuple(usage.held(node.system, names))), wanted)
    return operations


def _verify_request(node, wanted, check):
    if wanted.state != "present":
        return
    export = wanted.export
    if export.host != node.settings.host:
        problem = "export: was made for host %r, this host is %r. Export the volume to this host." % (export.host, node.settings.host)
        raise StorageError("invalid", problem, "export")
    if not export.sealed_connection_info and not check:
        problem = "export: has no sealed_connection_info. Pass the export that legacy_export returned, not one from a listing."
        raise StorageError("invalid", problem, "export")
    if export.sealed_connection_info and node.has_sealing_key():
        node.open(export)


def _execute(node, operation, record, wanted, seen):
    """Execute one operation; return the record and what is Seen afterwards."""
    if operation == "disconnect":
        detach.disconnect(node, record, wanted, seen)
        return None, facts.Seen()
    if operation == "settle":
        detach.settle(node, record, wanted, seen)
        return record, facts.Seen()
    if operation == "connect":
        record = attach.connect(node, record, wanted, seen)
    elif operation == "extend":
        record = attach.extend(node, record, wanted)
    elif operation == "rekey":
        record = encryption.rekey(node, record, wanted.encryption)
    elif operation == "open":
        record = attach.unlock(node, record, wanted)
    elif operation == "remember":
        record = attach.remember(node, record, wanted)
    elif operation == "link":
        record = attach.link(node, record)
    elif operation == "access":
        record = attach.set_access(node, record, wanted)
    return record, facts.look(node.system, record)


def _summary(record, known):
    """Return what diff mode shows of one connection."""
    if record is None:
        return {"state": "absent"}
    told = {"state": record.state, "identity": known.identity, "size": known.size, "multipath": known.mapped, "linked": known.linked}
    told["access_mode"] = known.access_mode
    if known.returned:
        told["portals_to_log_in_to"] = known.returned
    if record.encryption is not None:
        key = "previous" if known.key in ("both", "previous") else "wanted"
        told["encryption"] = {"opened": known.opened, "grown": not known.lag, "key": key, "key_from": record.encryption.key_from}
    return told


def _predicted(node, record, seen, operations, data):
    """Return an attachment's dict as it will be; what only the kernel can say (its names) stays empty."""
    if not set(operations) & {"settle", "connect"}:
        told = facts.attachment(node.system, record, seen)
        return dict(told, size=max(told["size"], record.export.size))
    path = stable_link(record.export.volume_id)
    if record.encryption is not None:
        possible = links.possible(node.system, "any")
        return dict(facts.attachment(node.system, record, facts.Seen()), path=path if possible else "/dev/mapper/" + mapping_name(record.export.volume_id))
    local = (data or {}).get("device_path")
    if local and not loop.serves(record.export.protocol) and (devices.kernel_name(node.system, local) is None or not links.possible(node.system, "any")):
        path = local
    told = facts.attachment(node.system, record, facts.Seen())
    return dict(told, path=path)


def listing(node, volumes=None):
    """Return the attachments: record, what the kernel shows, and where the link leads.

    :param volumes: names or ids; all when ``None``. Of a record that cannot be read only the id is known.
    """
    records, unreadable = node.records.all()
    found = {volume_id: _unreadable(node, volume_id, error) for volume_id, error in unreadable.items() if volumes is None or volume_id in volumes}
    for volume_id, record in records.items():
        if volumes is None or {volume_id, record.export.volume_name} & set(volumes):
            found[volume_id] = _listed(node, volume_id, record)
    return [found[volume_id] for volume_id in sorted(found)]


def _unreadable(node, volume_id, error):
    """What is known of an attachment by the name of its record alone; whoever detaches must not take it for none."""
    unknown = ("protocol", "access_mode", "path", "device", "multipath_id", "encryption", "multipath", "identity", "link_target", "exported_at", "settled_by")
    told = dict(dict.fromkeys(unknown), volume_id=volume_id, volume_name=volume_id, backend="", host=node.settings.host, paths=[], size=0)
    return dict(told, state=UNREADABLE, verified=False, stale=False, problems=[error.message])


def _listed(node, volume_id, record):
    seen = facts.look(node.system, record)
    stale = record.boot_id != node.system.boot_id()
    link = node.system.path(stable_link(volume_id).lstrip("/"))
    verified = record.state == "connected" and seen.identity == "right"
    linked = facts.linked(node.system, record, seen) and (record.encryption is None or seen.opened == "right")
    told = facts.attachment(node.system, record, seen)
    other_mode = access.differing(node.system, record, seen)
    mendable = _problems(record, seen, stale, linked) + _unlike(record, other_mode)
    return dict(
        told,
        verified=verified and linked and not other_mode,
        stale=stale,
        multipath=record.multipath,
        identity=record.identity.get("serial"),
        link_target=_target(link),
        problems=mendable + _silent_paths(told["paths"]) + _missing_paths(node, record, seen),
        exported_at=record.export.exported_at,
        settled_by="legacy_attachment, state: present" if mendable and seen.identity != "unknown" else None,
    )


def _target(link):
    """Return where a link leads, or ``None`` when it is not there."""
    return os.path.realpath(link) if os.path.exists(link) else None


def _silent_paths(paths):
    return ["Path %s is %s." % (path["device"], path["state"]) for path in paths if path["state"] != "active"]


def _missing_paths(node, record, seen):
    if nvme.is_namespace(seen.name) and record.multipath != "no":
        return nvme.unconnected(node.system, node.address(record.export))
    portals = iscsi.without_session(node.system, node.address(record.export)) if seen.mapped else []
    return ["There is no session with portal %s." % iscsi.written(portal) for portal in portals]


def _unlike(record, names):
    """What to say of devices that may be written to and should not, or the other way round."""
    is_not = {"ro": "can be written to, though the volume is attached read-only", "rw": "cannot be written to, though the volume is attached for writing"}
    return ["%s %s." % (", ".join("/dev/" + name for name in names), is_not[record.export.access_mode])] if names else []


def _problems(record, seen, stale, linked):
    told = []
    if stale:
        told.append("The record is of an earlier boot.")
    if record.state != "connected":
        told.append("A run was interrupted while it was %s; the next one settles it." % record.state)
    if seen.identity == "none":
        told.append("The device is gone.")
    elif seen.identity == "wrong":
        told.append("%s shows another volume." % (", ".join("/dev/" + disk for disk in seen.wrong) or seen.path))
    elif seen.identity == "unknown":
        told.append("No path answers.")
    elif record.encryption is not None and seen.opened == "no":
        asks = "of its %s" % record.encryption.key_from if record.encryption.source() else "that a task gives"
        told.append("It is locked: whoever opens it needs the key %s. The next task that attaches it does." % asks)
    elif not linked:
        told.append("The stable link does not lead to the device.")
    return told
