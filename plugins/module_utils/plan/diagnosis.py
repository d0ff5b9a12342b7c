# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What store, arrays and nodes say of each other, compared. Pure: (a Picture) -> findings, no I/O, no clock.

A finding never guesses: what an array or a node could not tell is a ``note`` that says so, not a fault.
"""

from __future__ import annotations

from .diagnosis_arrays import array, repository
from .diagnosis_nodes import nodes
from .diagnosis_picture import SEVERITIES
from .diagnosis_store import initiators, journal, statuses


def diagnose(picture):
    """Return the Findings of a Picture, the worst first."""
    findings = journal(picture) + statuses(picture) + initiators(picture)
    for backend in picture.backends:
        if backend in picture.arrays:
            findings += array(picture, backend, picture.arrays[backend])
    for name, view in picture.repositories.items():
        findings += repository(picture, name, view)
    if picture.nodes is not None:
        findings += nodes(picture)
    return in_order(findings)


def in_order(findings):
    """Return findings, the worst first."""
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), finding.check, finding.where))
