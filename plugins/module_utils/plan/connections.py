# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node must do so that a connection is as wanted. Pure: no I/O, no clock, no library.

Operations, in the order in which they are executed:

``settle``      sweep what an earlier boot, a crash or another volume at the same address left in the kernel
``disconnect``  flush, take the device away, verify that it is gone, forget the record
``connect``     write the record, connect, verify identity and size, open what is encrypted, make the stable link
``extend``      make every path, the map and what is encrypted on it show the volume's new size
``rekey``       give the encrypted volume the wanted key and take the previous one away
``open``        open the encrypted volume, which a boot left locked, and make the stable link
``remember``    keep where the key comes from now
``link``        make the stable link again
``access``      make the device and every path of it read-only, or writable again
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..model.attachment import AttachmentRecord, Export, stable_link
from ..model.encryption import PARAMETER, EncryptionRecord, EncryptionWish
from ..model.errors import StorageError, invalid
from .multipath import becomes_map, refuse_required, sweepable, wants_map

MULTIPATH_MODES = ("required", "preferred", "no")
STATES = ("present", "absent")
ACCESS_MODES = ("rw", "ro")
_SAFE_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a task asks of one connection.

    :param export: the export to connect; may be ``None`` for ``absent``.
    :param multipath: ``required`` (at least two active paths, or failure), ``preferred`` (where this host can) or ``no``.
    :param force: give up what was not written, where no path to the array answers.
    :param encryption: ``None`` for a volume that is to be used as it is.
    :param exported_at: of the exports that are meant to be disconnected: no other is, and from then on none of them is connected again.
    """

    volume_id: str
    state: str
    multipath: str = "preferred"
    force: bool = False
    export: t.Optional[Export] = None
    encryption: t.Optional[EncryptionWish] = None
    exported_at: t.Tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data):
        """Build from one entry of a task's ``connections``.

        :raises StorageError: ``invalid`` for what cannot be meant.
        """
        state = data.get("state") or "present"
        if state not in STATES:
            raise invalid("state", state, "must be one of %s." % ", ".join(STATES))
        multipath = data.get("multipath") or "preferred"
        if multipath not in MULTIPATH_MODES:
            raise invalid("multipath", multipath, "must be one of %s." % ", ".join(MULTIPATH_MODES))
        raw = data.get("export")
        if state == "present" and not raw:
            raise StorageError("invalid", "export: is required to connect a volume. Pass the export that legacy_export returned.", "export")
        export = Export.from_dict(raw) if raw and set(raw) - {"volume_id"} else None
        volume_id = data.get("volume_id") or (raw or {}).get("volume_id")
        if export is not None and export.volume_id != volume_id:
            raise invalid("volume_id", volume_id, "is not the volume of the export (%s)." % export.volume_id)
        if not isinstance(volume_id, str) or not _SAFE_ID.match(volume_id):
            raise invalid("volume_id", volume_id, "is no volume's id.")
        if export is not None and export.access_mode not in ACCESS_MODES:
            raise invalid("access_mode", export.access_mode, "must be one of %s." % ", ".join(ACCESS_MODES))
        exported_at = tuple(data.get("exported_at") or ())
        if exported_at and state == "present":
            raise invalid("exported_at", exported_at[0], "has no meaning with state: present. Leave it out.")
        encryption = EncryptionWish.from_dict(data.get("encryption")) if state == "present" else None
        return cls(volume_id, state, multipath, bool(data.get("force")), export, encryption, exported_at)


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the kernel shows of one volume now.

    :param boot_id: of the running kernel.
    :param multipathd: whether multipathd runs.
    :param identity: ``none`` (no device), ``right``, ``wrong`` (a path shows another volume) or ``unknown`` (a device is
        there, and no path answers).
    :param native: whether the kernel's own NVMe multipath is on.
    :param returned: how many of a map's portals have no session though they answer now.
    :param mapped: the device is a dm-multipath map; predicted, ``None`` where that is not known.
    :param paths: how many paths the device has, working or not: SCSI disks, or controllers of an NVMe namespace.
    :param size: in GiB, of the smallest of map and paths, rounded down.
    :param users: who uses the device: one sentence part each.
    :param leftovers: kernel names of devices at the volume's address that are not the recorded attachment's.
    :param linked: the stable path leads to the device.
    :param access_mode: of the device itself, ``rw`` or ``ro``.
    :param alike: every path has the device's access mode.
    :param opened: of an encrypted volume: ``no``, ``right`` (open, and on this device) or ``wrong`` (something else is open under its name).
    :param lag: what is open is smaller than the device below it has room for.
    :param key: whether the wanted key opens the volume: ``right``, ``both`` (and so does the previous), ``previous`` (only that does), ``wrong``, or
        ``untested``.
    """

    boot_id: str
    multipathd: bool = False
    identity: str = "none"
    mapped: t.Optional[bool] = False
    paths: int = 0
    size: int = 0
    users: t.Tuple[str, ...] = ()
    leftovers: t.Tuple[str, ...] = ()
    linked: bool = False
    access_mode: str = "rw"
    alike: bool = True
    opened: str = "no"
    lag: bool = False
    key: str = "untested"
    native: bool = False
    returned: int = 0


