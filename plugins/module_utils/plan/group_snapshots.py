# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning group snapshots: several volumes at one moment. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

from ..model.errors import StorageError, missing_parent
from ..model.identity import derive_id, is_id
from .naming import plan_rename
from .operations import Operation


def plan_group_snapshot(landscape, wanted):
    """Return the operations that make ``wanted`` (a WantedGroupSnapshot) true.

    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    landscape.backend(wanted.backend)
    renaming = plan_rename(landscape, landscape.group_snapshot, "group_snapshot", wanted)
    landscape = landscape.after(renaming)
    current = landscape.group_snapshot(wanted.backend, wanted.name)
    if current is not None:
        _refuse_drift(landscape, current, wanted)
    if wanted.state == "absent":
        return [] if current is None else [_delete(current)]
    if current is None:
        return [_plan_create(landscape, wanted)]
    return renaming + _plan_change(landscape, current, wanted)


def refuse_members(snapshots, parameter):
    """Raise StorageError ``in_use`` where one of ``snapshots`` is a member of a group snapshot: those come and go together."""
    for item in snapshots:
        if item is not None and item.group_snapshot_id is not None:
            raise StorageError(
                "in_use",
                "%s: snapshot %r is a member of group snapshot %r, whose members come and go together. Delete that one first, with "
                "legacy_group_snapshot." % (parameter, item.name, item.group_snapshot),
                parameter,
            )


def _delete(current):
    arguments = {
        "id": current.id,
        "volume_names": [item.volume_name for item in current.members],
        "members": [{"id": item.id, "volume_id": item.volume_id} for item in current.members],
    }
    return Operation("delete", "group_snapshot", current.backend, current.name, arguments)


def _plan_create(landscape, wanted):
    if is_id(wanted.name):
        raise StorageError("not_found", "name: no group snapshot has the id %r. To create one, give it a name." % wanted.name, "name")
    if not wanted.volumes:
        raise StorageError(
            "invalid", "volumes: is required to create the group snapshot %r: names or ids of volumes." % wanted.name, "volumes"
        )
    volumes = _volumes(landscape, wanted)
    group_id = derive_id("group", wanted.backend, ",".join(sorted(volume.id for volume in volumes)))
    _refuse_other_groups(landscape, volumes, group_id)
    members = []
    for volume, name in zip(volumes, wanted.member_names()):
        if landscape.snapshot(wanted.backend, name) is not None:
            raise StorageError(
                "conflict",
                "snapshot_names: a snapshot called %r exists already. Give the one of volume %r another name there." % (name, volume.name),
                "snapshot_names",
            )
        members.append(
            {
                "id": landscape.free_id("snapshot", wanted.backend, name),
                "name": name,
                "volume_id": volume.id,
                "volume_name": volume.name,
                "size": volume.size,
            }
        )
    arguments = {
        "id": landscape.free_id("group_snapshot", wanted.backend, wanted.name),
        "group_id": group_id,
        "description": wanted.description or "",
        "metadata": wanted.metadata or {},
        "volume_names": sorted(volume.name for volume in volumes),
        "members": members,
    }
    return Operation("create", "group_snapshot", wanted.backend, wanted.name, arguments)


def _volumes(landscape, wanted):
    found = {}
    for name in wanted.volumes:
        volume = landscape.volume(wanted.backend, name)
        if volume is None:
            raise missing_parent("volumes", "there is no volume %r on backend %s." % (name, wanted.backend))
        if volume.status not in ("available", "in-use"):
            raise StorageError(
                "conflict", "volumes: volume %r is in status %s; it must be available." % (volume.name, volume.status), "volumes"
            )
        if volume.id in found:
            raise StorageError("invalid", "volumes: %r and %r are the same volume. Keep one." % (found[volume.id], name), "volumes")
        found[volume.id] = name
    return [landscape.volumes[identity] for identity in found]


def _refuse_other_groups(landscape, volumes, group_id):
    """A volume is in one group at a time, in Cinder as on most arrays; and what a killed run left of that group must be settled first."""
    ids = {volume.id for volume in volumes}
    for item in landscape.snapshots.values():
        if item.volume_id not in ids or item.group_snapshot_id is None:
            continue
        other = landscape.group_snapshot(item.backend, item.group_snapshot_id)
        if other.group_id != group_id:
            raise StorageError(
                "conflict",
                "volumes: volume %r is in the group of group snapshot %r already, with %s, and a volume is in one group at a time. "
                "Name the same volumes as there, or delete that group snapshot first."
                % (item.volume_name, other.name, ", ".join(member.volume_name for member in other.members)),
                "volumes",
            )
        if other.status != "available":
            raise StorageError(
                "conflict",
                "volumes: group snapshot %r of the same volumes is in status %s. Run its task again, or delete it, before another is taken."
                % (other.name, other.status),
                "volumes",
                {"passing": True},  # unless whoever takes it was killed
            )


def _plan_change(landscape, current, wanted):
    if current.status != "available":
        raise StorageError(
            "conflict", "name: group snapshot %r is in status %s. Delete it with state=absent." % (current.name, current.status), "name"
        )
    changes = {
        key: getattr(wanted, key)
        for key in ("description", "metadata")
        if getattr(wanted, key) is not None and getattr(wanted, key) != getattr(current, key)
    }
    if not changes:
        return []
    return [Operation("update", "group_snapshot", current.backend, current.name, dict(changes, id=current.id))]


def _refuse_drift(landscape, current, wanted):
    found = {name: landscape.volume(wanted.backend, name) for name in wanted.volumes or ()}
    ids = {getattr(volume, "id", None) for volume in found.values()}
    if wanted.volumes and ids != {item.volume_id for item in current.members}:
        raise StorageError(
            "conflict",
            "volumes: group snapshot %r exists already and is of %s, not of %s. Choose another name, or delete that one first."
            % (
                current.name,
                ", ".join(item.volume_name for item in current.members),
                ", ".join(sorted(volume.name if volume else name for name, volume in found.items())),
            ),
            "volumes",
        )
    for name, asked in (wanted.snapshot_names or {}).items():
        volume = landscape.volume(wanted.backend, name)
        for item in current.members:
            if volume is not None and item.volume_id == volume.id and item.name != asked:
                raise StorageError(
                    "conflict",
                    "snapshot_names: the snapshot of volume %r in group snapshot %r is called %r, not %r. Rename it with legacy_snapshot."
                    % (item.volume_name, current.name, item.name, asked),
                    "snapshot_names",
                )
