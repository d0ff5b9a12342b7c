# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning backups. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

from ..model.backups import UNRESTORED
from ..model.errors import StorageError, invalid, missing_parent
from ..model.identity import derive_id
from ..model.wanted import MAX_NAME
from .operations import Operation
from .retention import superfluous
from .settlement import finish_deletions
from .volumes import UNREVERTED

_KEPT_OF_VOLUME = ("id", "backend", "name", "size", "description", "metadata", "extra_specs", "qos_specs")


def plan_backup(landscape, wanted, now, named=frozenset()):
    """Return the operations that make ``wanted`` (a WantedBackup) true.

    :param now: the time, an ISO 8601 text in UTC; for what is kept by period.
    :param named: the (repository, name) of all backups that the same list names: ``keep`` deletes none of them.
    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    current = landscape.backup(wanted.repository, wanted.name)
    if wanted.state == "restored":
        landscape.backend(wanted.backend)
        return _plan_restore(landscape, current, wanted)
    unfinished = finish_deletions(landscape, wanted.repository, named)
    if wanted.state == "present":
        landscape.backend(wanted.backend)
    if current is not None:
        _refuse_drift(landscape, current, wanted)
    if wanted.state == "absent":
        return ([] if current is None else [delete_backup(current, wanted.prune)]) + unfinished
    operations = ([_plan_create(landscape, wanted)] if current is None else []) + unfinished
    landscape = landscape.after(operations)
    return operations + _plan_keep(landscape, landscape.backup(wanted.repository, wanted.name), wanted, now, named)


def temporary_name(repository, name):
    """Return the name of the snapshot from which an attached volume is backed up, and which goes when that is done."""
    return ("backup %s/%s" % (repository, name))[:MAX_NAME]


def delete_backup(backup, prune, spares=False):
    """Return the operation that deletes a backup; with ``spares`` only if no other task works on it."""
    return Operation("delete", "backup", backup.repository, backup.name, {"id": backup.id, "prune": prune}, spares=spares)


def _plan_create(landscape, wanted):
    volume, snapshot = _what_to_save(landscape, wanted)
    arguments = {
        "id": derive_id("backup", wanted.repository, wanted.name),
        "volume": dict(
            {key: getattr(volume, key) for key in _KEPT_OF_VOLUME}, size=(snapshot or volume).size, created_at=landscape.born.get(volume.id)
        ),
        "volume_name": volume.name,
        "snapshot": {"id": snapshot.id, "name": snapshot.name} if snapshot else None,
        "description": wanted.description or "",
        "verify": wanted.verify,
    }
    if snapshot is None and landscape.mappings_of(volume):  # what a host writes to cannot be read as it is at one moment
        name = temporary_name(wanted.repository, wanted.name)
        arguments["temporary_snapshot"] = derive_id("snapshot", wanted.backend, name, namespace=landscape.namespace)
    elif snapshot is None:
        _refuse_format(landscape, volume, "Clone the volume and back up the clone, or have the driver make raw files.")
    return Operation("create", "backup", wanted.repository, wanted.name, arguments)


def _refuse_format(landscape, volume, advice):
    """Only what the volume holds can be streamed, and not a file of another format that stands for it."""
    kind = landscape.formats.get(volume.id, "raw")
    if kind != "raw":
        raise StorageError(
            "unsupported",
            "volume: the driver of backend %s keeps volume %r as a file in format %s, which cannot be streamed. %s"
            % (volume.backend, volume.name, kind, advice),
            "volume",
        )


def _what_to_save(landscape, wanted):
    """Return (volume, snapshot or None)."""
    if wanted.snapshot is not None:
        snapshot = landscape.snapshot(wanted.backend, wanted.snapshot)
        if snapshot is None:
            raise missing_parent("snapshot", "there is no snapshot %r on backend %s." % (wanted.snapshot, wanted.backend))
        if snapshot.status != "available":
            raise StorageError(
                "conflict", "snapshot: snapshot %r is in status %s; it must be available." % (snapshot.name, snapshot.status), "snapshot"
            )
        return landscape.volumes[snapshot.volume_id], snapshot
    volume = landscape.volume(wanted.backend, wanted.volume)
    if volume is None:
        raise missing_parent("volume", "there is no volume %r on backend %s." % (wanted.volume, wanted.backend))
    if volume.status not in ("available", "in-use"):
        raise StorageError("conflict", "volume: volume %r is in status %s; it must be available." % (volume.name, volume.status), "volume")
    return volume, None


def _refuse_drift(landscape, current, wanted):
    """A backup never changes. Whoever asks for another one under its name must not be told that there is one, nor have this one deleted."""
    going = wanted.state == "absent"
    snapshot, earlier = current.snapshot or {"id": None, "name": None}, False
    made_from = {"backend": (current.volume["backend"],), "snapshot": (snapshot["name"], snapshot["id"])}
    if wanted.volume is not None:
        volume = landscape.volume(wanted.backend, wanted.volume)  # it may have been renamed since, and its name given to another
        earlier = volume is not None and volume.id == current.volume["id"] and _is_of_earlier(landscape, current)
        same = wanted.volume in (current.volume["name"], current.volume["id"]) if volume is None else volume.id == current.volume["id"]
        made_from["volume"] = (wanted.volume,) if same and not earlier else ()
    for key, allowed in made_from.items():
        if getattr(wanted, key) not in allowed and not (going and getattr(wanted, key) is None):
            raise StorageError(
                "conflict",
                "%s: backup %r exists already and is of %svolume %r on backend %s%s. %s"
                % (
                    key,
                    current.name,
                    "an earlier " if earlier else "",
                    current.volume["name"],
                    current.volume["backend"],
                    ", made from snapshot %r" % snapshot["name"] if current.snapshot else "",
                    "It was not deleted." if going else "Choose another name, or delete that backup first.",
                ),
                key,
            )
    if not going and wanted.description not in (None, current.description):
        raise StorageError(
            "conflict",
            "description: backup %r exists already, and what is written in a backup does not change." % current.name,
            "description",
        )


def _is_of_earlier(landscape, backup):
    """Tell whether a backup is of a volume that was deleted since, whose id another of its name bears now. Old backups do not tell."""
    made, born = backup.volume.get("created_at"), landscape.born.get(backup.volume["id"])
    return made is not None and born is not None and made != born


def _others(landscape, current):
    """Return the other backups in the repository of volumes with the same id, oldest first."""
    return [
        item
        for item in sorted(landscape.backups.values(), key=lambda item: (item.created_at or "", item.name))
        if (item.repository, item.volume["id"]) == (current.repository, current.volume["id"]) and item.name != current.name
    ]


def _is_of_same(backup, other):
    """Tell whether two backups of volumes with one id are of the same volume for certain: a deleted volume's id is given to the next of its name."""
    return backup.volume.get("created_at") is not None and backup.volume["created_at"] == other.volume.get("created_at")


