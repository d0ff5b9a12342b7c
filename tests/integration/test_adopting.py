# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an array has already can be managed and let go of again, and its data stays where it is."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

GIB = 1024**3


@pytest.fixture(name="lun")
def fixture_lun(controller):
    """Files of other people on the array, and a way to read their fronts."""
    for name, size in (("lun7", GIB), ("lun8", 2 * GIB - 5), ("snapshot-7", GIB)):
        with open(controller.array / name, "wb") as stream:
            stream.write(name.encode())
            stream.truncate(size)


def front(path):
    with open(path, "rb") as stream:
        return stream.read(4).rstrip(b"\0").decode()


def adopt(controller, name="data", reference="lun7", **parameters):
    return controller.ensure("volume", backend="one", name=name, adopt={"source-name": reference}, **parameters)


def test_a_volume_of_the_array_is_adopted_used_and_released_with_its_data(controller, connector, lun):
    before = controller.listing()
    foreseen = adopt(controller, size="2", metadata={"a": "b"}, check=True)
    assert controller.listing() == before
    found = adopt(controller, size="2", metadata={"a": "b"})
    assert [line["action"] for line in found["volumes"][0]["operations"]] == ["adopt", "extend"]
    volume = found["volumes"][0]["volume"]
    assert (found["diff"], foreseen["volumes"][0]["volume"]) == (foreseen["diff"], volume)
    assert adopt(controller, size="2", metadata={"a": "b"})["changed"] is False
    assert front(controller.path_of("volume", volume["id"])) == "lun7"
    data = json.loads(controller.query("SELECT driver_data FROM volumes")[0][0])
    assert (data["provider_id"], data["driver_metadata"], volume["metadata"]) == ("lun7", {"lun": "lun7"}, {"a": "b"})
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    result = controller.ensure("volume", backend="one", name="data", state="released")
    assert (result["error"]["code"], result["error"]["parameter"]) == ("in_use", "state")
    controller.ensure("export", backend="one", volume="data", host="node1", state="absent")
    assert json.loads(controller.query("SELECT driver_data FROM volumes")[0][0])["driver_metadata"] == {"lun": "lun7"}, "kept by later saves"
    assert controller.ensure("volume", backend="one", name="data", state="released")["changed"] is True
    assert controller.listing() == dict(before, lun7=2 * GIB)
    assert front(controller.array / "lun7") == "lun7"
    assert controller.ensure("volume", backend="one", name="data", state="released")["changed"] is False
    assert adopt(controller)["volumes"][0]["volume"]["size"] == 2


def test_a_snapshot_of_the_array_is_adopted_with_its_volume_and_released_first(controller, lun):
    adopt(controller)
    item = {"backend": "one", "name": "snap", "volume": "data", "adopt": {"source-name": "snapshot-7"}}
    foreseen = controller.ensure("snapshot", check=True, **item)
    found = controller.ensure("snapshot", **item)
    assert not found.get("failed"), found.get("msg")
    assert (found["diff"], found["changed"]) == (foreseen["diff"], True)
    assert controller.ensure("snapshot", **item)["changed"] is False
    copy = controller.ensure("volume", backend="one", name="copy", source_snapshot="snap")["volumes"][0]["volume"]
    assert front(controller.path_of("volume", copy["id"])) == "snap"
    result = controller.ensure("volume", backend="one", name="data", state="released")
    assert result["error"]["code"] == "in_use" and "has snapshots (snap)" in result["msg"]
    controller.ensure("snapshot", backend="one", name="snap", state="released")
    controller.ensure("volume", backend="one", name="data", state="released")
    assert (front(controller.array / "snapshot-7"), front(controller.array / "lun7")) == ("snap", "lun7")


def test_what_was_released_is_never_touched_again_not_even_by_a_new_volume_of_its_name(controller):
    volume = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]
    with open(controller.path_of("volume", volume["id"]), "r+b") as stream:
        stream.write(b"mine")
    controller.ensure("volume", backend="one", name="data", state="released")
    with controller.fault("create_volume", "no room"):
        controller.ensure("volume", backend="one", name="data", size="1")  # and takes back what it left
    again = controller.ensure("volume", backend="one", name="data", size="1")["volumes"][0]["volume"]
    assert again["id"] != volume["id"]
    controller.ensure("volume", backend="one", name="data", state="absent")
    assert front(controller.path_of("volume", volume["id"])) == "mine"
    found = adopt(controller, reference="volume-" + volume["id"])
    assert not found.get("failed"), found.get("msg")
    assert front(controller.path_of("volume", found["volumes"][0]["volume"]["id"])) == "mine"


