# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations, and what each does to what is: planning and prediction speak of the same things."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model.errors import missing_parent
from ..model.identity import derive_id
from ..model.resources import Backend, Mapping, Snapshot, Source, Volume


@dataclasses.dataclass(frozen=True)
class Operation:
    """One step that changes something.

    :param action: ``register``, ``create``, ``extend``, ``update``, ``delete``; and for what a killed run left:
        ``undo_create``, ``finish_update``, ``finish_extend``, ``forget_extend``, ``finish_delete``.
    :param noun: ``backend``, ``volume``, ``snapshot`` or ``export``.
    :param name: the thing's name; for an export, the volume's name.
    :param arguments: plain data the action needs.
    :param settles: id of the unsettled record that this operation brings to an end.
    """

    action: str
    noun: str
    backend: str
    name: str
    arguments: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    settles: t.Optional[str] = None

    def to_public(self):
        """Return what a task lists under ``operations``."""
        shown = {"action": self.action, "noun": self.noun, "backend": self.backend, "name": self.name}
        for key in ("size", "host", "volume_name"):
            if key in self.arguments:
                shown[key] = self.arguments[key]
        return shown


class Landscape:
    """What is, as far as a request touches it. Treated as immutable: :meth:`after` returns a new one."""

    def __init__(self, backends=(), volumes=(), snapshots=(), mappings=(), unsettled=(), taken_ids=()):
        self.backends = {backend.name: backend for backend in backends}
        self.volumes = {volume.id: volume for volume in volumes}
        self.snapshots = {snapshot.id: snapshot for snapshot in snapshots}
        self.mappings = {mapping.id: mapping for mapping in mappings}
        self.unsettled = {record.operation_id: record for record in unsettled}
        self.taken_ids = frozenset(taken_ids)

    def copy(self):
        """Return a landscape that can be changed without changing this one."""
        return Landscape(
            self.backends.values(),
            self.volumes.values(),
            self.snapshots.values(),
            self.mappings.values(),
            self.unsettled.values(),
            self.taken_ids,
        )

    def backend(self, name):
        """Return the backend called ``name``. Raises StorageError ``not_found`` that lists those there are."""
        if name not in self.backends:
            known = ", ".join(sorted(self.backends)) or "none"
            raise missing_parent(
                "backend", "%r is not registered on this controller (registered: %s). Register it with legacy_backend." % (name, known)
            )
        return self.backends[name]

    def volume(self, backend, name_or_id):
        """Return the volume with that name or id on ``backend``, or None."""
        return _find(self.volumes, backend, name_or_id)

    def snapshot(self, backend, name_or_id):
        """Return the snapshot with that name or id on ``backend``, or None."""
        return _find(self.snapshots, backend, name_or_id)

    def snapshots_of(self, volume):
        """Return the snapshots of a volume, by name."""
        return sorted((item for item in self.snapshots.values() if item.volume_id == volume.id), key=lambda item: item.name)

    def mapping(self, volume, host):
        """Return the export of ``volume`` to ``host``, or None."""
        return next((item for item in self.mappings.values() if item.volume_id == volume.id and item.host == host), None)

    def mappings_of(self, volume):
        """Return the exports of a volume, by host."""
        return sorted((item for item in self.mappings.values() if item.volume_id == volume.id), key=lambda item: item.host)

    def free_id(self, noun, backend, name):
        """Return the id that a new thing called ``name`` gets: derived from it, and borne by nothing else."""
        generation = 0
        while True:
            candidate = derive_id(noun, backend, name, generation)
            if candidate not in self.taken_ids and candidate not in self.volumes and candidate not in self.snapshots:
                return candidate
            generation += 1

    def after(self, operations):
        """Return the landscape as it will be once ``operations`` have been carried out."""
        result = self.copy()
        for operation in operations:
            _EFFECTS[operation.noun](result, operation)
            if operation.settles:
                result.unsettled.pop(operation.settles, None)
        return result


def _find(table, backend, name_or_id):
    by_id = table.get(name_or_id)
    if by_id is not None and by_id.backend == backend:
        return by_id
    return next((item for item in table.values() if item.backend == backend and item.name == name_or_id), None)


def _backend_effect(landscape, operation):
    if operation.action == "delete":
        landscape.backends.pop(operation.name)
    else:
        landscape.backends[operation.name] = Backend(**operation.arguments)


def _volume_effect(landscape, operation):
    volume_id = operation.arguments["id"]
    if operation.action == "create":
        values = dict(operation.arguments)
        if values.get("source"):
            values["source"] = Source(**values["source"])
        landscape.volumes[volume_id] = Volume(backend=operation.backend, name=operation.name, **values)
    elif operation.action in ("undo_create", "finish_delete", "delete"):
        landscape.volumes.pop(volume_id, None)
    else:  # extend, finish_extend, update
        changes = {key: value for key, value in operation.arguments.items() if key != "id"}
        if volume_id in landscape.volumes:
            volume = landscape.volumes[volume_id]
            if operation.action == "forget_extend":
                changes = {}
            if operation.action in ("finish_extend", "forget_extend"):
                changes["status"] = "in-use" if volume.attached_to else "available"
            landscape.volumes[volume_id] = dataclasses.replace(volume, **changes)


def _snapshot_effect(landscape, operation):
    snapshot_id = operation.arguments["id"]
    if operation.action == "create":
        landscape.snapshots[snapshot_id] = Snapshot(backend=operation.backend, name=operation.name, **operation.arguments)
    elif operation.action == "update":
        changes = {key: value for key, value in operation.arguments.items() if key != "id"}
        landscape.snapshots[snapshot_id] = dataclasses.replace(landscape.snapshots[snapshot_id], **changes)
    else:
        landscape.snapshots.pop(snapshot_id, None)


def _export_effect(landscape, operation):
    arguments = operation.arguments
    if operation.action in ("create", "update", "finish_update"):
        landscape.mappings[arguments["id"]] = Mapping(
            id=arguments["id"],
            backend=operation.backend,
            volume_id=arguments["volume_id"],
            volume_name=operation.name,
            host=arguments["host"],
            connector=arguments["connector"],
        )
    else:
        landscape.mappings.pop(arguments["id"], None)
    volume = landscape.volumes.get(arguments["volume_id"])
    if volume is not None:
        hosts = tuple(sorted(item.host for item in landscape.mappings_of(volume)))
        landscape.volumes[volume.id] = dataclasses.replace(volume, attached_to=hosts, status="in-use" if hosts else "available")


_EFFECTS = {"backend": _backend_effect, "volume": _volume_effect, "snapshot": _snapshot_effect, "export": _export_effect}
