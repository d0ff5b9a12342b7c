# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must not be done is refused: the message names the parameter and what to do, and nothing has changed."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask

NOWHERE = {"backend": "one", "name": "new"}
# name: (noun, parameters, code, parameter, words of the message)
REFUSED = {
    "unknown backend": ("volume", {"backend": "none", "name": "new", "size": "1"}, "not_found", "backend", ["'none'", "registered: one", "legacy_backend"]),
    "no backend": ("volume", {"name": "new", "size": "1"}, "invalid", "backend", ["required"]),
    "no size": ("volume", NOWHERE, "invalid", "size", ["required", "size: 10"]),
    "bad size": ("volume", dict(NOWHERE, size="1.5"), "invalid", "size", ["'1.5'", "whole number of GiB"]),
    "a word for a size": ("volume", dict(NOWHERE, size="ten"), "invalid", "size", ["'ten'", "10GiB"]),
    "smaller than now": ("volume", {"backend": "one", "name": "free", "size": "1"}, "invalid", "size", ["1", "2 GiB", "never shrink"]),
    "smaller than its source": ("volume", dict(NOWHERE, source_volume="free", size="1"), "invalid", "size", ["smaller than the source", "'free'"]),
    "smaller than its snapshot": ("volume", dict(NOWHERE, source_snapshot="snap", size="1"), "invalid", "size", ["smaller than the source", "'snap'"]),
    "another volume's name": (
        "volume",
        {"backend": "one", "name": "free", "source_volume": "used"},
        "conflict",
        "source_volume",
        ["created empty", "'used'", "another name"],
    ),
    "another source": (
        "volume",
        {"backend": "one", "name": "clone", "source_snapshot": "snap"},
        "conflict",
        "source_snapshot",
        ["from volume 'free'", "not from snapshot 'snap'"],
    ),
    "a source that is not there": ("volume", dict(NOWHERE, source_volume="none"), "not_found", "source_volume", ["'none'", "backend one"]),
    "a snapshot that is not there": ("volume", dict(NOWHERE, source_snapshot="none"), "not_found", "source_snapshot", ["'none'"]),
    "an id that is not there": (
        "volume",
        {"backend": "one", "name": "6229f862-a401-5616-bf1c-8011d75b8844", "size": "1"},
        "not_found",
        "name",
        ["give it a name"],
    ),
    "a pool that is not there": ("volume", dict(NOWHERE, size="1", pool="third"), "invalid", "pool", ["'third'", "first, second"]),
    "another pool": ("volume", {"backend": "one", "name": "free", "pool": "second"}, "conflict", "pool", ["'first'", "'second'", "migration_policy"]),
    "delete while attached": (
        "volume",
        {"backend": "one", "name": "used", "state": "absent"},
        "in_use",
        "state",
        ["node1", "legacy_attachment", "force: [attached]"],
    ),
    "delete with snapshots": ("volume", {"backend": "one", "name": "snapped", "state": "absent"}, "in_use", "state", ["snap", "force: [snapshots]"]),
    "delete with the wrong force": ("volume", {"backend": "one", "name": "used", "state": "absent", "force": ["snapshots"]}, "in_use", "state", ["node1"]),
    "snapshot of nothing": ("snapshot", NOWHERE, "invalid", "volume", ["required"]),
    "snapshot of a volume that is not there": ("snapshot", dict(NOWHERE, volume="none"), "not_found", "volume", ["'none'"]),
    "another volume's snapshot": ("snapshot", {"backend": "one", "name": "snap", "volume": "free"}, "conflict", "volume", ["'snapped'", "'free'"]),
    "export of a volume that is not there": ("export", {"backend": "one", "volume": "none", "host": "node2"}, "not_found", "volume", ["'none'"]),
    "export to a second host": ("export", {"backend": "one", "volume": "used", "host": "node2"}, "in_use", "volume", ["attached to node1", "multiattach"]),
    "two hosts with one initiator name": (
        "export",
        {"backend": "one", "volume": "free", "host": "node2", "initiator": "iqn.2026-01.test:node1"},
        "conflict",
        "connector",
        ["'node1'", "'node2'", "iqn.2026-01.test:node1", "its own name"],
    ),
    "a host that became another": (
        "export",
        {"backend": "one", "volume": "used", "host": "node1", "initiator": "iqn.2026-01.test:x"},
        "conflict",
        "connector",
        ["'node1'", "detach"],
    ),
    "unknown option": (
        "backend",
        {"name": "one", "options": {"sparse_file_dir": "/x"}},
        "invalid",
        "options",
        ["sparse_file_dir", "Did you mean 'sparse_files_dir'?"],
    ),
    "unknown secret option": (
        "backend",
        {"name": "one", "secret_options": {"sparse_file_password": "canary-x"}},
        "invalid",
        "secret_options",
        ["Did you mean"],
    ),
    "a secret in the open": ("backend", {"name": "one", "options": {"sparse_files_password": "canary-x"}}, "invalid", "options", ["secret_options"]),
    "an option of the wrong type": (
        "backend",
        {"name": "one", "options": {"sparse_files_capacity": "many"}},
        "invalid",
        "options",
        ["sparse_files_capacity", "'many'"],
    ),
    "no such driver": (
        "backend",
        {"name": "one-b", "driver": "cinder.volume.drivers.none.Driver"},
        "invalid",
        "driver",
        ["cannot be imported", "LVMVolumeDriver"],
    ),
    "no such class": ("backend", {"name": "one-b", "driver": "sparse_files.Other"}, "invalid", "driver", ["cannot be imported"]),
    "no dotted path": ("backend", {"name": "one-b", "driver": "LVM"}, "invalid", "driver", ["'LVM'", "dotted path"]),
    "another driver for volumes there are": (
        "backend",
        {"name": "one", "driver": "cinder.volume.drivers.lvm.LVMVolumeDriver", "options": {}, "secret_options": {}},
        "conflict",
        "driver",
        ["volume(s)", "another backend"],
    ),
    "remove a backend with volumes": ("backend", {"name": "one", "state": "absent"}, "in_use", "state", ["volume(s)", "Delete them first"]),
    "an array that lets nobody in": (
        "backend",
        {"name": "two", "options": {"sparse_files_dir": "/nonexistent"}},
        "backend",
        None,
        ["backend two", "/nonexistent is no directory"],
    ),
}


