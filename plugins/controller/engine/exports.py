# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes mapped to hosts, on the array."""

from __future__ import annotations

import contextlib

from cinder import exception as cinder_exception
from cinderlib import objects

from .persistence import VOLUME_FIELDS


class Exports:
    """Volumes mapped to hosts, on the array.

    :param engine: the Engine whose drivers do it.
    """

    def __init__(self, engine):
        self._engine = engine

    def prepare(self, volume_id, connector):
        """Make the array ready to let ``connector`` (os-brick's properties) reach a volume."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            backend.driver.validate_connector(connector)
            self._engine.keep("volume", volume, VOLUME_FIELDS, backend.driver.create_export(objects.CONTEXT, volume._ovo, connector))

    def map(self, volume_id, connector):
        """Map a volume to a host. Return connection_info (dict with driver_volume_type and data)."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            return backend.driver.initialize_connection(volume._ovo, connector)

    def unmap(self, volume_id, connector, force=False):
        """Unmap a volume from a host."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.terminate_connection(volume._ovo, connector, force=force)

    def remove(self, volume_id):
        """Take a volume's target away. Only when its last host is unmapped: targets may be shared by hosts."""
        with self._engine.volume(volume_id) as (backend, volume, record):
            with contextlib.suppress(cinder_exception.NotFound):
                backend.driver.remove_export(objects.CONTEXT, volume._ovo)
