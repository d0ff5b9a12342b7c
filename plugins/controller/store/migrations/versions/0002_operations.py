# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a volume was reverted to, what was adopted from where, what was released, what a backend failed over to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    """Add the columns, which what is there already leaves empty, and the table."""
    op.add_column("volumes", sa.Column("reverted_to", sa.String(length=36)))
    op.add_column("volumes", sa.Column("adopted_from", sa.JSON()))
    op.add_column("snapshots", sa.Column("adopted_from", sa.JSON()))
    op.add_column("backends", sa.Column("failed_over_to", sa.String(length=255)))
    op.create_table(
        "released",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("noun", sa.String(length=16), nullable=False),
        sa.Column("backend", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_released")),
    )
