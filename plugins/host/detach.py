# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Executing ``settle`` and ``disconnect``: flush, take away, verify, and only then forget."""

from __future__ import annotations

import dataclasses
import os
import time

from ..module_utils.model.attachment import AttachmentRecord
from ..module_utils.model.errors import StorageError
from . import access, addresses, devices, encryption, links, loop, mounts, neighbours, nvme, programs

_GONE_WAIT = 30  # seconds
_FLUSH_WAIT = 120  # seconds
_ANSWER_WAIT = 30  # seconds for one block


def disconnect(node, record, wanted, seen):
    """Take a volume away and forget its record.

    :raises StorageError: ``host`` when a step failed: the record is kept (``disconnecting``), and the message says what stayed.
    """
    if record is not None:
        node.records.put(dataclasses.replace(record, state="disconnecting", attached=False))
        access.release(node, record, seen, _stays_by_nature(node, record))
        encryption.take_back(node, record, seen)
    _remove(node, record or _record_of(node, wanted), seen, wanted.force)
    node.records.remove(wanted.volume_id)


def settle(node, record, wanted, seen):
    """Sweep what an earlier boot, a crash or another volume left at the address; the record stays for ``connect`` to replace."""
    if record is not None:
        node.records.put(dataclasses.replace(record, state="disconnecting"))
        _remove(node, record, seen, seen.identity == "unknown")  # nobody uses it, and no path of it answers
    at_address = _record_of(node, wanted)
    if record is None or node.what_stays(at_address.export, {}):
        _remove(node, at_address, seen, False)


def _record_of(node, wanted):
    return AttachmentRecord(wanted.export, "disconnecting", node.system.boot_id(), wanted.multipath)


def _remove(node, record, seen, force):
    kind = record.identity.get("kind")
    force = force and not _answers(seen)
    if record.link_key:
        links.forget(links.base(node.settings, record.link_key), record.link_key, record.export.volume_id)
    problems = _close(node, record, seen, force)
    if seen.path and seen.identity == "right":
        problem = flush(seen.path)
        if problem and not force:
            raise StorageError("host", _kept(record, problem, "the device, with what was not written"))
        problems += [problem] if problem else []
    try:
        renamed = seen.path and record.device and kind != "node"  # those their connectors know by the path that they gave
        device = dict(record.device, path=seen.path) if renamed else record.device
        if not neighbours.theirs(node, record.export.volume_id, record.identity, node.address(record.export)):
            node.connector_for(record.export, True, tolerant=True).disconnect(device, force=force)
        for export in (each for each in _formerly(node, record) if node.what_stays(each, record.identity)):
            node.connector_for(export, True, tolerant=True).disconnect(device, force=force)
    except StorageError as error:
        problems.append(error.message)
    problems += _remove_empty_map(node.system, record.identity)
    stays = wait_gone(node, record)
    if record.link_key and seen.name and (_stays_by_nature(node, record) or nvme.is_namespace(seen.name) and nvme.shared(node.system, seen.name)):
        links.trigger(node.system, seen.name)  # the device is there still, and its link would be, too
    verifiable = kind in ("scsi", "nvme", "rbd", "loop", "aoe", "drbd") or addresses.lead(node.address(record.export))
    if not stays and problems and not force and not verifiable:
        stays = ["nothing that could be seen"]
    if stays:
        raise StorageError("host", _kept(record, " ".join(problems) or "No step reported an error.", ", ".join(stays)), details={"left": stays})
    for problem in problems:
        node.warn("Volume %s is disconnected, but: %s" % (record.export.volume_name, problem))
    _leave_share(node, record)


def _remove_empty_map(system, identity):
    """Take a map away that has no disk any more; return the problems.

    os-brick finds maps by their disks, and multipathd takes none away that was in use when its last disk went.
    """
    name, disks = devices.find(system, identity) if identity.get("kind") == "scsi" else (None, [])
    if name is None or disks or not devices.map_uuid(system, name).startswith("mpath-"):
        return []
    _output, problem = programs.run("multipath", "-f", system.read("sys/class/block", name, "dm/name"))
    return [problem] if problem else []


