# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A name that is given again after what bore it was deleted."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

SOURCES = pytest.mark.parametrize("kind", ["volume", "snapshot"])


def made(controller, noun, check=False, **parameters):
    result = controller.ensure(noun, check, backend="one", **parameters)
    assert not result.get("failed"), result
    return result[noun + "s"][0][noun]


def gone(controller, noun, name):
    result = controller.ensure(noun, backend="one", name=name, state="absent")
    assert not result.get("failed"), result


def source(controller, kind, check=False):
    if kind == "volume":
        return made(controller, "volume", check, name="gold", size="1")
    made(controller, "volume", check, name="base", size="1")
    return made(controller, "snapshot", check, name="gold", volume="base")


def test_a_name_may_be_given_again_where_the_array_keeps_a_deleted_source_for_its_copies(make_controller):
    controller = make_controller(backend=None)
    options = {"sparse_files_dir": str(controller.array), "sparse_files_without": "forgetting"}
    controller.register(options=options)
    ids = []
    for number in range(3):
        ids.append(made(controller, "volume", name="gold", size="1")["id"])
        made(controller, "volume", name="copy-%d" % number, source_volume="gold")
        gone(controller, "volume", "gold")
    assert len(set(ids)) == 3
    assert {path for path in controller.listing() if path.endswith(".deleted")} == {"volume-%s.deleted" % identity for identity in ids}


def test_a_clone_may_be_made_again_and_again_under_its_name_where_the_array_keeps_what_it_was_cloned_by(make_controller):
    controller = make_controller(backend=None)
    options = {"sparse_files_dir": str(controller.array), "sparse_files_without": "forgetting"}
    controller.register(options=options)
    made(controller, "volume", name="gold", size="1")
    ids = []
    for _number in range(7):  # past the first strides in which the store looks for an id
        foreseen = made(controller, "volume", True, name="copy", source_volume="gold")
        ids.append(made(controller, "volume", name="copy", source_volume="gold")["id"])
        assert ids[-1] == foreseen["id"]
        gone(controller, "volume", "copy")
    assert len(set(ids)) == 7


@pytest.mark.parametrize("fault", ["kill", "raise"])
def test_a_clone_whose_making_was_broken_off_is_made_by_the_next_run_where_the_array_keeps_what_it_was_cloned_by(make_controller, monkeypatch, fault):
    controller = make_controller(backend=None)
    options = {"sparse_files_dir": str(controller.array), "sparse_files_without": "forgetting"}
    controller.register(options=options)
    made(controller, "volume", name="gold", size="1")
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after create_cloned_volume")
    monkeypatch.setenv("BLS_TEST_FAULT", fault)
    if fault == "kill":
        with pytest.raises(StorageError):
            controller.ensure("volume", backend="one", name="copy", source_volume="gold")
    else:
        assert controller.ensure("volume", backend="one", name="copy", source_volume="gold")["failed"]
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    foreseen = made(controller, "volume", True, name="copy", source_volume="gold")
    assert made(controller, "volume", name="copy", source_volume="gold")["id"] == foreseen["id"]
    assert controller.unsettled() == []


def test_check_mode_foresees_the_id_of_a_clone_that_one_task_deletes_and_makes_again(controller):
    made(controller, "volume", name="gold", size="1")
    before = made(controller, "volume", name="copy", source_volume="gold")
    items = [{"backend": "one", "name": "copy", "state": "absent"}, {"backend": "one", "name": "copy", "source_volume": "gold"}]
    answers = [controller.ask("volume.ensure", {"volumes": items}, check) for check in (True, False)]
    found = [answer["volumes"][1].get("volume") and answer["volumes"][1]["volume"]["id"] for answer in answers]
    assert found[0] == found[1] != before["id"], answers


@SOURCES
def test_what_was_a_source_never_gives_its_id_to_another_and_check_mode_foresees_that(controller, kind):
    first = source(controller, kind)
    copy = {"name": "copy", "source_" + kind: "gold"}
    before = made(controller, "volume", **copy)
    gone(controller, kind, "gold")
    foreseen = source(controller, kind, check=True)
    second = source(controller, kind)
    assert foreseen["id"] == second["id"] != first["id"]
    result = controller.ensure("volume", backend="one", **copy)
    assert (result["changed"], result["volumes"][0]["volume"]) == (False, before), "it was made from what was called so"
    gone(controller, "volume", "copy")
    gone(controller, kind, "gold")
    assert source(controller, kind)["id"] == second["id"], "no volume was made from the second"


def test_what_was_a_source_twice_can_still_be_released(controller):
    made(controller, "volume", name="gold", size="1")
    copies = [{"backend": "one", "name": name, "source_volume": "gold"} for name in ("a", "b")]
    assert not controller.ask("volume.ensure", {"volumes": copies}).get("failed")
    result = controller.ask("volume.ensure", {"volumes": [{"backend": "one", "name": "gold", "state": "released"}]})
    assert not result.get("failed"), "that its id is remembered already must not matter"
    assert made(controller, "volume", name="gold", size="1", check=True)["id"] == made(controller, "volume", name="gold", size="1")["id"]


@pytest.mark.parametrize("point", ["after commit 1", "before create_cloned_volume", "after create_cloned_volume", "before commit 2"])
def test_a_copy_that_was_killed_counts_since_nobody_knows_how_far_the_array_got(controller, point, monkeypatch):
    first = source(controller, "volume")
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    with pytest.raises(StorageError):
        controller.ensure("volume", backend="one", name="copy", source_volume="gold")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    gone(controller, "volume", "copy")
    gone(controller, "volume", "gold")
    assert (controller.unsettled(), controller.ask("volume.list", {})["volumes"]) == ([], [])
    assert source(controller, "volume")["id"] != first["id"]
