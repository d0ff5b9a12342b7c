# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's settings file, written by the role."""

from __future__ import annotations

import dataclasses
import json

from ..module_utils.model.errors import StorageError


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the controller half.

    :param store_url: SQLAlchemy URL of the metadata store, SQLite's or PostgreSQL's.
    :param store_password: of the database's user, where it stands neither in the URL nor in libpq's own password file.
    :param lock_url: where locks are held: a tooz URL, or PostgreSQL's. None: in the store where that is PostgreSQL, otherwise in ``lock_dir``.
    :param key_file: root-only file with the keys that encrypt secrets at rest.
    :param state_dir: where the store (SQLite) and scratch files live.
    :param lock_dir: locks of ours and of the Cinder drivers; one directory for every process of this host.
    :param host: the constant that Cinder writes before ``@backend``; must never change while volumes exist.
    :param lock_timeout: seconds to wait for what another task works on, before answering ``busy``.
    :param operation_timeout: seconds that one operation on a storage system may take, copying of data not counted, before its task gives it up;
        0 for as long as it takes.
    """

    store_url: str
    key_file: str
    state_dir: str
    lock_dir: str
    host: str = "legacy-storage"
    lock_timeout: int = 120
    store_password: str | None = dataclasses.field(default=None, repr=False)
    lock_url: str | None = dataclasses.field(default=None, repr=False)
    operation_timeout: float = 0

    @classmethod
    def load(cls, path):
        """Read the file. Raises StorageError ``invalid`` naming the missing key."""
        with open(path, encoding="utf-8") as stream:
            data = json.load(stream)
        names = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{key: value for key, value in data.items() if key in names})
        except TypeError as error:
            raise StorageError(
                "invalid", "controller_config: %s: %s. Apply the role baremetal.legacy_storage.controller again." % (path, error)
            ) from error
