# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Executing ``connect``, ``extend``, ``rekey``, ``open``, ``remember``, ``link`` and ``access``."""

from __future__ import annotations

import contextlib
import dataclasses
import time

from ..module_utils.model.attachment import AttachmentRecord, stable_link
from ..module_utils.model.encryption import EncryptionRecord, mapping_name
from ..module_utils.model.errors import StorageError
from ..module_utils.plan.connections import refuse_file
from ..module_utils.plan.multipath import all_paths
from . import access, detach, devices, encryption, facts, links, loop, neighbours, paths, wwids

_SIZE_WAIT = 30  # seconds for every path and the map to show a new size


def connect(node, record, wanted, seen):
    """Write the record, connect, verify, open what is encrypted, link; return the finished record.

    A failure takes back what was done, unless the device was there before or is in use, and keeps the record only when
    something stayed, or when the volume had been attached before, as when a boot finds its array away.

    :param record: of an earlier boot or run, or ``None``. :param seen: what stood there before.
    """
    export = wanted.export
    _refuse_images(export, node.address(export))
    draft = AttachmentRecord(export, "connecting", node.system.boot_id(), wanted.multipath, encryption=_encryption(record, wanted))
    on_top = record is not None and seen.identity == "right"
    if on_top:
        draft = dataclasses.replace(draft, device=record.device, identity=record.identity, link=record.link, former=record.all_but(export))
    if record is not None and record.attached and node.address(record.export) == node.address(export):
        draft = dataclasses.replace(draft, identity=record.identity, attached=True)  # exported anew, it is a new attachment
    use_multipath = all_paths(export.protocol, wanted.multipath, node.system.runs("multipathd"))
    connector = node.connector_for(export, use_multipath)
    if use_multipath:
        wwids.mend(node.system)
    node.records.put(draft)
    try:
        device = connector.connect()
        draft = dataclasses.replace(draft, device=device)
        identity = _identify(node, device["path"])
        if draft.identity and draft.identity["serial"] != identity["serial"]:
            raise StorageError("conflict", "The array shows another volume than before (%s instead of %s)." % (identity["serial"], draft.identity["serial"]))
        draft = dataclasses.replace(draft, identity=identity, link=device["path"])
        node.records.put(draft)
        refuse_file(export, identity)
        paths.verify(node, draft, wanted, connector)
        _grow(node, draft, connector)
        if wanted.encryption is not None:
            draft = encryption.unlock(node, draft, wanted.encryption)
            encryption.grow(node, draft, wanted.encryption)
        elif not draft.attached:
            encryption.refuse_plain(draft, facts.look(node.system, draft, ask=False).path)
        access.apply(node, draft, facts.look(node.system, draft, ask=False))
        draft = link(node, draft)
        if use_multipath:
            wwids.keep(node.system)
        finished = dataclasses.replace(draft, state="connected", attached=True)
        node.records.put(finished)
    except StorageError as error:
        if on_top:  # what worked before must not go because something was to be added
            with contextlib.suppress(StorageError):  # where it cannot be written, what is there is of this run, and the next one goes on with it
                former = dataclasses.replace(record, export=export).all_but(record.export)  # some of the new paths may be there
                node.records.put(dataclasses.replace(record, encryption=_latest(node, draft).encryption, former=former))
            raise StorageError(error.code, error.message + " The device that was there was left as it was.", error.parameter, error.details) from error
        raise _take_back(node, _latest(node, draft), connector, error) from error
    return finished


def _latest(node, draft):
    """Return the draft with what was learned of its encryption meanwhile."""
    written = node.records.get(draft.export.volume_id)
    return dataclasses.replace(draft, encryption=written.encryption) if written else draft


def _encryption(record, wanted):
    """Return the draft's EncryptionRecord. What is known of the header belongs to the volume, whatever boot it was learned in."""
    if wanted.encryption is None:
        return None
    return EncryptionRecord.of(wanted.encryption.key, record.encryption if record else None)


def _refuse_images(export, data):
    """A file in a format of its own is no disk: whoever wrote to it as to one would destroy the volume."""
    kind = data.get("format") or "raw"
    if kind != "raw":
        raise StorageError(
            "unsupported",
            "Volume %s/%s is a %s file on its share now, not a raw one, as Cinder's file drivers make them while a volume has snapshots. Written to "
            "as a disk it would be destroyed. Delete its snapshots, or make a volume of one and attach that; nothing was connected."
            % (export.backend, export.volume_name, kind),
        )


def _identify(node, path):
    """Return the identity of what was just connected; the map over a disk counts, not the disk."""
    identity = None
    for _attempt in range(10):
        name = devices.kernel_name(node.system, path)
        above = devices.map_over(node.system, [name]) if name else None
        identity = devices.identify(node.system, node.system.node(above) if above else path)
        if identity is not None:
            return identity
        time.sleep(0.5)
    raise StorageError("host", "%s was connected, but does not answer when asked what it is." % path)


def _grow(node, record, connector):
    """Let a device that is smaller than its volume look at its size again."""
    if facts.look(node.system, record, ask=False).size < record.export.size * devices.GIB:
        _extend(node, record, connector)


