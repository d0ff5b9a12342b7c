# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the repositories hold, for planning: asked only where a plan may depend on it, since that takes half a second or a network."""

from __future__ import annotations

from ...module_utils.model.errors import StorageError
from ...module_utils.model.resources import AT_REST
from .catalogue import Catalogue


def survey(landscape, wanted, restic):
    """Add to a Landscape the backups of every repository that something wanted depends on; one that does not answer is told when it matters.

    :param restic: a function of a Repository that returns its Restic.
    """
    asked = {name for item in wanted for noun, name, _backup in item.touches() if noun == "backup" and _matters(landscape, item)}
    for name in sorted(asked & set(landscape.repositories)):
        try:
            found = Catalogue(name, restic(landscape.repositories[name])).backups()
            landscape.backups.update({(backup.repository, backup.name): backup for backup in found})
        except StorageError as error:
            landscape.unreachable[name] = error
    return landscape


def _matters(landscape, wanted):
    """A volume that is there already stays what it is, whatever became of the backup that it was made from."""
    if not getattr(wanted, "source_backup", None):
        return True
    volume = landscape.volume(wanted.backend, wanted.name)
    return wanted.state == "present" and (volume is None or volume.status not in AT_REST)
