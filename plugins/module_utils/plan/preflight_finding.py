# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What preflight finds."""

from __future__ import annotations

import dataclasses

SEVERITIES = ("error", "warning", "note")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be on one host.

    :param severity: ``error`` (volumes cannot be attached, or data is in danger), ``warning`` (about to go wrong) or ``note`` (to be known).
    :param check: a stable word for the kind of finding. :param problem: what was found. :param remedy: what to do.
    :param by_role: whether the role ``node`` sets it right.
    """

    severity: str
    check: str
    problem: str
    remedy: str
    by_role: bool = False

    def to_public(self):
        """Return what a task shows."""
        return dataclasses.asdict(self)
