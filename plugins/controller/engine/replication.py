# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replication: whether a backend can, and failing it over to a target and back."""

from __future__ import annotations

from cinder import exception as cinder_exception
from cinderlib import objects

from ...module_utils.model.capabilities import pool_details
from ...module_utils.model.errors import StorageError
from .features import offers
from .options import load_driver
from .persistence import VOLUME_FIELDS, driver_data

_OURS = ("status", "replication_status", "previous_status")  # what follows from a driver's words for these is our decision


class Replication:
    """Replication.

    :param engine: the Engine whose drivers do it.
    """

    def __init__(self, engine):
        self._engine = engine

    def require(self, backend):
        """Log in to a Backend's array. Raises StorageError ``unsupported`` unless the driver says that it replicates."""
        stats = self._engine.started(backend).stats()
        if not any(pool["capabilities"]["replication"] for pool in pool_details(stats)):
            raise StorageError(
                "unsupported",
                "extra_specs: the driver of backend %s says that it does not replicate now (replication_enabled). See whether its replication target "
                "answers, whether the array has the licence, and whether the backend is failed over; nothing was made." % backend.name,
                "extra_specs",
            )

    def require_failover(self, backend):
        """Raise StorageError ``unsupported`` unless a Backend's driver can fail over; the array is not asked."""
        if not offers(load_driver(backend.driver), "replication"):
            raise StorageError(
                "unsupported", "name: the driver of backend %s (%s) offers no fail over." % (backend.name, backend.driver), "name"
            )

    def fail_over(self, backend, driven, target):
        """Let a Backend's driver serve its volumes from ``target`` from now on. Return (the driver's word for where it is, {volume id: (data, said)}).

        :param driven: Driven volumes that are replicated.
        :raises StorageError: with the detail ``refused`` where the driver did nothing, as it does not know that target.
        """
        refused, problems = [], []
        try:
            started = self._start(backend, problems)
            with self._engine.speaking_of(backend.name):
                volumes = self._volumes(driven)
                try:
                    answer = started.driver.failover_host(
                        objects.CONTEXT, [volume._ovo for volume in volumes], secondary_id=target, groups=[]
                    )
                except cinder_exception.InvalidReplicationTarget:
                    refused.append(target)
                    raise
                return answer[0], self._taken(volumes, answer[1] or ())
        except StorageError as error:
            told = ["%s Before that it said: %s" % (error.message, self._engine.hidden(problem)) for problem in problems[:1]]
            raise StorageError(error.code, (told or [error.message])[0], "name", {"refused": bool(refused)}) from error

    def _start(self, backend, problems):
        self._engine.forget(backend.name)  # what was started serves from where the backend was
        return self._engine.started(backend, problems)

    def _volumes(self, driven):
        with self._engine.reading() as reader:
            volumes = [self._engine.persistence.volume(reader, item) for item in driven]
        for volume, item in zip(volumes, driven):
            if not volume._ovo.replication_status:  # as Cinder writes it when it makes a replicated volume
                volume._ovo.replication_status = item.resource.replication
        return volumes

    @staticmethod
    def _taken(volumes, updates):
        said = {update["volume_id"]: dict(update["updates"]) for update in updates}
        taken = {}
        for volume in volumes:
            mine = said.get(volume.id, {})
            volume._ovo.update({key: value for key, value in mine.items() if key in volume._ovo.fields and key not in _OURS})
            taken[volume.id] = (driver_data(volume, VOLUME_FIELDS), mine)
        return taken
