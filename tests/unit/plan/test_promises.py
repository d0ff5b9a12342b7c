# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about planning, whatever there is and whatever is wanted."""

from __future__ import annotations

import dataclasses

from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import Connector
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.identity import derive_id
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.images import ImageSource
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Mapping, Snapshot, Source, Unsettled, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted import (
    MigrationTarget,
    WantedBackend,
    WantedExport,
    WantedSnapshot,
    WantedVolume,
)
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.backends import plan_backend
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.difference import collect
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.exports import plan_export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.landscape import Landscape
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.settlement import plan_settlement
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.snapshots import plan_snapshot
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.volumes import plan_volume
from hypothesis import HealthCheck, given, note, settings, target
from hypothesis import strategies as st

BACKENDS = ("one", "a_b", "axb")
NAMES = ("data", "logs", "gold")
HOSTS = ("node1", "node2", "node3")
SPECS = ({}, {"multiattach": "<is> True"})
TEXTS = ({}, {"a": "b"}, {"a": "c", "d": "e"})
REFERENCES = ({"source-name": "lun7"}, {"source-name": "lun8"})
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def initiator(host):
    return "iqn.2026-01.test:%s" % host


@st.composite
def landscapes(draw):
    """Several backends with volumes, their snapshots and exports, and what killed runs left of them."""
    backends = [
        Backend(name, "d.D", pools=draw(st.sampled_from([(), ("p1", "p2")]))) for name in draw(st.lists(st.sampled_from(BACKENDS), min_size=1, unique=True))
    ]
    volumes, snapshots, mappings, unsettled = [], [], [], []
    for backend in backends:
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True)):
            volume_id = derive_id("volume", backend.name, draw(st.sampled_from([name, "renamed from %s" % name])))
            source = None
            if volumes and draw(st.booleans()):
                source = Source("volume", volumes[0].id, volumes[0].name)
            elif snapshots and draw(st.booleans()):
                source = Source("snapshot", snapshots[0].id, snapshots[0].name)
            elif draw(st.booleans()):
                source = Source("image", draw(st.sampled_from([None, "sha256:" + "1" * 64, "sha256:" + "2" * 64])), "/a")
            volume = Volume(
                volume_id,
                backend.name,
                name,
                draw(st.integers(1, 8)),
                metadata=draw(st.sampled_from(TEXTS)),
                extra_specs=draw(st.sampled_from(SPECS)),
                pool=backend.pools[0] if backend.pools else None,
                source=source,
                adopted_from=draw(st.sampled_from((None, None, *REFERENCES[:1]))),
            )
            for snap in draw(st.lists(st.sampled_from(["s1", "s2"]), unique=True, max_size=2)):
                full = "%s of %s" % (snap, name)
                snapshots.append(
                    Snapshot(derive_id("snapshot", backend.name, full), backend.name, full, volume.id, volume.name, draw(st.integers(1, volume.size)))
                )
            hosts = draw(st.lists(st.sampled_from(HOSTS), unique=True, max_size=2 if volume.multiattach else 1))
            for host in hosts:
                identity = derive_id("export", backend.name, "%s/%s" % (volume.id, host))
                mappings.append(Mapping(identity, backend.name, volume.id, name, host, {"initiator": initiator(host)}))
            volumes.append(dataclasses.replace(volume, attached_to=tuple(sorted(hosts)), status="in-use" if hosts else "available"))
    landscape = Landscape(backends, volumes, snapshots, mappings)
    things = [("volume", item) for item in volumes] + [("snapshot", item) for item in snapshots] + [("export", item) for item in mappings]
    for noun, thing in draw(st.lists(st.sampled_from(things), max_size=3, unique_by=lambda pair: pair[1].id)) if things else []:
        name = thing.volume_name if noun == "export" else thing.name
        action = draw(
            st.sampled_from(
                {
                    "volume": ["create", "extend", "retype", "revert", "adopt", "release", "migrate", "move", "delete"],
                    "snapshot": ["create", "adopt", "release", "delete"],
                    "export": ["create", "update", "delete"],
                }[noun]
            )
        )
        arguments = {"id": thing.id}
        if noun == "volume":
            bare = ("create", "adopt", "release", "migrate", "move", "delete")
            if action in bare and (landscape.mappings_of(thing) or landscape.snapshots_of(thing)):
                continue  # a volume that is coming, moving or going has neither
            if action == "revert" and (landscape.mappings_of(thing) or not landscape.snapshots_of(thing)):
                continue
            arguments.update(
                {
                    "extend": {"size": thing.size + 1},
                    "retype": {"extra_specs": thing.extra_specs, "qos_specs": {"a": "b"}},
                    "migrate": {"target": "copy", "from_backend": thing.backend, "to_backend": "two", "to_pool": None},
                    "move": {"to_backend": thing.backend, "to_pool": thing.pool},
                    "revert": {"snapshot_id": getattr((landscape.snapshots_of(thing) or [None])[0], "id", None)},
                }.get(action, {"size": thing.size})
            )
            words = {"create": "creating", "extend": "extending", "adopt": "managing", "release": "unmanaging"}
            words.update(retype="retyping", revert="reverting", delete="deleting")
            status = words.get(action, thing.status)
            landscape.volumes[thing.id] = dataclasses.replace(thing, status=status)
        elif noun == "snapshot":
            arguments.update(volume_id=thing.volume_id, volume_name=thing.volume_name)
            landscape.snapshots[thing.id] = dataclasses.replace(thing, status={"delete": "deleting", "release": "unmanaging"}.get(action, "creating"))
        else:
            arguments.update(volume_id=thing.volume_id, host=thing.host)
        if noun == "export" and action != "delete":
            arguments["connector"] = dict(thing.connector)
        unsettled.append(Unsettled("op-%d" % len(unsettled), noun, action, thing.backend, name, thing.id, arguments))
    landscape.unsettled = {record.operation_id: record for record in unsettled}
    return landscape


