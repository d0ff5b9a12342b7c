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
