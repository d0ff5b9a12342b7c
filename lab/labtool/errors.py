# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that a user of the lab is meant to read."""

from __future__ import annotations


class LabError(Exception):
    """Something that the lab cannot go on from; the message says what, and what to do."""