def _formerly(node, record):
    """Return the exports by which the device was connected before, but for those whose address somebody else's disk has by now."""
    return [export for export in record.former if not neighbours.strangers(node.system, record.identity, node.address(export))]


def _leave_share(node, record):
    if loop.serves(record.export.protocol):
        records, unreadable = node.records.all()
        for other in sorted(set(unreadable) - {record.export.volume_id}):
            node.warn("Volume %s is disconnected, but shares that nobody uses stay mounted: %s" % (record.export.volume_name, unreadable[other].message))
            return
        others = [other for volume_id, other in records.items() if volume_id != record.export.volume_id]
        used = [other.device.get("file") or other.device.get("path") or "" for other in others]
        for problem in mounts.unmount_unused(node.system, node.mount_dir, used):
            node.warn("Volume %s is disconnected, but its share stays mounted: %s" % (record.export.volume_name, problem))


def _answers(seen):
    """Tell whether the array still takes what was written to a device: then nobody may give it up."""
    if seen.disks:
        return seen.identity in ("right", "wrong")
    if seen.path is None:
        return False
    _output, problem = programs.run("dd", "if=" + seen.path, "of=/dev/null", "bs=4096", "count=1", "iflag=direct", limit=_ANSWER_WAIT)
    return problem is None


def _close(node, record, seen, force):
    """Flush and close what is open of an encrypted volume; return the problems that ``force`` goes on with."""
    if seen.inner is None:
        return []
    problems = []
    for step in (lambda: flush(node.system.node(seen.inner)), lambda: encryption.lock(node, record.export.volume_id)):
        problem = step()
        if problem and not force:
            raise StorageError("host", _kept(record, problem, "the encrypted device, open"))
        problems += [problem] if problem else []
    return problems


def _stays_by_nature(node, record):
    """A local file or device is there whether it is attached or not, and a PowerFlex volume for as long as the driver maps it: os-brick does nothing then."""
    protocol = record.export.protocol.lower()
    return record.identity.get("kind") == "file" or protocol == "local" or protocol == "scaleio" and "sdc_guid" in node.address(record.export)


def _kept(record, problem, left):
    return "Volume %s/%s was not disconnected: %s What stayed: %s. Its record is kept; mend the cause and run the task again." % (
        record.export.backend, record.export.volume_name, problem, left,
    )


def flush(path):
    """Write what the kernel still holds for a device or file; return what went wrong, or ``None``."""
    if os.path.isfile(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return None
    _output, problem = programs.run("blockdev", "--flushbufs", path, limit=_FLUSH_WAIT)
    return problem


def wait_gone(node, record):
    """Wait until nothing of a connection is left; return what stayed, one sentence part each."""
    deadline = time.monotonic() + _GONE_WAIT
    while True:
        stays = [] if _stays_by_nature(node, record) else node.what_stays(record.export, record.identity)
        for export in () if _stays_by_nature(node, record) else _formerly(node, record):
            stays = list(dict.fromkeys(stays + node.what_stays(export, record.identity)))
        if not stays or time.monotonic() > deadline:
            return stays
        time.sleep(0.5)


def forget(node, record):
    """Leave the share, and remove what udev's rule reads, and the record; but not where a task had attached the volume (it is to be connected
    again), nor where only the record proves that a half-written LUKS header is ours.
    """
    _leave_share(node, record)
    if record.link_key:
        links.forget(links.base(node.settings, record.link_key), record.link_key, record.export.volume_id)
    if not record.attached and not (record.encryption and record.encryption.formatting):
        access.forget(node.settings.state_dir, record.export.volume_id)
        node.records.remove(record.export.volume_id)
