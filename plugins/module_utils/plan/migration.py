# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning migrations: a volume to another pool or another backend. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

import dataclasses

from ..model.errors import StorageError, missing_parent
from .naming import bearer
from .operations import Operation
from .pools import first_pool, refuse_unknown_pool


def find_volume(landscape, wanted):
    """Return the volume a task speaks of, under its earlier name and where it has been migrated to."""
    target = wanted.migrate_to
    return bearer(landscape.volume, wanted) or (landscape.volume(target.backend, wanted.name) if target else None)


def plan_migration(landscape, wanted):
    """Return the operations that bring a volume to the backend ``migrate_to`` names: none when it is there.

    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    target = wanted.migrate_to
    landscape.backend(target.backend)
    here, there = landscape.volume(wanted.backend, wanted.name), landscape.volume(target.backend, wanted.name)
    if here is not None and there is not None:
        raise StorageError(
            "conflict",
            "migrate_to: backends %s and %s both have a volume %r: nothing was migrated. Rename or delete one of them."
            % (wanted.backend, target.backend, wanted.name),
            "migrate_to",
        )
    if there is not None:
        moves = target.pool and target.pool != there.pool
        return [migrate(landscape, there, target.backend, target.pool, wanted.extra_specs, wanted.qos_specs, "migrate_to")] if moves else []
    if here is None:
        raise missing_parent("name", "neither backend %s nor %s has a volume %r." % (wanted.backend, target.backend, wanted.name))
    return [migrate(landscape, here, target.backend, target.pool, wanted.extra_specs, wanted.qos_specs, "migrate_to")]


def after_migration(wanted):
    """Return what is wanted of a volume once it is where ``migrate_to`` says."""
    target = wanted.migrate_to
    return dataclasses.replace(wanted, backend=target.backend, pool=target.pool, migrate_to=None)


def migrate(landscape, volume, backend, pool, extra_specs, qos_specs, parameter):
    """Return the operation that migrates a volume. ``None`` for a pool means the backend's first, for specs those the volume has.

    :raises StorageError: it is attached, or has snapshots, or the pool is not there; naming ``parameter``.
    """
    if volume.status != "available" or landscape.mappings_of(volume):
        raise StorageError(
            "in_use",
            "%s: volume %r is %s. Migration copies its data, and works only on a volume that nobody uses; detach it first."
            % (
                parameter,
                volume.name,
                "attached to %s" % ", ".join(volume.attached_to) if volume.attached_to else "in status " + volume.status,
            ),
            parameter,
        )
    snapshots = landscape.snapshots_of(volume)
    if snapshots:
        raise StorageError(
            "in_use",
            "%s: volume %r has snapshots (%s), which cannot move with it. Delete them first, or make volumes from them."
            % (parameter, volume.name, ", ".join(item.name for item in snapshots)),
            parameter,
        )
    target = landscape.backend(backend)
    refuse_unknown_pool(target, pool, parameter if parameter == "pool" else parameter + ".pool")
    arguments = {"id": volume.id, "to_backend": backend, "to_pool": pool or first_pool(target)}
    for key, specs in (("extra_specs", extra_specs), ("qos_specs", qos_specs)):
        if specs is not None and specs != getattr(volume, key):
            arguments[key] = specs
    return Operation("migrate", "volume", volume.backend, volume.name, arguments)
