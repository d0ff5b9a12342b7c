# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller opens volumes and snapshots itself, for whatever copies data, and always closes them: in the right order, also after a kill."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

GIB = 1024**3


@pytest.fixture(name="data")
def fixture_data(controller):
    """The id of a volume of 1 GiB that begins with ``gold``."""
    found = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]["id"]
    with open(controller.path_of("volume", found), "r+b") as stream:
        stream.write(b"gold")
    return found


@pytest.fixture(name="snap")
def fixture_snap(controller, data):
    """The id of a snapshot of it."""
    return controller.ensure("snapshot", backend="one", name="snap", volume="data")["snapshots"][0]["snapshot"]["id"]


def access(controller, kind, thing_id, **arguments):
    return controller.ask("test.access", dict(arguments, kind=kind, id=thing_id))


def closed(controller):
    """Whether nothing is left of an access: no journal entry, nothing mapped."""
    return controller.unsettled() == [] and not any(path.startswith("exports/") for path in controller.listing())


def methods(controller):
    return [method for _moment, what, method in controller.calls() if what == "end"]


def test_a_volume_is_read_and_written(controller, data):
    assert access(controller, "volume", data)["front"] == "gold"
    assert access(controller, "volume", data, write="iron")["front"] == "iron"
    found = access(controller, "volume", data)
    assert (found["front"], found["size"], found["format"]) == ("iron", GIB, "raw")
    assert closed(controller)
    (volume,) = controller.ask("volume.list", {})["volumes"]
    assert (volume["status"], volume["attached_to"]) == ("available", [])


def test_it_is_mapped_before_and_unmapped_after(controller, data):
    before = len(methods(controller))
    access(controller, "volume", data)
    found = [method for method in methods(controller)[before:] if method != "check_for_setup_error"]
    assert found == ["create_export", "initialize_connection", "terminate_connection", "remove_export"]


def test_an_attached_volume_is_not_opened(controller, data, connector):
    controller.ensure("export", backend="one", volume="data", host="node1", connector=connector("node1"))
    with pytest.raises(StorageError, match="'data' is attached to node1, so the controller does not open it") as caught:
        access(controller, "volume", data)
    assert caught.value.code == "in_use"
    assert controller.unsettled() == []


def test_a_snapshot_is_read_though_its_volume_is_attached(controller, data, snap, connector):
    controller.ensure("export", backend="one", volume="data", host="node1", connector=connector("node1"))
    with open(controller.path_of("volume", data), "r+b") as stream:
        stream.write(b"iron")
    before = controller.listing()
    assert access(controller, "snapshot", snap)["front"] == "gold"
    assert controller.listing() == before
    assert controller.unsettled() == []
    assert [volume["name"] for volume in controller.ask("volume.list", {})["volumes"]] == ["data"]


@pytest.mark.parametrize("kind", ["volume", "snapshot"])
def test_what_fails_while_it_is_open_closes_it(kind, controller, data, snap):
    before = controller.listing()
    with pytest.raises(StorageError, match="RuntimeError.*the copy tore"):
        access(controller, kind, {"volume": data, "snapshot": snap}[kind], fail="the copy tore")
    assert closed(controller)
    assert controller.listing() == before


@pytest.mark.parametrize("kind", ["volume", "snapshot"])
def test_what_a_killed_run_had_open_the_next_task_closes(kind, controller, data, snap):
    before = controller.listing()
    with pytest.raises(StorageError, match="Run the task again"):
        access(controller, kind, {"volume": data, "snapshot": snap}[kind], die=True)
    assert not closed(controller)
    foreseen = controller.ensure("volume", check=True, backend="one", name="data", size="1")
    assert not closed(controller)
    found = controller.ensure("volume", backend="one", name="data", size="1")
    assert found["volumes"][0]["operations"] == foreseen["volumes"][0]["operations"]
    assert [operation["action"] for operation in found["volumes"][0]["operations"]] == ["close"]
    assert closed(controller)
    assert controller.listing() == before


def test_another_host_does_not_close_what_it_cannot_disconnect(controller, data):
    with pytest.raises(StorageError, match="Run the task again"):
        access(controller, "volume", data, die=True)
    controller.execute("UPDATE operations SET arguments = json_set(arguments, '$.host', 'other', '$.boot', 'another')")
    for state in ({"size": "1"}, {"state": "absent"}):
        found = controller.ensure("volume", backend="one", name="data", **state)
        assert found["failed"]
        assert "the controller other was killed while it had a volume" in found["msg"] and "fenced: [other]" in found["msg"]
    told = controller.ask("doctor.examine", {"timeout": 20, "mend": True, "fenced": ["third"]})
    (finding,) = told["findings"]
    assert (finding["check"], finding["mendable"]) == ("unsettled", False) and "doctor_fenced: [other]" in finding["remedy"]
    assert not closed(controller)


@pytest.mark.parametrize("kind", ["volume", "snapshot"])
def test_what_a_fenced_controller_had_open_is_unmapped_when_the_doctor_is_told_so(kind, controller, data, snap):
    before = controller.listing()
    with pytest.raises(StorageError, match="Run the task again"):
        access(controller, kind, {"volume": data, "snapshot": snap}[kind], die=True)
    controller.execute("UPDATE operations SET arguments = json_set(arguments, '$.host', 'other', '$.boot', 'another')")
    (finding,) = controller.ask("doctor.examine", {"timeout": 20, "fenced": ["other"]})["findings"]
    assert finding["mendable"] and not closed(controller)
    told = controller.ask("doctor.examine", {"timeout": 20, "fenced": ["other"], "mend": True})
    assert told["healthy"] and closed(controller)
    assert controller.listing() == before
    assert controller.ensure("volume", backend="one", name="data", size="1")["changed"] is False


def test_a_controller_that_was_renamed_closes_what_it_had_open(controller, data):
    with pytest.raises(StorageError, match="Run the task again"):
        access(controller, "volume", data, die=True)
    controller.execute("UPDATE operations SET arguments = json_set(arguments, '$.host', 'earlier')")
    assert controller.ensure("volume", backend="one", name="data", size="1")["changed"]
    assert closed(controller)


def test_what_is_kept_of_a_connection_is_encrypted(controller, data):
    with pytest.raises(StorageError):
        access(controller, "volume", data, die=True)
    assert "canary-chap" not in controller.dump()


def test_a_volume_is_copied_to_a_file_and_its_holes_stay_holes(controller, data, tmp_path):
    path = tmp_path / "copy"
    path.write_bytes(b"old data" * 1000)
    with open(path, "r+b") as stream:
        stream.truncate(GIB)
    with open(controller.path_of("volume", data), "r+b") as stream:
        stream.seek(GIB - 4)
        stream.write(b"last")
    access(controller, "volume", data, copy_to=str(path))
    with open(path, "rb") as stream:
        assert stream.read(8192).rstrip(b"\0") == b"gold"
        stream.seek(GIB - 4)
        assert stream.read() == b"last"
    assert path.stat().st_blocks * 512 < 10 * 1024**2
