# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend that has volumes, and options that lead to another place: no volume is forgotten whose data is still where it was."""

from __future__ import annotations

import shutil
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask
from ansible_collections.baremetal.legacy_storage.tests.integration.test_at_once import at_once


@pytest.fixture(name="elsewhere")
def fixture_elsewhere(controller):
    """Another place like the array's directory, empty."""
    folder = controller.root / "elsewhere"
    (folder / "faults").mkdir(parents=True)
    return folder


def made(controller, name="data"):
    result = controller.ensure("volume", backend="one", name=name, size="1")
    assert not result.get("failed"), result
    return controller.path_of("volume", result["volumes"][0]["volume"]["id"])


def pointed(controller, folder, check=False, without=None, **changes):
    """Point the backend ``one`` at another directory; return what came out."""
    options = dict({"sparse_files_dir": str(folder)}, **({"sparse_files_without": without} if without else {}))
    return ask("controller", str(controller.config), "backend.ensure", {"backends": [controller.backend_parameters(options=options, **changes)]}, check)


def refused(answer, code="conflict"):
    assert answer.result["failed"] and not answer.result["changed"], answer
    assert answer.result["error"]["code"] == code, answer
    return answer.result["error"]


@pytest.mark.parametrize("driver", ["sparse_files.SparseFileDriver", "shared_files.SharedFileDriver"])
def test_a_backend_is_not_pointed_away_from_volumes_that_are_still_where_it_leads_now(make_controller, driver):
    controller = make_controller(backend=None)
    controller.register(driver=driver)
    path, folder = made(controller), controller.root / "elsewhere"
    (folder / "faults").mkdir(parents=True)
    before = controller.look()
    error = refused(pointed(controller, folder, driver=driver))
    assert error["parameter"] == "options" and "'one'" in error["message"] and "'data'" in error["message"], error
    assert "Register another backend" in error["message"]
    assert controller.look() == before and controller.unsettled() == []
    result = controller.ensure("volume", backend="one", name="data", state="absent")
    assert result["changed"] and not path.exists(), "it is deleted where it is"
    assert pointed(controller, folder, driver=driver).result["changed"], "and then nothing is left that could be forgotten"


def test_a_backend_may_follow_its_volumes_to_where_they_have_been_moved(controller, elsewhere):
    path = made(controller)
    shutil.move(path, elsewhere / path.name)
    answer = pointed(controller, elsewhere)
    assert answer.result["changed"] and not answer.warnings, answer
    assert controller.ensure("volume", backend="one", name="data", state="absent")["changed"]
    assert not (elsewhere / path.name).exists()


def test_one_volume_that_is_lost_already_does_not_hide_the_others(controller, elsewhere):
    made(controller, "a").unlink()
    made(controller, "b")
    assert "'b'" in refused(pointed(controller, elsewhere))["message"]


def test_other_options_that_lead_to_the_same_place_are_taken_without_a_word(controller):
    made(controller)
    answer = pointed(controller, controller.array, without="revert", secret_options={"sparse_files_password": "another one"})
    assert answer.result["changed"] and not answer.warnings, answer


@pytest.mark.parametrize("reason", ["the driver cannot look", "the old place is away", "the volume is nowhere"])
def test_where_nobody_can_tell_whether_the_volumes_are_there_the_task_says_so(controller, elsewhere, reason):
    without = "looking" if reason == "the driver cannot look" else None
    if without:
        assert pointed(controller, controller.array, without=without).result["changed"]
    path = made(controller)
    if reason == "the old place is away":
        (controller.array / "faults" / "check_for_setup_error").write_text("no route to host")
    elif reason == "the volume is nowhere":
        path.unlink()
    assert not pointed(controller, elsewhere, check=True, without=without).warnings, "only a run asks"
    answer = pointed(controller, elsewhere, without=without)
    (warning,) = answer.warnings
    assert answer.result["changed"] and "1 volume(s)" in warning and "doctor" in warning, answer
    again = pointed(controller, elsewhere, without=without)
    assert not again.result["changed"] and not again.warnings


def test_another_password_alone_is_no_reason_to_warn(controller):
    assert pointed(controller, controller.array, without="looking").result["changed"]
    made(controller)
    answer = pointed(controller, controller.array, without="looking", secret_options={"sparse_files_password": "another one"})
    assert answer.result["changed"] and not answer.warnings, answer


def test_who_does_not_let_the_array_be_asked_is_taken_at_their_word(controller, elsewhere):
    made(controller)
    answer = pointed(controller, elsewhere, probe=False)
    assert answer.result["changed"] and not answer.warnings, answer
    assert not controller.register(probe=False).get("failed"), "and may take it back"


# Volumes that are made while an update is under way


@pytest.mark.parametrize(("driver", "code"), [("sparse_files.GroupingDriver", "conflict"), ("sparse_files.SparseFileDriver", "busy")])
def test_a_backend_gets_no_other_driver_or_place_when_a_volume_was_made_while_the_new_one_was_asked(controller, elsewhere, driver, code):
    (elsewhere / "faults" / "check_for_setup_error").write_text("sleep 4")

    def make():
        deadline = time.monotonic() + 30
        while not (elsewhere / "calls.log").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return made(controller)

    answer, path = at_once(lambda: pointed(controller, elsewhere, driver=driver), make)
    message = refused(answer, code)["message"]
    assert "another task made volumes" in message if code == "busy" else "has 1 volume(s) made by sparse_files.SparseFileDriver" in message
    (backend,) = controller.ask("backend.list", {})["backends"]
    assert (backend["driver"], backend["options"]) == ("sparse_files.SparseFileDriver", {"sparse_files_dir": str(controller.array)})
    assert controller.ensure("volume", backend="one", name="data", state="absent")["changed"] and not path.exists()
