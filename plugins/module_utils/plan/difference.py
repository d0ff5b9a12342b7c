# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before and after, reduced to what changes."""

from __future__ import annotations


def difference(before, after):
    """Return (before, after) of two public dicts (or None), holding only the keys that differ.

    A thing that appears or goes is shown whole.
    """
    if before is None or after is None:
        return before or {}, after or {}
    keys = [key for key in dict(before, **after) if before.get(key) != after.get(key)]
    return {key: before[key] for key in keys if key in before}, {key: after[key] for key in keys if key in after}


def collect(items):
    """Return Ansible's ``diff`` for several things: an iterable of (name, public before, public after)."""
    shown = {"before": {}, "after": {}}
    for name, before, after in items:
        old, new = difference(before, after)
        if old or new:
            shown["before"][name] = old
            shown["after"][name] = new
    return shown
