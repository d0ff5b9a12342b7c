# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports: what each operation does to the array and the store."""

from __future__ import annotations

from ...module_utils.model.errors import StorageError
from ...module_utils.plan.exports import identities, refuse_twins
from .endings import give_up, rest


def _create(work, operation, arguments):
    export_id, volume_id, host, connector = (arguments[key] for key in ("id", "volume_id", "host", "connector"))
    with work.store.writing() as writer:
        refuse_twins(writer.exports_to(identities(connector)), host, connector)  # here no other writer can come between
        entry = writer.begin(operation, export_id)
        writer.put_export(export_id, volume_id, host, connector, "exporting")
        writer.change_volume(volume_id, reverted_to=None)  # from now on somebody may write
    try:
        work.engine().exports.prepare(volume_id, connector)
        with work.store.writing() as writer:
            writer.step(entry, "exported")
        connection_info = _told(work.engine().exports.map(volume_id, connector), connector)
    except StorageError as error:
        give_up(work, error, entry, lambda: _unmap(work, arguments), lambda writer: writer.drop_export(export_id), volume_id)
    with work.store.writing() as writer:
        writer.put_export(export_id, volume_id, host, connector, "exported", connection_info)
        writer.change_volume(volume_id, status="in-use")
        writer.settle(entry)


def _update(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
    try:
        _map_again(work, entry, arguments)
    except StorageError:
        with work.store.writing() as writer:  # the host may be using the export as it was: leave it
            writer.settle(entry)
        raise


def _renew(work, operation, arguments):
    """Nothing to ask the array for, and nothing to settle: it is one transaction."""
    with work.store.writing() as writer:
        writer.renew_export(arguments["id"])


def _finish_update(work, operation, arguments):
    _map_again(work, operation.settles, arguments)


def _map_again(work, entry, arguments):
    export_id, volume_id, host, connector = (arguments[key] for key in ("id", "volume_id", "host", "connector"))
    work.engine().exports.prepare(volume_id, connector)
    connection_info = _told(work.engine().exports.map(volume_id, connector), connector)
    with work.store.writing() as writer:
        writer.put_export(export_id, volume_id, host, connector, "exported", connection_info)
        writer.settle(entry)


def _told(connection_info, connector):
    """Return connection_info as Cinder's manager completes it: connectors of os-brick read how the volume may be used."""
    data = dict(connection_info.get("data") or {}, access_mode=connector.get("mode") or "rw")
    return dict(connection_info, data=data)


def _delete(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
    _unmap(work, arguments)
    _forget_export(work, entry, arguments)


def _undo_create(work, operation, arguments):
    try:
        _unmap(work, arguments)
    except StorageError:
        # Some drivers cannot unmap what was only half mapped: bring it to a known state, then take it back.
        connector = _connector(work, arguments)
        work.engine().exports.prepare(arguments["volume_id"], connector)
        work.engine().exports.map(arguments["volume_id"], connector)
        _unmap(work, arguments)
    _forget_export(work, operation.settles, arguments)


_finish_delete = _undo_create


def _unmap(work, arguments):
    volume_id = arguments["volume_id"]
    try:
        work.engine().exports.unmap(volume_id, _connector(work, arguments), force=bool(arguments.get("fenced")))
        with work.store.reading() as reader:
            others = [item for item in reader.driven_exports(volume_ids=[volume_id]) if item.resource.id != arguments["id"]]
        if not others:
            work.store.check_locks()  # else there may be others since
            work.engine().exports.remove(volume_id)
    except StorageError:
        if not arguments.get("elsewhere"):  # else it was mapped by another array, and this one need not know of it
            raise


def _connector(work, arguments):
    if "connector" in arguments:
        return arguments["connector"]
    with work.store.reading() as reader:
        (driven,) = reader.driven_exports(ids=[arguments["id"]])
    return driven.resource.connector


def _forget_export(work, entry, arguments):
    with work.store.writing() as writer:
        writer.drop_export(arguments["id"])
        rest(writer, arguments["volume_id"])
        writer.settle(entry)


ACTIONS = {
    "create": _create,
    "update": _update,
    "renew": _renew,
    "finish_update": _finish_update,
    "delete": _delete,
    "undo_create": _undo_create,
    "finish_delete": _finish_delete,
}
