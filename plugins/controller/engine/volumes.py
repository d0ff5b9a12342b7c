# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes on the array."""

from __future__ import annotations

import contextlib

from cinder import exception as cinder_exception
from cinderlib import objects

from ...module_utils.model.replication import DISABLED, ENABLED, wants_replication
from . import lvm, remotefs
from .features import able_while_attached, offers
from .options import load_driver
from .persistence import VOLUME_FIELDS
from .types import difference, typed_like


def refused_as_there(error):
    """Tell whether a driver raised that the array has already what it was to make."""
    return isinstance(error, cinder_exception.Duplicate)


class Volumes:
    """Volumes on the array.

    :param engine: the Engine whose drivers do it.
    """

    def __init__(self, engine):
        self._engine = engine

    def create(self, volume_id):
        """Create the recorded volume on the array, empty or from its source. Return its pool's name."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            if record.pool is None:
                volume._ovo.host = "%s#%s" % (volume._ovo.host.split("#")[0], backend.pool_names[0])
            backend._start_creating_volume(volume)  # drivers that ask the store for its type find it there
            remotefs.tell_shares(backend.driver, self._note_share)
            try:
                updates = self._ask(backend, volume, record.source)
            finally:
                backend._volumes_inflight.pop(volume.id, None)
            self._engine.keep("volume", volume, VOLUME_FIELDS, updates)
            return volume._ovo.host.partition("#")[2]

    def _ask(self, backend, volume, source):
        if source is None or source.kind in ("backup", "image"):  # who asked for it fills it
            return backend.driver.create_volume(volume._ovo)
        if source.kind == "snapshot":
            (snapshot,) = self._engine.persistence.get_snapshots(snapshot_id=source.id)
            return self._drawn(backend.driver.create_volume_from_snapshot, backend, volume, snapshot._ovo, snapshot._ovo.volume_size)
        (original,) = self._engine.persistence.get_volumes(volume_id=source.id)
        if remotefs.keeps_files(backend.driver):
            self._note_share(volume._ovo, original._ovo.provider_location)
        return self._drawn(backend.driver.create_cloned_volume, backend, volume, original._ovo, original._ovo.size)

    def _note_share(self, volume, share):
        """Keep where a driver is about to make a volume (Cinder's object), so that it deletes what is there of it if it is interrupted."""
        self._engine.persistence.locate(volume.id, share)

    def _drawn(self, method, backend, volume, original, least):
        """Let a driver make a volume of an original with ``least`` GiB.

        What Cinder's RemoteFS does for NFS and its like copies the original's file and takes no care of a larger size. So there, and nowhere else,
        the volume is made as large as the original and then extended. Other drivers grow a copy in ways of their own, in which an
        extension right after the creation may not fit. RemoteFS also notes for a clone the format that its original has now: an overlay's where that has
        snapshots, though the clone is a file of its own.
        """
        if not remotefs.copies(method):
            return method(volume._ovo, original)
        size = volume._ovo.size
        volume._ovo.size = min(size, least)
        updates = method(volume._ovo, original)
        if "format" in volume._ovo.admin_metadata:
            volume._ovo.admin_metadata["format"] = _format_of_new(backend.driver)
        if size <= least:
            return updates
        self._engine.keep("volume", volume, VOLUME_FIELDS, updates)
        backend.driver.extend_volume(volume._ovo, size)
        volume._ovo.size = size
        return None

    def clones_by_snapshot(self, volume):
        """Tell whether the driver clones a Volume by a snapshot that hangs on its source as recorded ones do, for as long as the data is copied."""
        with self._engine.unrecorded("volume", volume) as (backend, unrecorded):
            return remotefs.copies(backend.driver.create_cloned_volume)

    def delete(self, volume_id):
        """Delete a volume on the array; one that is not there counts as deleted."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            remotefs.mount(backend.driver, volume._ovo)
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.delete_volume(volume._ovo)
            if record.is_clone:
                lvm.delete_clone_snapshot(backend.driver, volume._ovo)

    def extend(self, volume_id, size):
        """Grow a volume to ``size`` GiB."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            backend.driver.extend_volume(volume._ovo, size)

    @staticmethod
    def changes_in_place(backend):
        """Tell whether the driver of a Backend record can change extra specs and QoS where a volume lies."""
        return offers(load_driver(backend.driver), "retype")

    @staticmethod
    def able_while_attached(backend, what):
        """Tell whether the driver of a Backend record may ``clone``, ``extend``, or take a ``snapshot`` of, a volume that a host uses."""
        return able_while_attached(load_driver(backend.driver), what)

    def retype(self, volume_id, extra_specs, qos_specs):
        """Give a volume other extra specs and QoS where it lies. Return whether its driver could."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            model = typed_like(volume, extra_specs, qos_specs)
            host = {"host": volume._ovo.host, "cluster_name": None, "capabilities": dict(backend.stats())}
            backend._start_creating_volume(model)  # drivers that ask the store for the new type find it there
            try:
                answer = backend.driver.retype(
                    objects.CONTEXT, volume._ovo, model._ovo.volume_type, difference(record, extra_specs, qos_specs), host
                )
            finally:
                backend._volumes_inflight.pop(model.id, None)
            done, updates = answer if isinstance(answer, tuple) else (answer, None)
            if done:
                if wants_replication(extra_specs) != wants_replication(record.extra_specs):  # as Cinder does where the driver is silent
                    updates = dict({"replication_status": ENABLED if wants_replication(extra_specs) else DISABLED}, **(updates or {}))
                self._engine.keep("volume", volume, VOLUME_FIELDS, updates)
            return bool(done)

    def revert(self, volume_id, snapshot_id):
        """Give a volume the content of its latest snapshot. Return whether its driver can; if not, nothing was done."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            (snapshot,) = self._engine.persistence.get_snapshots(snapshot_id=snapshot_id)
            try:
                backend.driver.revert_to_snapshot(objects.CONTEXT, volume._ovo, snapshot._ovo)
            except NotImplementedError:
                return False
            return True

    def is_on_array(self, volume):
        """Tell whether the array has something under the name of a Volume that the store does not know yet; False where the driver cannot tell."""
        with self._engine.unrecorded("volume", volume) as (backend, unrecorded):
            return _is_there(backend, unrecorded)

    def first_there(self, backend, driven):
        """Return the first Volume of a list of Driven ones that the array of a Backend record has; None where it has none or its driver cannot tell.

        The record need not be the one that the store has: its options lead the way.

        :raises StorageError: ``backend`` where the array cannot be reached.
        """
        started = self._engine.started(backend)
        with self._engine.speaking_of(backend.name):
            return next((item.resource for item in driven if _is_there(started, self._engine.persistence.joined(item))), None)

    def size_on_array(self, volume_id):
        """Return a volume's size in GiB as the array tells it, or None where the driver cannot tell."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            return _size_on_array(backend, volume)

    def move(self, volume_id, pool):
        """Let the driver move a volume to another pool of its backend, if it offers that; tell whether it did."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            stats = backend.stats()
            found = [item for item in stats.get("pools", ()) if item.get("pool_name") == pool]
            host = "%s#%s" % (volume._ovo.host.split("#")[0], pool)
            capabilities = dict({key: value for key, value in stats.items() if key != "pools"}, **(found[0] if found else {}))
            try:
                moved, updates = backend.driver.migrate_volume(objects.CONTEXT, volume._ovo, {"host": host, "capabilities": capabilities})
            except NotImplementedError:
                return False
            if moved:
                volume._ovo.host = host
                self._engine.keep("volume", volume, VOLUME_FIELDS, updates)
            return bool(moved)

    def pool_on_array(self, volume_id):
        """Return the name of the pool that a volume lies in as the array tells it, or None where the driver cannot tell."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            try:
                return backend.driver.get_pool(volume._ovo) or None
            except Exception:  # asked in passing, of drivers that may not know the question in any form
                return None


def _format_of_new(driver):
    """Return the format of the files that a driver of Cinder's RemoteFS makes, copies included."""
    return "qcow2" if driver.configuration.safe_get(driver.driver_prefix + "_qcow2_volumes") else "raw"


def _is_there(backend, volume):
    """Tell whether an array has something under a cinderlib volume's name; False where its driver cannot tell."""
    if remotefs.keeps_files(backend.driver):
        return remotefs.has_file(backend.driver, volume._ovo)
    return (_size_on_array(backend, volume) or 0) > 0


def _size_on_array(backend, volume):
    try:
        return int(backend.driver.manage_existing_get_size(volume._ovo, {"source-name": volume._ovo.name}))
    except Exception:  # asked in passing, of drivers that may not know the question in any form
        return None
