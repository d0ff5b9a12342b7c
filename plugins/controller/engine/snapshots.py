# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots on the array."""

from __future__ import annotations

import contextlib
import copy

from cinder import exception as cinder_exception
from cinderlib import objects

from . import remotefs
from .persistence import SNAPSHOT_FIELDS, VOLUME_FIELDS, driver_data

_MAPPING = ("create_export_snapshot", "initialize_connection_snapshot", "terminate_connection_snapshot", "remove_export_snapshot")


class Snapshots:
    """Snapshots on the array.

    :param engine: the Engine whose drivers do it.
    """

    def __init__(self, engine):
        self._engine = engine

    def create(self, snapshot_id):
        """Take the recorded snapshot on the array."""
        with self._engine.snapshot(snapshot_id) as (backend, snapshot):
            with self._keeping_volume_of(snapshot):
                self._engine.keep("snapshot", snapshot, SNAPSHOT_FIELDS, backend.driver.create_snapshot(snapshot._ovo))

    def is_on_array(self, snapshot):
        """Tell whether the array has something under the name of a Snapshot that the store does not know yet; False where the driver cannot tell."""
        with self._engine.unrecorded("snapshot", snapshot) as (backend, unrecorded):
            if remotefs.keeps_files(backend.driver):
                return remotefs.has_file_of_snapshot(backend.driver, unrecorded._ovo)
            try:
                return int(backend.driver.manage_existing_snapshot_get_size(unrecorded._ovo, {"source-name": unrecorded._ovo.name})) > 0
            except Exception:  # asked in passing, of drivers that may not know the question in any form
                return False

    def delete(self, snapshot_id):
        """Delete a snapshot on the array; one that is not there counts as deleted."""
        with self._engine.snapshot(snapshot_id) as (backend, snapshot):
            files = remotefs.keeps_files(backend.driver)
            with self._keeping_volume_of(snapshot), contextlib.suppress(cinder_exception.NotFound):
                remotefs.mount(backend.driver, snapshot._ovo.volume)
                if files:
                    remotefs.before_deletion(backend.driver, snapshot._ovo)
                backend.driver.delete_snapshot(snapshot._ovo)
                if files:
                    remotefs.after_deletion(backend.driver, snapshot._ovo)

    @contextlib.contextmanager
    def _keeping_volume_of(self, snapshot):
        """Save what the driver leaves on the snapshot's volume, also when it fails.

        Cinder's file drivers note there that the volume's file is a qcow2 one as long as there are snapshots, and believe their note: a host that took it
        for a raw one would destroy it.
        """
        before = copy.deepcopy(driver_data(snapshot.volume, VOLUME_FIELDS))
        try:
            yield
        finally:
            if driver_data(snapshot.volume, VOLUME_FIELDS) != before:
                self._engine.keep("volume", snapshot.volume, VOLUME_FIELDS, None)

    def can_map(self, snapshot_id):
        """Tell whether the driver can map this backend's snapshots to a host; Cinder's base classes only have the methods' names."""
        with self._engine.snapshot(snapshot_id) as (backend, snapshot):
            return all(getattr(type(backend.driver), name).__module__ != "cinder.volume.driver" for name in _MAPPING)

    def prepare(self, snapshot_id, connector):
        """Make the array ready to let ``connector`` (os-brick's properties) reach a snapshot."""
        with self._engine.snapshot(snapshot_id) as (backend, snapshot):
            updates = backend.driver.create_export_snapshot(objects.CONTEXT, snapshot._ovo, connector)
            self._engine.keep("snapshot", snapshot, SNAPSHOT_FIELDS, updates)

    def map(self, snapshot_id, connector):
        """Map a snapshot to a host. Return connection_info (dict with driver_volume_type and data)."""
        with self._engine.snapshot(snapshot_id) as (backend, snapshot):
            return backend.driver.initialize_connection_snapshot(snapshot._ovo, connector)

    def unmap(self, snapshot_id, connector):
        """Unmap a snapshot from a host and take its target away."""
        with self._engine.snapshot(snapshot_id) as (backend, snapshot):
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.terminate_connection_snapshot(snapshot._ovo, connector)
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.remove_export_snapshot(objects.CONTEXT, snapshot._ovo)
