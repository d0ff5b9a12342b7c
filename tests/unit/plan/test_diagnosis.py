# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor never guesses, never offers to delete, and says the same of the same picture. tests/integration/test_doctor.py has the cases."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Mapping, Snapshot, Unsettled, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.diagnosis import diagnose
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.diagnosis_picture import SEVERITIES, ArrayView, NodeView, Picture
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.diagnosis_store import span

DATA = Volume("id-data", "one", "data", 2, "in-use", attached_to=("node1",))
SNAP = Snapshot("id-snap", "one", "snap", "id-data", "data", 2)
EXPORT = Mapping("id-export", "one", "id-data", "data", "node1", {"initiator": "iqn.1"})
LISTED = {"id": "id-data", "name": "volume-id-data", "size": 2}
ARRAYS = [
    ArrayView(error="It burns."),
    ArrayView(),
    ArrayView(sizes={"id-data": "missing"}),
    ArrayView(sizes={"id-data": 2}),
    ArrayView(sizes={"id-data": None}, volumes=[], snapshots=[]),
    ArrayView(volumes=[LISTED], snapshots=[{"id": "id-snap", "name": "snapshot-id-snap", "size": 2}]),
    ArrayView(volumes=[dict(LISTED, size=3), {"id": None, "name": "somebody's", "size": 9}], snapshots=[]),
]
RECORD = {"backend": "one", "volume_name": "data", "volume_id": "id-data", "problems": []}
NODES = [
    None,
    [],
    [NodeView("node1", error="It is off.")],
    [NodeView("node1", "node1", "iqn.1")],
    [NodeView("rack1-node1", "node1", "iqn.1", attachments=[RECORD])],
    [NodeView("node1", "node1", "iqn.1", attachments=[dict(RECORD, problems=["It is gone."])]), NodeView("node2", "node2", "iqn.1", attachments=[RECORD])],
]
JOURNAL = [(), (Unsettled("entry", "volume", "extend", "one", "data", "id-data", {}),), (Unsettled("entry", "thing", "new", "one", "x", "id-x", {}),)]
PICTURES = [
    Picture(("one",), (DATA,), (SNAP,), (EXPORT,), unsettled, {"entry": 61.0}, {"one": array} if array else {}, nodes, fenced)
    for array, nodes, unsettled, fenced in itertools.product([None, *ARRAYS], NODES, JOURNAL, [(), ("node1",)])
]


@pytest.mark.parametrize("part", range(4))
def test_every_picture_is_told_plainly_and_nothing_is_offered_that_could_lose_data(part):
    for picture in PICTURES[part::4]:
        findings = diagnose(picture)
        assert findings == diagnose(picture)
        assert [SEVERITIES.index(item.severity) for item in findings] == sorted(SEVERITIES.index(item.severity) for item in findings)
        for item in findings:
            assert item.where and item.problem.endswith(".") and item.remedy.endswith("."), item
            assert item.mend is None or item.mend[0] in ("settle", "unexport")
            if item.mend and item.mend[0] == "unexport":
                assert EXPORT.host in picture.fenced
        if picture.arrays and picture.arrays["one"].error:
            assert not [item for item in findings if item.check in ("missing", "size", "orphan", "foreign")], "what was not told is not guessed"


def test_an_inventory_name_that_differs_from_the_nodes_own_is_no_fault():
    assert diagnose(Picture(("one",), (DATA,), (), (EXPORT,), nodes=NODES[4])) == []


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 minute"), (7300, "2 hours"), (200000, "2 days")])
def test_an_age_is_told_as_people_say_it(seconds, words):
    assert span(seconds) == words


def test_a_damaged_record_of_a_node_is_told_once_and_as_one():
    damaged = {"backend": "", "volume_name": "id-data", "volume_id": "id-data", "state": "unreadable", "problems": ["It cannot be read."]}
    nodes = [NodeView("node1", "node1", "iqn.1", attachments=[damaged])]
    found = diagnose(Picture(backends=["one"], volumes=[DATA], mappings=[EXPORT], arrays={"one": ArrayView(sizes={"id-data": 2})}, nodes=nodes))
    (finding,) = [item for item in found if item.where.startswith(("node", "export"))]
    assert (finding.severity, finding.check) == ("error", "unreadable_record") and "It cannot be read." in finding.problem and finding.mend is None
