# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about image files: what was in the volume is in the image, and nothing is ever half there or overwritten."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess

import pytest

GIB = 1024**3
MARKS = {0: b"front" * 1000, 777 * 512: b"middle" * 500, GIB - 4096: b"the end." * 512}  # position: bytes


def write_marks(path, marks=None):
    with open(path, "r+b") as stream:
        for position, data in (marks or MARKS).items():
            stream.seek(position)
            stream.write(data)


def sha256(path):
    return subprocess.run(["sha256sum", str(path)], check=True, capture_output=True, text=True, timeout=60).stdout.partition(" ")[0]


def same(one, other, form="raw"):
    """Tell whether two files hold the same disk, byte by byte."""
    command = ["qemu-img", "compare", "-f", "raw", "-F", form, str(one), str(other)]
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0


@pytest.fixture(name="data")
def fixture_data(controller):
    """Where a volume ``data`` of 1 GiB lies that has bytes at its front, in the middle and at its end."""
    made = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]
    path = controller.path_of("volume", made["id"])
    write_marks(path)
    return path


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """A folder for images."""
    path = tmp_path / "images"
    path.mkdir()
    return path


def image(controller, path, check=False, **parameters):
    """Ensure one image and return its item of the result."""
    parameters.setdefault("backend", "one")
    return controller.ensure("image", check, path=str(path), **parameters)["images"][0]


def made(controller, path, **parameters):
    found = image(controller, path, **parameters)
    assert not found.get("failed"), found
    assert found["changed"]
    return found["image"]


def refused(controller, path, **parameters):
    """Return why an image is refused, seeing to it that nothing changed, and that check mode says the same."""
    before = controller.look()[1], tree(os.path.dirname(path))
    foreseen = image(controller, path, check=True, **parameters)
    found = image(controller, path, **parameters)
    assert found["failed"] and found["msg"] == foreseen["msg"]
    assert (controller.look()[1], tree(os.path.dirname(path))) == before
    assert controller.unsettled() == []
    return found["msg"]


def tree(folder):
    return {
        name: (os.lstat(os.path.join(folder, name)).st_size, os.lstat(os.path.join(folder, name)).st_mtime_ns)
        for name in os.listdir(folder)
    }


