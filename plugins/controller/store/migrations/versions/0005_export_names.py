# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every name by which arrays know a host, not only its iSCSI initiator's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEYS = ("initiator", "nqn", "nvme_hostid", "wwpns")  # as plan/exports.py had them


def upgrade():
    """Make the table, fill it from the connectors there are, and drop the column that it replaces."""
    op.create_table(
        "export_names",
        sa.Column("export_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name=op.f("fk_export_names_export_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("export_id", "name", name=op.f("pk_export_names")),
    )
    op.create_index(op.f("ix_export_names_name"), "export_names", ["name"], unique=False)
    exports = sa.table("exports", sa.column("id", sa.String), sa.column("connector", sa.JSON))
    names = sa.table("export_names", sa.column("export_id", sa.String), sa.column("name", sa.String))
    connection = op.get_bind()
    for row in connection.execute(sa.select(exports)).all():
        for name in _names(row.connector):
            connection.execute(names.insert().values(export_id=row.id, name=name))
    op.drop_index(op.f("ix_exports_initiator"), table_name="exports")
    op.drop_column("exports", "initiator")


def _names(connector):
    found = set()
    for value in (connector.get(key) or () for key in _KEYS):
        found |= {str(name).lower() for name in ([value] if isinstance(value, str) else value)}
    return sorted(found)


def downgrade():
    """Bring the column back."""
    op.add_column("exports", sa.Column("initiator", sa.String(length=255), nullable=True))
    op.create_index(op.f("ix_exports_initiator"), "exports", ["initiator"], unique=False)
    exports = sa.table("exports", sa.column("id", sa.String), sa.column("connector", sa.JSON), sa.column("initiator", sa.String))
    connection = op.get_bind()
    for row in connection.execute(sa.select(exports.c.id, exports.c.connector)).all():
        connection.execute(exports.update().where(exports.c.id == row.id).values(initiator=row.connector.get("initiator")))
    op.drop_table("export_names")
