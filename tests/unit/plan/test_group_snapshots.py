# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about planning group snapshots, whatever tasks came before."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Unsettled, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted import WantedSnapshot, WantedVolume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted_groups import WantedGroupSnapshot
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.group_snapshots import plan_group_snapshot
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.landscape import Landscape
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.settlement import plan_settlement
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.snapshots import plan_snapshot
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.volumes import plan_volume
from hypothesis import given, note, settings
from hypothesis import strategies as st

VOLUMES = ("a", "b", "c", "d")
NAMES = ("nightly", "weekly", "nightly-a")
MANY = settings(max_examples=300, deadline=None)
START = Landscape([Backend("one", "d.D")], [Volume("id of " + name, "one", name, 1, pool=None) for name in VOLUMES])


def parsed(**params):
    try:
        return WantedGroupSnapshot.from_params(dict(params, backend="one"))
    except StorageError:
        return None  # what the model refuses never comes to planning


groups = st.builds(
    parsed,
    name=st.sampled_from(NAMES),
    state=st.sampled_from(["present", "present", "present", "absent"]),
    volumes=st.none() | st.lists(st.sampled_from(VOLUMES + ("id of a", "none")), min_size=1, max_size=3, unique=True),
    snapshot_names=st.none() | st.dictionaries(st.sampled_from(VOLUMES), st.sampled_from(["s", "t"]), max_size=2),
    metadata=st.none() | st.sampled_from([{}, {"a": "b"}]),
    renamed_from=st.none() | st.sampled_from(NAMES),
).filter(lambda wanted: wanted is not None)
snapshots = st.builds(
    lambda name, state, volume: WantedSnapshot("one", name, state, volume),
    st.sampled_from(["s", "nightly-a", "nightly-b"]),
    st.sampled_from(["present", "absent", "released"]),
    st.none() | st.sampled_from(VOLUMES),
)
volumes = st.builds(
    lambda name, state, former: WantedVolume("one", name, state, size=1, renamed_from=former if state == "present" and former != name else None),
    st.sampled_from(VOLUMES),
    st.sampled_from(["present", "absent"]),
    st.none() | st.sampled_from(VOLUMES),
) | st.builds(lambda name: WantedVolume("one", name, "absent", force=frozenset(["snapshots"])), st.sampled_from(VOLUMES))
PLANNERS = {WantedGroupSnapshot: plan_group_snapshot, WantedSnapshot: plan_snapshot, WantedVolume: plan_volume}


def picture(landscape):
    return [{key: repr(item) for key, item in getattr(landscape, table).items()} for table in ("volumes", "snapshots", "group_snapshots")]


def planned(landscape, wanted):
    """Return the operations; None where they are refused."""
    try:
        return PLANNERS[type(wanted)](landscape, wanted)
    except StorageError as error:
        assert error.message and error.parameter
        return None


def members(landscape):
    return {item.id: landscape.group_snapshot("one", item.id).members for item in landscape.group_snapshots.values()}


def check(landscape):
    """What must be true of groups at any time."""
    found, of_volume = members(landscape), {}
    for identity, its in found.items():
        assert its and len({item.volume_id for item in its}) == len(its)
        assert all(item.volume_id in landscape.volumes and item.group_snapshot == landscape.group_snapshots[identity].name for item in its)
        for item in its:
            of_volume.setdefault(item.volume_id, set()).add(landscape.group_snapshots[identity].group_id)
    assert all(len(ids) == 1 for ids in of_volume.values()), "a volume is in one group at a time"
    sets = {(landscape.group_snapshots[identity].group_id, frozenset(item.volume_id for item in its)) for identity, its in found.items()}
    assert len({group for group, _its in sets}) == len({its for _group, its in sets}) == len(sets), "a group is the set of its volumes"
    assert all(item.group_snapshot_id in (None, *found) for item in landscape.snapshots.values())
    for table in (landscape.snapshots, landscape.group_snapshots):
        assert len({item.name for item in table.values()}) == len(table)


@MANY
@given(st.lists(groups | groups | snapshots | volumes, min_size=1, max_size=8))
def test_whatever_tasks_come_after_each_other_groups_stay_whole_and_a_second_run_finds_nothing(tasks):
    landscape = START
    for wanted in tasks:
        before = picture(landscape)
        operations = planned(landscape, wanted)
        assert picture(landscape) == before
        if operations is None:
            continue
        after = landscape.after(operations)
        assert picture(landscape) == before
        note("%r: %r" % (wanted, operations))
        check(after)
        if not isinstance(wanted, WantedGroupSnapshot):
            assert members(after).keys() == members(landscape).keys(), "members come and go by their group snapshot only"
        elif wanted.state == "absent":
            assert after.volumes == landscape.volumes
            assert landscape.group_snapshots.keys() - after.group_snapshots.keys() <= {getattr(landscape.group_snapshot("one", wanted.name), "id", None)}
        else:
            assert all(after.snapshots[key].id == key for key in landscape.snapshots), "nothing is deleted"
        if not getattr(wanted, "renamed_from", None):
            assert planned(after, wanted) == []
        landscape = after


@MANY
@given(groups.filter(lambda wanted: wanted.state == "present" and not wanted.renamed_from), st.sampled_from(["create", "delete"]))
def test_what_a_killed_run_left_of_a_group_snapshot_goes_with_all_its_members_and_it_can_be_taken_again(wanted, action):
    operations = planned(START, wanted)
    if not operations:
        return
    (operation,) = operations
    left = START.after(operations)
    word = {"create": "creating", "delete": "deleting"}[action]
    left.group_snapshots = {key: dataclasses.replace(item, status=word) for key, item in left.group_snapshots.items()}
    other = dataclasses.replace(wanted, name="other", snapshot_names=None)
    with pytest.raises(StorageError, match="is in status %s" % word):
        plan_group_snapshot(left, other)
    record = Unsettled("op", "group_snapshot", action, "one", wanted.name, operation.arguments["id"], operation.arguments)
    left.unsettled = {"op": record}
    settled = left.after(plan_settlement(left, wanted.touches()))
    assert not settled.unsettled and not settled.snapshots and not settled.group_snapshots
    assert settled.volumes == START.volumes and planned(settled, wanted) == operations
