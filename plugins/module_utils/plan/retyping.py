# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retyping: other extra specs and QoS for a volume where it lies. Pure."""

from __future__ import annotations

import dataclasses

from ..model.errors import StorageError
from .operations import Operation


def plan_retype(current, wanted):
    """Return the operations that give a volume the extra specs and QoS it should have.

    :raises StorageError: ``in_use`` when hosts would be surprised.
    """
    specs = {key: getattr(current, key) if getattr(wanted, key) is None else getattr(wanted, key) for key in ("extra_specs", "qos_specs")}
    after = dataclasses.replace(current, **specs)
    if after == current:
        return []
    if after.multiattach != current.multiattach and current.attached_to:
        raise StorageError(
            "in_use",
            "extra_specs: volume %r is attached to %s, and whether several hosts may have it can only change while none has. Detach it first."
            % (current.name, ", ".join(current.attached_to)),
            "extra_specs",
        )
    arguments = dict(specs, id=current.id)
    if wanted.migration_policy == "on-demand":
        arguments["migration_policy"] = wanted.migration_policy  # only the driver knows whether it needs that
    return [Operation("retype", "volume", current.backend, current.name, arguments)]


def refuse_unable(landscape, operations, changes_in_place):
    """Refuse to retype what no driver method would change, and what could not be migrated instead.

    A driver that has the method may still say no to these specs; that is known only when it is asked, which changes them.

    :param changes_in_place: tells whether the driver of a Backend can change specs at all.
    :raises StorageError: ``unsupported`` or ``in_use``.
    """
    for operation in operations:
        if (operation.noun, operation.action) == ("volume", "retype") and not changes_in_place(landscape.backend(operation.backend)):
            if operation.arguments.get("migration_policy") != "on-demand":
                raise unsupported(operation.backend, operation.name)
            volume = landscape.volumes[operation.arguments["id"]]
            refuse_migration(volume, [item.name for item in landscape.snapshots_of(volume)])


def unsupported(backend, name):
    """Return the error where a driver cannot change specs and nothing else is allowed."""
    return StorageError(
        "unsupported",
        "extra_specs, qos_specs: the driver of backend %s cannot change these of volume %r where it lies. migration_policy: on-demand lets "
        "the controller copy its data to a new one. The volume is as it was." % (backend, name),
        "extra_specs",
    )


def refuse_migration(volume, snapshots):
    """Raise StorageError ``in_use`` where a volume that its driver cannot retype must not be migrated: attached, or with snapshots (their names)."""
    if volume.attached_to or snapshots:
        raise StorageError(
            "in_use",
            "extra_specs, qos_specs: the driver of backend %s cannot change these of volume %r where it lies, and migrating it needs it to be "
            "detached (attached to: %s) and without snapshots (it has: %s). The volume is as it was."
            % (volume.backend, volume.name, ", ".join(volume.attached_to) or "none", ", ".join(snapshots) or "none"),
            "extra_specs",
        )
