# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A volume's or snapshot's data, opened by the controller itself.

The journal entry stands from before the array is asked until the volume is disconnected, seen to be gone, and unmapped again: in this
order (CVE-2023-2088). A run that was killed in between leaves the entry, and the next task that touches the volume closes it.
"""

from __future__ import annotations

import contextlib
import socket

from ...module_utils.model.errors import StorageError
from ...module_utils.model.identity import derive_id
from ...module_utils.model.resources import Source, Volume
from ...module_utils.model.sizes import GIB
from ...module_utils.plan.operations import Operation
from ...module_utils.plan.settlement import opened_elsewhere

_BLOCK = 1024**2


@contextlib.contextmanager
def opened_volume(work, volume_id, whole=False):
    """Yield the Device of a volume that no node has, to read and to write. The caller holds the volume's lock.

    :param whole: its content is to be taken elsewhere, so it must be all within the size that is recorded.
    :raises StorageError: ``in_use`` when it is attached: what a node writes meanwhile would be torn, or overwritten.
    """
    with work.store.reading() as reader:
        (driven,) = reader.driven_volumes(ids=[volume_id])
    volume = driven.resource
    if volume.attached_to:
        raise StorageError(
            "in_use",
            "Volume %r is attached to %s, so the controller does not open it. Detach it, or take a snapshot and use that."
            % (volume.name, ", ".join(volume.attached_to)),
        )
    arguments = {"kind": "volume", "id": volume_id, "mapping": True}
    entry, arguments = _begin(work, volume.backend, volume.name, arguments)
    with _open(work, entry, volume.backend, arguments, volume.size, volume.adopted_from is not None) as device:
        if whole:
            _refuse_more(device, volume.name, volume.size)
        yield device


@contextlib.contextmanager
def opened_snapshot(work, snapshot_id):
    """Yield the Device of a snapshot, to read only; its volume may be attached. The caller holds the volume's lock.

    Where the driver cannot map snapshots, a volume is made from it and deleted afterwards.
    """
    with work.store.reading() as reader:
        (driven,) = reader.driven_snapshots(ids=[snapshot_id])
        snapshot = driven.resource
        (owner,) = reader.driven_volumes(ids=[snapshot.volume_id])
    if work.engine().snapshots.can_map(snapshot_id):
        arguments = {"kind": "snapshot", "id": snapshot_id, "mapping": True}
        entry, arguments = _begin(work, snapshot.backend, snapshot.volume_name, arguments)
    else:
        temporary = temporary_volume(snapshot, owner.resource)
        arguments = {"kind": "temporary", "id": snapshot_id, "temporary": temporary.id, "mapping": False}
        entry, arguments = _begin(work, snapshot.backend, snapshot.volume_name, arguments, temporary)
    with _open(work, entry, snapshot.backend, arguments, snapshot.size, owner.resource.adopted_from is not None) as device:
        _refuse_more(device, snapshot.name, snapshot.size)
        yield device


def temporary_volume(snapshot, owner):
    """Return the Volume that is made from a snapshot for as long as somebody reads it."""
    name = "copy of snapshot %s" % snapshot.id
    return Volume(
        derive_id("volume", snapshot.backend, name),
        snapshot.backend,
        name,
        snapshot.size,
        "maintenance",
        extra_specs=owner.extra_specs,
        qos_specs=owner.qos_specs,
        pool=owner.pool,
        source=Source("snapshot", snapshot.id, snapshot.name),
    )


def _begin(work, backend, name, arguments, temporary=None):
    access = work.engine().access
    arguments = dict(arguments, host=socket.gethostname(), boot=access.boot_id(), connector=access.connector())
    with work.store.writing() as writer:
        entry = writer.begin(Operation("open", "access", backend, name, arguments), arguments["id"])
        if temporary is not None:
            writer.add_volume(temporary)
    return entry, arguments


def _refuse_more(device, name, size):
    """Refuse a device that holds something past its recorded size: arrays round up, nodes use all they get, and a copy would leave it behind.

    :raises StorageError: ``conflict``; nothing was copied.
    """
    if device.size <= size * GIB or (device.format == "raw" and not _holds_more(device, size * GIB)):
        return
    raise StorageError(
        "conflict",
        "%r has %d GiB in the store, but its device has %d bytes, and there is data past those %d GiB. Extend it to %d GiB with legacy_volume, so that "
        "all of it is taken along. Nothing was done." % (name, size, device.size, size, -(-device.size // GIB)),
    )


def _holds_more(device, start):
    with open(device.path, "rb", buffering=0) as stream:
        stream.seek(start)
        while block := stream.read(_BLOCK):
            if block.count(0) != len(block):
                return True
    return False


@contextlib.contextmanager
def _open(work, entry, backend, arguments, size, adopted):
    """Yield the Device of what the entry ``arguments`` describe, and take all of it back in the end.

    :param adopted: somebody else made it, of a size that need not be whole GiB; the recorded one is rounded up.
    """
    try:
        device, arguments = _connect(work, entry, arguments)
        if device.size < size * GIB and not (adopted and device.size > (size - 1) * GIB):
            raise StorageError("host", "%s has %d bytes on this controller, the volume %d GiB." % (device.path, device.size, size))
        yield device
    except Exception as error:
        work.store.check_locks()
        with work.store.reading() as reader:
            arguments = reader.operation(entry).arguments
        try:
            _take_back(work, entry, backend, arguments, sure=False)
        except StorageError as second:
            message = error.message if isinstance(error, StorageError) else "%s: %s" % (type(error).__name__, error)
            raise StorageError(getattr(error, "code", "internal"), "%s Afterwards: %s" % (message, second.message)) from error
        raise
    work.store.check_locks()  # another task may have closed it, and have it open itself
    _take_back(work, entry, backend, arguments)


def _connect(work, entry, arguments):
    engine, connector = work.engine(), arguments["connector"]
    if arguments["kind"] == "temporary":
        engine.volumes.create(arguments["temporary"])
        arguments = _note(work, entry, arguments, mapping=True)
    connection_info = _map(engine, arguments)
    arguments = _note(work, entry, arguments, connection=work.store.vault.encrypt(connection_info))
    device = engine.access.connect(connection_info, connector)
    return device, _note(work, entry, arguments, device=device.info, identity=device.identity)


def _note(work, entry, arguments, **values):
    arguments = dict(arguments, **values)
    with work.store.writing() as writer:
        writer.note(entry, arguments)
    return arguments


def _map(engine, arguments):
    connector = arguments["connector"]
    if arguments["kind"] == "snapshot":
        engine.snapshots.prepare(arguments["id"], connector)
        return engine.snapshots.map(arguments["id"], connector)
    volume_id = arguments.get("temporary") or arguments["id"]
    engine.exports.prepare(volume_id, connector)
    return engine.exports.map(volume_id, connector)


def _unmap(work, arguments):
    engine, connector = work.engine(), arguments["connector"]
    if arguments["kind"] == "snapshot":
        engine.snapshots.unmap(arguments["id"], connector)
        return
    volume_id = arguments.get("temporary") or arguments["id"]
    engine.exports.unmap(volume_id, connector)
    with work.store.reading() as reader:
        others = reader.driven_exports(volume_ids=[volume_id])
    if not others:
        work.store.check_locks()  # else there may be others since
        engine.exports.remove(volume_id)


def _take_back(work, entry, backend, arguments, sure=True):
    """Disconnect, see the devices gone, unmap, delete what was made for it, and settle.

    :param sure: whether this run knows how far the mapping got.
    """
    access, temporary = work.engine().access, arguments.get("temporary")
    if arguments.get("connection"):
        _disconnect(work, access, backend, arguments)
    work.store.check_locks()  # disconnecting takes its time
    if arguments["mapping"]:
        try:
            _unmap(work, arguments)
        except StorageError:
            work.store.check_locks()
            if sure:
                raise
            # Some drivers cannot unmap what was only half mapped: bring it to a known state, then take it back.
            _map(work.engine(), arguments)
            _unmap(work, arguments)
    if temporary:
        work.store.check_locks()
        work.engine().volumes.delete(temporary)
    with work.store.writing() as writer:
        if temporary:
            writer.drop_volume(temporary)
        writer.settle(entry)


def _disconnect(work, access, backend, arguments):
    if opened_elsewhere(arguments, socket.gethostname(), access.boot_id()):
        if arguments["host"] in work.fenced:
            return
        raise StorageError(
            "conflict",
            "A run on the controller %(host)s was killed while it had a volume of backend %(backend)s open. Run the task there: only that host can "
            "disconnect it. Where it is dead for good, or called otherwise now, fence it and tell the doctor so (legacy_doctor, mend: true, "
            "fenced: [%(host)s]); then the volume is unmapped from it without being disconnected there." % dict(arguments, backend=backend),
        )
    if arguments["boot"] != access.boot_id():
        return  # nothing is connected any more
    connection_info = work.store.vault.decrypt(arguments["connection"])
    access.disconnect(connection_info, arguments["connector"], arguments.get("device"), arguments.get("identity"))


def close(work, record):
    """Close what a killed run had open; ``record`` is the Unsettled one of it."""
    _take_back(work, record.operation_id, record.backend, record.arguments, sure=False)


def _close(work, operation, arguments):
    _take_back(work, operation.settles, operation.backend, arguments, sure=False)


ACTIONS = {"close": _close}
