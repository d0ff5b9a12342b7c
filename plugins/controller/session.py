# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verb works with: the settings, and store, locks and engine opened when first needed."""

from __future__ import annotations

import os
import threading

from ..secrets.vault import Vault
from .config import Config
from .store import database
from .store.store import Store


class Session:
    """One request's way to the store, the locks and the engine."""

    def __init__(self, config, config_path=None):
        self.config = config
        self.config_path = config_path
        self._guard = threading.RLock()
        self._store = None
        self._engine = None
        self._locks = None

    @classmethod
    def load(cls, config_path):
        """Return the session of a settings file."""
        return cls(Config.load(config_path), config_path)

    def store(self):
        """Open the metadata store, once. Raises StorageError ``not_installed`` when it was never initialised."""
        with self._guard:
            if self._store is None:
                engine = database.connect(self.config.store_url, self.config.store_password)
                database.require_schema(engine)
                self._store = Store(engine, Vault.from_file(self.config.key_file), self._check_locks)
            return self._store

    def engine(self):
        """Start cinderlib, once. Raises StorageError ``not_installed`` when the store was never initialised."""
        store = self.store()
        with self._guard:
            if self._engine is None:
                from .engine.engine import Engine  # takes a second, and spoils the process for other libraries

                self._engine = Engine(self.config, store, self.locks().drivers)
            return self._engine

    def restic(self, repository, limit=None):
        """Return the Restic of a Repository, whose commands take at most ``limit`` seconds."""
        from .backup.restic import Restic

        return Restic(repository, os.path.join(self.config.state_dir, "restic"), self.config.lock_timeout, limit)

    def locks(self):
        """Open the locks, once."""
        with self._guard:
            if self._locks is None:
                from .locks import open_locks  # a second in a slow host, and whoever only reads needs none

                self._locks = open_locks(self.config)
            return self._locks

    def _check_locks(self):
        if self._locks is not None:
            self._locks.check()
