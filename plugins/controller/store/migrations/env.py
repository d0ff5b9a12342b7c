# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What alembic runs to migrate: on the engine that store/database.py opened."""

from __future__ import annotations

from alembic import context
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.tables import metadata

with context.config.attributes["engine"].execution_options(writing=True).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
