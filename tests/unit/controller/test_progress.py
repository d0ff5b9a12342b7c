# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a copy of hours is, is told at once and then now and then, not with each block: each time costs a transaction."""

from __future__ import annotations

from ansible_collections.baremetal.legacy_storage.plugins.controller.backup import content


def test_progress_is_told_at_once_and_then_every_half_minute(monkeypatch):
    clock, told = [100.0], []
    monkeypatch.setattr(content.time, "monotonic", lambda: clock[0])
    progress = content.Progress(told.append, 1000)
    for _block in range(10):
        clock[0] += 10
        progress.add(100)
    assert told == [0, 30, 60, 90]
