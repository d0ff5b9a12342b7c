# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a controller ready: directories, encryption key, schema."""

from __future__ import annotations

import os

from ..module_utils.model.errors import StorageError
from ..secrets.vault import Vault
from .store import database


def initialize_store(session, arguments, check, warn):
    """Make what a new controller lacks, or migrate the schema; once, under a lock. Return {"changed": bool}."""
    config = session.config
    engine = database.connect(config.store_url, config.store_password)
    if check:
        return {"changed": not os.path.exists(config.key_file) or database.revision(engine) != database.SCHEMA}
    for path in (config.state_dir, config.lock_dir):
        os.makedirs(path, mode=0o700, exist_ok=True)
    database.revision(engine)  # where the database cannot be reached, that is told of it and not of its locks
    with session.locks().hold({("store", "", "schema")}):
        if not os.path.exists(config.key_file) and database.revision(engine) is not None:
            raise StorageError(
                "not_installed",
                "The store exists but its encryption key %s does not. Restore the key from your backup; a further controller of this store needs "
                "the key of the others. A new one could not read the store." % config.key_file,
            )
        made = Vault.create_file(config.key_file)
        changed = database.migrate(engine) or made
        session.store().check_key()
        return {"changed": changed}
