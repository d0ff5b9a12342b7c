# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about planning images, whatever there is and whatever is wanted."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.images import (
    Image,
    ImageSource,
    Offer,
    find_digest,
    same_content,
)
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Source, Unsettled
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted import WantedImage, WantedVolume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.images import image_id, plan_image
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.landscape import Landscape
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.settlement import plan_settlement
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.volumes import plan_volume
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .test_promises import BACKENDS, NAMES, landscapes, maybe

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PATHS = ("/images/a", "/images/b")
SNAPSHOTS = ("s1 of data", "s2 of data", "s1 of gold")
FORMATS = ("raw", "qcow2")


@st.composite
def situations(draw):
    """A landscape with image files of all kinds and what killed runs left, and an image that is wanted."""
    landscape = draw(landscapes())
    things = [("volume", item) for item in landscape.volumes.values()] + [("snapshot", item) for item in landscape.snapshots.values()]
    for path in draw(st.lists(st.sampled_from(PATHS), unique=True)):
        status = draw(st.sampled_from(["available", "available", "changed", "unknown"])) if things else "unknown"
        source = None
        if status == "available":
            kind, thing = draw(st.sampled_from(things))
            name = draw(st.sampled_from([thing.name, "an earlier name"]))
            source = {"kind": kind, "backend": thing.backend, "id": thing.id, "name": name, "size": thing.size, "created_at": "then"}
        landscape.images[path] = Image(
            path, status, draw(st.sampled_from(FORMATS)), draw(st.booleans()), 1024**3, source, outdated=draw(st.booleans())
        )
    for path in draw(st.lists(st.sampled_from(PATHS), unique=True)):
        backend, action = draw(st.sampled_from(BACKENDS)), draw(st.sampled_from(["create", "replace", "delete"]))
        if action != "delete" or path in landscape.images:
            identity = image_id(backend, path)
            landscape.unsettled["image " + path] = Unsettled("image " + path, "image", action, backend, path, identity, {"id": identity})
    volume = draw(maybe(st.sampled_from(NAMES)))
    wanted = WantedImage(
        draw(st.sampled_from(sorted(landscape.backends))),
        draw(st.sampled_from(PATHS)),
        draw(st.sampled_from(["present", "present", "absent"])),
        volume,
        None if volume else draw(st.sampled_from(SNAPSHOTS)),
        draw(maybe(st.sampled_from(FORMATS))),
        draw(maybe(st.booleans())),
        draw(st.sampled_from([frozenset(), frozenset(["existing"])])),
    )
    return landscape, wanted


def planned(landscape, wanted):
    """Return (the settled landscape, the plan or None when it was refused)."""
    settled = landscape.after(plan_settlement(landscape, wanted.touches()))
    try:
        return settled, plan_image(settled, wanted)
    except StorageError as error:
        assert error.message and error.parameter
        return settled, None


@MANY
@given(situations())
def test_a_second_run_finds_nothing_to_do_unless_told_to_replace_an_image_of_a_volume(situation):
    landscape, wanted = situation
    settled, operations = planned(landscape, wanted)
    if operations is None:
        return
    result = settled.after(operations)
    assert (wanted.path in result.images) is (wanted.state == "present")
    assert plan_settlement(result, wanted.touches()) == []
    if wanted.state == "absent" or not (wanted.volume and wanted.force):
        assert plan_image(result, wanted) == []


@MANY
@given(situations())
def test_a_file_is_replaced_only_when_told_and_only_an_image_of_ours_is_deleted_untold(situation):
    landscape, wanted = situation
    settled, operations = planned(landscape, wanted)
    for operation in operations or []:
        current = settled.images.get(operation.name)
        assert operation.name == wanted.path
        assert (operation.action == "create") is (current is None)
        assert operation.action != "replace" or "existing" in wanted.force
        assert operation.action != "delete" or "existing" in wanted.force or current.status == "available"


@MANY
@given(situations())
def test_only_what_nobody_writes_to_is_copied_and_nothing_else_is_touched(situation):
    landscape, wanted = situation
    settled, operations = planned(landscape, wanted)
    if operations is None:
        return
    for operation in operations:
        source = operation.arguments.get("source")
        if source and source["kind"] == "volume":
            assert not settled.volumes[source["id"]].attached_to
    after = settled.after(operations)
    assert {key: image for key, image in after.images.items() if key != wanted.path} == {
        key: image for key, image in settled.images.items() if key != wanted.path
    }
    assert (after.volumes, after.snapshots) == (settled.volumes, settled.snapshots)


@MANY
@given(st.integers(1, 5 * 1024**3), maybe(st.integers(1, 6)))
def test_a_volume_from_an_image_holds_all_of_it(virtual_size, size):
    image = ImageSource("/images/a")
    landscape = Landscape([Backend("one", "d.D")], offers={image: Offer("raw", virtual_size)})
    wanted = WantedVolume("one", "data", size=size, source_image=image)
    try:
        operations = plan_volume(landscape, wanted)
    except StorageError as error:
        assert error.parameter == "size" and size * 1024**3 < virtual_size
        return
    after = landscape.after(operations)
    (volume,) = after.volumes.values()
    assert volume.size * 1024**3 >= virtual_size and size in (None, volume.size)
    assert size is not None or (volume.size - 1) * 1024**3 < virtual_size
    assert plan_volume(after, wanted) == []


def test_the_same_content_is_told_by_checksum_and_otherwise_by_place():
    one, other = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    source = Source("image", one, "/images/a")
    assert same_content(source, ImageSource("/images/b", one)) and same_content(source, ImageSource("/images/a"))
    assert not same_content(source, ImageSource("/images/a", other)) and not same_content(source, ImageSource("/images/b"))
    assert same_content(source, ImageSource("/images/a", "sha512:" + "1" * 128)), "what cannot be compared does not count"
    assert not same_content(Source("volume", "x", "/images/a"), ImageSource("/images/a")) and not same_content(
        None, ImageSource("/images/a")
    )


@pytest.mark.parametrize(
    "line", ["{d}  disk.raw", "{d} *disk.raw", "{d} *./x/disk.raw", "SHA256 (disk.raw) = {d}", "{D}  disk.raw", "  {d}  "]
)
def test_lists_of_checksums_are_understood(line):
    digest = "ab" * 32
    noise = "" if "disk" not in line else "# comment\n%s  other.raw\n%s  xdisk.raw\n" % ("0" * 64, "1" * 64)
    assert find_digest(noise + line.format(d=digest, D=digest.upper()) + "\n", "disk.raw", "sha256") == digest
    assert find_digest(noise, "disk.raw", "sha256") is None


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"path": "relative", "volume": "v"}, "path"),
        ({"path": "/a/../b", "volume": "v"}, "path"),
        ({"path": "/a/", "volume": "v"}, "path"),
        ({"path": "/a"}, "volume"),
        ({"path": "/a", "volume": "v", "snapshot": "s"}, "volume"),
        ({"path": "/a", "volume": "v", "format": "iso"}, "format"),
        ({"path": "/a", "volume": "v", "format": "raw", "compressed": True}, "compressed"),
        ({"path": "/a", "volume": "v", "force": ["attached"]}, "force"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given, parameter):
    with pytest.raises(StorageError) as caught:
        WantedImage.from_params(dict(given, backend="one"))
    assert caught.value.parameter == parameter
