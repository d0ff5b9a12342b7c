# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata store's tables. Columns named ``secrets`` and ``connection`` hold encrypted tokens only."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

backends = sa.Table(
    "backends",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("driver", sa.String(255), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("secrets", sa.Text, nullable=False),
    sa.Column("pools", sa.JSON, nullable=False),
    sa.Column("max_parallel", sa.Integer, nullable=False),
    sa.Column("failed_over_to", sa.String(255)),  # the replication target that serves it
)

volumes = sa.Table(
    "volumes",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("backend", sa.String(255), sa.ForeignKey("backends.name", ondelete="RESTRICT"), nullable=False),
    sa.Column("name", sa.String(255), nullable=False, index=True),
    sa.Column("size", sa.Integer, nullable=False),  # GiB
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("extra_specs", sa.JSON, nullable=False),
    sa.Column("qos_specs", sa.JSON, nullable=False),
    sa.Column("pool", sa.String(255)),
    sa.Column("source", sa.JSON),
    sa.Column("restored", sa.JSON),
    sa.Column("reverted_to", sa.String(36)),  # the snapshot whose content it still holds
    sa.Column("adopted_from", sa.JSON),  # the reference under which the array had it
    sa.Column("driver_data", sa.JSON, nullable=False),  # what the driver wants to find again
    sa.Column("secrets", sa.Text),  # provider_auth and the like
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.UniqueConstraint("backend", "name"),
)

group_snapshots = sa.Table(  # its members are snapshots that refer to it
    "group_snapshots",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("backend", sa.String(255), sa.ForeignKey("backends.name", ondelete="RESTRICT"), nullable=False),
    sa.Column("name", sa.String(255), nullable=False, index=True),
    sa.Column("group_id", sa.String(36), nullable=False, index=True),  # the group on the array, one for each set of volumes
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.UniqueConstraint("backend", "name"),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("backend", sa.String(255), sa.ForeignKey("backends.name", ondelete="RESTRICT"), nullable=False),
    sa.Column("volume_id", sa.String(36), sa.ForeignKey("volumes.id", ondelete="RESTRICT"), nullable=False, index=True),
    sa.Column("name", sa.String(255), nullable=False, index=True),
    sa.Column("size", sa.Integer, nullable=False),  # GiB
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("adopted_from", sa.JSON),
    sa.Column("driver_data", sa.JSON, nullable=False),
    sa.Column("secrets", sa.Text),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("group_snapshot_id", sa.String(36), sa.ForeignKey("group_snapshots.id", ondelete="RESTRICT"), index=True),
    sa.UniqueConstraint("backend", "name"),
)

exports = sa.Table(
    "exports",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("volume_id", sa.String(36), sa.ForeignKey("volumes.id", ondelete="RESTRICT"), nullable=False, index=True),
    sa.Column("host", sa.String(255), nullable=False, index=True),
    sa.Column("connector", sa.JSON, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("connection", sa.Text),
    sa.Column("created_at", sa.DateTime, nullable=False),  # or renewed; tells it from the ones before
    sa.UniqueConstraint("volume_id", "host"),
)

export_names = sa.Table(  # by which the array knows the host that a volume is mapped to: no other host may have one of them
    "export_names",
    metadata,
    sa.Column("export_id", sa.String(36), sa.ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True, index=True),
)

released = sa.Table(  # ids that nothing new may get: the array keeps what was released, and may keep what volumes were made from
    "released",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("noun", sa.String(16), nullable=False),
    sa.Column("backend", sa.String(255), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("released_at", sa.DateTime, nullable=False),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("noun", sa.String(16), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("backend", sa.String(255), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("resource_id", sa.String(36), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("step", sa.String(32), nullable=False),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Index("ix_operations_name", "backend", "name"),
)

repositories = sa.Table(
    "repositories",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("environment", sa.JSON, nullable=False),
    sa.Column("secrets", sa.Text, nullable=False),
)

key_values = sa.Table(
    "key_values",
    metadata,
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