def maybe(strategy):
    return st.none() | strategy


def sensible(wanted):
    """What the model lets through: only what stays is renamed, and to another name."""
    if wanted.adopt and wanted.state != "present":
        wanted = dataclasses.replace(wanted, adopt=None)
    elif wanted.adopt:
        others = ("source_volume", "source_snapshot", "renamed_from", "revert_to", "migrate_to")
        wanted = dataclasses.replace(wanted, **{key: None for key in others if hasattr(wanted, key)})
    if wanted.state != "present" or wanted.renamed_from == wanted.name:
        wanted = dataclasses.replace(wanted, renamed_from=None)
    if wanted.state != "present" and hasattr(wanted, "revert_to"):
        wanted = dataclasses.replace(wanted, revert_to=None)
    if getattr(wanted, "migrate_to", None) and (wanted.state != "present" or wanted.migrate_to.backend == wanted.backend):
        wanted = dataclasses.replace(wanted, migrate_to=None)
    return wanted


WANTED = {
    "volume": st.builds(
        WantedVolume,
        backend=st.sampled_from(BACKENDS),
        name=st.sampled_from(NAMES + ("new",)),
        state=st.sampled_from(["present", "absent", "released"]),
        size=maybe(st.integers(1, 9)),
        source_volume=maybe(st.sampled_from(NAMES)),
        description=maybe(st.sampled_from(["", "text"])),
        metadata=maybe(st.sampled_from(TEXTS)),
        extra_specs=maybe(st.sampled_from(SPECS)),
        pool=maybe(st.sampled_from(["p1", "p2"])),
        renamed_from=maybe(st.sampled_from(NAMES)),
        revert_to=maybe(st.sampled_from(["s1 of data", "s2 of data", "s1 of gold"])),
        adopt=maybe(st.sampled_from(REFERENCES)),
        found=st.integers(1, 4),
        migration_policy=st.sampled_from(["never", "on-demand"]),
        force=st.frozensets(st.sampled_from(["attached", "snapshots"])),
    )
    | st.builds(
        WantedVolume,
        backend=st.sampled_from(BACKENDS),
        name=st.sampled_from(NAMES + ("new",)),
        size=maybe(st.integers(1, 9)),
        source_snapshot=st.sampled_from(["s1 of data", "s2 of data", "s1 of gold"]),
    )
    | st.builds(
        WantedVolume,
        backend=st.sampled_from(BACKENDS),
        name=st.sampled_from(NAMES + ("new",)),
        size=maybe(st.integers(1, 9)),
        metadata=maybe(st.sampled_from(TEXTS)),
        extra_specs=maybe(st.sampled_from(SPECS)),
        migrate_to=st.builds(MigrationTarget, st.sampled_from(BACKENDS), maybe(st.sampled_from(["p1", "p2"]))),
    )
    | st.builds(
        WantedVolume,
        backend=st.sampled_from(BACKENDS),
        name=st.sampled_from(NAMES + ("new",)),
        size=st.integers(1, 9),
        source_image=st.builds(ImageSource, st.sampled_from(["/a", "https://example.com/a?token=x"]), maybe(st.just("sha256:" + "1" * 64))),
    ),
    "snapshot": st.builds(
        WantedSnapshot,
        backend=st.sampled_from(BACKENDS),
        name=st.sampled_from(["s1 of data", "s2 of data", "s1 of gold", "new"]),
        state=st.sampled_from(["present", "absent", "released"]),
        volume=maybe(st.sampled_from(NAMES)),
        description=maybe(st.sampled_from(["", "text"])),
        metadata=maybe(st.sampled_from(TEXTS)),
        renamed_from=maybe(st.sampled_from(["s1 of data", "s1 of gold"])),
        adopt=maybe(st.sampled_from(REFERENCES)),
        found=st.integers(1, 4),
    ),
    "export": st.builds(
        lambda backend, volume, host, state, known, fenced: WantedExport(
            backend, volume, host, state, Connector(host, {"initiator": initiator(known)}, "a2V5"), fenced
        ),
        st.sampled_from(BACKENDS),
        st.sampled_from(NAMES),
        st.sampled_from(HOSTS),
        st.sampled_from(["present", "absent"]),
        st.sampled_from(HOSTS + ("other",)),
        st.booleans(),
    ),
}
PLANNERS = {"volume": plan_volume, "snapshot": plan_snapshot, "export": plan_export}