def left_by_keep(landscape, wanted):
    """Return the names of backups that ``keep`` never deletes, since they are not known to be of the volume that there is now."""
    current = landscape.backups.get((wanted.repository, wanted.name))
    if wanted.keep is None or current is None:
        return []
    return [item.name for item in _others(landscape, current) if not _is_of_same(item, current)]


def _plan_keep(landscape, current, wanted, now, named):
    if wanted.keep is None:
        return []
    others = [item for item in _others(landscape, current) if _is_of_same(item, current)]
    candidates = others + [current]
    going = superfluous([item.created_at or now for item in candidates], wanted.keep)
    doomed = [item for item in (candidates[index] for index in going) if item is not current and (item.repository, item.name) not in named]
    return [delete_backup(item, wanted.prune and item is doomed[-1], spares=True) for item in doomed]


def _plan_restore(landscape, current, wanted):
    if current is None:
        raise missing_parent("name", "there is no backup %r in repository %s." % (wanted.name, wanted.repository))
    volume = landscape.volume(wanted.backend, wanted.volume)
    if volume is None:
        raise missing_parent(
            "volume",
            "there is no volume %r on backend %s. To make a new one of a backup, use legacy_volume with source_backup."
            % (wanted.volume, wanted.backend),
        )
    if volume.size < current.size:
        raise invalid(
            "volume", volume.name, "has %d GiB and is smaller than the backup %r with %d GiB." % (volume.size, current.name, current.size)
        )
    holds = volume.restored is not None and volume.restored.get("id") == current.id and volume.status not in (UNRESTORED, UNREVERTED)
    if holds and "restored" not in wanted.force:
        return []
    mappings = landscape.mappings_of(volume)
    if mappings:
        raise StorageError(
            "in_use",
            "volume: volume %r is attached to %s. Detach it first; its content would be replaced under a host that uses it."
            % (volume.name, ", ".join(item.host for item in mappings)),
            "volume",
        )
    if volume.status not in ("available", UNRESTORED, UNREVERTED):
        raise StorageError("conflict", "volume: volume %r is in status %s; it must be available." % (volume.name, volume.status), "volume")
    _refuse_format(landscape, volume, "Delete its snapshots, if it has any, or make a new volume of the backup (legacy_volume, source_backup).")
    source = {"repository": current.repository, "name": current.name, "id": current.id}
    return [Operation("restore", "volume", volume.backend, volume.name, {"id": volume.id, "backup": source, "former_status": volume.status})]
