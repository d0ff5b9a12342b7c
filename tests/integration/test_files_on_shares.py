# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies by Cinder's own NFS driver that are killed or fail inside of the driver: the source stays what it was, and nothing of the copy stays."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.interrupted_bench import PLACES, put, told

GOLD = told([b"gold"] * len(PLACES))


@pytest.fixture(name="shares")
def fixture_shares(make_controller):
    """A controller whose volumes are files on shares, with a volume."""
    controller = make_controller(backend=None)
    controller.register(driver="shared_files.SharedFileDriver")
    put(controller.path_of("volume", made(controller, "volume", name="data", size="1")["id"]), b"gold")
    return controller


@pytest.fixture(name="kill")
def fixture_kill(shares, monkeypatch):
    """A function: ensure something and have the worker killed at a point."""

    def kill(point, noun, **parameters):
        monkeypatch.setenv("BLS_TEST_KILL_AT", point)
        with pytest.raises(StorageError, match="ended without an answer"):
            shares.ensure(noun, backend="one", **parameters)
        monkeypatch.delenv("BLS_TEST_KILL_AT")

    return kill


def made(controller, noun, **parameters):
    result = controller.ensure(noun, backend="one", **parameters)
    assert not result.get("failed"), result
    return result[noun + "s"][0][noun]


def volumes(controller):
    return {volume["name"]: volume for volume in controller.ask("volume.list", {})["volumes"]}


def gone(controller, noun, name):
    made(controller, noun, name=name, state="absent")


def content(controller, volume):
    """Return what a host would read of a volume that is a raw file of its own."""
    with open(controller.path_of("volume", volume["id"]), "rb") as stream:
        parts = []
        for place in PLACES:
            stream.seek(place)
            parts.append(stream.read(4096))
    return told(parts)


@pytest.fixture(name="handed_out")
def fixture_handed_out(shares, connector, node_key):
    """A function: the file and its format that a host is given of a volume."""

    def handed_out(volume):
        export = made(shares, "export", volume=volume["name"], connector=connector("node1"))
        data = node_key.open(export["sealed_connection_info"])["data"]
        made(shares, "export", volume=volume["name"], host="node1", state="absent")
        return data["name"], data["format"]

    return handed_out


def only(controller, *volumes):
    """Compare what the shares hold with these volumes' files, but for notes of which file each is in, and nothing is left to settle."""
    files = {path for path in controller.listing() if not path.endswith(".info")}
    assert files == {"volume-" + volume["id"] for volume in volumes}
    assert controller.unsettled() == []
    assert controller.ask("snapshot.list", {})["snapshots"] == []


CLONE = "volume", {"name": "copy", "source_volume": "data", "size": "2"}
FROM_SNAPSHOT = "volume", {"name": "copy", "source_snapshot": "snap", "size": "2"}
OPERATIONS = {
    "clone": (
        CLONE,
        *("before commit 1", "after commit 1", "before commit 2", "after commit 2", "before create_cloned_volume"),
        *("before _do_create_snapshot", "after _do_create_snapshot", "before _write_info_file", "after _write_info_file"),
        *("before convert_image", "after convert_image", "before _img_commit", "after _img_commit"),
        *("before _write_info_file again", "after _write_info_file again", "after create_cloned_volume", "before commit 3", "after commit 3"),
        *("before extend_volume", "after extend_volume", "before commit 4", "after commit 4", "before commit 5", "after commit 5"),
    ),
    "copy of a snapshot": (
        FROM_SNAPSHOT,
        *("before commit 1", "after commit 1", "before create_volume_from_snapshot", "before commit 2", "after commit 2"),
        *("before _do_create_volume", "after _do_create_volume", "before convert_image", "after convert_image", "after create_volume_from_snapshot"),
        *("before commit 3", "after commit 3", "before extend_volume", "after extend_volume", "before commit 4", "after commit 4"),
        *("before commit 5", "after commit 5"),
    ),
}
ALWAYS = {"after _do_create_snapshot", "after convert_image", "after _img_commit", "after create_cloned_volume"}  # `make test-all` has the others, too
POINTS = [
    pytest.param(name, point, id="%s-%s" % (name, point), marks=[pytest.mark.extra] * (point not in ALWAYS))
    for name, (_operation, *points) in OPERATIONS.items()
    for point in points
]


@pytest.fixture(name="source")
def fixture_source(shares, handed_out):
    """A function of an operation's name: make its source, and return what a host is given of the volume."""

    def source(name):
        if name != "clone":
            made(shares, "snapshot", name="snap", volume="data")
        return handed_out(volumes(shares)["data"])

    return source


@pytest.mark.parametrize("name", OPERATIONS)
def test_these_are_all_the_points_at_which_it_can_be_killed(name, shares, source, monkeypatch, tmp_path):
    (noun, parameters), *points = OPERATIONS[name]
    source(name)
    monkeypatch.setenv("BLS_TEST_POINTS", str(tmp_path / "points"))
    made(shares, noun, **parameters)
    assert (tmp_path / "points").read_text().splitlines() == points


@pytest.mark.parametrize(("name", "point"), POINTS)
def test_a_copy_that_was_killed_leaves_its_source_to_hosts_as_it_was_and_is_made_by_the_next_run(name, point, shares, source, handed_out, kill):
    (noun, parameters), *_points = OPERATIONS[name]
    before = source(name)
    kill(point, noun, **parameters)
    assert handed_out(volumes(shares)["data"]) == before, "whoever only wants the source need not know of its copies"
    copy = made(shares, noun, **parameters)
    assert content(shares, copy) == content(shares, volumes(shares)["data"]) == GOLD
    assert handed_out(copy) == ("volume-" + copy["id"], "raw")
    if name != "clone":
        gone(shares, "snapshot", "snap")
    only(shares, *volumes(shares).values())
    gone(shares, "volume", "copy")
    gone(shares, "volume", "data")
    only(shares)


