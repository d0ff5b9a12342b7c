# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Group snapshots as tasks describe them, parsed and checked before anything is read or changed."""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import StorageError, invalid
from .wanted import MAX_NAME, STATES, _choice, _name, _renamed_from, _texts


@dataclasses.dataclass(frozen=True)
class WantedGroupSnapshot:
    """A group snapshot as a task describes it; ``volumes`` are names or ids, and so are the keys of ``snapshot_names``."""

    backend: str
    name: str
    state: str = "present"
    volumes: t.Optional[t.Tuple[str, ...]] = None
    snapshot_names: t.Optional[t.Dict[str, str]] = None
    description: t.Optional[str] = None
    metadata: t.Optional[t.Dict[str, str]] = None
    renamed_from: t.Optional[str] = None

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        volumes = data.get("volumes")
        if volumes is not None:
            volumes = tuple(_name({"volumes": item}, "volumes") for item in volumes)
            if not volumes:
                raise StorageError("invalid", "volumes: is empty. Name the volumes, or leave it out.", "volumes")
            for item in volumes:
                if volumes.count(item) > 1:
                    raise invalid("volumes", item, "stands there twice. Keep one.")
        wanted = cls(
            backend=_name(data, "backend"),
            name=_name(data, "name"),
            state=_choice(data, "state", STATES, "present"),
            volumes=volumes,
            snapshot_names=_texts(data, "snapshot_names"),
            description=None if data.get("description") is None else str(data["description"]),
            metadata=_texts(data, "metadata"),
            renamed_from=_renamed_from(data),
        )
        wanted._check_names()
        return wanted

    def _check_names(self):
        for volume in self.snapshot_names or {}:
            if volume not in (self.volumes or ()):
                raise invalid("snapshot_names", volume, "is none of volumes, which must be given as there.")
            _name({"snapshot_names." + volume: self.snapshot_names[volume]}, "snapshot_names." + volume)
        names = self.member_names()
        for name in names:
            if names.count(name) > 1:
                raise invalid("snapshot_names", name, "would be the name of two snapshots. Give each one of its own.")
            if len(name) > MAX_NAME:
                raise invalid("snapshot_names", name[:20] + "...", "is longer than %d characters. Give a shorter name." % MAX_NAME)

    def member_names(self):
        """Return the names that its snapshots get, in the order of ``volumes``."""
        return [(self.snapshot_names or {}).get(volume) or "%s-%s" % (self.name, volume) for volume in self.volumes or ()]

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes."""
        keys = {("group_snapshot", self.backend, self.name)}
        if self.renamed_from:
            keys.add(("group_snapshot", self.backend, self.renamed_from))
        keys |= {("volume", self.backend, volume) for volume in self.volumes or ()}
        return keys | {("snapshot", self.backend, name) for name in self.member_names()}
