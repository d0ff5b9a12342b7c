# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is: backends, volumes, snapshots and exports as the metadata store knows them. Plain data; no I/O."""

from __future__ import annotations

import dataclasses
import typing as t

from .redaction import HIDDEN, HIDDEN_CHANGED
from .replication import DISABLED, ENABLED, ERROR, NOT_CAPABLE, wants_replication


@dataclasses.dataclass(frozen=True)
class Backend:
    """One configured storage system.

    :param driver: dotted path of the Cinder driver class.
    :param options: the driver's options that may be shown.
    :param secret_options: the others; never shown, encrypted at rest.
    :param pools: pool names as of the last probe; the first is the default for new volumes.
    :param max_parallel: how many operations of one task may run on it at once.
    :param failed_over_to: the replication target that serves it, or None for the array that the options name.
    """

    name: str
    driver: str
    options: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    secret_options: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict, repr=False)
    pools: t.Tuple[str, ...] = ()
    max_parallel: int = 4
    failed_over_to: t.Optional[str] = None

    def to_public(self):
        """Return what people may see: secret options keep their names and lose their values."""
        return {
            "name": self.name,
            "driver": self.driver,
            "options": dict(self.options),
            "secret_options": {key: HIDDEN for key in sorted(self.secret_options)},
            "max_parallel": self.max_parallel,
        }

    def to_public_after(self, before):
        """Return :meth:`to_public` as the later half of a diff: a secret with another value than ``before`` says so."""
        shown = self.to_public()
        for key, value in self.secret_options.items():
            if key in before.secret_options and before.secret_options[key] != value:
                shown["secret_options"][key] = HIDDEN_CHANGED
        return shown


DRAWN_FROM = ("volume", "snapshot")  # kinds of sources that lie on an array, which may keep them for what was made of them


AT_REST = ("available", "in-use")  # statuses of a volume that is as it should be


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a volume's first content came from; kept for life, since it can never change."""

    kind: str  # "volume", "snapshot", "image", or "backup", whose name is then "repository/name"
    id: t.Optional[str]  # of an image its checksum, which may be known only when it has been read
    name: str


def left_behind(adopted_from, backend):
    """Return what ``adopted_from`` is of a volume that leaves ``backend``: what is called so elsewhere, or there later, is another thing."""
    return dict(adopted_from, backend=backend) if adopted_from and "backend" not in adopted_from else adopted_from