@pytest.mark.parametrize("point", ["after _do_create_volume", "after convert_image"])
def test_of_a_volume_that_was_killed_or_failed_nothing_is_left_for_the_next_of_its_name(point, shares, source, kill, monkeypatch):
    source("copy of a snapshot")
    kill(point, "volume", name="copy", source_snapshot="snap")
    copy = made(shares, "volume", name="copy", size="1")
    assert content(shares, copy) == told([b""] * len(PLACES))
    gone(shares, "volume", "copy")
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    monkeypatch.setenv("BLS_TEST_FAULT", "raise")
    assert "the array broke" in shares.ensure("volume", backend="one", name="copy", source_snapshot="snap")["msg"]
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    gone(shares, "snapshot", "snap")
    only(shares, *volumes(shares).values())


@pytest.mark.parametrize("point", ["after _do_create_snapshot", "after _write_info_file", "after convert_image", "after _img_commit"])
def test_a_clone_that_fails_leaves_its_source_as_it_was(point, shares, handed_out, monkeypatch):
    data = volumes(shares)["data"]
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    monkeypatch.setenv("BLS_TEST_FAULT", "raise")
    assert "the array broke" in shares.ensure("volume", backend="one", **CLONE[1])["msg"]
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    only(shares, data)
    assert handed_out(data) == ("volume-" + data["id"], "raw")
    assert content(shares, data) == GOLD


@pytest.mark.parametrize(
    ("snapshot", "point"),
    [
        *(("first", point) for point in ("after _img_commit", "before _rebase_img", "after _rebase_img", "before _write_info_file")),
        *(("second", point) for point in ("after _img_commit", "before _write_info_file")),
    ],
)
def test_a_snapshot_whose_deletion_was_killed_is_deleted_by_the_next_run(snapshot, point, shares, handed_out, kill):
    for name in ("first", "second"):
        made(shares, "snapshot", name=name, volume="data")
    kill(point, "snapshot", name=snapshot, state="absent")
    gone(shares, "snapshot", snapshot)
    data = volumes(shares)["data"]
    assert handed_out(data)[1] == "qcow2"
    gone(shares, "snapshot", "second" if snapshot == "first" else "first")
    only(shares, data)
    assert handed_out(data) == ("volume-" + data["id"], "raw")
    assert content(shares, data) == GOLD


@pytest.mark.parametrize(
    ("noun", "parameters", "blamed"),
    [
        ("snapshot", {"name": "snap", "volume": "data"}, "volume"),
        ("volume", {"name": "data", "size": "2"}, "size"),
        ("volume", {"name": "copy", "source_volume": "data"}, "source_volume"),
    ],
    ids=["snapshot", "extension", "clone"],
)
def test_what_the_driver_refuses_of_an_attached_volume_is_refused_before_anything_is_done_and_in_check_mode(noun, parameters, blamed, shares, connector):
    made(shares, "export", volume="data", connector=connector("node1"))
    before = shares.look()
    for check in (True, False):
        result = shares.ensure(noun, check, backend="one", **parameters)
        assert result.get("failed"), result
        assert (result["error"]["code"], result["error"]["parameter"]) == ("unsupported", blamed), result
        assert result["msg"].endswith("Detach the volume first.") and "is attached to node1" in result["msg"]
    assert shares.look() == before
    made(shares, "export", volume="data", host="node1", state="absent")
    made(shares, noun, **parameters)


def test_nothing_counts_as_deleted_on_a_share_that_is_away(shares):
    made(shares, "snapshot", name="snap", volume="data")
    made(shares, "volume", name="log", size="1")
    with shares.fault("away-array", ""):
        for noun, name in (("snapshot", "snap"), ("volume", "log")):
            result = shares.ensure(noun, backend="one", name=name, state="absent")
            assert "the server does not answer" in result["msg"], result
    gone(shares, "snapshot", "snap")
    gone(shares, "volume", "log")
    only(shares, *volumes(shares).values())


def test_what_is_on_a_share_and_not_in_a_restored_store_is_left_alone(shares, tmp_path):
    backup = str(tmp_path / "night.export")
    shares.ask("store.export", {"path": backup})
    later = made(shares, "volume", name="later", size="1")
    made(shares, "snapshot", name="then", volume="data")
    put(shares.path_of("volume", later["id"]), b"gold")
    before = shares.listing()
    shares.ask("store.import", {"path": backup, "replace": True})
    for noun, parameters in (("volume", {"name": "later", "size": "1"}), ("snapshot", {"name": "then", "volume": "data"})):
        assert "was left as it is" in shares.ensure(noun, backend="one", **parameters)["msg"]
    (shares.array / "second").mkdir(exist_ok=True)
    shares.path_of("volume", later["id"]).rename(shares.array / "second" / ("volume-" + later["id"]))
    assert "was left as it is" in shares.ensure("volume", backend="one", name="later", size="1")["msg"], "on whichever share it is"
    (shares.array / "second" / ("volume-" + later["id"])).rename(shares.path_of("volume", later["id"]))
    assert shares.listing() == before and shares.unsettled() == []
    assert content(shares, later) == GOLD
