# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Group snapshots, and which of them a snapshot is a member of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    """Make the table and the reference."""
    op.create_table(
        "group_snapshots",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("backend", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("group_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["backend"], ["backends.name"], name=op.f("fk_group_snapshots_backend"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_snapshots")),
        sa.UniqueConstraint("backend", "name", name=op.f("uq_group_snapshots_backend")),
    )
    op.create_index(op.f("ix_group_snapshots_name"), "group_snapshots", ["name"], unique=False)
    op.create_index(op.f("ix_group_snapshots_group_id"), "group_snapshots", ["group_id"], unique=False)
    with op.batch_alter_table("snapshots") as table:
        table.add_column(sa.Column("group_snapshot_id", sa.String(length=36), nullable=True))
        table.create_foreign_key(
            op.f("fk_snapshots_group_snapshot_id"), "group_snapshots", ["group_snapshot_id"], ["id"], ondelete="RESTRICT"
        )
        table.create_index(op.f("ix_snapshots_group_snapshot_id"), ["group_snapshot_id"], unique=False)


def downgrade():
    """Drop them."""
    with op.batch_alter_table("snapshots") as table:
        table.drop_index(op.f("ix_snapshots_group_snapshot_id"))
        table.drop_constraint(op.f("fk_snapshots_group_snapshot_id"), type_="foreignkey")
        table.drop_column("group_snapshot_id")
    op.drop_table("group_snapshots")
