# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups are planned once, of what was named, and what is kept is what `restic forget` keeps."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.backups import Backup, Repository
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.identity import derive_id
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Mapping, Snapshot, Unsettled, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted_backups import PERIODS, WantedBackup
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.backups import plan_backup
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.landscape import Landscape
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.retention import superfluous
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.settlement import plan_settlement
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = "2026-11-20T12:00:00Z"
NAMES = ("a", "b", "c", "d")
POLICIES = st.dictionaries(st.sampled_from(PERIODS), st.integers(0, 4), min_size=1).filter(lambda keep: any(keep.values()))
MOMENTS = st.datetimes(datetime.datetime(2023, 12, 20), datetime.datetime(2026, 1, 10)).map(lambda moment: moment.isoformat(timespec="seconds") + "Z")
VOLUMES = [
    Volume(derive_id("volume", "one", name), "one", name, size, status=status)
    for name, size, status in (("data", 2, "available"), ("logs", 1, "available"), ("spoilt", 2, "error_restoring"))
]


BORN = "2026-01-01T00:00:00Z"


def backup_of(volume, name, moment, repository="offsite", born=BORN):
    about = {key: getattr(volume, key) for key in ("id", "backend", "name", "size", "description", "metadata", "extra_specs", "qos_specs")}
    about.update({} if born is None else {"created_at": born})
    return Backup(repository, name, about, id="run of %s" % name, bytes=1, sha256="0", bytes_added=1, created_at=moment)


@st.composite
def landscapes(draw):
    """Volumes, attached or restored or not, and backups of them in two repositories, or of earlier ones of their names, or that do not tell."""
    backups = [
        backup_of(draw(st.sampled_from(VOLUMES)), name, draw(MOMENTS), repository, draw(st.sampled_from([BORN, BORN, "2025-01-01T00:00:00Z", None])))
        for repository in ("offsite", "nas")
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    ]
    volumes, mappings = [], []
    for volume in VOLUMES:
        if backups and draw(st.booleans()):
            source = draw(st.sampled_from(backups))
            volume = dataclasses.replace(volume, restored={"repository": source.repository, "name": source.name, "id": source.id})
        if volume.status == "available" and draw(st.booleans()):
            volume = dataclasses.replace(volume, status="in-use", attached_to=("node1",))
            mappings.append(Mapping("export of %s" % volume.name, "one", volume.id, volume.name, "node1"))
        volumes.append(volume)
    snapshots = [Snapshot("snap", "one", "snap", volumes[0].id, "data", 1)]
    repositories = [Repository(name, "/x", password="p") for name in ("offsite", "nas")]
    born = dict.fromkeys((volume.id for volume in volumes), BORN)
    return Landscape([Backend("one", "d.D")], volumes, snapshots, mappings, repositories=repositories, backups=backups, born=born)


WANTED = st.builds(
    WantedBackup,
    repository=st.sampled_from(["offsite", "nas", "nowhere"]),
    name=st.sampled_from(NAMES),
    state=st.sampled_from(["present", "absent", "restored"]),
    backend=st.just("one"),
    volume=st.sampled_from(["data", "logs", "spoilt", "nothing"]),
    keep=st.none() | POLICIES,
    force=st.sampled_from([frozenset(), frozenset(["restored"])]),
) | st.builds(WantedBackup, repository=st.just("offsite"), name=st.sampled_from(NAMES), backend=st.just("one"), snapshot=st.just("snap"))


@settings(max_examples=300, deadline=None)
@given(landscapes(), WANTED)
def test_a_backup_is_planned_once_and_touches_only_what_was_named(landscape, wanted):
    try:
        operations = plan_backup(landscape, wanted, NOW)
    except StorageError as error:
        assert error.parameter
        return
    after = landscape.after(operations)
    if not wanted.force:
        assert plan_backup(after, dataclasses.replace(wanted, volume=wanted.volume), NOW) == []
    for operation in operations:
        if operation.action == "restore":
            volume = landscape.volumes[operation.arguments["id"]]
            assert wanted.state == "restored" and volume.name == wanted.volume and not volume.attached_to
            assert volume.size >= landscape.backups[(wanted.repository, wanted.name)].size
        elif operation.action == "delete":
            assert operation.backend == wanted.repository
            if wanted.state == "absent":
                assert operation.name == wanted.name
            else:
                assert wanted.keep and operation.name != wanted.name
                volume = landscape.backups[(wanted.repository, operation.name)].volume
                assert (volume["name"], volume["created_at"]) == (wanted.volume, after.backup(wanted.repository, wanted.name).volume["created_at"])
        else:
            assert (wanted.state, operation.action, operation.noun) == ("present", "create", "backup")
            assert ("temporary_snapshot" in operation.arguments) is (wanted.volume is not None and bool(landscape.volume("one", wanted.volume).attached_to))
    if wanted.state == "present":
        assert after.backup(wanted.repository, wanted.name) is not None
    if wanted.state == "absent":
        assert after.backup(wanted.repository, wanted.name) is None
    assert set(after.volumes) == set(landscape.volumes)


