# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each operation does to a Landscape: prediction, for check mode and for planning the rest of a list."""

from __future__ import annotations

import dataclasses

from ..model.backups import UNRESTORED, Backup, Repository
from ..model.images import Image
from ..model.replication import wants_replication
from ..model.resources import AT_REST, DRAWN_FROM, Backend, GroupSnapshot, Mapping, Snapshot, Source, Volume, left_behind
from .exports import ANEW
from .failover import backend_effect as failover_effect
from .pools import first_pool
from .volumes import UNREVERTED

_GIVEN_UP = {"fail_restore": UNRESTORED, "fail_revert": UNREVERTED}


def _backend_effect(landscape, operation):
    if operation.action == "delete":
        landscape.backends.pop(operation.name)
    elif operation.action not in ("register", "update"):
        failover_effect(landscape, operation)
    else:
        landscape.backends[operation.name] = Backend(**operation.arguments)


def _volume_effect(landscape, operation):
    volume_id = operation.arguments["id"]
    if operation.action in ("create", "adopt"):
        values = {key: value for key, value in operation.arguments.items() if key != "image"}
        if values.get("source"):
            values["source"] = Source(**values["source"])
        values["pool"] = values.get("pool") or first_pool(landscape.backends[operation.backend])
        landscape.volumes[volume_id] = volume = Volume(backend=operation.backend, name=operation.name, **values)
        if volume.source is not None and volume.source.kind in DRAWN_FROM:
            landscape.taken_ids |= {volume.source.id}
    elif operation.action == "rename":
        _rename_volume(landscape, volume_id, operation.arguments["new_name"])
    elif operation.action in ("undo_create", "finish_delete", "finish_discard", "delete", "release", "finish_release"):
        gone = landscape.volumes.pop(volume_id, None)
        if operation.action in ("undo_create", "finish_delete", "delete") and gone is not None and gone.is_clone:
            landscape.taken_ids |= {volume_id}
        _bury(landscape, operation)
    elif operation.action in ("migrate", "finish_move"):
        _move_volume(landscape, volume_id, operation.arguments)
    elif operation.action == "undo_migrate":
        pass  # the volume never was anywhere else
    elif volume_id in landscape.volumes:  # extend, retype, revert, update and their endings
        landscape.volumes[volume_id] = dataclasses.replace(landscape.volumes[volume_id], **_changes(landscape, operation))


def _changes(landscape, operation):
    """Return what an operation changes of a volume, as the fields of its record."""
    volume = landscape.volumes[operation.arguments["id"]]
    rest = {} if operation.settles is None else {"status": "in-use" if volume.attached_to else "available"}
    if operation.action == "forget":
        return rest
    if operation.action in ("revert", "finish_revert"):
        return {"status": "available", "reverted_to": operation.arguments["snapshot_id"], "restored": None}
    if operation.action == "restore":
        return {"status": "available", "reverted_to": None, "restored": operation.arguments["backup"]}
    if operation.action == "undo_restore":
        return {"status": operation.arguments["former_status"]}
    if operation.action in _GIVEN_UP:
        return {"status": _GIVEN_UP[operation.action]}
    changes = {key: value for key, value in operation.arguments.items() if key not in ("id", "migration_policy")}
    if wants_replication(changes.get("extra_specs", volume.extra_specs)) != wants_replication(volume.extra_specs):
        changes["replication_status"] = None  # what the type says, unless the driver says something else
    return dict(rest, **changes)


def _move_volume(landscape, volume_id, arguments):
    if volume_id in landscape.volumes:
        volume = landscape.volumes[volume_id]
        leaves = arguments["to_backend"] != volume.backend
        changes = {key: arguments[key] for key in ("extra_specs", "qos_specs") if key in arguments}
        if leaves or changes:  # it is another object on an array, of which nothing was said yet
            changes["replication_status"] = None
        landscape.volumes[volume_id] = dataclasses.replace(
            volume,
            adopted_from=left_behind(volume.adopted_from, volume.backend) if leaves else volume.adopted_from,
            backend=arguments["to_backend"],
            pool=arguments["to_pool"],
            **changes,
        )


def _bury(landscape, operation):
    """What is released stays on the array, under its id: nothing else may ever get that."""
    if operation.action in ("release", "finish_release"):
        landscape.taken_ids |= {operation.arguments["id"]}


def _rename_volume(landscape, volume_id, name):
    landscape.volumes[volume_id] = dataclasses.replace(landscape.volumes[volume_id], name=name)
    for table in (landscape.snapshots, landscape.mappings):
        table.update({key: dataclasses.replace(item, volume_name=name) for key, item in table.items() if item.volume_id == volume_id})
    _rename_source(landscape, "volume", volume_id, name)


def _rename_source(landscape, kind, source_id, name):
    for key, volume in landscape.volumes.items():
        if volume.source is not None and (volume.source.kind, volume.source.id) == (kind, source_id):
            landscape.volumes[key] = dataclasses.replace(volume, source=dataclasses.replace(volume.source, name=name))