@pytest.mark.parametrize("form", ["raw", "qcow2", "vmdk", "vhdx", "vdi"])
def test_an_image_holds_what_the_volume_held_and_so_does_a_volume_made_from_it(controller, data, folder, form):
    path = folder / ("data." + form)
    found = made(controller, path, volume="data", format=form)
    assert same(data, path, form)
    assert (found["format"], found["virtual_size"], found["file_size"]) == (form, GIB, path.stat().st_size)
    assert found["checksum"] == "sha256:" + sha256(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_blocks * 512 < 50 * 1024**2, "zeros take no room"
    copy = controller.ensure("volume", backend="one", name="copy", size="1", source_image=str(path), image_checksum=found["checksum"])
    assert not copy.get("failed"), copy["msg"]
    assert same(data, controller.path_of("volume", copy["volumes"][0]["volume"]["id"]))
    assert controller.unsettled() == [] and not [name for name in controller.listing() if name.startswith("exports")]


def test_a_compressed_image_is_smaller(controller, data, folder):
    write_marks(data, {0: b"text " * 400000})
    plain = made(controller, folder / "plain.qcow2", volume="data")
    small = made(controller, folder / "small.qcow2", volume="data", compressed=True)
    assert small["compressed"] and small["file_size"] < plain["file_size"] // 2
    assert same(data, folder / "small.qcow2", "qcow2")


def test_an_image_of_a_snapshot_holds_what_the_volume_held_then_also_while_it_is_attached(controller, data, folder, connector):
    snapshot = controller.ensure("snapshot", backend="one", name="snap", volume="data")["snapshots"][0]["snapshot"]
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    write_marks(data, {0: b"later" * 1000})
    found = made(controller, folder / "snap.qcow2", snapshot="snap")
    assert same(controller.path_of("snapshot", snapshot["id"]), folder / "snap.qcow2", "qcow2")
    assert not same(data, folder / "snap.qcow2", "qcow2")
    assert (found["source"]["kind"], found["source"]["name"], found["source"]["size"]) == ("snapshot", "snap", 1)
    assert "is attached to node1" in refused(controller, folder / "data.qcow2", volume="data")


def test_check_mode_tells_what_happens_and_a_second_run_finds_nothing_to_do(controller, data, folder):
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    task = {"backend": "one", "snapshot": "snap", "path": str(folder / "a.qcow2"), "compressed": True}
    steps = [
        task,
        dict(task, snapshot=None, volume="data", force=["existing"]),
        {"backend": "one", "path": task["path"], "state": "absent"},
    ]
    for step, action in zip(steps, ("create", "replace", "delete")):
        before = controller.look(), tree(folder)
        foreseen = controller.ensure("image", True, **step)
        assert (controller.look(), tree(folder)) == before
        found = controller.ensure("image", **step)
        assert [line["action"] for line in found["images"][0]["operations"]] == [action]
        assert (found["changed"], found["diff"]) == (True, foreseen["diff"])
        assert found["images"][0]["operations"] == foreseen["images"][0]["operations"]
        told, shown = foreseen["images"][0]["image"], found["images"][0]["image"]
        unknown = ("checksum", "file_size", "created_at", "source")
        assert told == shown or {**told, **dict.fromkeys(unknown)} == {**shown, **dict.fromkeys(unknown)}
        if step is not steps[1]:  # told to replace an image of a volume, it does
            again = controller.ensure("image", **step)
            assert (again["changed"], again["diff"]) == (False, {"before": {}, "after": {}})
    assert tree(folder) == {}


def test_a_list_makes_several_images_and_one_that_cannot_be_made_holds_no_other_up(controller, data, folder):
    paths = [str(folder / name) for name in ("one.qcow2", "nowhere/two.qcow2", "three.raw")]
    images = [dict({"path": path, "volume": "data"}, format=path.rpartition(".")[2]) for path in paths]
    task = {"legacy_image": {"backend": "one", "images": images}}
    foreseen = controller.play([task], check=True)[0]
    assert tree(folder) == {}
    first, second = controller.play([task, task]).results
    assert not foreseen.failed, "an earlier task may make the folder"
    assert first.failed and [bool(item.get("failed")) for item in first["images"]] == [False, True, False] and "nowhere" in first["images"][1]["msg"]
    assert [item["changed"] for item in first["images"]] == [True, False, True]
    for made, told in zip(first["images"][::2], foreseen["images"][::2]):
        assert [line["action"] for line in made["operations"]] == ["create"] and made["operations"] == told["operations"]
    assert {name for name in tree(folder) if not name.endswith(".json")} == {"one.qcow2", "three.raw"}
    assert [item["changed"] for item in second["images"]] == [False] * 3
    assert controller.play([{"legacy_image": {"backend": "one", "images": [images[0], images[2]]}}])[0]["changed"] is False


def test_in_a_playbook(controller, data, folder):
    path = str(folder / "data.qcow2")
    tasks = [
        {"legacy_image": {"backend": "one", "volume": "data", "path": path}},
        {"legacy_image_info": {"path": path, "verify": True}},
        {
            "legacy_volume": {
                "backend": "one",
                "volumes": [{"name": "a", "source_image": path}, {"name": "b", "source_image": path, "size": 2}],
            }
        },
        {"legacy_image": {"backend": "one", "images": [{"path": path, "state": "absent"}]}},
        {"legacy_image_info": {"paths": [path]}},
    ]
    foreseen = controller.play(tasks, check=True)
    assert [item.status for item in foreseen.results] == ["ok"] * 5, foreseen.output
    assert foreseen[2]["changed"] is True, "the image is what an earlier task would make"
    found = controller.play(tasks)
    assert [item.status for item in found.results] == ["ok"] * 5, found.output
    assert [item["changed"] for item in found.results] == [True, False, True, True, False]
    (told,) = found[1]["images"]
    assert (told["exists"], told["status"], told["source"]["name"], told["checksum"]) == (
        True,
        "available",
        "data",
        found[0]["image"]["checksum"],
    )
    assert [item["volume"]["size"] for item in found[2]["volumes"]] == [1, 2]
    assert found[2]["volumes"][0]["volume"]["source"] == {"kind": "image", "id": told["checksum"], "name": path}
    assert found[4]["images"] == [{"path": path, "exists": False, "problem": None, "in_progress": []}]
    again = controller.play(tasks[2:3])
    assert (again[0].status, again[0]["changed"]) == ("ok", False), "the image is gone, and need not be there"


def test_a_file_that_is_no_image_of_ours_is_never_replaced_or_deleted_unless_told(controller, data, folder):
    path = folder / "mine"
    path.write_bytes(b"precious")
    assert "force: [existing]" in refused(controller, path, volume="data")
    assert "is no image that this collection made" in refused(controller, path, state="absent")
    made(controller, path, volume="data", force=["existing"])
    assert same(data, path, "qcow2")
    path.write_bytes(b"precious")
    assert "is not what" in refused(controller, path, state="absent")
    assert image(controller, path, state="absent", force=["existing"])["changed"]
    assert tree(folder) == {}


def test_an_image_of_something_else_is_not_taken_for_this_one(controller, data, folder):
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    path = folder / "a"
    made(controller, path, snapshot="snap")
    assert "is an image of snapshot 'snap' on backend one" in refused(controller, path, volume="data")
    assert "but qcow2, not compressed" in refused(controller, path, snapshot="snap", format="raw")
    controller.ensure("snapshot", backend="one", name="snap", state="absent")
    assert not image(controller, path, snapshot="snap")["changed"], "the snapshot is gone, its image stays"
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    assert "an earlier snapshot 'snap'" in refused(controller, path, snapshot="snap")
    made(controller, path, snapshot="snap", force=["existing"])
    assert not image(controller, path, snapshot="snap", force=["existing"])["changed"], "a snapshot's content never changes"


def test_a_copied_image_is_still_known_and_a_changed_one_found_out(controller, data, folder):
    made(controller, folder / "a", volume="data")
    (folder / "b").write_bytes((folder / "a").read_bytes())
    (folder / "b.legacy-image.json").write_text((folder / "a.legacy-image.json").read_text())
    assert not image(controller, folder / "b", volume="data")["changed"]
    with open(folder / "b", "r+b") as stream:
        stream.seek(66000)
        stream.write(b"?")
    (told,) = controller.ask("image.list", {"paths": [str(folder / "b")]})["images"]
    assert told["status"] == "changed"
    assert "is not what" in controller.ensure("volume", backend="one", name="copy", source_image=str(folder / "b"))["msg"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("relative", "absolute path"),
        ("{}/none/a", "does not exist"),
        ("{}", "no regular file"),
        ("{}/link", "no regular file"),
        ("{}/../a", "'..'"),
    ],
)
def test_places_where_no_image_can_be(controller, data, folder, path, why):
    (folder / "link").symlink_to(data)
    found = image(controller, path.format(folder), volume="data")
    assert found["failed"] and why in found["msg"], found
    assert sorted(os.listdir(folder)) == ["link"]


