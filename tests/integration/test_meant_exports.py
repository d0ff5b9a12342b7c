# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on of exports that are renewed, and of tasks that unmap only the one that they mean."""

from __future__ import annotations

import pytest

from .conftest import ON_BOTH

DATA = {"backend": "one", "volume": "data"}


@pytest.fixture(name="mapped")
def fixture_mapped(controller, connector):
    """The controller with an export of ``data`` to node1, and a function that asks for it again."""
    controller.ensure("volume", backend="one", name="data", size="1")

    def ensure(check=False, **parameters):
        return controller.ensure("export", check, **dict(DATA, connector=connector("node1"), **parameters))

    assert ensure()["changed"]
    controller.again = ensure
    return controller


def exported_at(controller):
    """Return when each export was made, as the controller tells it."""
    exports = controller.ask("export.list", {})["exports"]
    (volume,) = controller.ask("volume.list", {})["volumes"]
    assert volume["exported_at"] == {export["host"]: export["exported_at"] for export in exports}
    return [export["exported_at"] for export in exports]


def actions(result):
    return [operation["action"] for operation in result["exports"][0]["operations"]]


@ON_BOTH
def test_renewing_tells_an_export_from_the_one_before_and_asks_the_array_for_nothing(mapped):
    before, called, look = exported_at(mapped), len(mapped.calls()), mapped.look()
    foreseen = mapped.again(check=True, renew=True)
    assert mapped.look() == look
    renewed = mapped.again(renew=True)
    assert (actions(foreseen), actions(renewed), foreseen["diff"]) == (["renew"], ["renew"], renewed["diff"])
    assert exported_at(mapped) == [renewed["exports"][0]["export"]["exported_at"]] > before
    assert foreseen["exports"][0]["export"]["exported_at"] not in before + exported_at(mapped), "it is not known before"
    assert len(mapped.calls()) == called and mapped.again()["changed"] is False


@ON_BOTH
def test_a_task_unmaps_the_export_that_it_means_and_leaves_one_that_came_since(mapped):
    before = exported_at(mapped)[0]
    mapped.again(renew=True)
    for meant in (before, ""):
        look = mapped.look()
        for check in (True, False):
            refused = mapped.ensure("export", check, **dict(DATA, host="node1", state="absent", exported_at=meant))
            assert refused["error"]["code"] == "conflict" and "It was left mapped" in refused["msg"]
            assert (actions(refused), refused["changed"], mapped.look()) == ([], False, look)
    gone = mapped.ensure("export", **dict(DATA, host="node1", state="absent", exported_at=exported_at(mapped)[0]))
    assert (actions(gone), exported_at(mapped)) == (["delete"], [])
    assert mapped.ensure("export", **dict(DATA, host="node1", state="absent", exported_at=before))["changed"] is False


def test_a_task_that_means_no_export_in_particular_unmaps_the_one_there_is(mapped):
    mapped.again(renew=True)
    assert actions(mapped.ensure("export", **dict(DATA, host="node1", state="absent"))) == ["delete"]


def test_an_export_is_renewed_and_changed_at_once(mapped):
    before = exported_at(mapped)
    assert actions(mapped.again(renew=True, access_mode="ro")) == ["renew", "update"]
    renewed = exported_at(mapped)
    assert renewed > before and actions(mapped.again()) == ["update"] and exported_at(mapped) == renewed


def test_an_unmapping_that_was_killed_is_finished_before_the_volume_is_exported_anew(mapped, monkeypatch):
    before = exported_at(mapped)
    monkeypatch.setenv("BLS_TEST_KILL_AT", "after terminate_connection")
    with pytest.raises(Exception, match="ended without an answer"):
        mapped.ensure("export", **dict(DATA, host="node1", state="absent", exported_at=before[0]))
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    assert exported_at(mapped) == before, "the next task that detaches means it still"
    assert actions(mapped.again(renew=True)) == ["finish_delete", "create"]
    assert exported_at(mapped) > before and mapped.unsettled() == []


@pytest.mark.parametrize(("point", "renewed"), [("before commit 1", False), ("after commit 1", True)])
def test_a_renewal_that_was_killed_was_done_or_not_and_leaves_nothing_to_settle(mapped, monkeypatch, point, renewed):
    before, called = exported_at(mapped), len(mapped.calls())
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    with pytest.raises(Exception, match="ended without an answer"):
        mapped.again(renew=True)
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    assert (exported_at(mapped) > before, mapped.unsettled()) == (renewed, [])
    assert actions(mapped.again(renew=True)) == ["renew"] and len(mapped.calls()) == called
