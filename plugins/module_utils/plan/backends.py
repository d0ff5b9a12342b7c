# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning backends. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

import dataclasses

from ..model.errors import StorageError
from ..model.replication import OPTION, targets_of
from ..model.resources import Backend
from .operations import Operation


def plan_backend(landscape, wanted, volume_count=0):
    """Return the operations that make ``wanted`` (a WantedBackend) true.

    :param volume_count: how many volumes the backend has in the store.
    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    current = landscape.backends.get(wanted.name)
    if wanted.state == "absent":
        if current is None:
            return []
        if volume_count:
            raise StorageError(
                "in_use",
                "state: backend %r still has %d volume(s). Delete them first; nothing was removed." % (wanted.name, volume_count),
                "state",
            )
        return [Operation("delete", "backend", wanted.name, wanted.name)]
    if current is not None:
        refuse_other_driver(current, wanted, volume_count)
    new = Backend(
        wanted.name,
        wanted.driver,
        wanted.options,
        wanted.secret_options,
        current.pools if current else (),
        wanted.max_parallel or (current.max_parallel if current else Backend.max_parallel),
        current.failed_over_to if current else None,
    )
    if new == current:
        return []
    _refuse_lost_target(current, new)
    arguments = {field.name: getattr(new, field.name) for field in dataclasses.fields(new)}
    return [Operation("register" if current is None else "update", "backend", wanted.name, wanted.name, arguments)]


def refuse_other_driver(current, wanted, volume_count):
    """Raise StorageError ``conflict`` where a Backend with ``volume_count`` volumes in the store would get another driver."""
    if current.driver != wanted.driver and volume_count:
        raise StorageError(
            "conflict",
            "driver: backend %r has %d volume(s) made by %s; they cannot be driven by %s. Register another backend for it."
            % (wanted.name, volume_count, current.driver, wanted.driver),
            "driver",
        )


def changed_options(current, new):
    """Return the parameters (a list) of a Backend's options that are not what they were: any of them may lead to another place."""
    return [key for key in ("options", "secret_options") if getattr(current, key) != getattr(new, key)]


def left_elsewhere(current, new, volume_name):
    """Return the error for options that lead away from where a Backend's volumes are, such as the one called ``volume_name``."""
    parameter = changed_options(current, new)[0]
    return StorageError(
        "conflict",
        "%s: backend %r would lead away from its volumes: its driver finds volume %r with the present options, and none that it was asked for with the new "
        "ones. A volume deleted there would be forgotten, and its data left where it is. Register another backend for the new place, or delete, release "
        "or migrate the volumes of this one first; nothing was changed." % (parameter, current.name, volume_name),
        parameter,
    )


def untold_place(current, new, volume_count):
    """Return what to warn of where nobody could tell whether a Backend's volumes are where its new options lead, or None where only secrets changed."""
    if "options" not in changed_options(current, new):
        return None
    return (
        "Backend %s: whether its %d volume(s) are where the changed options lead could not be told: its driver finds none, neither with them nor with those "
        "of before. Run the doctor (legacy_doctor) before a task deletes one: it would be forgotten, and its data left where it is."
        % (current.name, volume_count)
    )


def refuse_made_meanwhile(new, volume_count):
    """Raise StorageError ``busy`` where a Backend that had no volumes has some by now, for which nobody looked with its new options."""
    if volume_count:
        raise StorageError("busy", "options: another task made volumes on backend %r meanwhile. Run this one again; nothing was changed." % new.name, "options")


def _refuse_lost_target(current, new):
    """A failed-over backend's driver starts at its target, and knows it by these options alone."""
    if current is None or current.failed_over_to is None:
        return
    if current.driver != new.driver or (current.failed_over_to in targets_of(current) and current.failed_over_to not in targets_of(new)):
        raise StorageError(
            "conflict",
            "secret_options: backend %r is failed over to %s, so its driver must stay and its %s must keep that target. "
            "Fail it back first with legacy_backend_failover." % (current.name, current.failed_over_to, OPTION),
            "secret_options",
        )
