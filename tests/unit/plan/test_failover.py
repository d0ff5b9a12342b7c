# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about failing over and back, whatever volumes there are."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.replication import parse_devices, targets_of, turned
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, GroupSnapshot, Mapping, Snapshot, Unsettled, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted_failover import WantedFailover
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.failover import find_failover, plan_failover, refuse_stranded
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.landscape import Landscape
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.operations import Operation
from hypothesis import given
from hypothesis import strategies as st

DEVICES = [{"backend_id": "a"}, {"backend_id": "b", "password": "p"}]
SAID = (None, "enabled", "disabled", "not-capable", "failed-over", "copying", "failover-error")
SPECS = ({}, {"replication_enabled": "<is> True"}, {"replication_enabled": "<is> False"})
STATUSES = ("available", "in-use", "error_restoring", "extending")
OVER, BACK = WantedFailover("one", "failed_over", "b"), WantedFailover("one", "failed_back")


@st.composite
def landscapes(draw):
    statuses = draw(st.lists(st.sampled_from(STATUSES), max_size=5))
    volumes = [
        Volume(
            "id%d" % number,
            draw(st.sampled_from(("one", "two"))),
            "v%d" % number,
            1,
            status,
            attached_to=("node1",) if status == "in-use" else (),
            extra_specs=draw(st.sampled_from(SPECS)),
            replication_status=draw(st.sampled_from(SAID)),
        )
        for number, status in enumerate(statuses)
    ]
    mappings = [Mapping("m" + item.id, item.backend, item.id, item.name, "node1") for item in volumes if item.status == "in-use"]
    backends = [Backend("one", "d.D", secret_options={"replication_device": DEVICES}), Backend("two", "d.D")]
    return Landscape(backends, volumes, mappings=mappings)


@given(landscapes())
def test_a_second_run_does_nothing_and_a_fail_back_gives_every_status_back(before):
    operations = plan_failover(before, OVER)
    over = before.after(operations)
    assert [item.action for item in operations] == ["fail_over"] and plan_failover(over, OVER) == []
    back = over.after(plan_failover(over, BACK))
    assert plan_failover(back, BACK) == [] and back.backends == before.backends
    assert {key: item.status for key, item in back.volumes.items()} == {key: item.status for key, item in before.volumes.items()}
    for key, volume in before.volumes.items():
        if volume.backend == "two":
            assert over.volumes[key] == volume
        elif volume.replicated:
            assert over.volumes[key].status == volume.status and over.volumes[key].replicated and back.volumes[key].replicated
        else:
            assert over.volumes[key].unreachable and not back.volumes[key].replicated


@given(landscapes())
def test_everything_that_is_left_behind_or_must_be_attached_again_is_told_and_nothing_else(before):
    over = before.after(plan_failover(before, OVER))
    told = find_failover(over, OVER)
    ours = [volume for volume in before.volumes.values() if volume.backend == "one"]
    assert set(told.unreachable) == {volume.name for volume in ours if not volume.replicated}
    assert {item["volume"] for item in told.reattach} == {volume.name for volume in ours if volume.replicated and volume.status == "in-use"}
    for volume in ours:
        stopped = False
        try:
            refuse_stranded(over, {("volume", "one", volume.name)})
        except StorageError:
            stopped = True
        assert stopped is (not volume.replicated)


def test_a_group_snapshot_with_one_member_on_the_lost_array_is_left_alone():
    volumes = [Volume("id1", "one", "v1", 1, extra_specs=SPECS[1]), Volume("id2", "one", "v2", 1)]
    members = [Snapshot("s" + item.id, "one", "night-" + item.name, item.id, item.name, 1, group_snapshot_id="g") for item in volumes]
    group = GroupSnapshot("g", "one", "night", "group")
    backend = Backend("one", "d.D", secret_options={"replication_device": DEVICES})
    before = Landscape([backend], volumes, members, group_snapshots=[group])
    key = {("group_snapshot", "one", "night")}
    refuse_stranded(before, key)
    with pytest.raises(StorageError, match="'v2' is not replicated"):
        refuse_stranded(before.after(plan_failover(before, OVER)), key)


