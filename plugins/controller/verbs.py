# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller's worker can be asked: one function a verb."""

from __future__ import annotations

import warnings

from ..module_utils.model.errors import StorageError
from . import changing, keys, listing, moving
from .doctor import examine
from .initialize import initialize_store
from .session import Session

# The eventlet of cinder 29 says on import that it is deprecated: nothing that a reader of the service's log could mend. No module above imports it.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

VERBS = {
    "store.initialize": initialize_store,
    "doctor.examine": examine,
    "store.show": moving.show_store,
    "store.export": moving.export_store,
    "store.import": moving.import_store,
    "store.move": moving.move_store,
    "store.key": keys.change_key,
    "backend.ensure": changing.ensure_backends,
    "failover.ensure": changing.ensure_failovers,
    "backend.list": listing.list_backends,
    "driver.list": listing.list_drivers,
    "volume.ensure": changing.ensure_volumes,
    "volume.list": listing.list_volumes,
    "snapshot.ensure": changing.ensure_snapshots,
    "snapshot.list": listing.list_snapshots,
    "group_snapshot.ensure": changing.ensure_group_snapshots,
    "group_snapshot.list": listing.list_group_snapshots,
    "image.ensure": changing.ensure_images,
    "image.list": listing.list_images,
    "export.ensure": changing.ensure_exports,
    "export.list": listing.list_exports,
    "repository.ensure": changing.ensure_repositories,
    "repository.list": listing.list_repositories,
    "backup.ensure": changing.ensure_backups,
    "backup.list": listing.list_backups_in_repositories,
}


def run(config_path, verb, arguments, check, warn):
    """Run one verb and return its result (a dict). Raises StorageError.

    :param warn: called with a text for each thing a person should know.
    """
    if verb not in VERBS:
        raise StorageError(
            "not_installed", "The code on this controller knows no %r. Apply the role baremetal.legacy_storage.controller again." % verb
        )
    return VERBS[verb](Session.load(config_path), arguments, check, warn)
