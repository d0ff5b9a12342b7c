# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/drivers.md counts as carried out was carried out: neither foreseen in check mode nor refused."""

from __future__ import annotations

import yaml
from ansible_collections.baremetal.legacy_storage.tests.lab.functional import run

RENAME = {"operations": [{"action": "rename", "noun": "volume"}]}
ABOUT = {"title": "a title", "driver": "a.Driver", "not_offered": {"adopt a volume": "refused"}, "versions": [["cinder", "28.0.0"]]}


def test_operations_that_were_foreseen_or_refused_are_not_counted():
    turns = [
        dict(RENAME, item="foreseen"),
        dict(RENAME, item="done"),
        {"operations": [], "item": "again"},
        dict(RENAME, item="done", error={"code": "unsupported"}),
    ]
    tasks = [
        {"task": "Case: rename a volume", "status": "ok", "result": {}},
        {"task": "Case: adopt a volume", "status": "skipped", "result": {}},
        {"task": "Rename it", "status": "ok", "result": {"results": turns}},
        {"task": "Tell what was exercised", "status": "ok", "result": {"msg": ABOUT}},
    ]
    found = run.record(tasks)
    assert found["operations"] == {"rename volume": 1}
    assert found["cases"] == {"rename a volume": "shown", "adopt a volume": "refused"}


def test_what_a_backend_does_not_offer_is_a_case_that_a_play_may_skip():
    tasks = [task for name in run.PLAYS for play in yaml.safe_load((run.HERE / name).read_text()) for task in play.get("tasks", ())]
    conditional = {task["name"].removeprefix(run.CASE) for task in tasks if task["name"].startswith(run.CASE) and "when" in task}
    for backend in run.backends():
        reasons = yaml.safe_load((run.HERE / "backends" / (backend + ".yml")).read_text())["functional_not_offered"]
        assert set(reasons) <= conditional, backend
