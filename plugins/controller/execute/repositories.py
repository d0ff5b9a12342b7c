# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repositories of backups: what each operation does to the repository and the store."""

from __future__ import annotations

from ...module_utils.model.backups import Repository
from ...module_utils.model.errors import StorageError


def _register(work, operation, arguments):
    """Open the repository, or make it, and only then keep its name: a wrong password is told now and not when a backup is needed."""
    repository = Repository(**{key: value for key, value in arguments.items() if key != "create"})
    restic = work.restic(repository)
    if not restic.ready():
        if not arguments["create"]:
            raise StorageError(
                "not_found", "location: there is no repository at %s, and create is false." % repository.location, "location"
            )
        restic.create()
    with work.store.writing() as writer:
        writer.put_repository(repository)


_update = _register


def _forget(work, operation, arguments):
    with work.store.writing() as writer:
        writer.drop_repository(operation.name)


ACTIONS = {"register": _register, "update": _update, "forget": _forget}
