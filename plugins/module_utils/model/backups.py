# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups and the repositories that hold them. Plain data; no I/O."""

from __future__ import annotations

import dataclasses
import typing as t

from .redaction import HIDDEN, HIDDEN_CHANGED

UNRESTORED = "error_restoring"  # status of a volume to which a backup was restored in part


@dataclasses.dataclass(frozen=True)
class Repository:
    """A place that backups go to.

    :param location: as restic writes it: a directory, ``sftp:``, ``rest:``, ``s3:``, ``azure:``, ``gs:``, ``b2:``, ``swift:``, ``rclone:``.
    :param environment: variables for restic that may be shown, such as AWS_DEFAULT_REGION.
    :param secret_environment: the others, such as AWS_SECRET_ACCESS_KEY.
    :param password: what everything in the repository is encrypted with.
    """

    name: str
    location: str
    environment: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    secret_environment: t.Dict[str, str] = dataclasses.field(default_factory=dict, repr=False)
    password: str = dataclasses.field(default="", repr=False)

    def to_public(self):
        """Return what people may see: secrets keep their names and lose their values."""
        return {
            "name": self.name,
            "location": self.location,
            "environment": dict(self.environment),
            "secret_environment": {key: HIDDEN for key in sorted(self.secret_environment)},
            "password": HIDDEN,
        }

    def to_public_after(self, before):
        """Return :meth:`to_public` as the later half of a diff: a secret with another value than ``before`` says so."""
        shown = self.to_public()
        for key, value in self.secret_environment.items():
            if before.secret_environment.get(key, value) != value:
                shown["secret_environment"][key] = HIDDEN_CHANGED
        if before.password != self.password:
            shown["password"] = HIDDEN_CHANGED
        return shown


@dataclasses.dataclass(frozen=True)
class Backup:
    """A backup as its repository tells of it. What only a run finds out is None in check mode.

    :param id: of the run that made it. Names are given again; an id never is.
    :param volume: the volume as it was: id, backend, name, size in GiB, description, metadata, extra_specs, qos_specs, and when it was made
        (``created_at``, None where that was not kept): volumes' ids are given again.
    :param snapshot: id and name of the snapshot it was made from, when the task named one.
    :param bytes: how long the volume's content is. :param sha256: its checksum.
    :param bytes_added: what the repository grew by.
    """

    repository: str
    name: str
    volume: t.Dict[str, t.Any]
    description: str = ""
    snapshot: t.Optional[t.Dict[str, str]] = None
    id: t.Optional[str] = None
    bytes: t.Optional[int] = None
    sha256: t.Optional[str] = None
    bytes_added: t.Optional[int] = None
    created_at: t.Optional[str] = None  # UTC, ISO 8601

    @property
    def size(self):
        """The size in GiB that a volume needs to take it."""
        return int(self.volume["size"])

    def to_public(self):
        """Return what a task shows and returns."""
        return dataclasses.asdict(self)
