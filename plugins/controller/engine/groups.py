# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of several volumes at once on the array, and the group that many drivers want the volumes to be in.

The order of calls is that of Cinder's volume manager. What it does where a driver offers nothing of its own, one snapshot after
the other, is never done here: those would not be of one moment.
"""

from __future__ import annotations

import contextlib

from cinder import exception as cinder_exception
from cinder import objects as cinder_objects
from cinderlib import objects

from ...module_utils.model.errors import StorageError
from .features import takes_group_snapshots
from .options import load_driver
from .persistence import SNAPSHOT_FIELDS, VOLUME_FIELDS, driver_data


class Groups:
    """Group snapshots on the array.

    :param engine: the Engine whose drivers do it.
    """

    def __init__(self, engine):
        self._engine = engine

    @staticmethod
    def offers(backend):
        """Tell whether the driver of a Backend record has a way of its own to take snapshots of several volumes at once."""
        return takes_group_snapshots(load_driver(backend.driver))

    def refuse_unable(self, backend):
        """Raise StorageError ``unsupported`` unless :meth:`offers`."""
        if not self.offers(backend):
            raise StorageError(
                "unsupported", "backend: " + _unable(backend.name, "offers no snapshots of several volumes at once"), "backend"
            )

    def joined(self, identity):
        """Tell whether the volumes of a recorded group snapshot are in its group on the array."""
        return self._engine.persistence.is_joined(identity)

    def make(self, identity):
        """Make the group on the array, empty. Return whether the driver keeps groups there at all."""
        with self._group_snapshot(identity) as (driver, _taken, group, _volumes, _snapshots):
            try:
                _refuse_error(group, driver.create_group(objects.CONTEXT, group))
            except NotImplementedError:
                return False
            return True

    def join(self, identity, made):
        """Put the volumes into the group. Return {volume's id: what the driver wants to find again}.

        :param made: what :meth:`make` returned.
        :raises StorageError: also where the driver can make groups and cannot put volumes into them: their snapshots would be empty.
        """
        with self._group_snapshot(identity) as (driver, _taken, group, volumes, _snapshots):
            try:
                answer = driver.update_group(objects.CONTEXT, group, add_volumes=[volume._ovo for volume in volumes], remove_volumes=[])
            except NotImplementedError:
                if made:
                    raise _unsupported(group, "cannot put volumes that are there into a group") from None
                answer = None
            return _moved(group, volumes, answer, 1, group.id)

    def take(self, identity):
        """Take the snapshots, all at one moment. Return {snapshot's id: what the driver wants to find again}."""
        with self._group_snapshot(identity) as (driver, taken, group, _volumes, snapshots):
            try:
                answer = driver.create_group_snapshot(objects.CONTEXT, taken, [snapshot._ovo for snapshot in snapshots])
            except NotImplementedError:
                raise _unsupported(group, "takes no snapshots of these volumes at once") from None
            model, updates = answer or (None, None)
            _refuse_error(group, model, *(updates or ()))
            told = {update.get("id"): update for update in updates or ()}
            for snapshot in snapshots:
                _apply(snapshot, told.get(snapshot.id))
            return {snapshot.id: driver_data(snapshot, SNAPSHOT_FIELDS) for snapshot in snapshots}

    def delete(self, identity):
        """Delete the snapshots on the array; what is not there counts as deleted.

        :raises StorageError: its ``details`` name under ``deleted`` the ids of those that are gone all the same.
        """
        with self._group_snapshot(identity) as (driver, taken, group, _volumes, snapshots):
            try:
                answer = driver.delete_group_snapshot(objects.CONTEXT, taken, [snapshot._ovo for snapshot in snapshots])
            except cinder_exception.GroupSnapshotNotFound:
                return
            except cinder_exception.NotFound:  # of what, and what became of the others, is not told; to go, they need not go at once
                self._delete_each(driver, group, snapshots)
                return
            except NotImplementedError:
                raise _unsupported(group, "cannot delete snapshots of several volumes at once") from None
            model, updates = answer or (None, None)
            states = {update.get("id"): str(update.get("status")) for update in updates or ()}
            kept = {key: state for key, state in states.items() if state == "available" or state.startswith("error")}
            if kept or _failed(model):
                names = [snapshot.name for snapshot in snapshots if snapshot.id in kept]
                raise StorageError(
                    "backend",
                    "backend %s: the storage system or its driver says that it did not delete %s."
                    % (_backend_of(group), ", ".join(names) or "the snapshots"),
                    details={"deleted": [key for key, state in states.items() if state == "deleted"]},
                )

    def _delete_each(self, driver, group, snapshots):
        """Delete one snapshot after the other; one that cannot be deleted keeps none of the others. Raises as :meth:`delete`."""
        deleted, kept = [], []
        for snapshot in snapshots:
            try:
                with self._engine.speaking_of(_backend_of(group)), contextlib.suppress(cinder_exception.NotFound):
                    driver.delete_snapshot(snapshot._ovo)
                deleted.append(snapshot.id)
            except StorageError as error:
                kept.append(error)
        if kept:
            raise StorageError(kept[0].code, kept[0].message, kept[0].parameter, {"deleted": deleted})

    def leave(self, identity):
        """Take the volumes out of the group. Return {volume's id: what the driver wants to find again}.

        Where the driver cannot, it could not put them in either (see :meth:`join`). That a volume is not found says nothing of the others.
        """
        with self._group_snapshot(identity) as (driver, _taken, group, volumes, _snapshots):
            answer = None
            with contextlib.suppress(NotImplementedError, cinder_exception.GroupNotFound):
                answer = driver.update_group(objects.CONTEXT, group, add_volumes=[], remove_volumes=[volume._ovo for volume in volumes])
            return _moved(group, volumes, answer, 2, None)

    def drop(self, identity):
        """Delete the group on the array. It must be empty by then: drivers delete the volumes in a group with it."""
        with self._group_snapshot(identity) as (driver, _taken, group, _volumes, _snapshots):
            if group.volumes.objects:
                raise StorageError("internal", "group %s is not empty: it is not deleted. Please report it." % group.id)
            group.volumes = cinder_objects.VolumeList(context=objects.CONTEXT, objects=[])
            with contextlib.suppress(NotImplementedError, cinder_exception.NotFound):
                model, _updates = driver.delete_group(objects.CONTEXT, group, []) or (None, None)
                _refuse_error(group, model)

    @contextlib.contextmanager
    def _group_snapshot(self, identity):
        """Yield (driver, Cinder's group snapshot, its group, cinderlib volumes, cinderlib snapshots) of a recorded one."""
        backend_name = self._engine.start_for_group_snapshot(identity)
        persistence = self._engine.persistence
        taken, volumes, snapshots = persistence.open_group_snapshot(identity)
        with self._engine.speaking_of(backend_name):
            yield volumes[0].backend.driver, taken, taken.group, volumes, snapshots


def _moved(group, volumes, answer, place, group_id):
    """Take what a driver told of volumes that came or went; ``place`` is where its answer holds that."""
    answer = tuple(answer or ()) + (None, None, None)
    updates = answer[place] or ()
    _refuse_error(group, answer[0], *updates)
    told = {update.get("id"): update for update in updates}
    for volume in volumes:
        _apply(volume, told.get(volume.id))
        volume._ovo.group_id = group_id
    return {volume.id: driver_data(volume, VOLUME_FIELDS) for volume in volumes}


def _backend_of(group):
    return group.host.split("@")[1].split("#", maxsplit=1)[0]


def _unsupported(group, what):
    return StorageError("unsupported", "backend: " + _unable(_backend_of(group), what), "backend")


def _unable(backend_name, what):
    return (
        "the driver of backend %s %s, and snapshots taken one after the other would not be of one moment. Stop what writes to the volumes and "
        "take them with legacy_snapshot, or use a backend whose driver can (legacy_driver_info lists group_snapshot among its features)."
        % (backend_name, what)
    )


def _failed(update):
    return str((update or {}).get("status") or "").startswith("error")


def _refuse_error(group, *updates):
    """Drivers tell failures also by a status that they return."""
    if any(_failed(update) for update in updates):
        raise StorageError(
            "backend",
            "backend %s: the storage system or its driver says that this ended in an error, and not in which. See the storage system's own log."
            % _backend_of(group),
        )


def _apply(thing, update):
    if update:
        ignored = ("id", "status")
        thing._ovo.update({key: value for key, value in update.items() if key in thing._ovo.fields and key not in ignored})
