# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backups to keep, counted as `restic forget` counts. Pure: (backups, policy, now) -> backups to delete."""

from __future__ import annotations

import datetime

_BUCKETS = {
    "last": lambda number, moment: number,
    "hourly": lambda number, moment: moment.strftime("%Y-%m-%d %H"),
    "daily": lambda number, moment: moment.strftime("%Y-%m-%d"),
    "weekly": lambda number, moment: moment.strftime("%G-%V"),
    "monthly": lambda number, moment: moment.strftime("%Y-%m"),
    "yearly": lambda number, moment: moment.strftime("%Y"),
}


def superfluous(moments, keep):
    """Return the indexes of ``moments`` (ISO 8601 texts in UTC, of equal ones the later in the list is the newer) that a policy does not keep.

    :param keep: {period: count}. Of each period in which there are backups, the newest is kept, for so many periods.
    """
    order = sorted(range(len(moments)), key=lambda index: (moments[index], index), reverse=True)
    kept = set()
    for period, count in keep.items():
        last = None
        for number, index in enumerate(order):
            bucket = _BUCKETS[period](number, _moment(moments[index]))
            if count > 0 and bucket != last:
                kept.add(index)
                last, count = bucket, count - 1
    return [index for index in range(len(moments)) if index not in kept]


def _moment(text):
    return datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
