# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What legacy_attachment_info makes of a node's attachments and its controller's exports."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.comparing import side_by_side

ATTACHED = {
    "backend": "lab", "volume_id": "v-1", "volume_name": "data", "host": "node1", "protocol": "iscsi", "size": 2, "access_mode": "rw", "state": "connected",
    "exported_at": "monday", "verified": True, "problems": [], "settled_by": None,
}
EXPORT = {
    "id": "e", "backend": "lab", "volume_id": "v-1", "volume_name": "data", "host": "node1", "protocol": "iscsi", "size": 2, "access_mode": "rw",
    "status": "exported", "exported_at": "monday", "connection_info": {}, "multipath": True,
}
PRESENT, ABSENT = "legacy_attachment, state: present", "legacy_attachment, state: absent"


@pytest.mark.parametrize(
    ("attached", "export", "words", "task"),
    [
        ({}, {}, None, None),
        ({"exported_at": None}, {}, None, None),
        ({}, None, "does not map it to the node", ABSENT),
        ({}, {"size": 3}, "The volume has 3 GiB, the device 2 GiB", PRESENT),
        ({"size": 3}, {}, None, None),
        ({}, {"access_mode": "ro"}, "access_mode: ro, the node's record rw", PRESENT),
        ({}, {"exported_at": "tuesday"}, "exported it anew", PRESENT),
        ({}, {"status": "exporting"}, "calls its export exporting", PRESENT),
    ],
)
def test_what_differs_is_told_with_the_task_that_settles_it(attached, export, words, task):
    (shown,) = side_by_side([dict(ATTACHED, **attached)], [] if export is None else [dict(EXPORT, **export)])
    assert (shown["settled_by"], shown["verified"]) == (task, words is None)
    assert len(shown["problems"]) == (words is not None) and (words or "") in "".join(shown["problems"])


def test_what_the_node_itself_complains_of_stays():
    broken = dict(ATTACHED, problems=["The device is gone."], settled_by=PRESENT, verified=False)
    (shown,) = side_by_side([broken], [EXPORT])
    assert (shown["problems"], shown["settled_by"], shown["verified"]) == (["The device is gone."], PRESENT, False)
    (gone,) = side_by_side([broken], [])
    assert (len(gone["problems"]), gone["settled_by"]) == (2, ABSENT)


def test_an_export_without_a_record_follows_with_every_part_that_an_attachment_has():
    other = dict(EXPORT, volume_id="v-2", volume_name="logs")
    shown, unrecorded = side_by_side([ATTACHED], [other, EXPORT])
    assert (shown["volume_id"], unrecorded["volume_id"], unrecorded["state"], unrecorded["export"]) == ("v-1", "v-2", None, other)
    assert set(ATTACHED) <= set(unrecorded) and unrecorded["problems"] and "absent" in unrecorded["settled_by"]


def test_an_export_that_was_not_asked_for_is_left_out():
    assert [len(side_by_side([], [EXPORT], names)) for names in (None, ["data"], ["v-1"], ["logs"], [])] == [1, 1, 1, 0, 0]


def test_a_damaged_record_is_shown_beside_its_export_and_no_task_is_said_to_settle_it():
    damaged = dict(ATTACHED, backend="", volume_name="v-1", size=0, access_mode=None, state="unreadable", verified=False, problems=["It cannot be read."])
    (shown,) = side_by_side([damaged], [EXPORT])
    assert (shown["backend"], shown["volume_name"], shown["export"], shown["problems"]) == ("lab", "data", EXPORT, ["It cannot be read."])
    assert shown["settled_by"] is None and not shown["verified"]
    (alone,) = side_by_side([damaged], [])
    assert (alone["export"], alone["settled_by"]) == (None, None)
