# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every fault begins and ends with: a volume with known content; its comparison and the sweep."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults import record
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.case import CONTROLLER, Case, prepare


@pytest.fixture(scope="module", name="known_volume")
def fixture_known_volume(lab, one_volume):
    """The name of a volume with known content, for all cases of a file, and the size of its record: what one of them harmed the next would find."""
    return one_volume, prepare(lab, one_volume)


@pytest.fixture(scope="session", name="doctor")
def fixture_doctor(lab):
    """What cases left between store and array is found at the end; the sweep of each has looked at journal, exports and targets by then."""
    yield
    doctor = lab.run(CONTROLLER, "legacy_doctor")
    assert not doctor.get("failed"), doctor["msg"]
    assert [found for found in doctor["findings"] if found["severity"] != "note"] == []


@pytest.fixture(name="case")
def fixture_case(lab, known_volume, doctor, request):
    """A Case. Afterwards all is whole again and the next run settles what is left; then nothing may be lost, and nothing left over."""
    case = Case(lab, *known_volume, request.node.name)
    yield case
    case.restore()
    figures = case.settle()
    where = os.environ.get(record.FILE)
    passed = not getattr(request.node, "failed_in_call", True)
    if where and passed:
        about = request.node.get_closest_marker("fault").kwargs
        record.add(Path(where), request.node.name, about, figures, datetime.date.today().isoformat())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let the fixture know whether the test itself passed."""
    report = yield
    if report.when == "call":
        item.failed_in_call = report.failed
    return report
