# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning repositories of backups. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

import dataclasses

from ..model.backups import Repository
from .operations import Operation


def plan_repository(landscape, wanted):
    """Return the operations that make ``wanted`` (a WantedRepository) true. Removing one forgets it; what it holds stays."""
    current = landscape.repositories.get(wanted.name)
    if wanted.state == "absent":
        return [] if current is None else [Operation("forget", "repository", wanted.name, wanted.name)]
    new = Repository(wanted.name, wanted.location, wanted.environment, wanted.secret_environment, wanted.password)
    if new == current:
        return []
    arguments = dict(dataclasses.asdict(new), create=wanted.create)
    return [Operation("register" if current is None else "update", "repository", wanted.name, wanted.name, arguments)]