@st.composite
def requests(draw, nouns=("volume", "snapshot", "export")):
    """A landscape, and something wanted of one of its nouns."""
    noun, landscape = draw(st.sampled_from(nouns)), draw(landscapes())
    wanted = draw(WANTED[noun])
    if draw(st.integers(0, 9)):  # mostly of a backend there is
        wanted = dataclasses.replace(wanted, backend=draw(st.sampled_from(sorted(landscape.backends))))
    return landscape, noun, wanted if noun == "export" else sensible(wanted)


def keys_of(landscape, noun, wanted):
    """The keys that an item settles, and what hangs on the volumes it names."""
    keys = set(wanted.touches())
    for key_noun, backend, name in wanted.touches():
        volume = landscape.volume(backend, name) if key_noun == "volume" else None
        if volume:
            keys |= {("volume", backend, volume.id), ("export", backend, volume.name)}
            keys |= {("snapshot", backend, item.id) for item in landscape.snapshots_of(volume)}
    return keys


def picture(landscape):
    return {key: {name: repr(item) for name, item in getattr(landscape, key).items()} for key in ("backends", "volumes", "snapshots", "mappings", "unsettled")}


def doomed(landscape, noun, wanted):
    """The id of what the task deletes, if it does."""
    if wanted.state != "absent" or noun == "export":
        return None
    found = getattr(landscape, noun)(wanted.backend, wanted.name)
    return found and found.id


