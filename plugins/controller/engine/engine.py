# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driving storage systems through cinderlib. The only package that imports it, and only when an operation must run.

Import this module lazily: cinderlib takes a second, replaces packages and switches loggers off (cinderlib 5.2.0).
"""

from __future__ import annotations

import contextlib
import os
import threading

from ...module_utils.model.errors import EXISTS, StorageError
from ...module_utils.model.redaction import is_secret_key, share_password
from ..store.reading import Driven
from . import compat, options
from .access import Access
from .adopting import Adopting
from .exports import Exports
from .features import works_beside_others
from .groups import Groups
from .persistence import VOLUME_FIELDS, StorePersistence
from .replication import Replication
from .snapshots import Snapshots
from .volumes import Volumes, refused_as_there


def _unhidden(error):
    """Return what really went wrong: cinderlib takes any AttributeError of a starting driver for a driver that has setup() and calls that."""
    hidden = error.__context__
    return hidden if isinstance(error, AttributeError) and error.name == "setup" and isinstance(hidden, AttributeError) else error


class Engine:
    """Cinder drivers over our store. One per process: cinderlib keeps its state in its classes.

    What drivers do stands in ``volumes``, ``snapshots``, ``groups``, ``exports``, ``adopting`` and ``replication``, what this host does in
    ``access``; here is what all of them need.
    """

    def __init__(self, config, store, coordinator=None):
        self.volumes = Volumes(self)
        self.snapshots = Snapshots(self)
        self.groups = Groups(self)
        self.exports = Exports(self)
        self.adopting = Adopting(self)
        self.replication = Replication(self)
        self.access = Access(self, os.path.join(config.state_dir, "mounts"))
        self.download_dir = os.path.join(config.state_dir, "downloads")
        self._store = store
        self.persistence = StorePersistence(store, config.host)
        self._secrets = set()
        self._logging_in = {}
        os.makedirs(config.lock_dir, mode=0o700, exist_ok=True)
        os.chdir(config.state_dir)  # some drivers write beside them
        compat.setup(
            file_locks_path=config.lock_dir,
            host=config.host,
            persistence_config={"storage": self.persistence},
            fail_on_missing_backend=False,
            disable_logs=True,
            state_path=config.state_dir,
            image_conversion_dir=os.path.join(config.state_dir, "conversion"),
        )
        if coordinator is not None:
            compat.share_locks(coordinator)

    def validate(self, backend):
        """Check a Backend's driver and options without contacting the array; return what to warn of. Raises StorageError ``invalid``."""
        self._learn_secrets(backend.secret_options)
        return options.validate(backend)

    @staticmethod
    def works_beside_others(backend):
        """Tell whether a Backend's driver says that several controllers may work on the backend at once. The array is not contacted."""
        return works_beside_others(options.load_driver(backend.driver))

    def probe(self, backend, fresh=False):
        """Start a Backend's driver, which logs in to the array and checks it. Return what the driver tells (stats, a dict).

        :raises StorageError: ``backend`` with the driver's own words.
        """
        started = self.started(backend)
        with self.speaking_of(backend.name):
            return started.stats(refresh=fresh)

    def pools(self, backend):
        """Return the names (a tuple) of a Backend's pools as its driver told them when it was started, which it is now unless it was. Raises as ``probe``."""
        return tuple(pool["pool_name"] for pool in self.probe(backend).get("pools", ()))

    def start(self, backend_name):
        """Start a registered backend's driver, which logs in to the array. Raises StorageError ``backend``."""
        self._started_by_name(backend_name)

    @contextlib.contextmanager
    def volume(self, volume_id):
        """Yield (cinderlib backend, cinderlib volume, Volume) of a recorded volume; what its driver raises becomes a StorageError."""
        with self._store.reading() as reader:
            (driven,) = reader.driven_volumes(ids=[volume_id])
            snapshots = reader.driven_snapshots(volume_ids=[volume_id])
            exports = reader.driven_exports(volume_ids=[volume_id])
            record = reader.backend(driven.resource.backend)
        backend = self.started(record)
        volume = self.persistence.joined(driven, snapshots, exports)
        self._learn_secrets(driven.data)
        for export in exports:
            self._learn_connection(export.data)
            self._secrets.update(filter(None, [share_password(export.data)]))
        with self.speaking_of(driven.resource.backend):
            yield backend, volume, driven.resource

    @contextlib.contextmanager
    def snapshot(self, snapshot_id):
        """Yield (cinderlib backend, cinderlib snapshot) of a recorded snapshot; what its driver raises becomes a StorageError."""
        with self._store.reading() as reader:
            (driven,) = reader.driven_snapshots(ids=[snapshot_id])
        backend = self._started_by_name(driven.resource.backend)
        with self._store.reading() as reader:
            snapshot = self.persistence.snapshot(reader, driven)
        with self.speaking_of(driven.resource.backend):
            yield backend, snapshot

    @contextlib.contextmanager
    def unrecorded(self, noun, resource):
        """Yield (cinderlib backend, cinderlib volume or snapshot) of a Volume or Snapshot that the store does not know yet."""
        backend = self._started_by_name(resource.backend)
        if noun == "volume":  # nothing hangs on it yet
            thing = self.persistence.joined(Driven(resource))
        else:
            with self._store.reading() as reader:
                thing = self.persistence.snapshot(reader, Driven(resource))
        with self.speaking_of(resource.backend):
            yield backend, thing

    def start_for_group_snapshot(self, identity):
        """Start the driver of a recorded group snapshot's backend. Return the backend's name."""
        with self._store.reading() as reader:
            (driven,) = reader.driven_group_snapshots(ids=[identity])
            for volume in reader.driven_volumes(ids=[item.volume_id for item in driven.resource.members]):
                self._learn_secrets(volume.data)
        self.start(driven.resource.backend)
        return driven.resource.backend

    def _started_by_name(self, backend_name):
        with self._store.reading() as reader:
            record = reader.backend(backend_name)
        return self.started(record)

    def started(self, backend, problems=None):
        """Return the cinderlib backend of a Backend record, logged in to its array. Raises StorageError ``backend``.

        :param problems: a list that takes what goes wrong: the backend then counts as started, so that it can be failed over.
        """
        self._learn_secrets(backend.secret_options)
        # NetApp's drivers find themselves through a function that cinderlib replaces for each of their backends.
        alone = "netapp" if "netapp" in backend.driver else backend.name
        with self._logging_in.setdefault(alone, threading.Lock()), self.speaking_of(backend.name):
            with compat.CONFIGURING:
                options.load_driver(backend.driver)  # cinderlib hands an option that is not declared on as it stands, unparsed
            settings = dict(backend.options, **backend.secret_options)
            with compat.starting(backend.failed_over_to, problems):
                return compat.Backend(volume_backend_name=backend.name, volume_driver=backend.driver, **settings)

    @staticmethod
    def forget(backend_name):
        """Let the next one who needs a backend start its driver anew."""
        compat.Backend.backends.pop(backend_name, None)

    def reading(self):
        """Yield a Reader of the store."""
        return self._store.reading()

    def hidden(self, error):
        """Return what a driver raised as a text without the secrets that this process knows."""
        text = str(error) or type(error).__name__
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "(hidden)")
        return text.strip()

    def keep(self, noun, thing, fields, updates):
        """Save what a driver returned as ``updates`` (a dict or None) and what it left on a cinderlib volume or snapshot."""
        if updates:
            thing._ovo.update({key: value for key, value in updates.items() if key in thing._ovo.fields})
        self.persistence.keep(noun, thing, fields)

    def _learn_secrets(self, values):
        """Remember texts that must not appear in an error message: drivers quote what they sent."""
        for key, value in values.items():
            if key == "provider_auth" and value:  # "CHAP user password"
                self._secrets.update(str(value).split()[1:])
            elif isinstance(value, str) and key not in VOLUME_FIELDS and len(value) >= 4:
                self._secrets.add(value)
            elif isinstance(value, (list, dict)) and key not in VOLUME_FIELDS:  # replication targets, with their passwords
                self._learn_connection(value)

    def _learn_connection(self, value, secret=False):
        """Remember the secrets of a connection_info."""
        if isinstance(value, dict):
            for key, item in value.items():
                self._learn_connection(item, secret or is_secret_key(key))
        elif isinstance(value, (list, tuple)):
            for item in value:
                self._learn_connection(item, secret)
        elif secret and isinstance(value, str) and len(value) >= 4:
            self._secrets.add(value)

    @contextlib.contextmanager
    def speaking_of(self, backend_name):
        """Turn whatever a driver raises into one StorageError that names the backend and hides its secrets."""
        try:
            yield
        except StorageError:
            raise
        except Exception as raised:  # drivers raise anything: vendor SDK errors, HTTP errors, KeyError ...
            error = _unhidden(raised)
            text = self.hidden(error)
            raise StorageError(
                "backend",
                "backend %s: the storage system or its driver says: %s (%s)" % (backend_name, text, type(error).__name__),
                details={EXISTS: True} if refused_as_there(error) else None,
            ) from None