def plan(record, facts, wanted):
    """Return the operations (a list of words) that make ``wanted`` true.

    :param record: the volume's AttachmentRecord, or ``None``.
    :raises StorageError: ``in_use`` or ``conflict`` when the device is used and would have to go, ``host`` when no path answers,
        and what :func:`refuse_required` raises.
    """
    if wanted.state == "absent":
        if record is None and not facts.leftovers:
            return []
        _refuse_attached_anew(record, wanted)
        if facts.users:
            raise StorageError(
                "in_use",
                "Volume %s is in use on this host: %s. Stop that first; nothing was changed."
                % (_title(record, wanted), "; ".join(facts.users)),
                details={"users": list(facts.users)},
            )
        return ["disconnect"]
    _refuse_drift(record, facts, wanted)
    if wanted.multipath == "required":
        refuse_required(wanted.export.protocol, facts.multipathd, facts.native)
    _refuse_read_only(record, facts, wanted)
    reason = _why_again(record, facts, wanted)
    if reason is None:
        return ["connect"] if record is None else _in_place(record, facts, wanted)
    if reason == "adopt":
        return ["connect"]
    if facts.users:
        raise StorageError(
            "conflict",
            "Volume %s has to be disconnected and connected again, because %s; but the device is in use: %s. Stop that first; "
            "nothing was changed." % (_title(record, wanted), reason, "; ".join(facts.users)),
            details={"users": list(facts.users)},
        )
    return ["settle", "connect"]


def _refuse_attached_anew(record, wanted):
    """What another task attached since this one looked is that one's."""
    if wanted.exported_at and record is not None and record.export.exported_at not in (None, *wanted.exported_at):
        raise StorageError(
            "conflict",
            "exported_at: another task attached volume %s to this host meanwhile, by an export of %s, which is none of those that this task means (%s). "
            "Nothing was disconnected. If the volume shall be detached all the same, run this task again."
            % (_title(record, wanted), record.export.exported_at, ", ".join(wanted.exported_at)),
            "exported_at",
        )


def latest(moments):
    """Return the latest of exports' ``exported_at`` (ISO 8601, UTC, with or without microseconds), "" where there is none."""
    return max(moments, key=lambda moment: moment.rstrip("Z"), default="")