def settled_and_planned(landscape, noun, wanted):
    """Return (settled landscape, plan); the plan is None when it was refused."""
    settled = landscape.after(plan_settlement(landscape, keys_of(landscape, noun, wanted), doomed(landscape, noun, wanted)))
    try:
        return settled, PLANNERS[noun](settled, wanted)
    except StorageError:
        return settled, None


def unnamed(item):
    """A thing without its source's name: a renamed source is called by its new name also where a volume made of it has moved to another backend."""
    source = getattr(item, "source", None)
    return dataclasses.replace(item, source=dataclasses.replace(source, name="")) if source else item


@MANY
@given(requests())
def test_a_second_run_finds_nothing_to_do(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    result = settled.after(operations)
    note(repr(operations))
    assert plan_settlement(result, keys_of(result, noun, wanted)) == []
    assert PLANNERS[noun](result, wanted) == []


@MANY
@given(requests())
def test_planning_changes_nothing_it_was_given(request):
    landscape, noun, wanted = request
    before = picture(landscape)
    settling = plan_settlement(landscape, keys_of(landscape, noun, wanted), doomed(landscape, noun, wanted))
    settled = landscape.after(settling)
    assert picture(landscape) == before
    between = picture(settled)
    try:
        operations = PLANNERS[noun](settled, wanted)
        settled.after(operations)
    except StorageError as error:
        assert error.message and error.parameter
    assert picture(settled) == between
    assert picture(landscape) == before


@MANY
@given(requests())
def test_whatever_killed_runs_left_of_a_thing_is_settled_before_it_is_worked_on(request):
    landscape, noun, wanted = request
    keys = keys_of(landscape, noun, wanted)
    settled = landscape.after(plan_settlement(landscape, keys, doomed(landscape, noun, wanted)))
    left = [
        record
        for record in settled.unsettled.values()
        if keys & {(record.noun, record.backend, record.name), (record.noun, record.backend, record.resource_id)}
    ]
    assert left == []
    assert plan_settlement(settled, keys) == []


@MANY
@given(requests())
def test_what_does_not_concern_a_task_is_not_touched(request):
    landscape, noun, wanted = request
    keys = keys_of(landscape, noun, wanted)
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    target_of = getattr(wanted, "migrate_to", None)
    backends = {wanted.backend} | ({target_of.backend} if target_of else set())
    for operation in plan_settlement(landscape, keys, doomed(landscape, noun, wanted)) + operations:
        assert operation.backend in backends
    after = settled.after(operations)
    for table in ("volumes", "snapshots", "mappings"):
        for key, item in getattr(landscape, table).items():
            if item.backend not in backends or (target_of and table == "volumes" and item.name != wanted.name):
                assert unnamed(getattr(after, table)[key]) == unnamed(item)


@MANY
@given(requests(nouns=("volume",)))
def test_nothing_is_deleted_unless_the_task_says_so_by_name(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    deletions = [operation for operation in operations if operation.action == "delete"]
    if wanted.state != "absent":
        assert deletions == []
    for operation in deletions:
        volume = settled.volume(wanted.backend, wanted.name)
        if operation.noun == "volume":
            assert operation.arguments["id"] == volume.id
        else:
            table, word = (settled.mappings, "attached") if operation.noun == "export" else (settled.snapshots, "snapshots")
            assert table[operation.arguments["id"]].volume_id == volume.id
            assert word in wanted.force
    if deletions:
        assert not settled.mappings_of(volume) or "attached" in wanted.force
        assert not settled.snapshots_of(volume) or "snapshots" in wanted.force
        assert deletions[-1].noun == "volume", "what hangs on the volume goes first"


@MANY
@given(requests(nouns=("volume",)))
def test_an_attached_volume_or_one_with_snapshots_is_not_deleted_without_force(request):
    landscape, noun, wanted = request
    settled = landscape.after(plan_settlement(landscape, keys_of(landscape, noun, wanted), doomed(landscape, noun, wanted)))
    volume = settled.volume(wanted.backend, wanted.name)
    if volume is None:
        return
    bound = ({"attached"} if settled.mappings_of(volume) else set()) | ({"snapshots"} if settled.snapshots_of(volume) else set())
    target(float(len(bound)))
    try:
        plan_volume(settled, sensible(dataclasses.replace(wanted, state="absent")))
        refused = False
    except StorageError as error:
        assert error.code == "in_use"
        refused = True
    assert refused is bool(bound - wanted.force)


@MANY
@given(requests())
def test_no_volume_ever_shrinks(request):
    landscape, noun, wanted = request
    keys = keys_of(landscape, noun, wanted)
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    sizes = {volume.id: volume.size for volume in landscape.volumes.values()}
    for operation in plan_settlement(landscape, keys, doomed(landscape, noun, wanted)) + operations:
        if operation.noun == "volume" and operation.action == "adopt":
            sizes[operation.arguments["id"]] = operation.arguments["size"]
        if operation.noun == "volume" and operation.action in ("extend", "finish_extend"):
            assert operation.arguments["size"] > sizes[operation.arguments["id"]]
    after = settled.after(operations)
    for volume_id, volume in after.volumes.items():
        if volume_id in settled.volumes:
            assert volume.size >= settled.volumes[volume_id].size


@MANY
@given(requests(nouns=("volume",)))
def test_another_source_or_pool_of_an_existing_volume_is_refused_and_nothing_changes_that_was_not_asked_for(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    current = settled.volume(wanted.backend, wanted.name)
    if current is None or wanted.state != "present":
        return
    for kind in ("volume", "snapshot"):
        name = getattr(wanted, "source_" + kind)
        if name is not None:
            assert current.source is not None and (current.source.kind, current.source.name) == (kind, name)
    assert wanted.pool in (None, current.pool) or wanted.migration_policy == "on-demand"
    after = settled.after(operations).volumes[current.id]
    for key in ("extra_specs", "qos_specs", "description", "metadata"):
        assert getattr(after, key) == (getattr(current, key) if getattr(wanted, key) is None else getattr(wanted, key))
    unchangeable = ("id", "name", "source", "attached_to")
    assert [getattr(after, key) for key in unchangeable] == [getattr(current, key) for key in unchangeable]


@MANY
@given(requests(nouns=("volume", "snapshot")))
def test_what_is_released_is_free_and_leaves_its_id_to_nobody(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    for operation in [line for line in operations or [] if line.action == "release"]:
        assert wanted.state == "released" and len(operations) == 1
        released = getattr(settled, noun)(wanted.backend, wanted.name)
        assert operation.arguments["id"] == released.id
        assert noun == "snapshot" or not (settled.mappings_of(released) or settled.snapshots_of(released))
        after = settled.after(operations)
        assert getattr(after, noun)(wanted.backend, wanted.name) is None
        assert after.free_id(noun, wanted.backend, wanted.name) != released.id


@MANY
@given(requests(nouns=("volume",)))
def test_only_what_nobody_uses_migrates_and_only_to_where_the_task_says(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    after = settled.after(operations)
    for volume in settled.volumes.values():
        moved = after.volumes.get(volume.id, volume)
        if (moved.backend, moved.pool) == (volume.backend, volume.pool):
            continue
        actions = [operation.action for operation in operations if operation.arguments.get("id") == volume.id]
        assert [action for action in actions if action != "rename"][0] == "migrate"
        assert volume.name in (wanted.name, wanted.renamed_from)
        assert volume.backend in (wanted.backend, wanted.migrate_to and wanted.migrate_to.backend)  # it may be there, in another pool
        assert not settled.mappings_of(volume) and not settled.snapshots_of(volume)
        if wanted.migrate_to:
            assert moved.backend == wanted.migrate_to.backend and wanted.migrate_to.pool in (None, moved.pool)
        else:
            assert (moved.backend, moved.pool) == (volume.backend, wanted.pool) and wanted.migration_policy == "on-demand"


@MANY
@given(requests(nouns=("volume",)))
def test_nothing_is_reverted_unless_by_name_to_the_latest_snapshot_of_that_size_while_no_host_has_it(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    for operation in [line for line in operations or [] if line.action == "revert"]:
        snapshot = settled.snapshots[operation.arguments["snapshot_id"]]
        volume = settled.volumes[operation.arguments["id"]]
        assert wanted.revert_to in (snapshot.name, snapshot.id)
        assert snapshot.volume_id == volume.id and snapshot.size == volume.size
        assert not settled.mappings_of(volume)
        assert list(item.id for item in settled.snapshots.values() if item.volume_id == volume.id)[-1] == snapshot.id


@MANY
@given(requests(nouns=("export",)))
def test_a_volume_never_gets_a_second_host_unless_it_allows_several(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    after = settled.after(operations)
    for volume in after.volumes.values():
        hosts = [item.host for item in after.mappings_of(volume)]
        assert sorted(volume.attached_to) == hosts
        assert len(hosts) <= 1 or volume.multiattach


@MANY
@given(requests())
def test_names_and_ids_stay_unique(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    after = settled.after(operations)
    for table in (after.volumes, after.snapshots):
        names = [(item.backend, item.name) for item in table.values()]
        assert len(set(names)) == len(names)
    created = [operation.arguments["id"] for operation in operations if operation.action == "create"]
    assert not set(created) & (set(settled.volumes) | set(settled.snapshots))


@MANY
@given(requests())
def test_a_diff_shows_exactly_what_differs(request):
    landscape, noun, wanted = request
    settled, operations = settled_and_planned(landscape, noun, wanted)
    if operations is None:
        return
    after = settled.after(operations)
    table = {"volume": "volumes", "snapshot": "snapshots", "export": "mappings"}[noun]
    old, new = getattr(settled, table), getattr(after, table)
    shown = collect((key, old[key].to_public() if key in old else None, new[key].to_public() if key in new else None) for key in {**old, **new})
    for key in {**old, **new}:
        one, other = (side[key].to_public() if key in side else {} for side in (old, new))
        if one == other:
            assert key not in shown["before"] and key not in shown["after"]
            continue
        assert dict(one, **shown["after"][key]) == (other or one)
        assert not one or not other or all(one.get(name) != other.get(name) for name in shown["after"][key] | shown["before"][key])


BACKEND_RECORDS = st.builds(
    Backend,
    name=st.just("one"),
    driver=st.sampled_from(["d.D", "e.E"]),
    options=st.sampled_from(TEXTS),
    secret_options=st.sampled_from(TEXTS),
    pools=st.sampled_from([(), ("p1",)]),
    max_parallel=st.integers(1, 5),
)
BACKEND_WANTED = st.builds(
    WantedBackend,
    name=st.sampled_from(["one", "two"]),
    state=st.sampled_from(["present", "absent"]),
    driver=st.sampled_from(["d.D", "e.E"]),
    options=st.sampled_from(TEXTS),
    secret_options=st.sampled_from(TEXTS),
    max_parallel=maybe(st.integers(1, 5)),
)


@MANY
@given(maybe(BACKEND_RECORDS), BACKEND_WANTED, st.integers(0, 2))
def test_backends_too_are_planned_once_kept_while_they_have_volumes_and_not_given_to_another_driver(record, wanted, count):
    landscape = Landscape([record] if record else [])
    before = picture(landscape)
    count = count if wanted.name in landscape.backends else 0
    try:
        operations = plan_backend(landscape, wanted, count)
    except StorageError as error:
        assert count and error.parameter in ("state", "driver")
        return
    after = landscape.after(operations)
    assert picture(landscape) == before
    assert plan_backend(after, wanted, count) == []
    if count:
        assert after.backends["one"].driver == record.driver
    if wanted.state == "present":
        found = after.backends[wanted.name]
        assert (found.driver, found.options, found.secret_options) == (wanted.driver, wanted.options, wanted.secret_options)
        assert wanted.max_parallel in (None, found.max_parallel)