def test_what_a_driver_could_not_fail_over_keeps_the_status_it_had_until_it_can():
    volume = Volume("id", "one", "v", 1, "in-use", extra_specs=SPECS[1], attached_to=("node1",))
    lost = turned(volume, False, {"status": "error"})
    assert (lost.status, lost.replication, lost.previous_status) == ("error", "failover-error", "in-use")
    again = turned(lost, True, {"replication_status": "error"})
    assert (again.status, again.previous_status) == ("error", "in-use"), "the first status, not error"
    found = turned(again, False)
    assert (found.status, found.replication, found.previous_status) == ("in-use", "failed-over", None)


@pytest.mark.parametrize("hosts, status", [((), "available"), (("node1",), "in-use")])
def test_what_was_detached_while_it_was_in_error_counts_as_available_afterwards(hosts, status):
    volume = Volume("id", "one", "data", 1, "in-use", extra_specs=SPECS[1], attached_to=("node1",))
    failed = turned(volume, False, {"replication_status": "failover-error"})
    assert (failed.status, failed.previous_status) == ("error", "in-use")
    back = turned(dataclasses.replace(failed, attached_to=hosts), True, {"replication_status": "enabled"})
    assert (back.status, back.previous_status) == (status, None)


def test_what_leaves_a_backend_leaves_what_that_said_of_its_replication():
    backends = [Backend(name, "d.D", secret_options={"replication_device": DEVICES}) for name in ("one", "two")]
    volume = Volume("id", "one", "data", 1, extra_specs=SPECS[1], replication_status="failed-over")
    migrate = Operation("migrate", "volume", "one", "data", {"id": "id", "to_backend": "two", "to_pool": None})
    assert Landscape(backends, [volume]).after([migrate]).volumes["id"].replication == "enabled"


@pytest.mark.parametrize("action", ["fail_over", "fail_back"])
def test_what_was_begun_is_ended_only_by_the_same_task_or_by_who_has_looked(action):
    backend = Backend("one", "d.D", secret_options={"replication_device": DEVICES}, failed_over_to=None if action == "fail_over" else "b")
    target = "b" if action == "fail_over" else "default"
    landscape = Landscape([backend], unsettled=[Unsettled("op", "backend", action, "one", "one", "x", {"id": "x", "replication_target": target})])
    same, other = (OVER, BACK) if action == "fail_over" else (BACK, OVER)
    for wanted, ending in (
        (same, "finish_" + action),
        (dataclasses.replace(same, force=frozenset(["unconfirmed"])), "record_" + action),
        (dataclasses.replace(other, force=frozenset(["unconfirmed"])), "forget"),
    ):
        (operation,) = plan_failover(landscape, wanted)
        assert (operation.action, operation.settles) == (ending, "op")
        after = landscape.after([operation])
        assert after.unsettled == {} and plan_failover(after, dataclasses.replace(wanted, force=frozenset())) == []
    for wanted in (other, WantedFailover("one", "failed_over", "a"), WantedFailover("one", "failed_over", "a", frozenset(["unconfirmed"]))):
        with pytest.raises(StorageError, match="Run legacy_backend_failover with name: one"):
            plan_failover(landscape, wanted)


def test_a_repository_that_is_called_like_a_backend_is_no_concern_of_it():
    begun = Unsettled("op", "backend", "fail_over", "one", "one", "x", {"replication_target": "b"})
    refuse_stranded(Landscape([Backend("one", "d.D")], unsettled=[begun]), {("backup", "one", "data"), ("repository", "one", "one")})


def test_a_driver_that_gives_its_target_another_word_counts_as_there():
    backend = Backend("one", "d.D", secret_options={"replication_device": DEVICES[:1]}, failed_over_to="192.0.2.9")
    assert plan_failover(Landscape([backend]), WantedFailover("one", "failed_over", "a")) == []


def test_targets_are_listed_by_their_ids_alone():
    devices = parse_devices(["target_device_id:65495,qosnode:q", {"backend_id": "b", "password": "p"}], "secret_options")
    assert targets_of(Backend("one", "d.D", secret_options={"replication_device": devices})) == ("65495", "b")
    assert targets_of(Backend("one", "d.D")) == ()