def refuse_withdrawn(record, export, withdrawn):
    """Refuse an export that a task has disconnected in order to unmap it, or an earlier one: its LUN may be another volume's by the time it is connected.

    :param withdrawn: the latest ``exported_at`` of such exports of this volume, "" where there is none.
    :raises StorageError: ``conflict``, unless the record says that it is attached still: then that task ended before it began.
    """
    if export.exported_at is None or latest([withdrawn, export.exported_at]) != withdrawn:
        return
    if record is not None and record.attached and record.export.exported_at == export.exported_at:
        return
    raise StorageError(
        "conflict",
        "export: another task detached volume %s/%s from this host meanwhile, and the export of %s, which this one was told of, is unmapped. Nothing was "
        "connected. Run this task again, if the volume shall be attached (by legacy_export and legacy_connection: with renew: true)."
        % (export.backend, export.volume_name, export.exported_at),
        "export",
    )


def refuse_file(export, identity):
    """Raise StorageError ``unsupported`` where a volume that shall be read-only is a file: nothing keeps root from writing to it.

    :param identity: what was connected calls itself.
    """
    if export.access_mode == "ro" and identity.get("kind") == "file":
        raise StorageError(
            "unsupported",
            "access_mode: 'ro', but volume %s/%s is a file on this host, and nothing would keep root from writing to it. Attach it with access_mode: rw, and "
            "mount what is in it read-only." % (export.backend, export.volume_name),
            "access_mode",
        )


def _refuse_read_only(record, facts, wanted):
    """A file system that is mounted for writing would lose what it has not written yet."""
    refuse_file(wanted.export, record.identity if record else {})
    if wanted.export.access_mode == "ro" and record is not None and facts.identity == "right" and facts.access_mode == "rw" and facts.users:
        raise StorageError(
            "in_use",
            "access_mode: 'ro', but volume %s is attached for writing and in use on this host: %s. Stop that first; nothing was changed."
            % (_title(record, wanted), "; ".join(facts.users)),
            "access_mode",
            {"users": list(facts.users)},
        )
    if wanted.export.access_mode == "ro" and wanted.encryption is not None:
        raise StorageError(
            "unsupported",
            "access_mode: 'ro', but volume %s is to be attached encrypted, and what is opened on it could be written to all the same. Attach it with "
            "access_mode: rw, and mount what is in it read-only." % _title(record, wanted),
            "access_mode",
        )


def _in_place(record, facts, wanted):
    """Return what is to be done to a volume that stays connected."""
    wish = wanted.encryption
    operations = []
    if facts.size < wanted.export.size or facts.lag:
        operations.append("extend")
    if wish is not None and facts.key in ("both", "previous"):
        operations.append("rekey")
    if wish is not None and not record.encryption.same_source(wish.key):
        operations.append("remember")
    if wish is not None and wish.key is not None and facts.opened != "right":
        operations.append("open")
    elif not facts.linked:
        operations.append("link")
    if not facts.alike or {facts.access_mode, record.export.access_mode} != {wanted.export.access_mode}:
        operations.append("access")
    return operations


def _refuse_drift(record, facts, wanted):
    """A volume does not become encrypted, or cease to be, by a word in a task; nor does it get a key that does not open it."""
    if record is not None and record.encryption is not None and wanted.encryption is None and (record.attached or record.encryption.uuid):
        raise StorageError(
            "conflict",
            "encryption: volume %s is attached encrypted, and the task does not say encryption. Say it, or detach the volume first. Nothing was changed."
            % _title(record, wanted),
            PARAMETER,
        )
    settled = record is not None and (record.attached or record.state == "connected" or (facts.identity == "right" and facts.users))
    if wanted.encryption is not None and settled and record.encryption is None:
        raise StorageError(
            "conflict",
            "encryption: volume %s is attached without encryption. What is on it cannot be encrypted in place: copy it to an encrypted volume; or detach "
            "it first, where it is empty. Nothing was changed." % _title(record, wanted),
            PARAMETER,
        )
    if wanted.encryption is not None and facts.key == "wrong":
        raise StorageError(
            "conflict",
            "encryption: the key does not open volume %s%s. Nothing was changed."
            % (_title(record, wanted), ", nor does the previous one" if wanted.encryption.previous else ""),
            PARAMETER,
        )


