# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An encrypted volume, between its device and its users: format, open, change keys, grow, close.

cryptsetup itself and not os-brick's encryptors: those format whatever ``luksOpen`` refuses, and know no change of keys.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import time
import uuid

from ..module_utils.model.encryption import PARAMETER, mapping_name
from ..module_utils.model.errors import StorageError
from . import cryptsetup, devices, emptiness, facts, luks_header, reading

_GONE_WAIT = 10  # seconds for a closed device to leave the kernel: udev may have it open for a moment
_REMADE = cryptsetup.DATA_OFFSET  # what a formatting that was killed may have written to


def unlock(node, record, wish):
    """Open a volume, formatting it first where that is allowed; return the record with what is known of its header.

    :param record: of a device that is connected. :param wish: an EncryptionWish; without a key nothing is opened.
    :raises StorageError: ``conflict`` when the volume is not what the task takes it for, ``host`` when a step failed. Nothing is open then.
    """
    _refuse_files(record)
    seen = facts.look(node.system, record, ask=False)
    if wish.key is None or (seen.opened == "right" and wish.previous is None):
        return record
    key, previous = _keys(node, wish)
    header = _header(record, seen.path)
    if header is None or _half_made(header, record):
        record, header = _format(node, record, wish, seen.path, header, key)
    _refuse_foreign(header, record, wish)
    _agree(record, seen.path, wish, key, previous)
    record = dataclasses.replace(record, encryption=dataclasses.replace(record.encryption, uuid=header.uuid, formatting=None))
    node.records.put(record)
    name = mapping_name(record.export.volume_id)
    if seen.opened == "no":
        cryptsetup.open_as(seen.path, name, key)
    if facts.look(node.system, record, ask=False).opened == "right":
        return record
    if seen.opened == "no":
        lock(node, record.export.volume_id)
        raise StorageError("host", "encryption: %s was opened, but not on the volume's device. It was closed again; please report it." % _title(record))
    raise StorageError(
        "conflict", "encryption: /dev/mapper/%s is there already, but does not stand on volume %s. Look at what it is, and `cryptsetup close` it." %
        (name, _title(record)), PARAMETER,
    )


def tested(node, record, seen, wanted):
    """Return the plan's word for whether the wanted key opens a connected volume. Nothing is changed.

    :raises StorageError: ``conflict`` when the volume's header is not what the task asks for.
    """
    wish = wanted.encryption
    if wish is None or wish.key is None or record is None or record.encryption is None or seen.path is None or seen.identity != "right":
        return "untested"
    header = _header(record, seen.path)
    if header is None or header.keyslots == 0:
        return "untested"
    _refuse_foreign(header, record, wish)
    key, previous = _keys(node, wish)
    old = previous is not None and cryptsetup.opens(seen.path, previous)
    if cryptsetup.opens(seen.path, key):
        return "both" if old else "right"
    return "previous" if old else "wrong"


def rekey(node, record, wish):
    """Let the wanted key open the volume and the previous one no more. Killed at any point it can be done again: one of them opens it always."""
    _agree(record, facts.look(node.system, record, ask=False).path, wish, *_keys(node, wish))
    return record


def grow(node, record, wish):
    """Let an open volume reach to the end of its device."""
    seen = facts.look(node.system, record, ask=False)
    if wish is None or wish.key is None or not facts.lags(node.system, seen):
        return
    cryptsetup.resize(mapping_name(record.export.volume_id), _keys(node, wish)[0])
    if facts.lags(node.system, facts.look(node.system, record, ask=False)):
        raise StorageError("host", "encryption: %s did not grow with its device, though cryptsetup reported no error. Run the task again." % _title(record))


def lock(node, volume_id):
    """Close what is open under a volume's name; return what went wrong, or ``None``."""
    deadline = time.monotonic() + _GONE_WAIT
    name = mapping_name(volume_id)
    while devices.mapping(node.system, name) is not None:
        problem = cryptsetup.close(name)
        if devices.mapping(node.system, name) is None:
            break
        if time.monotonic() > deadline:
            return problem or "%s is still open." % name
        time.sleep(0.5)
    return None


def take_back(node, record, seen):
    """Remove a header that a killed formatting of ours left without a key, before the record goes that alone proves whose it is.

    Nothing else is touched: a header with a key opens with it, and where there is none yet, nothing tells our bytes from others.

    :param seen: what stands there of a volume that is to be detached.
    """
    if record.encryption is None or record.encryption.formatting is None or seen.identity != "right" or seen.path is None or seen.opened != "no":
        return
    try:
        header = luks_header.read(seen.path)
        if header is None or not _half_made(header, record):
            return
        _zero(seen.path, min(_REMADE, header.offset))
    except OSError as error:
        node.warn(
            "The LUKS header without a key that a killed run left on volume %s could not be removed (%s). Say format: overwrite when it is attached again."
            % (_title(record), error.strerror or error)
        )
        return
    node.warn("The LUKS header without a key that a killed run left on volume %s was removed: the volume is empty again." % _title(record))


def _zero(path, length):
    """Write zeros to the beginning of a device, the very first ones last: killed, it leaves what can be recognised."""
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC | (os.O_EXCL if stat.S_ISBLK(os.stat(path).st_mode) else 0))
    try:
        zeros = bytes(reading.BLOCK)
        for offset in reversed(range(0, length, reading.BLOCK)):
            rest = memoryview(zeros)[: length - offset]
            while rest:
                written = os.pwrite(handle, rest, offset + min(reading.BLOCK, length - offset) - len(rest))
                rest = rest[written:]
            os.fsync(handle)
    finally:
        os.close(handle)