@pytest.fixture(scope="module", name="furnished")
def fixture_furnished(tmp_path_factory, make_controller_in):
    """A controller with a free volume, its clone, an attached one, and one with a snapshot. The tests here change nothing of it."""
    controller = make_controller_in(tmp_path_factory.mktemp("furnished") / "controller")
    for item in ({"name": "free", "size": "2"}, {"name": "clone", "source_volume": "free"}, {"name": "used", "size": "1"}, {"name": "snapped", "size": "2"}):
        assert controller.ensure("volume", backend="one", **item)["changed"]
    controller.ensure("snapshot", backend="one", name="snap", volume="snapped")
    return controller


@pytest.fixture(name="busy")
def fixture_busy(furnished, connector):
    """The furnished controller, its volume "used" mapped to node1."""
    furnished.ensure("export", backend="one", volume="used", connector=connector("node1"))
    return furnished


def parameters_of(controller, connector, noun, parameters):
    """Return the whole parameters of one line of the table."""
    parameters = dict(parameters)
    if noun == "export":
        parameters["connector"] = connector(parameters["host"], parameters.pop("initiator", ""))
    if noun == "backend" and parameters.get("state") != "absent":
        whole = controller.backend_parameters()
        for key in ("options", "secret_options"):
            parameters[key] = dict(whole[key], **parameters[key]) if parameters.get(key) else parameters.get(key, {} if "driver" in parameters else whole[key])
        parameters = dict(whole, **parameters)
    return parameters


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_parameter_and_remedy_and_nothing_changes(name, busy, connector):
    noun, parameters, code, parameter, words = REFUSED[name]
    whole = parameters_of(busy, connector, noun, parameters)
    before = busy.look()
    for check in (True, False):
        result = busy.ensure(noun, check, **whole)
        if check and (code in ("not_found",) and "id" not in name or code == "backend"):
            continue  # check mode takes what is missing for what an earlier task would make, and asks no array
        assert result["failed"] is True, result
        assert result["changed"] is False
        assert (result["error"]["code"], result["error"]["parameter"]) == (code, parameter), result["msg"]
        for word in words:
            assert word in result["msg"]
        if parameter:
            assert parameter in result["msg"].partition(" ")[0]
        assert "canary" not in json.dumps(result)
    assert busy.look() == before
    assert busy.unsettled() == []


