# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting what the array has already, and releasing what it is to keep. Pure."""

from __future__ import annotations

from ..model.errors import StorageError, invalid, missing_parent
from ..model.identity import is_id
from .operations import Operation


def refuse_other_origin(current, wanted, noun):
    """A task that adopts must find what it adopted: nothing else is taken for it."""
    if wanted.adopt is not None and wanted.adopt not in (current.adopted_from, _reference(current.adopted_from)):
        was = "was not adopted" if current.adopted_from is None else "was adopted from %r" % current.adopted_from
        raise StorageError("conflict", "adopt: %s %r exists already and %s. Choose another name." % (noun, current.name, was), "adopt")


def _reference(adopted_from):
    """Return the reference alone, without the backend on which a volume was adopted that has left it (``left_behind``)."""
    return {key: value for key, value in (adopted_from or {}).items() if key != "backend"} or None


def plan_adopt_volume(landscape, wanted):
    """Return the operations that bring a volume of the array here, and let it grow where a larger size is wanted."""
    _refuse_adopted(landscape.volumes, wanted, "volume")
    if wanted.size is not None and wanted.size < wanted.found:
        raise invalid("size", wanted.size, "is smaller than what is adopted (%d GiB). Volumes never shrink; leave size out." % wanted.found)
    arguments = {
        "id": landscape.free_id("volume", wanted.backend, wanted.name, avoid=" ".join(wanted.adopt.values())),
        "size": wanted.found,
        "description": wanted.description or "",
        "metadata": wanted.metadata or {},
        "extra_specs": wanted.extra_specs or {},
        "qos_specs": wanted.qos_specs or {},
        "pool": wanted.pool,  # None: the first there is by then
        "adopted_from": wanted.adopt,
    }
    operations = [Operation("adopt", "volume", wanted.backend, wanted.name, arguments)]
    if wanted.size is not None and wanted.size > wanted.found:
        operations.append(Operation("extend", "volume", wanted.backend, wanted.name, {"id": arguments["id"], "size": wanted.size}))
    return operations


def plan_adopt_snapshot(landscape, wanted):
    """Return the operation that brings a snapshot of the array here."""
    _refuse_adopted(landscape.snapshots, wanted, "snapshot")
    volume = snapshots_volume(landscape, wanted)
    arguments = {
        "id": landscape.free_id("snapshot", wanted.backend, wanted.name, avoid=" ".join(wanted.adopt.values())),
        "volume_id": volume.id,
        "volume_name": volume.name,
        "size": wanted.found,
        "description": wanted.description or "",
        "metadata": wanted.metadata or {},
        "adopted_from": wanted.adopt,
    }
    return [Operation("adopt", "snapshot", wanted.backend, wanted.name, arguments)]


def snapshots_volume(landscape, wanted):
    """Return the volume that a new snapshot is of. Raises StorageError when the task names none that can be used."""
    if is_id(wanted.name):
        raise StorageError("not_found", "name: no snapshot has the id %r. To create one, give it a name." % wanted.name, "name")
    if not wanted.volume:
        raise StorageError("invalid", "volume: is required to create the snapshot %r: the name or id of a volume." % wanted.name, "volume")
    volume = landscape.volume(wanted.backend, wanted.volume)
    if volume is None:
        raise missing_parent("volume", "there is no volume %r on backend %s." % (wanted.volume, wanted.backend))
    if volume.status not in ("available", "in-use"):
        raise StorageError("conflict", "volume: volume %r is in status %s; it must be available." % (volume.name, volume.status), "volume")
    return volume


def _refuse_adopted(table, wanted, noun):
    for item in table.values():
        if item.backend == wanted.backend and item.adopted_from == wanted.adopt:
            raise StorageError("conflict", "adopt: %r is managed already, as %s %r." % (wanted.adopt, noun, item.name), "adopt")


def plan_release_volume(landscape, current):
    """Return the operation that forgets a volume and leaves it on the array."""
    mappings, snapshots = landscape.mappings_of(current), landscape.snapshots_of(current)
    if mappings:
        hosts = ", ".join(item.host for item in mappings)
        raise StorageError(
            "in_use", "state: volume %r is attached to %s. Detach it first with legacy_attachment." % (current.name, hosts), "state"
        )
    if snapshots:
        names = ", ".join(item.name for item in snapshots)
        raise StorageError("in_use", "state: volume %r has snapshots (%s). Release or delete them first." % (current.name, names), "state")
    return [Operation("release", "volume", current.backend, current.name, {"id": current.id})]


def plan_release_snapshot(current):
    """Return the operation that forgets a snapshot and leaves it on the array."""
    return [Operation("release", "snapshot", current.backend, current.name, {"id": current.id, "volume_name": current.volume_name})]
