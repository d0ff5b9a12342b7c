# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend failed over or back, as a task describes it."""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import StorageError, invalid

STATES = ("failed_over", "failed_back")
OVERRIDES = ("unconfirmed",)


@dataclasses.dataclass(frozen=True)
class WantedFailover:
    """Where a backend should be served from. ``target`` None means the only one there is."""

    name: str
    state: str
    target: t.Optional[str] = None
    force: t.FrozenSet[str] = frozenset()

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        if not data.get("name"):
            raise StorageError("invalid", "name: is required: the backend to fail over or back.", "name")
        state, target = data.get("state"), data.get("target")
        if state not in STATES:
            raise invalid("state", state, "is required and must be one of: %s." % ", ".join(STATES))
        if target is not None and state == "failed_back":
            raise invalid("target", target, "is for state=failed_over; fail back always goes to the array that the backend's options name.")
        force = frozenset(data.get("force") or ())
        for word in sorted(force):
            if word not in OVERRIDES:
                raise invalid("force", word, "must be one of: %s." % ", ".join(OVERRIDES))
        return cls(str(data["name"]), state, None if target is None else str(target), force)

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes."""
        return {("backend", self.name, self.name)}