def refuse_plain(record, path):
    """Refuse to hand out as it is what this collection has encrypted, on this node or another."""
    if path is None:
        return
    try:
        header = luks_header.read(path)
    except OSError:
        return  # whoever uses the device meets the error
    if header is not None and header.subsystem == luks_header.SUBSYSTEM:
        raise StorageError(
            "conflict", "encryption: volume %s is encrypted, and the task does not say encryption. Nothing was kept." % _title(record), PARAMETER
        )


def _title(record):
    return "%s/%s" % (record.export.backend, record.export.volume_name)


def _refuse_files(record):
    if record.identity.get("kind") == "file":
        raise StorageError(
            "unsupported", "encryption: volume %s is a file on this host, not a block device, and only those are encrypted." % _title(record), PARAMETER
        )


def _keys(node, wish):
    key = node.key(wish.key)
    previous = node.key(wish.previous) if wish.previous is not None else None
    if key == previous:
        raise StorageError("invalid", "encryption: the previous key is the key itself. Give the new one as the key.", PARAMETER)
    return key, previous


def _header(record, path):
    try:
        return luks_header.read(path)
    except OSError as error:
        raise StorageError("host", "encryption: the beginning of volume %s cannot be read: %s." % (_title(record), error.strerror or error)) from error


def _half_made(header, record):
    """Tell whether this is the header of a formatting of ours that was killed: nobody can have opened it, for it has no key."""
    ours = record.encryption
    return ours.formatting == record.identity["serial"] and header.uuid == ours.uuid and header.version == 2 and header.keyslots == 0


def _refuse_foreign(header, record, wish):
    known = record.encryption.uuid
    if header.version != 2:
        raise StorageError(
            "conflict", "encryption: volume %s carries a LUKS%d header; only LUKS2 is used. `cryptsetup convert` turns it into one. Nothing was changed."
            % (_title(record), header.version), PARAMETER,
        )
    if known is not None and known != header.uuid:
        raise StorageError(
            "conflict", "encryption: volume %s carries another LUKS header than before (%s instead of %s). Somebody formatted it; detach it, and attach it "
            "again where that was meant. Nothing was changed." % (_title(record), header.uuid, known), PARAMETER,
        )
    for name, wanted, found in (("cipher", wish.cipher, header.cipher), ("key_size", wish.key_size, header.key_size)):
        if wanted is not None and found is not None and wanted != found:
            raise StorageError(
                "conflict", "encryption.%s: volume %s is encrypted with %s, not %s, which cannot be changed. Nothing was changed."
                % (name, _title(record), found, wanted), PARAMETER,
            )


def _format(node, record, wish, path, header, key):
    """Write a LUKS header where nothing is lost by it; return the record and the header."""
    before, serial = record.encryption, record.identity["serial"]
    if before.uuid is not None and before.formatting is None:
        raise StorageError(
            "conflict", "encryption: volume %s had the LUKS header %s and has none now: its beginning was overwritten. Restore the header from a backup; or "
            "detach the volume, where its data may be lost. Nothing was changed." % (_title(record), before.uuid), PARAMETER,
        )
    if wish.format == "never":
        raise StorageError(
            "conflict", "encryption: volume %s is not encrypted, and the task says format: never. Nothing was changed." % _title(record), PARAMETER
        )
    resumed = before.formatting == serial
    if header is not None:
        pass  # ours, and without a key (_half_made): nothing is behind it
    elif wish.format == "overwrite":
        _refuse_damaged_luks(record, path)
    else:
        emptiness.prove(path, _title(record), skip=_REMADE if resumed else 0)
    planned = before.uuid if resumed else str(uuid.uuid4())
    record = dataclasses.replace(record, encryption=dataclasses.replace(before, uuid=planned, formatting=serial))
    node.records.put(record)
    try:
        cryptsetup.make(path, key, planned, wish)
    except StorageError:
        if wish.format == "empty" and not resumed and _still_blank(path):  # such as a cipher that there is not: it is as it was
            node.records.put(dataclasses.replace(record, encryption=before))
        raise
    header = _header(record, path)
    if header is None or header.uuid != planned or not cryptsetup.opens(path, key):
        raise StorageError("host", "encryption: volume %s was formatted, but does not open with its key. Please report it." % _title(record))
    return record, header


def _still_blank(path):
    try:
        with reading.opened(path) as device:
            return not any(any(device.read(offset, reading.BLOCK)) for offset in range(0, _REMADE, reading.BLOCK))
    except OSError:
        return False


def _refuse_damaged_luks(record, path):
    """Told to overwrite, nobody means the copy of a LUKS header whose first one is damaged: with it the data can still be read."""
    try:
        found = emptiness.signatures(path)
    except OSError as error:
        raise StorageError("host", "encryption: volume %s cannot be looked at: %s. Nothing was changed." % (_title(record), error)) from error
    if "crypto_LUKS" in found:
        raise StorageError(
            "conflict", "encryption: volume %s carries a damaged LUKS header, which `cryptsetup repair` may mend. It was not overwritten; `wipefs --all` is "
            "for who wants that." % _title(record), PARAMETER,
        )


def _agree(record, path, wish, key, previous):
    if not cryptsetup.opens(path, key):
        if previous is None or not cryptsetup.opens(path, previous):
            told = "the key does not open volume %s%s" % (_title(record), ", nor does the previous one" if previous is not None else "")
            hint = " It ends with a newline: is that meant?" if key.endswith(b"\n") else ""
            raise StorageError("conflict", "encryption: %s.%s Nothing was changed on it." % (told, hint), PARAMETER)
        cryptsetup.add_key(path, previous, key, wish)
        if not cryptsetup.opens(path, key):
            raise StorageError("host", "encryption: the new key was added to volume %s, but does not open it. The previous one stays." % _title(record))
    while previous is not None and cryptsetup.opens(path, previous):
        cryptsetup.remove_key(path, previous)