def test_a_full_file_system_leaves_nothing(controller, data, folder, in_small_room):
    """Two worker processes in a mount namespace of their own, with one MiB of room."""
    write_marks(data, {0: os.urandom(4 * 1024**2)})
    with in_small_room(controller, folder):
        before = image(controller, folder / "a.qcow2", volume="data")
        within = image(controller, folder / "b.qcow2", volume="data", compressed=True)
    assert "has room for" in before["msg"] and "compressed: true" in before["msg"]
    assert "No space left on device" in within["msg"]
    assert [item["image"] for item in (before, within)] == [None, None]
    assert controller.unsettled() == [] and not [name for name in controller.listing() if name.startswith("exports")]
    assert made(controller, folder / "a.qcow2", volume="data")


@pytest.fixture(name="in_small_room")
def fixture_in_small_room(tmp_path):
    """Give workers one MiB in a folder: a context manager of a controller and the folder."""
    import contextlib

    @contextlib.contextmanager
    def small(controller, folder):
        script = tmp_path / "python-in-a-small-room"
        mount = 'mount -t tmpfs -o size=1m none %s && exec "$@"; exit 1' % folder
        script.write_text("#!/bin/sh\nexec unshare -Urm sh -c '%s' sh %s \"$@\"\n" % (mount, os.environ["BLS_CONTROLLER_PYTHON"]))
        script.chmod(0o700)
        before = json.loads(controller.config.read_text())["python"]
        controller.write_config(controller.config, python=str(script))
        try:
            yield
        finally:
            controller.write_config(controller.config, python=before)

    return small


def test_info_tells_what_a_file_without_a_record_is(controller, folder):
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(folder / "x.qcow2"), "3G"], check=True, timeout=60)
    (folder / "x.txt").write_text("text")
    qcow2, text = controller.ask("image.list", {"paths": [str(folder / "x.qcow2"), str(folder / "x.txt")], "verify": True})["images"]
    assert (qcow2["status"], qcow2["format"], qcow2["virtual_size"], qcow2["source"]) == ("unknown", "qcow2", 3 * GIB, None)
    assert text["format"] == "raw" and text["checksum"] == "sha256:" + hashlib.sha256(b"text").hexdigest()


def test_progress_of_an_image_that_is_being_made_is_told(controller, data, folder):
    path = str(folder / "a.qcow2")
    controller.execute(
        "INSERT INTO operations (id, noun, action, backend, name, resource_id, arguments, step, started_at) "
        "VALUES ('x', 'image', 'replace', 'one', ?, 'x', '{\"id\": \"x\"}', 'copying 37 %', '2026-01-01 00:00:00')",
        path,
    )
    assert controller.ask("image.list", {"paths": [path]})["images"][0]["in_progress"] == [
        {"action": "replace", "step": "copying 37 %", "started_at": "2026-01-01T00:00:00Z"}
    ]