@dataclasses.dataclass(frozen=True)
class Volume:
    """A volume; ``size`` in GiB. ``attached_to`` holds the host names of its exports.

    ``reverted_to`` is the id of the snapshot whose content the volume still holds: it was reverted to it, and no host could write since.
    ``adopted_from`` is the reference under which the array had it before it came here, with the ``backend`` that was once it has left that.
    ``restored`` is the backup that last replaced its content, whoever wrote since.
    ``replication_status`` is what its driver said, None where it said nothing; ``previous_status`` is the status to come back on fail back.
    """

    id: str
    backend: str
    name: str
    size: int
    status: str = "available"
    description: str = ""
    metadata: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    extra_specs: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    qos_specs: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    pool: t.Optional[str] = None
    source: t.Optional[Source] = None
    reverted_to: t.Optional[str] = None
    adopted_from: t.Optional[t.Dict[str, str]] = None
    attached_to: t.Tuple[str, ...] = ()
    restored: t.Optional[t.Dict[str, str]] = None
    replication_status: t.Optional[str] = None
    previous_status: t.Optional[str] = None

    @property
    def multiattach(self):
        """Whether the type allows several hosts at once, written as Cinder writes it in extra specs."""
        return str(self.extra_specs.get("multiattach", "")).lower() == "<is> true"

    @property
    def replication(self):
        """The replication status: what the driver said, else what the type asks for."""
        return self.replication_status or (ENABLED if wants_replication(self.extra_specs) else DISABLED)

    @property
    def replicated(self):
        """Whether a target has a copy of it (Cinder's rule)."""
        return self.replication not in (DISABLED, NOT_CAPABLE)

    @property
    def unreachable(self):
        """Whether it lies on an array that its backend was failed over from, and nowhere else."""
        return self.status == ERROR and self.replication == NOT_CAPABLE

    @property
    def is_clone(self):
        """Whether it was cloned from a volume, where its array may keep a snapshot under its id for longer than it (Ceph's does)."""
        return self.source is not None and self.source.kind == "volume"

    def to_public(self):
        """Return what a task shows and returns."""
        data = dict(dataclasses.asdict(self), replication_status=self.replication)
        data.pop("previous_status")
        data["attached_to"] = sorted(self.attached_to)
        return data


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A snapshot; ``size`` is its volume's size in GiB when it was taken.

    ``group_snapshot_id`` and ``group_snapshot`` are the id and the name of the group snapshot that it is a member of.
    """

    id: str
    backend: str
    name: str
    volume_id: str
    volume_name: str
    size: int
    status: str = "available"
    description: str = ""
    metadata: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    adopted_from: t.Optional[t.Dict[str, str]] = None
    group_snapshot_id: t.Optional[str] = None
    group_snapshot: t.Optional[str] = None

    def to_public(self):
        """Return what a task shows and returns."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class GroupSnapshot:
    """Snapshots of several volumes of one moment.

    :param group_id: id of the group that the storage system has the volumes in, the same for all group snapshots of the same volumes.
    :param members: its Snapshots, by volume.
    """

    id: str
    backend: str
    name: str
    group_id: str
    status: str = "available"
    description: str = ""
    metadata: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    members: t.Tuple[Snapshot, ...] = ()

    def to_public(self):
        """Return what a task shows and returns."""
        shown = {key: getattr(self, key) for key in ("id", "backend", "name", "group_id", "status", "description", "metadata")}
        members = [
            {key: getattr(item, key) for key in ("id", "name", "volume_id", "volume_name", "size", "status")} for item in self.members
        ]
        return dict(shown, volumes=[item.volume_name for item in self.members], snapshots=members)


@dataclasses.dataclass(frozen=True)
class Mapping:
    """An export as the store knows it, without its secrets: one volume mapped to one host.

    :param exported_at: when it was mapped, or last renewed (UTC, ISO 8601): what tells it from the ones before. None where that is still to come.
    """

    id: str
    backend: str
    volume_id: str
    volume_name: str
    host: str
    connector: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    status: str = "exported"
    exported_at: t.Optional[str] = None

    @property
    def access_mode(self):
        """``rw`` or ``ro``: Cinder keeps it in the connector as well, as ``mode``."""
        return self.connector.get("mode") or "rw"

    def to_public(self):
        """Return what a diff shows."""
        shown = {key: getattr(self, key) for key in ("id", "backend", "volume_id", "volume_name", "host", "status")}
        return dict(shown, multipath=bool(self.connector.get("multipath")), access_mode=self.access_mode)


@dataclasses.dataclass(frozen=True)
class Unsettled:
    """A recorded operation that no process finished: its run was killed, or its undoing failed; or one is at it now, as far as ``step``."""

    operation_id: str
    noun: str
    action: str
    backend: str
    name: str
    resource_id: str
    arguments: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    step: str = "begun"
    started_at: t.Any = None

    @property
    def key(self):
        """The (noun, backend, name) that a task would name it by."""
        return (self.noun, self.backend, self.name)

    @property
    def saved_volume(self):
        """The key of the volume that a backup was being made of, or None."""
        volume = self.arguments.get("volume") if self.noun == "backup" else None
        return ("volume", volume["backend"], volume["id"]) if volume else None

    @property
    def read_from(self):
        """The key of the volume or snapshot that is read for a backup or an image, or None: a killed run may have left it open."""
        source = self.arguments.get("source") if self.noun == "image" else None
        return (source["kind"], source["backend"], source["id"]) if source else self.saved_volume