def _snapshot_effect(landscape, operation):
    snapshot_id = operation.arguments["id"]
    if operation.action in ("create", "adopt"):
        landscape.snapshots[snapshot_id] = Snapshot(backend=operation.backend, name=operation.name, **operation.arguments)
    elif operation.action == "rename":
        name = operation.arguments["new_name"]
        landscape.snapshots[snapshot_id] = dataclasses.replace(landscape.snapshots[snapshot_id], name=name)
        _rename_source(landscape, "snapshot", snapshot_id, name)
    elif operation.action == "finish_adopt":
        if snapshot_id in landscape.snapshots:
            landscape.snapshots[snapshot_id] = dataclasses.replace(landscape.snapshots[snapshot_id], status="available")
    elif operation.action == "update":
        changes = {key: value for key, value in operation.arguments.items() if key != "id"}
        landscape.snapshots[snapshot_id] = dataclasses.replace(landscape.snapshots[snapshot_id], **changes)
    else:
        _drop_snapshot(landscape, snapshot_id)
        _bury(landscape, operation)


def _drop_snapshot(landscape, snapshot_id):
    snapshot = landscape.snapshots.pop(snapshot_id, None)
    if snapshot:
        landscape.formats.pop(snapshot.volume_id, None)  # its file may be another now
    volume = snapshot and landscape.volumes.get(snapshot.volume_id)
    if volume and volume.reverted_to == snapshot_id:
        landscape.volumes[volume.id] = dataclasses.replace(volume, reverted_to=None)


def _group_snapshot_effect(landscape, operation):
    arguments = operation.arguments
    identity = arguments["id"]
    if operation.action == "create":
        values = {key: arguments[key] for key in ("id", "group_id", "description", "metadata")}
        landscape.group_snapshots[identity] = GroupSnapshot(backend=operation.backend, name=operation.name, **values)
        for member in arguments["members"]:
            landscape.snapshots[member["id"]] = Snapshot(
                backend=operation.backend, group_snapshot_id=identity, group_snapshot=operation.name, **member
            )
    elif operation.action == "rename":
        name = arguments["new_name"]
        landscape.group_snapshots[identity] = dataclasses.replace(landscape.group_snapshots[identity], name=name)
        for key, item in landscape.snapshots.items():
            if item.group_snapshot_id == identity:
                landscape.snapshots[key] = dataclasses.replace(item, group_snapshot=name)
    elif operation.action == "update":
        changes = {key: value for key, value in arguments.items() if key != "id"}
        landscape.group_snapshots[identity] = dataclasses.replace(landscape.group_snapshots[identity], **changes)
    else:
        landscape.group_snapshots.pop(identity, None)
        for key in [key for key, item in landscape.snapshots.items() if item.group_snapshot_id == identity]:
            _drop_snapshot(landscape, key)


def _export_effect(landscape, operation):
    arguments = operation.arguments
    before = landscape.mappings.get(arguments["id"])
    if operation.action == "renew":
        landscape.mappings[arguments["id"]] = dataclasses.replace(before, exported_at=ANEW)
    elif operation.action in ("create", "update", "finish_update"):
        landscape.mappings[arguments["id"]] = Mapping(
            id=arguments["id"],
            backend=operation.backend,
            volume_id=arguments["volume_id"],
            volume_name=operation.name,
            host=arguments["host"],
            connector=arguments["connector"],
            exported_at=before.exported_at if before else None,
        )
    else:
        landscape.mappings.pop(arguments["id"], None)
    volume = landscape.volumes.get(arguments["volume_id"])
    if volume is not None:
        hosts = tuple(sorted(item.host for item in landscape.mappings_of(volume)))
        written = {"reverted_to": None} if operation.action == "create" else {}
        if volume.status in AT_REST:  # a mark that its content is not what it should be stays
            written["status"] = "in-use" if hosts else "available"
        landscape.volumes[volume.id] = dataclasses.replace(volume, attached_to=hosts, **written)


def _image_effect(landscape, operation):
    if operation.action in ("create", "replace"):
        values = {key: value for key, value in operation.arguments.items() if key != "id"}
        landscape.images[operation.name] = Image(path=operation.name, **values)
    elif operation.action in ("delete", "finish_delete"):
        landscape.images.pop(operation.name, None)
    # undo_create takes away what was not yet an image: the file is there, whole, or it is not


def _access_effect(landscape, operation):
    """What the controller had open itself is closed: nothing that anybody could see."""


def _repository_effect(landscape, operation):
    if operation.action == "forget":
        landscape.repositories.pop(operation.name)
    else:
        values = {key: value for key, value in operation.arguments.items() if key != "create"}
        landscape.repositories[operation.name] = Repository(**values)


def _backup_effect(landscape, operation):
    arguments = operation.arguments
    if operation.action == "create":
        backup = Backup(operation.backend, operation.name, arguments["volume"], arguments["description"], arguments["snapshot"])
        landscape.backups[(backup.repository, backup.name)] = backup
    elif operation.action == "clean_up":  # the repository knows whether it was complete
        _drop_snapshot(landscape, arguments.get("temporary_snapshot"))
    else:
        landscape.backups.pop((operation.backend, operation.name), None)


EFFECTS = {
    "backend": _backend_effect,
    "volume": _volume_effect,
    "snapshot": _snapshot_effect,
    "group_snapshot": _group_snapshot_effect,
    "export": _export_effect,
    "repository": _repository_effect,
    "backup": _backup_effect,
    "access": _access_effect,
    "image": _image_effect,
}