def _why_again(record, facts, wanted):
    """Why the volume cannot stay connected as it is: a sentence part, ``adopt`` (connect on top), or ``None``."""
    if facts.leftovers:
        return "other devices stand at its address (%s)" % ", ".join(facts.leftovers)
    if record is None:
        return None
    renewed = None not in (record.export.exported_at, wanted.export.exported_at) and record.export.exported_at != wanted.export.exported_at
    if facts.identity == "unknown" and renewed:
        return "no path to it answers, and it was exported anew"
    if facts.identity == "unknown":
        raise StorageError(
            "host",
            "Volume %s is connected, but no path to it answers. Mend the network or the array; where the array is gone for good, "
            "detach with force. Nothing was changed." % _title(record, wanted),
        )
    if facts.identity == "wrong":
        return "a path of it shows another volume now"
    if facts.opened == "wrong":
        return "what is open under its name is not on its device"
    if record.state != "connected":
        if facts.identity == "right" and facts.users or not sweepable(wanted.export.protocol):
            return "adopt"  # interrupted under a device that somebody uses, or that is there to stay: connecting on top disturbs nobody
        return "an earlier run was interrupted while it was %s" % record.state
    if facts.identity == "none":
        return "its device is gone" if sweepable(wanted.export.protocol) else "adopt"
    if wants_map(wanted.export.protocol, wanted.multipath) and not facts.mapped:
        return "it is connected without multipath"
    if wanted.multipath == "required" and facts.paths < 2:
        return "adopt"
    if facts.returned and wanted.multipath != "no":
        return "adopt"
    return "adopt" if renewed or record.boot_id != facts.boot_id else None


def predict(record, facts, wanted, operations):
    """Return ``(record, facts)`` as they will be after ``operations``; the device's kernel names stay unknown."""
    for operation in operations:
        if operation in ("disconnect", "settle"):
            facts = Facts(facts.boot_id, facts.multipathd, native=facts.native)
            record = None if operation == "disconnect" else record
        elif operation == "connect":
            mapped = facts.mapped or becomes_map(wanted.export.protocol, wanted.multipath, facts.multipathd)
            size, paths = max(facts.size, wanted.export.size), max(facts.paths + facts.returned, 2 if wanted.multipath == "required" else 1)
            mode = {"access_mode": wanted.export.access_mode, "alike": True, "returned": 0}
            facts = dataclasses.replace(facts, identity="right", mapped=mapped, paths=paths, size=size, linked=True, lag=False, key="untested", **mode)
            encryption, opened = None, "no"
            if wanted.encryption is not None:
                encryption = EncryptionRecord.of(wanted.encryption.key, record.encryption if record else None)
                opened = "right" if wanted.encryption.key or facts.opened == "right" else "no"
            facts = dataclasses.replace(facts, opened=opened)
            link = stable_link(wanted.volume_id)
            record = AttachmentRecord(wanted.export, "connected", facts.boot_id, wanted.multipath, {}, link, attached=True, encryption=encryption)
        elif operation == "extend":
            facts = dataclasses.replace(facts, size=max(facts.size, wanted.export.size), lag=False)
            record = dataclasses.replace(record, export=wanted.export)
        elif operation == "rekey":
            facts = dataclasses.replace(facts, key="right")
        elif operation == "remember":
            record = dataclasses.replace(record, encryption=EncryptionRecord.of(wanted.encryption.key, record.encryption))
        elif operation == "open":
            facts = dataclasses.replace(facts, opened="right", linked=True)
        elif operation == "link":
            facts = dataclasses.replace(facts, linked=True)
            record = dataclasses.replace(record, link=stable_link(wanted.volume_id))
        elif operation == "access":
            facts = dataclasses.replace(facts, access_mode=wanted.export.access_mode, alike=True)
            record = dataclasses.replace(record, export=dataclasses.replace(record.export, access_mode=wanted.export.access_mode))
    return record, facts


def _title(record, wanted):
    export = wanted.export or (record.export if record else None)
    return "%s/%s" % (export.backend, export.volume_name) if export else wanted.volume_id
