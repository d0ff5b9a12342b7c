# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots on the array."""

from __future__ import annotations

import contextlib

from cinder import exception as cinder_exception

from .persistence import SNAPSHOT_FIELDS


class Snapshots:
    """Snapshots on the array.

    :param engine: the Engine whose drivers do it.
    """

    def __init__(self, engine):
        self._engine = engine

    def create(self, snapshot_id):
        """Take the recorded snapshot on the array."""
        with self._engine.snapshot(snapshot_id) as (backend, snapshot):
            self._engine.keep("snapshot", snapshot, SNAPSHOT_FIELDS, backend.driver.create_snapshot(snapshot._ovo))

    def delete(self, snapshot_id):
        """Delete a snapshot on the array; one that is not there counts as deleted."""
        with self._engine.snapshot(snapshot_id) as (backend, snapshot):
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.delete_snapshot(snapshot._ovo)