def extend(node, record, wanted):
    """Make every path and the map show the export's size; return the record with the new size."""
    record = _with_export(record, wanted)
    seen = facts.look(node.system, record)
    if seen.size < record.export.size * devices.GIB:
        _extend(node, record, node.connector_for(record.export, seen.mapped))
    encryption.grow(node, record, wanted.encryption)
    node.records.put(record)
    return record


def unlock(node, record, wanted):
    """Open a connected volume that is locked, and make its stable path; return the record."""
    return link(node, encryption.unlock(node, record, wanted.encryption))


def remember(node, record, wanted):
    """Keep where the key comes from now; return the record."""
    record = dataclasses.replace(record, encryption=_encryption(record, wanted))
    node.records.put(record)
    return record


def set_access(node, record, wanted):
    """Make device and paths read-only or writable, as the export says; return the record that says so."""
    record = _with_export(record, wanted)
    access.apply(node, record, facts.look(node.system, record, ask=False))
    node.records.put(record)
    return record


def _with_export(record, wanted):
    """Return the record with the wanted export; one from a listing, which is not sealed, says no more than that of before where the volume is."""
    if wanted.export.sealed_connection_info:
        return dataclasses.replace(record, export=wanted.export, former=record.all_but(wanted.export))
    return dataclasses.replace(record, export=dataclasses.replace(wanted.export, sealed_connection_info=record.export.sealed_connection_info))


def _extend(node, record, connector):
    if record.identity["kind"] not in ("file", "dm"):  # those have no size of their own to look at again
        connector.extend()
    wanted = record.export.size * devices.GIB
    deadline = time.monotonic() + _SIZE_WAIT
    while True:
        size = facts.look(node.system, record, ask=False).size
        if size >= wanted:
            return
        if time.monotonic() > deadline or record.identity["kind"] == "file":
            raise StorageError(
                "host",
                "Volume %s/%s has %d GiB, but on this host %s shows %.2f GiB still. Is every path up? The record and the data are unchanged; run the task "
                "again when it is." % (record.export.backend, record.export.volume_name, record.export.size, record.link, size / devices.GIB),
            )
        time.sleep(0.5)


def link(node, record):
    """Make the stable path and return the record with it.

    A local file, a device without an identity that udev could see, and a host without udev keep the path that the connector gave.
    """
    if record.identity["kind"] == "file" and loop.serves(record.export.protocol):
        device = node.connector_for(record.export, False).connect()
        record = dataclasses.replace(record, device=device, identity=_identify(node, device["path"]))
    seen = facts.look(node.system, record)
    if record.encryption is not None:
        return _link_opened(node, record, seen)
    identity = record.identity
    if seen.name and identity["kind"] != "node":
        identity = devices.identify(node.system, node.system.node(seen.name)) or identity
    key = identity.get("key")
    if record.identity.get("key") and record.identity["key"] != key:
        links.forget(links.base(node.settings, record.identity["key"]), record.identity["key"], record.export.volume_id)
    path = record.device["path"] if identity["kind"] == "node" else seen.path or record.device["path"]
    if links.possible(node.system, key):
        links.remember(links.base(node.settings, key), key, record.export.volume_id)
        links.make(node.system, record.export.volume_id, seen.name)
        path = stable_link(record.export.volume_id)
    record = dataclasses.replace(record, identity=identity, link=path)
    node.records.put(record)
    return record


def _link_opened(node, record, seen):
    """Never to the device below: whoever took that for the volume would destroy it."""
    volume_id = record.export.volume_id
    path = "/dev/mapper/" + mapping_name(volume_id)
    if links.possible(node.system, record.link_key):
        if seen.opened == "right":
            links.remember(links.base(node.settings, record.link_key), record.link_key, volume_id)
            links.make(node.system, volume_id, seen.inner)
        path = stable_link(volume_id)
    record = dataclasses.replace(record, link=path)
    node.records.put(record)
    return record


def _take_back(node, record, connector, error):
    """Undo a half-made connection; return the error to raise."""
    data = node.address(record.export)
    taken = neighbours.theirs(node, record.export.volume_id, record.identity, data)
    known, _seen = facts.gather(node.system, record, record.export.volume_id, None if taken else data, node.loops(record.export))
    if known.users:
        return StorageError(error.code, "%s The device was in use and was left as it is." % error.message, error.parameter, error.details)
    closing = encryption.lock(node, record.export.volume_id) if record.encryption is not None else None
    failed = StorageError("host", closing) if closing else None
    try:
        if not taken:  # it is the other volume, come back before its own turn
            connector.disconnect(record.device, force=True)
    except StorageError as second:
        failed = second
    stays = detach.wait_gone(node, record)
    if stays:
        reason = " (%s)" % failed.message if failed else ""
        return StorageError(
            error.code,
            "%s Taking it back left %s%s; the record is kept, the next run settles it." % (error.message, ", ".join(stays), reason),
            error.parameter,
            dict(error.details, left=stays),
        )
    detach.forget(node, record)
    return error
