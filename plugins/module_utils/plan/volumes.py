# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning volumes. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

import dataclasses

from ..model.backups import UNRESTORED
from ..model.errors import StorageError, invalid, missing_parent
from ..model.identity import is_id
from ..model.images import Refusal, same_content
from ..model.replication import ERROR
from ..model.resources import AT_REST, Source
from ..model.sizes import GIB
from .adopting import plan_adopt_volume, plan_release_volume, refuse_other_origin
from .exports import delete_export
from .group_snapshots import refuse_members
from .migration import after_migration, migrate, plan_migration
from .naming import plan_rename
from .operations import Operation
from .pools import refuse_unknown_pool
from .retyping import plan_retype
from .reverting import plan_revert
from .snapshots import delete_snapshot

UNREVERTED = "error_reverting"  # an array failed to revert it: only reverting again tells what it holds


def plan_volume(landscape, wanted):
    """Return the operations that make ``wanted`` (a WantedVolume) true.

    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    landscape.backend(wanted.backend)
    if wanted.migrate_to:
        migrating = plan_migration(landscape, wanted)
        return migrating + plan_volume(landscape.after(migrating), after_migration(wanted))
    renaming = plan_rename(landscape, landscape.volume, "volume", wanted)
    landscape = landscape.after(renaming)
    current = landscape.volume(wanted.backend, wanted.name)
    if current is not None and current.status == "maintenance":
        raise StorageError(
            "busy", "name: volume %r is a copy that another task works with; it goes when that task has ended." % current.name, "name"
        )
    if wanted.state == "absent":
        return [] if current is None else _plan_delete(landscape, current, wanted)
    if wanted.state == "released":
        return [] if current is None else plan_release_volume(landscape, current)
    if current is None:
        if wanted.revert_to:
            raise missing_parent("revert_to", "there is no volume %r on backend %s to revert." % (wanted.name, wanted.backend))
        return plan_adopt_volume(landscape, wanted) if wanted.adopt else [_plan_create(landscape, wanted)]
    return renaming + _plan_change(landscape, current, wanted)


def _plan_create(landscape, wanted):
    if is_id(wanted.name):
        raise StorageError("not_found", "name: no volume has the id %r. To create one, give it a name." % wanted.name, "name")
    source, least = _source(landscape, wanted)
    size = wanted.size if wanted.size is not None else least
    if size is None:
        raise StorageError("invalid", "size: is required to create the volume %r. Write GiB, as in size: 10." % wanted.name, "size")
    if least is not None and size < least:
        raise invalid("size", size, "is smaller than the source %s %r with %d GiB." % (source.kind, source.name, least))
    refuse_unknown_pool(landscape.backend(wanted.backend), wanted.pool, "pool")
    arguments = {
        "id": landscape.free_id("volume", wanted.backend, wanted.name),
        "size": size,
        "description": wanted.description or "",
        "metadata": wanted.metadata or {},
        "extra_specs": wanted.extra_specs or {},
        "qos_specs": wanted.qos_specs or {},
        "pool": wanted.pool,  # None: the first there is by then
    }
    if source is not None:
        arguments["source"] = dataclasses.asdict(source)
    if wanted.source_image is not None:
        arguments["image"] = dataclasses.asdict(wanted.source_image)
    return Operation("create", "volume", wanted.backend, wanted.name, arguments)


def _source(landscape, wanted):
    """Return the Source and its size in GiB (None where it is not known), or (None, None)."""
    if wanted.source_image is not None:
        return _image_source(landscape, wanted.source_image)
    for kind, name, found in (
        ("volume", wanted.source_volume, wanted.source_volume and landscape.volume(wanted.backend, wanted.source_volume)),
        ("snapshot", wanted.source_snapshot, wanted.source_snapshot and landscape.snapshot(wanted.backend, wanted.source_snapshot)),
    ):
        if not name:
            continue
        parameter = "source_" + kind
        if not found:
            raise missing_parent(parameter, "there is no %s %r on backend %s." % (kind, name, wanted.backend))
        if found.status not in AT_REST:
            raise StorageError(
                "conflict", "%s: %s %r is in status %s; it must be available." % (parameter, kind, found.name, found.status), parameter
            )
        return Source(kind, found.id, found.name), found.size
    if wanted.source_backup:
        backup = landscape.backup(wanted.source_repository, wanted.source_backup)
        if backup is None:
            raise missing_parent(
                "source_backup", "there is no backup %r in repository %s." % (wanted.source_backup, wanted.source_repository)
            )
        return Source("backup", backup.id, "%s/%s" % (backup.repository, backup.name)), backup.size
    return None, None


def _image_source(landscape, image):
    offer = landscape.offers.get(image)
    if isinstance(offer, Refusal):
        raise offer.error
    size = offer.virtual_size if offer else None
    return Source("image", image.digest, image.shown), None if size is None else max(1, -(-size // GIB))


def _plan_change(landscape, current, wanted):
    if current.status == UNRESTORED:
        raise StorageError(
            "conflict",
            "name: restoring a backup to volume %r did not end well, so its content is worth nothing. Restore a backup to it with legacy_backup, "
            "or delete it with state=absent." % current.name,
            "name",
        )
    if current.status == ERROR and current.replicated:
        raise StorageError(
            "conflict",
            "name: volume %r could not be failed over or back with its backend, so what the active array has of it is not known. See there; once "
            "it is sound, run legacy_backend_failover again with the backend's state and force: [unconfirmed]." % current.name,
            "name",
        )
    if current.status not in AT_REST and not (current.status == UNREVERTED and wanted.revert_to):
        raise StorageError(
            "conflict",
            "name: volume %r is in status %s. Delete it with state=absent, or mend it on the array." % (current.name, current.status),
            "name",
        )
    _refuse_drift(landscape, current, wanted)
    refuse_other_origin(current, wanted, "volume")
    operations = plan_revert(landscape, current, wanted) + (_plan_pool(landscape, current, wanted) or plan_retype(current, wanted))
    if wanted.size is not None and wanted.size < current.size:
        raise invalid(
            "size",
            wanted.size,
            "is smaller than volume %r is now (%d GiB). Volumes never shrink; give at least that." % (current.name, current.size),
        )
    if wanted.size is not None and wanted.size > current.size:
        operations.append(Operation("extend", "volume", current.backend, current.name, {"id": current.id, "size": wanted.size}))
    changes = {
        key: getattr(wanted, key)
        for key in ("description", "metadata")
        if getattr(wanted, key) is not None and getattr(wanted, key) != getattr(current, key)
    }
    if changes:
        operations.append(Operation("update", "volume", current.backend, current.name, dict(changes, id=current.id)))
    return operations


def _refuse_drift(landscape, current, wanted):
    """What cannot change in place fails loudly (safety rule: drift of source, backend, pool)."""
    for kind in ("volume", "snapshot"):
        name = getattr(wanted, "source_" + kind)
        if name is None:
            continue
        source = current.source
        bearer = getattr(landscape, kind)(wanted.backend, name)  # the name may have gone to another since
        same = source is not None and source.kind == kind and name in (source.name, source.id)
        again = same and landscape.made_as(kind, wanted.backend, name, source.id)  # what bore it was deleted, and made again
        if not same or (bearer is not None and bearer.id != source.id and not again):
            raise _another_source(current, kind, name)
    if wanted.source_backup is not None:
        made_from, source = "%s/%s" % (wanted.source_repository, wanted.source_backup), current.source
        if source is None or (source.kind, source.name) != ("backup", made_from):
            raise _another_source(current, "backup", made_from)
    if wanted.source_image is not None and not same_content(current.source, wanted.source_image):
        source, image = current.source, wanted.source_image
        was = "was created empty" if source is None else "was created from %s %r" % (source.kind, source.name)
        known = " (%s)" % source.id if source is not None and source.kind == "image" and source.id else ""
        raise StorageError(
            "conflict",
            "source_image: volume %r exists already and %s%s, not from image %r%s. Choose another name, or delete that volume first."
            % (current.name, was, known, image.shown, " (%s)" % image.digest if image.digest else ""),
            "source_image",
        )


def _plan_pool(landscape, current, wanted):
    if wanted.pool is None or wanted.pool == current.pool:
        return []
    if wanted.migration_policy != "on-demand":
        raise StorageError(
            "conflict",
            "pool: volume %r lies in pool %r, not %r. migration_policy: on-demand lets it move there, which may copy all its data."
            % (current.name, current.pool, wanted.pool),
            "pool",
        )
    return [migrate(landscape, current, current.backend, wanted.pool, wanted.extra_specs, wanted.qos_specs, "pool")]


def _another_source(current, kind, name):
    source = current.source
    was = "was created empty" if source is None else "was created from %s %r" % (source.kind, source.name)
    return StorageError(
        "conflict",
        "source_%s: volume %r exists already and %s, not from %s %r. Choose another name, or delete that volume first."
        % (kind, current.name, was, kind, name),
        "source_" + kind,
    )


def _plan_delete(landscape, current, wanted):
    operations = []
    mappings, snapshots = landscape.mappings_of(current), landscape.snapshots_of(current)
    if mappings and "attached" not in wanted.force:
        raise StorageError(
            "in_use",
            "state: volume %r is attached to %s. Detach it first with legacy_attachment; force: [attached] takes it away under a host that may still write."
            % (current.name, ", ".join(item.host for item in mappings)),
            "state",
        )
    if snapshots and "snapshots" not in wanted.force:
        raise StorageError(
            "in_use",
            "state: volume %r has snapshots (%s). Delete them first, or say force: [snapshots] to delete them with it."
            % (current.name, ", ".join(item.name for item in snapshots)),
            "state",
        )
    refuse_members(snapshots, "force")
    operations.extend(delete_export(item) for item in mappings)
    operations.extend(delete_snapshot(item) for item in snapshots)
    operations.append(Operation("delete", "volume", current.backend, current.name, {"id": current.id}))
    return operations
