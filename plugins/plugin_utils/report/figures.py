# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures as people read them: sizes, shares, spans of time. Pure."""

from __future__ import annotations

import datetime
import math


def number(value):
    """Return a capacity as a number of at least 0, or None for what is none: ``unknown``, ``infinite``, null."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return max(0, value)


def size(gib):
    """Return a size in GiB as a text of three digits at most: ``750 GiB``, ``1.5 TiB``. An em dash for None."""
    if gib is None:
        return "—"
    units = ["GiB", "TiB", "PiB", "EiB", "ZiB"]
    while gib >= 1023.5 and len(units) > 1:
        gib, units = gib / 1024, units[1:]
    text = "%.0f" % gib if gib >= 99.95 else "%.1f" % gib
    return "%s %s" % (text[:-2] if text.endswith(".0") else text, units[0])


def share(part, whole):
    """Return which percentage of ``whole`` a ``part`` is, 0 to 100: the width of a bar. None where one of them is not known."""
    if part is None or not whole:
        return None
    return min(100.0, max(0.0, 100.0 * part / whole))


def percent(value):
    """Return a percentage as a whole number, which is 0 or 100 only for what is really empty or full."""
    if value is None:
        return None
    return int(value) if value in (0, 100) else min(99, max(1, round(value)))


def moment(text):
    """Return a time that a task returned, as in ``2026-11-20T09:30:00Z``, with its zone; None for what is none."""
    try:
        return datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00")).astimezone(datetime.timezone.utc)
    except ValueError:
        return None


def dated(text):
    """Return such a time as a report writes it, to the minute; an em dash for none."""
    found = moment(text)
    return found.strftime("%Y-%m-%d %H:%M") if found else "—"


def counted(count, noun):
    """Return a number with its noun."""
    return "%d %s%s" % (count, noun, "" if count == 1 else "s")