@settings(max_examples=200, deadline=None)
@given(st.lists(MOMENTS, min_size=1, max_size=30), POLICIES)
def test_the_newest_is_always_kept_and_what_is_kept_stays_kept(moments, keep):
    going = superfluous(moments, keep)
    assert max(range(len(moments)), key=lambda index: (moments[index], index)) not in going
    kept = [moment for index, moment in enumerate(moments) if index not in going]
    assert len(kept) <= sum(keep.values())
    assert superfluous(kept, keep) == []


def test_what_is_kept_is_what_restic_keeps(tmp_path):
    """The same moments and the same rules, told to the real restic."""
    settings_ = dict(os.environ, RESTIC_REPOSITORY=str(tmp_path / "r"), RESTIC_PASSWORD="x", RESTIC_CACHE_DIR=str(tmp_path / "c"), TZ="UTC")

    def restic(*arguments, **options):
        return subprocess.run(["restic", *arguments], env=settings_, check=True, capture_output=True, text=True, timeout=60, **options).stdout

    restic("init")
    start = datetime.datetime(2025, 11, 20, 9, 30)
    moments = [start + datetime.timedelta(hours=hours) for hours in (0, 5, 30, 31, 200, 900, 1500)]
    for moment in moments:
        restic("backup", "--stdin", "--time", moment.strftime("%Y-%m-%d %H:%M:%S"), input="x")
    for keep in ({"last": 2}, {"daily": 3}, {"weekly": 2, "monthly": 2}, {"hourly": 1, "yearly": 2}):
        words = [word for period, count in keep.items() for word in ("--keep-%s" % period, str(count))]
        told = json.loads(restic("forget", "--dry-run", "--json", *words))[0]["remove"] or []
        going = superfluous([moment.isoformat() + "Z" for moment in moments], keep)
        assert sorted(item["time"][:19] for item in told) == sorted(moments[index].isoformat() for index in going), keep


def test_what_a_killed_backup_left_is_settled_by_who_names_the_backup_or_the_volume_it_is_of():
    volume = {"backend": "one", "id": "v", "name": "data", "size": 1}
    record = Unsettled("op", "backup", "create", "offsite", "a", "v", {"id": "x", "volume": volume, "temporary_snapshot": "s"})
    landscape = Landscape(snapshots=[Snapshot("s", "one", "backup offsite/a", "v", "data", 1, "creating")], unsettled=[record])
    for keys in ({("backup", "offsite", "a")}, {("volume", "one", "v")}):
        (operation,) = plan_settlement(landscape, keys)
        assert operation.action == "clean_up" and landscape.after([operation]).snapshots == {} == landscape.after([operation]).unsettled
    assert plan_settlement(landscape, {("backup", "nas", "a"), ("volume", "two", "v"), ("volume", "one", "w")}) == []


@pytest.mark.parametrize(
    ("step", "arguments", "status"),
    [
        ("begun", {"former_status": "available"}, "available"),
        ("begun", {"former_status": "error_restoring"}, "error_restoring"),
        ("begun", {}, "error_restoring"),  # as releases before this one recorded it
        ("writing", {"former_status": "available"}, "error_restoring"),
        ("something newer", {"former_status": "available"}, "error_restoring"),
    ],
)
def test_a_killed_restoring_costs_a_volume_its_status_unless_nothing_was_written_for_certain(step, arguments, status):
    volume = dataclasses.replace(VOLUMES[0], status="restoring-backup")
    record = Unsettled("op", "volume", "restore", "one", volume.name, volume.id, dict(arguments, id=volume.id), step)
    landscape = Landscape([Backend("one", "d.D")], [volume], unsettled=[record])
    after = landscape.after(plan_settlement(landscape, {("volume", "one", volume.name)}))
    assert (after.volumes[volume.id].status, after.unsettled) == (status, {})


@pytest.mark.parametrize(
    ("noun", "arguments"),
    [
        ("snapshot", {"id": "snap", "volume_id": VOLUMES[0].id}),
        ("backup", {"id": "b", "volume": {"backend": "one", "id": VOLUMES[0].id}, "temporary_snapshot": "snap"}),
    ],
    ids=["clone", "backup"],
)
def test_the_qcow2_file_that_a_killed_run_left_a_volume_in_keeps_nobody_from_backing_it_up(noun, arguments):
    volume, record = VOLUMES[0], Unsettled("1", noun, "create", "one", "x", arguments["id"], arguments)
    snapshots = [Snapshot("snap", "one", "snapshot for clone x", volume.id, volume.name, volume.size, "creating")]
    repository = Repository("offsite", "/x", password="p")
    left = Landscape([Backend("one", "d.D")], [volume], snapshots, unsettled=[record], repositories=[repository], formats={volume.id: "qcow2"})
    wanted = WantedBackup("offsite", "new", backend="one", volume=volume.name)
    with pytest.raises(StorageError, match="in format qcow2"):
        plan_backup(left, wanted, NOW)
    settled = left.after(plan_settlement(left, {record.key}))
    assert [(item.noun, item.action) for item in plan_backup(settled, wanted, NOW)] == [("backup", "create")]


@pytest.mark.parametrize("keep", [{"last": 0}, {"fortnightly": 1}, {"last": -1}, {"last": True}, {}])
def test_a_policy_that_cannot_be_meant_is_refused(keep):
    with pytest.raises(StorageError, match="keep"):
        WantedBackup.from_params({"repository": "offsite", "name": "a", "backend": "one", "volume": "data", "keep": keep})
