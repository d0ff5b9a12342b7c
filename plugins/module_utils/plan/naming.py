# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renaming volumes and snapshots: which thing a task means that says what it was called before. Pure."""

from __future__ import annotations

from ..model.errors import StorageError, missing_parent
from .operations import Operation


def bearer(find, wanted):
    """Return what a task speaks of: what is called ``name``, or else what still is called ``renamed_from``.

    :param find: (backend, name or id) to a record or None.
    """
    return find(wanted.backend, wanted.name) or (find(wanted.backend, wanted.renamed_from) if wanted.renamed_from else None)


def plan_rename(landscape, find, noun, wanted):
    """Return the operations that give a thing the name it should have.

    Where nothing bears the old name the task is done, and a second run finds that. Where both names are borne, the new one must
    be of what was made under the old one: then the old name was given to another thing since, which is none of this task's business.

    :raises StorageError: two things bear the names, or none does.
    """
    if not wanted.renamed_from:
        return []
    current, former = find(wanted.backend, wanted.name), find(wanted.backend, wanted.renamed_from)
    if current is None and former is None:
        raise missing_parent(
            "renamed_from",
            "backend %s has neither a %s %r to rename nor one that is called %r already."
            % (wanted.backend, noun.replace("_", " "), wanted.renamed_from, wanted.name),
        )
    if current is None:
        return [Operation("rename", noun, wanted.backend, former.name, {"id": former.id, "new_name": wanted.name})]
    if former is None or former.id == current.id or landscape.made_as(noun, wanted.backend, wanted.renamed_from, current.id):
        return []
    raise StorageError(
        "conflict",
        "renamed_from: %s %r exists, and so does another one called %r: nothing was renamed. Choose another name, or leave renamed_from out to change %r."
        % (noun.replace("_", " "), former.name, current.name, current.name),
        "renamed_from",
    )