def test_the_same_refusals_end_a_playbooks_task(busy, connector):
    names = [
        "unknown backend",
        "smaller than now",
        "delete while attached",
        "delete with snapshots",
        "two hosts with one initiator name",
        "unknown option",
        "bad size",
    ]
    before = busy.look()
    played = busy.play([{"legacy_" + REFUSED[name][0]: parameters_of(busy, connector, *REFUSED[name][:2])} for name in names])
    for name, item in zip(names, played.results):
        assert item.failed and item["error"]["code"] == REFUSED[name][2], name
        for word in REFUSED[name][4]:
            assert word in item["msg"], name
    assert busy.look() == before


@pytest.mark.parametrize(
    ("noun", "parameters", "method"),
    [
        ("volume", {"name": "new", "size": "1"}, "create_volume"),
        ("volume", {"name": "new", "source_volume": "free"}, "create_cloned_volume"),
        ("volume", {"name": "new", "source_snapshot": "snap"}, "create_volume_from_snapshot"),
        ("volume", {"name": "free", "size": "3"}, "extend_volume"),
        ("volume", {"name": "clone", "state": "absent"}, "delete_volume"),
        ("snapshot", {"name": "new", "volume": "free"}, "create_snapshot"),
        ("snapshot", {"name": "snap", "state": "absent"}, "delete_snapshot"),
        ("export", {"volume": "free", "host": "node2"}, "create_export"),
        ("export", {"volume": "free", "host": "node2"}, "initialize_connection"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_array_that_fails_in_the_middle_leaves_nothing_and_its_words_are_told(noun, parameters, method, busy, connector):
    before = (
        busy.look()[1],
        busy.query("SELECT id, name, size, status FROM volumes"),
        busy.query("SELECT id, name, status FROM snapshots"),
        busy.query("SELECT id FROM exports"),
    )
    with busy.fault(method, "the array is on fire"):
        result = busy.ensure(noun, **parameters_of(busy, connector, noun, dict(parameters, backend="one")))
    assert result["failed"] is True and result["error"]["code"] == "backend"
    assert "backend one: " in result["msg"] and "the array is on fire" in result["msg"]
    exports = "exports/volume-"
    listing = {path: size for path, size in busy.listing().items() if not path.startswith(exports) or "node1" in path}
    assert (listing, busy.query("SELECT id, name, size, status FROM volumes"), busy.query("SELECT id, name, status FROM snapshots")) == before[:3]
    if noun == "export" and busy.unsettled():  # this driver refuses to unmap what is not mapped: the journal keeps it, the next task settles it
        assert "tries again" in result["msg"]
        busy.ensure("export", backend="one", volume="free", host="node2", state="absent")
    assert busy.query("SELECT id FROM exports") == before[3]
    assert busy.unsettled() == []


@pytest.mark.parametrize(
    ("noun", "parameters"),
    [
        ("volume", {"name": "new", "size": "1"}),
        ("volume", {"name": "free", "size": "3"}),
        ("volume", {"name": "clone", "state": "absent"}),
        ("snapshot", {"name": "new", "volume": "free"}),
        ("snapshot", {"name": "snap", "state": "absent"}),
        ("export", {"volume": "free", "host": "node2"}),
        ("export", {"volume": "used", "host": "node1", "state": "absent"}),
    ],
    ids=str,
)
def test_an_array_that_cannot_be_reached_changes_nothing_at_all(noun, parameters, busy, connector):
    whole = parameters_of(busy, connector, noun, dict(parameters, backend="one"))
    before = busy.look()
    with busy.fault("check_for_setup_error", "no route to host"):
        result = busy.ensure(noun, **whole)
    assert result["failed"] is True and "no route to host" in result["msg"] and result["changed"] is False
    assert busy.look() == before


def test_a_volume_whose_extension_was_killed_can_be_deleted_from_a_full_array(controller, monkeypatch):
    controller.ensure("volume", backend="one", name="data", size="1")
    monkeypatch.setenv("BLS_TEST_KILL_AT", "before extend_volume")
    with pytest.raises(StorageError, match="ended without an answer"):
        controller.ensure("volume", backend="one", name="data", size="5")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    with controller.fault("extend_volume", "no room"):
        kept = controller.ensure("volume", backend="one", name="data", size="5")
        assert kept["failed"] and kept["error"]["code"] == "interrupted" and "no room" in kept["msg"]
        assert not controller.ensure("volume", backend="one", name="data", state="absent").get("failed")
    assert controller.listing() == {} and controller.unsettled() == []


def test_metadata_can_be_changed_while_the_array_cannot_be_reached(busy):
    with busy.fault("check_for_setup_error", "no route to host"):
        assert busy.ensure("volume", backend="one", name="free", metadata={"a": "b"})["changed"]
        assert busy.ensure("volume", backend="one", name="free", metadata={})["changed"]


def test_an_update_of_an_export_that_fails_leaves_the_host_mapped(busy, connector):
    before = busy.look()
    with busy.fault("initialize_connection", "the array is on fire"):
        result = busy.ensure("export", backend="one", volume="used", connector=connector("node1", multipath=True))
    assert result["failed"] is True
    assert busy.listing() == before[1] and busy.unsettled() == []
    assert busy.query("SELECT connection IS NOT NULL FROM exports") == [(1,)]


def test_an_unmapping_that_fails_keeps_the_export_and_is_done_by_the_next_run(busy):
    with busy.fault("terminate_connection", "the array is on fire"):
        result = busy.ensure("export", backend="one", volume="used", host="node1", state="absent")
    assert result["failed"] is True
    assert [item["attached_to"] for item in busy.ask("volume.list", {"names": ["used"]})["volumes"]] == [["node1"]]
    assert busy.ensure("export", backend="one", volume="used", host="node1", state="absent")["exports"][0]["export"] is None
    assert busy.unsettled() == [] and not [path for path in busy.listing() if path.startswith("exports")]


def test_a_volume_whose_deletion_fails_stays_usable(busy, connector):
    with busy.fault("delete_volume", "no"):
        assert busy.ensure("volume", backend="one", name="used", state="absent", force=["attached"])["failed"]
    assert busy.ask("volume.list", {"names": ["used"]})["volumes"][0]["status"] == "available"
    assert busy.ensure("export", backend="one", volume="used", connector=connector("node1"))["changed"]


def test_a_host_without_the_role_is_told_which_and_check_mode_only_warns(busy):
    missing = str(busy.root / "none.json")
    tasks = [
        {"legacy_volume": {"backend": "one", "name": "a", "size": 1, "controller_config": missing}},
        {"legacy_volume_info": {"controller_config": missing}},
        {"legacy_backend": dict(busy.backend_parameters(), controller_config=missing)},
    ]
    for item in busy.play(tasks).results:
        assert item.failed and missing in item["msg"] and "role baremetal.legacy_storage.controller" in item["msg"]
    for index, item in enumerate(busy.play(tasks, check=True).results):
        assert item.status == "ok" and "role baremetal.legacy_storage.controller" in item["warnings"][0]
        assert item["changed"] is (index != 1)


def test_parameters_that_exclude_each_other_are_told(busy):
    tasks = [
        {"legacy_volume": {"backend": "one", "name": "a", "volumes": [{"name": "b"}]}},
        {"legacy_volume": {"backend": "one"}},
        {"legacy_volume": {"backend": "one", "name": "a", "size": 1, "state": "gone"}},
        {"legacy_volume": {"backend": "one", "name": "a", "size": 1, "force": ["all"]}},
    ]
    for item in busy.play(tasks).results:
        assert item.failed, item.result


def test_a_store_that_the_role_has_not_made_is_told(tmp_path, busy):
    config = tmp_path / "controller.json"
    busy.write_config(config, python=json.loads(busy.config.read_text())["python"], store_url="sqlite:///%s/none.sqlite" % tmp_path)
    with pytest.raises(StorageError, match="Apply the role baremetal.legacy_storage.controller") as caught:
        ask("controller", str(config), "volume.list", {})
    assert caught.value.code == "not_installed"
    assert not (tmp_path / "none.sqlite").exists()


def test_settings_that_lack_a_key_are_told_with_the_file(tmp_path, busy):
    config = tmp_path / "controller.json"
    settings = json.loads(busy.config.read_text())
    settings.pop("lock_dir")
    config.write_text(json.dumps(settings))
    with pytest.raises(StorageError, match="lock_dir.*Apply the role") as caught:
        ask("controller", str(config), "volume.list", {})
    assert str(config) in caught.value.message


def test_a_verb_that_the_controller_does_not_know_is_told(busy):
    with pytest.raises(StorageError, match="'volume.invent'.*Apply the role") as caught:
        busy.ask("volume.invent", {})
    assert caught.value.code == "not_installed"
