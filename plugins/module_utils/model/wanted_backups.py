# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups and repositories as tasks describe them, parsed and checked before anything is read or changed."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .errors import StorageError, invalid
from .redaction import is_secret_key
from .wanted import STATES, _choice, _name, _texts

BACKUP_STATES = STATES + ("restored",)
SCHEMES = ("local:/", "sftp:", "rest:", "s3:", "azure:", "gs:", "b2:", "swift:", "rclone:")
PERIODS = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PASSWORD_IN_URL = re.compile(r"//[^/@]*:[^/@]*@")
# What restic and, behind it, rclone call secrets beside the words of redaction.py: AZURE_ACCOUNT_SAS, RCLONE_CONFIG_X_PASS, …_KEY_PEM, …_SAS_URL.
_SECRET_VARIABLE = re.compile(
    r"(^|_)(PASS|PASSPHRASE|SAS|PEM|KEY_BASE64|MNEMONIC|2FA|OTP|COOKIES?|HEADERS?|CONNECTION_STRING|ACCESS_GRANT|AUTHORIZATION)(_|$)|_KEY$"
)


@dataclasses.dataclass(frozen=True)
class WantedRepository:
    """A repository as a task describes it."""

    name: str
    state: str = "present"
    location: str = ""
    password: str = dataclasses.field(default="", repr=False)
    environment: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    secret_environment: t.Dict[str, str] = dataclasses.field(default_factory=dict, repr=False)
    create: bool = True

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        name, state = _name(data, "name"), _choice(data, "state", STATES, "present")
        if "/" in name:
            raise invalid("name", name, "must not hold '/'.")
        if state == "absent":
            return cls(name, state)
        location, password = _name(data, "location"), str(data.get("password") or "")
        if _PASSWORD_IN_URL.search(location):
            raise StorageError(
                "invalid",
                "location: holds a password. For rest: give RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD under secret_environment.",
                "location",
            )
        if not password:
            raise StorageError("invalid", "password: is required: restic encrypts all that is in a repository with it.", "password")
        if not location.startswith(("/",) + SCHEMES):
            raise invalid("location", location, "must be a directory by its whole path, or begin with one of: %s." % " ".join(SCHEMES))
        environment, secrets = _texts(data, "environment") or {}, _texts(data, "secret_environment") or {}
        for key in sorted(set(environment) | set(secrets)):
            if not _VARIABLE.match(key):
                raise invalid("environment", key, "is no name of an environment variable.")
            if key in environment and key in secrets:
                raise invalid("environment", key, "stands in environment and in secret_environment; keep one.")
            if key in ("RESTIC_REPOSITORY", "RESTIC_PASSWORD"):
                raise invalid("environment", key, "is set from the parameters location and password; leave it out.")
            if key in environment and (
                is_secret_key(key) or _SECRET_VARIABLE.search(key.upper()) or _PASSWORD_IN_URL.search(environment[key])
            ):
                raise invalid(
                    "environment", key, "looks like a secret. Give it under secret_environment, where it is kept out of logs and encrypted."
                )
        return cls(name, state, location, password, environment, secrets, data.get("create") is not False)

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes."""
        return {("repository", self.name, self.name)}


@dataclasses.dataclass(frozen=True)
class WantedBackup:
    """A backup as a task describes it; ``volume`` and ``snapshot`` are names or ids.

    :param keep: how many backups of the same volume to keep, by period; the others are deleted. None deletes nothing.
    :param verify: read a new backup back from the repository before it counts.
    :param prune: free the space of what is deleted.
    """

    repository: str
    name: str
    state: str = "present"
    backend: t.Optional[str] = None
    volume: t.Optional[str] = None
    snapshot: t.Optional[str] = None
    description: t.Optional[str] = None
    keep: t.Optional[t.Dict[str, int]] = None
    verify: bool = False
    prune: bool = True
    force: t.FrozenSet[str] = frozenset()

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        state = _choice(data, "state", BACKUP_STATES, "present")
        volume, snapshot = _name(data, "volume", required=False), _name(data, "snapshot", required=False)
        force = frozenset(data.get("force") or ())
        if force - {"restored"}:
            raise invalid("force", sorted(force - {"restored"})[0], "must be one of: restored.")
        if state == "present" and (volume is None) == (snapshot is None):
            raise StorageError(
                "invalid", "volume: give the volume to back up, or one of its snapshots under snapshot, and not both.", "volume"
            )
        if state == "restored" and volume is None:
            raise StorageError("invalid", "volume: is required for state=restored: the volume whose content is replaced.", "volume")
        if state == "restored" and snapshot is not None:
            raise StorageError(
                "invalid", "snapshot: has no meaning for state=restored, which replaces the content of a volume.", "snapshot"
            )
        if data.get("keep") is not None and state != "present":
            raise StorageError("invalid", "keep: has a meaning for state=present only.", "keep")
        return cls(
            repository=_name(data, "repository"),
            name=_name(data, "name"),
            state=state,
            backend=_name(data, "backend", required=state != "absent"),
            volume=volume,
            snapshot=snapshot,
            description=None if data.get("description") is None else str(data["description"]),
            keep=_keep(data.get("keep")),
            verify=bool(data.get("verify")),
            prune=data.get("prune") is not False,
            force=force,
        )

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes. A repository is what a backup's name is unique in."""
        keys = {("backup", self.repository, self.name)}
        if self.backend and self.volume:
            keys.add(("volume", self.backend, self.volume))
        if self.backend and self.snapshot:
            keys.add(("snapshot", self.backend, self.snapshot))
        return keys


def _keep(value):
    if value is None:
        return None
    counts = {key: count for key, count in value.items() if count is not None}
    for key, count in counts.items():
        if key not in PERIODS:
            raise invalid("keep.%s" % key, count, "must be one of: %s." % ", ".join(PERIODS))
        if isinstance(count, bool) or not str(count).isdigit():
            raise invalid("keep.%s" % key, count, "must be a number of backups.")
    if not any(int(count) for count in counts.values()):
        raise invalid("keep", value, "would keep nothing. Delete backups by name with state=absent.")
    return {key: int(count) for key, count in counts.items()}
