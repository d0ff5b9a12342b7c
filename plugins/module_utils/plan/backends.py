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
    if current is not None and current.driver != wanted.driver and volume_count:
        raise StorageError(
            "conflict",
            "driver: backend %r has %d volume(s) made by %s; they cannot be driven by %s. Register another backend for it."
            % (wanted.name, volume_count, current.driver, wanted.driver),
            "driver",
        )
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