def test_nothing_is_adopted_twice_by_mistake_or_for_another(controller, lun):
    volume = adopt(controller)["volumes"][0]["volume"]
    result = adopt(controller, name="other", reference="volume-" + volume["id"])
    assert result["error"]["code"] == "conflict" and "is managed already, as volume 'data'" in result["msg"]
    result = adopt(controller, name="other")
    assert result["error"]["code"] == "conflict" and "is managed already, as volume 'data'" in result["msg"]
    result = adopt(controller, reference="lun8")
    assert result["error"]["code"] == "conflict" and "was adopted from {'source-name': 'lun7'}" in result["msg"]
    result = adopt(controller, name="other", reference="lun9")
    assert result["error"]["parameter"] == "adopt" and "there is no such file" in result["msg"]
    result = adopt(controller, name="other", reference="lun8", size="1")
    assert (result["error"]["code"], result["error"]["parameter"]) == ("invalid", "size")
    with controller.fault("manage_existing", "array says no"):
        assert "array says no" in adopt(controller, name="other", reference="lun8")["msg"]
    assert (controller.unsettled(), front(controller.array / "lun8")) == ([], "lun8")


def test_candidates_are_listed_with_what_speaks_against_them(controller, lun):
    volume = adopt(controller)["volumes"][0]["volume"]
    (controller.array / "lun8.lock").write_text("")
    (backend,) = controller.play([{"legacy_backend_info": {"candidates": True}}])[0]["backends"]
    found = {entry["reference"]["source-name"]: (entry["size"], entry["safe_to_manage"], entry["reason_not_safe"], entry["managed_as"])
             for entry in backend["candidates"]["volumes"]}
    assert found == {"lun8": (2, False, "in use", None), "volume-" + volume["id"]: (1, False, "already managed", "data")}
    assert [entry["reference"] for entry in backend["candidates"]["snapshots"]] == [{"source-name": "snapshot-7"}]


def test_nothing_is_adopted_in_place_of_what_a_killed_run_was_letting_go(controller, lun, monkeypatch):
    adopt(controller)
    monkeypatch.setenv("BLS_TEST_KILL_AT", "before unmanage")
    with pytest.raises(StorageError):
        controller.ensure("volume", backend="one", name="data", state="released")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    result = adopt(controller)
    assert result["error"]["code"] == "interrupted" and "state: released" in result["msg"]
    assert controller.ensure("volume", backend="one", name="data", state="released")["changed"] is True
    assert front(controller.array / "lun7") == "lun7" and adopt(controller)["changed"] is True


def test_what_is_called_as_a_volume_was_elsewhere_can_be_adopted_where_that_has_migrated_to(controller, lun):
    array = controller.root / "other"
    for name in ("faults", "exports"):
        (array / name).mkdir(parents=True)
    controller.register("two", options={"sparse_files_dir": str(array)})
    adopt(controller)
    foreseen = controller.ensure("volume", True, backend="one", name="data", migrate_to={"backend": "two"})
    found = controller.ensure("volume", backend="one", name="data", migrate_to={"backend": "two"})
    assert found == foreseen and found["changed"]
    assert found["volumes"][0]["volume"]["adopted_from"] == {"source-name": "lun7", "backend": "one"}
    for folder, backend in ((array, "two"), (controller.array, "one")):
        (folder / "lun7").write_bytes(b"new")
        result = controller.ensure("volume", backend=backend, name="other", adopt={"source-name": "lun7"})
        assert not result.get("failed"), result.get("msg")
        other = result["volumes"][0]["volume"]
        assert front(folder / ("volume-" + other["id"])) == "new"
    assert controller.ensure("volume", backend="two", name="data", adopt={"source-name": "lun7"})["changed"] is False


def test_a_volume_is_released_by_a_driver_that_cannot_let_snapshots_go_and_those_are_refused(make_controller):
    controller = make_controller(backend=None)
    controller.register(driver="plain_files.PlainFileDriver")
    controller.ensure("volume", backend="one", name="data", size="1")
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    release = {"backend": "one", "name": "snap", "state": "released"}
    foreseen, found = controller.ensure("snapshot", True, **release), controller.ensure("snapshot", **release)
    assert foreseen["error"] == found["error"] and (found["error"]["code"], found["error"]["parameter"]) == ("unsupported", "state")
    assert [item["name"] for item in controller.ask("snapshot.list", {"backend": "one"})["snapshots"]] == ["snap"]
    controller.ensure("snapshot", backend="one", name="snap", state="absent")
    before = controller.listing()
    assert controller.ensure("volume", backend="one", name="data", state="released")["changed"] is True
    assert controller.listing() == before
