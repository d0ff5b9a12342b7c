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

import cinderlib
from cinder import exception as cinder_exception
from cinderlib import objects
from eventlet import tpool
from oslo_concurrency import processutils

from ...module_utils.model.errors import StorageError
from ...module_utils.model.redaction import is_secret_key
from ...module_utils.worker.children import start_quickly
from . import options
from .persistence import SNAPSHOT_FIELDS, VOLUME_FIELDS, StorePersistence

_SETTING_UP = threading.Lock()


def _call_directly():
    """Let drivers call their libraries in the thread they run in.

    Ceph's and Cinder's own copying go through eventlet's pool of threads, whose answers reach only the thread that asked first: with several
    volumes at once, all others would wait for ever. Our threads are real ones, so the pool is of no use either.
    """
    tpool.execute = lambda function, *args, **keywords: function(*args, **keywords)


def _unhidden(error):
    """Return what really went wrong: cinderlib takes any AttributeError of a starting driver for a driver that has setup() and calls that."""
    hidden = error.__context__
    return hidden if isinstance(error, AttributeError) and error.name == "setup" and isinstance(hidden, AttributeError) else error


class Engine:
    """Cinder drivers over our store. One per process: cinderlib keeps its state in its classes."""

    def __init__(self, config, store):
        self._store = store
        self._persistence = StorePersistence(store, config.host)
        self._secrets = set()
        os.makedirs(config.lock_dir, mode=0o700, exist_ok=True)
        os.chdir(config.state_dir)  # some drivers write beside them
        start_quickly(processutils)
        _call_directly()
        cinderlib.setup(
            file_locks_path=config.lock_dir,
            host=config.host,
            persistence_config={"storage": self._persistence},
            fail_on_missing_backend=False,
            disable_logs=True,
            state_path=config.state_dir,
            image_conversion_dir=os.path.join(config.state_dir, "conversion"),
        )

    def validate(self, backend):
        """Check a Backend's driver and options without contacting the array. Raises StorageError ``invalid``."""
        self._learn_secrets(backend.secret_options)
        options.validate(backend)

    def probe(self, backend, fresh=False):
        """Start a Backend's driver, which logs in to the array and checks it. Return what the driver tells (stats, a dict).

        :raises StorageError: ``backend`` with the driver's own words.
        """
        started = self._start(backend)
        with self._speaking_of(backend.name):
            return started.stats(refresh=fresh)

    def start(self, backend_name):
        """Start a registered backend's driver, which logs in to the array. Raises StorageError ``backend``."""
        with self._store.reading() as reader:
            backends = {backend.name: backend for backend in reader.backends()}
        self._start(backends[backend_name])

    def create_volume(self, volume_id):
        """Create the recorded volume on the array, empty or from its source. Return its pool's name."""
        with self._volume(volume_id) as (backend, volume, record):
            if record.pool is None:
                volume._ovo.host = "%s#%s" % (volume._ovo.host.split("#")[0], backend.pool_names[0])
            backend._start_creating_volume(volume)  # drivers that ask the store for its type find it there
            try:
                updates = self._create(backend, volume, record.source)
            finally:
                backend._volumes_inflight.pop(volume.id, None)
            self._keep("volume", volume, VOLUME_FIELDS, updates)
            return volume._ovo.host.partition("#")[2]

    def _create(self, backend, volume, source):
        if source is None:
            return backend.driver.create_volume(volume._ovo)
        if source.kind == "snapshot":
            (snapshot,) = self._persistence.get_snapshots(snapshot_id=source.id)
            return backend.driver.create_volume_from_snapshot(volume._ovo, snapshot._ovo)
        (original,) = self._persistence.get_volumes(volume_id=source.id)
        return backend.driver.create_cloned_volume(volume._ovo, original._ovo)

    def delete_volume(self, volume_id):
        """Delete a volume on the array; one that is not there counts as deleted."""
        with self._volume(volume_id) as (backend, volume, record):
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.delete_volume(volume._ovo)

    def extend_volume(self, volume_id, size):
        """Grow a volume to ``size`` GiB."""
        with self._volume(volume_id) as (backend, volume, record):
            backend.driver.extend_volume(volume._ovo, size)

    def size_on_array(self, volume_id):
        """Return a volume's size in GiB as the array tells it, or None where the driver cannot tell."""
        with self._volume(volume_id) as (backend, volume, record):
            try:
                return int(backend.driver.manage_existing_get_size(volume._ovo, {"source-name": volume._ovo.name}))
            except Exception:  # asked in passing, of drivers that may not know the question in any form
                return None

    def create_snapshot(self, snapshot_id):
        """Take the recorded snapshot on the array."""
        with self._snapshot(snapshot_id) as (backend, snapshot):
            self._keep("snapshot", snapshot, SNAPSHOT_FIELDS, backend.driver.create_snapshot(snapshot._ovo))

    def delete_snapshot(self, snapshot_id):
        """Delete a snapshot on the array; one that is not there counts as deleted."""
        with self._snapshot(snapshot_id) as (backend, snapshot):
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.delete_snapshot(snapshot._ovo)

    def create_export(self, volume_id, connector):
        """Make the array ready to let ``connector`` (os-brick's properties) reach a volume."""
        with self._volume(volume_id) as (backend, volume, record):
            backend.driver.validate_connector(connector)
            self._keep("volume", volume, VOLUME_FIELDS, backend.driver.create_export(objects.CONTEXT, volume._ovo, connector))

    def initialize_connection(self, volume_id, connector):
        """Map a volume to a host. Return connection_info (dict with driver_volume_type and data)."""
        with self._volume(volume_id) as (backend, volume, record):
            return backend.driver.initialize_connection(volume._ovo, connector)

    def terminate_connection(self, volume_id, connector, force=False):
        """Unmap a volume from a host."""
        with self._volume(volume_id) as (backend, volume, record):
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.terminate_connection(volume._ovo, connector, force=force)

    def remove_export(self, volume_id):
        """Take a volume's target away. Only when its last host is unmapped: targets may be shared by hosts."""
        with self._volume(volume_id) as (backend, volume, record):
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.remove_export(objects.CONTEXT, volume._ovo)

    @contextlib.contextmanager
    def _volume(self, volume_id):
        with self._store.reading() as reader:
            (driven,) = reader.driven_volumes(ids=[volume_id])
            exports = reader.driven_exports(volume_ids=[volume_id])
            backends = {backend.name: backend for backend in reader.backends()}
        backend = self._start(backends[driven.resource.backend])
        with self._store.reading() as reader:
            volume = self._persistence.volume(reader, driven)
        self._learn_secrets(driven.data)
        for export in exports:
            self._learn_connection(export.data)
        with self._speaking_of(driven.resource.backend):
            yield backend, volume, driven.resource

    @contextlib.contextmanager
    def _snapshot(self, snapshot_id):
        with self._store.reading() as reader:
            (driven,) = reader.driven_snapshots(ids=[snapshot_id])
            backends = {backend.name: backend for backend in reader.backends()}
        backend = self._start(backends[driven.resource.backend])
        with self._store.reading() as reader:
            snapshot = self._persistence.snapshot(reader, driven)
        with self._speaking_of(driven.resource.backend):
            yield backend, snapshot

    def _start(self, backend):
        self._learn_secrets(backend.secret_options)
        with _SETTING_UP, self._speaking_of(backend.name):
            options.load_driver(backend.driver)  # cinderlib hands an option that is not declared on as it stands, unparsed
            settings = dict(backend.options, **backend.secret_options)
            return cinderlib.Backend(volume_backend_name=backend.name, volume_driver=backend.driver, **settings)

    def _keep(self, noun, thing, fields, updates):
        if updates:
            thing._ovo.update({key: value for key, value in updates.items() if key in thing._ovo.fields})
        self._persistence.keep(noun, thing, fields)

    def _learn_secrets(self, values):
        """Remember texts that must not appear in an error message: drivers quote what they sent."""
        for key, value in values.items():
            if key == "provider_auth" and value:  # "CHAP user password"
                self._secrets.update(str(value).split()[1:])
            elif isinstance(value, str) and key not in VOLUME_FIELDS and len(value) >= 4:
                self._secrets.add(value)

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
    def _speaking_of(self, backend_name):
        """Turn whatever a driver raises into one StorageError that names the backend and hides its secrets."""
        try:
            yield
        except StorageError:
            raise
        except Exception as raised:  # drivers raise anything: vendor SDK errors, HTTP errors, KeyError ...
            error = _unhidden(raised)
            text = str(error) or type(error).__name__
            for secret in sorted(self._secrets, key=len, reverse=True):
                text = text.replace(secret, "(hidden)")
            raise StorageError(
                "backend", "backend %s: the storage system or its driver says: %s (%s)" % (backend_name, text.strip(), type(error).__name__)
            ) from None
