# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Exports by the names that their hosts tell arrays."""

from __future__ import annotations

import sqlalchemy as sa

from ...module_utils.model.resources import Mapping
from . import tables


def exports_to(connection, names):
    """Return the Mappings to hosts that arrays know by one of ``names``, as ``plan.exports.identities`` tells them."""
    if not names:
        return []
    query = (
        sa.select(tables.exports, tables.volumes.c.name.label("volume_name"), tables.volumes.c.backend)
        .join(tables.volumes, tables.volumes.c.id == tables.exports.c.volume_id)
        .where(tables.exports.c.id.in_(sa.select(tables.export_names.c.export_id).where(tables.export_names.c.name.in_(sorted(names)))))
    )
    return [mapping(row) for row in connection.execute(query).mappings()]


def mapping(row):
    """Return the Mapping of a row with its volume's name and backend."""
    keys = ("id", "backend", "volume_id", "volume_name", "host", "connector", "status")
    return Mapping(exported_at=exported_at(row["created_at"]), **{key: row[key] for key in keys})


def exported_at(moment):
    """Return how an export's time, as stored, is told."""
    return moment.isoformat() + "Z"
