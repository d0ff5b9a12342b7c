# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An address that the array has given to another volume since.

The kernel is made of files, and the connector a fake that takes away whatever disk stands at an address, which is what os-brick does.
"""

from __future__ import annotations

import dataclasses
import shutil
import types

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import connections, detach, devices, links, neighbours, usage
from ansible_collections.baremetal.legacy_storage.plugins.host.connectors import choice
from ansible_collections.baremetal.legacy_storage.plugins.host.node import Node
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import seal

IQN = "iqn.2026-01.org.example:array"
PORT = "0x50014380186b3f65"
OLD, NEW = "6001405309c19a76a5f4ce398272f655", "60014051111111111111111111111111"


def info(lun):
    return {"driver_volume_type": "iscsi", "data": {"target_portal": "10.0.1.1:3260", "target_iqn": IQN, "target_lun": lun}}


class Place:
    """A node on which volume ``new`` is attached at LUN 4, plain, where the record of ``old`` leads as well."""

    def __init__(self, kernel, folder, disk_page, monkeypatch):
        self.kernel = kernel
        self.folder = folder
        self.node = Node(types.SimpleNamespace(state_dir=str(folder / "state"), lock_dir=str(folder / "lock"), host="node1"), print, kernel.system)
        self.key = self.node.sealing_key().public
        self.taken_away = []
        monkeypatch.setattr(devices, "fresh_serial", devices.cached_serial)
        monkeypatch.setattr(detach, "flush", lambda path: None)
        monkeypatch.setattr(detach, "_GONE_WAIT", 0)
        monkeypatch.setattr(links, "possible", lambda system, key: False)
        monkeypatch.setattr(self.node, "connector_for", self.connector_for)
        kernel.block("sda", page=disk_page(NEW))
        kernel.session("1", ("10.0.1.1", "3260"), IQN, {"sda": 4})
        self.record("new", NEW)
        self.record("old", OLD)

    def export(self, name, lun=4, exported_at="monday"):
        return Export("e-" + name, "vendor-a", name, name, "node1", 1, "iscsi", info(lun), seal(self.key, info(lun)), exported_at=exported_at)

    def record(self, name, naa, **changes):
        identity = {"kind": "scsi", "serial": "3" + naa, "key": "3" + naa}
        record = AttachmentRecord(self.export(name), "connected", "boot-0", "no", {"path": "/dev/sda"}, "/dev/sda", identity, True)
        self.node.records.put(dataclasses.replace(record, **changes))

    def connector_for(self, export, use_multipath, tolerant=False):
        lun = choice.unwrap(export.connection_info, "iscsi")[1]["target_lun"]

        def disconnect(_device, force=False):
            self.taken_away.append(lun)
            if lun == 4:
                self.kernel.gone("sda")
                self.kernel.write("sys/class/iscsi_session/session1/device/target1:0:0/1:0:0:4/block/gone", "")

        return types.SimpleNamespace(disconnect=disconnect, connect=lambda: {"path": str(self.kernel.root / "dev/none")}, login_failures=list)

    def ensure(self, check=False, **request):
        return connections.ensure(self.node, [request], check)["connections"][0]


@pytest.fixture(name="place")
def fixture_place(kernel, tmp_path, disk_page, monkeypatch):
    """The node."""
    return Place(kernel, tmp_path, disk_page, monkeypatch)


@pytest.mark.parametrize("mounted", [False, True])
def test_a_record_of_a_volume_that_was_taken_back_is_cleaned_without_touching_the_one_that_got_its_address(place, mounted):
    if mounted:
        place.kernel.write("proc/self/mountinfo", "36 35 8:1 / /srv rw - ext4 /dev/sda rw\n")
    result = place.ensure(volume_id="old", state="absent")
    assert result["changed"] and not result.get("failed"), result
    assert place.node.records.ids() == ["new"] and not place.taken_away and "sda" in devices.disks(place.node.system)


def test_a_volume_that_was_taken_back_and_is_exported_anew_is_attached_without_touching_the_one_that_got_its_address(place):
    place.kernel.write("proc/self/mountinfo", "36 35 8:1 / /srv rw - ext4 /dev/sda rw\n")
    result = place.ensure(export=place.export("old", 5, "friday").to_dict(), state="present", multipath="no")
    assert "does not answer" in result["msg"]  # this kernel has nothing at LUN 5
    assert 4 not in place.taken_away and "sda" in devices.disks(place.node.system)


def test_whoever_holds_another_disk_at_the_address_of_before_is_not_disturbed(place):
    """Nobody recorded it: attached by hand, maybe."""
    place.node.records.remove("new")
    place.kernel.write("proc/self/mountinfo", "36 35 8:1 / /srv rw - ext4 /dev/sda rw\n")
    result = place.ensure(export=place.export("old", 5, "friday").to_dict(), state="present", multipath="no")
    assert "mounted at /srv" in result["msg"] and not place.taken_away and not result["changed"]


@pytest.mark.parametrize("check", [False, True])
def test_an_export_whose_address_is_another_volumes_now_is_refused_with_what_to_do(place, check):
    result = place.ensure(check, export=place.export("old").to_dict(), state="present", multipath="no")
    assert "to volume vendor-a/new, which is attached on this host as /dev/sda" in result["msg"] and "Detach old and attach it again" in result["msg"]
    assert not place.taken_away and not result["changed"]


@pytest.mark.parametrize("request_", [{"volume_id": "old", "state": "absent"}, {"state": "present", "multipath": "no"}])
def test_a_disk_at_the_address_that_may_be_a_damaged_records_is_left_alone(place, request_):
    (place.folder / "state/attachments/new.json").write_text("{")
    request = dict(request_) if "volume_id" in request_ else dict(request_, export=place.export("old").to_dict())
    result = place.ensure(**request)
    assert "/dev/sda stands at the address of volume old" in result["msg"] and "new.json" in result["msg"], result
    assert not place.taken_away and not result["changed"] and place.node.records.get("old").state == "connected"


@pytest.mark.parametrize("strange", [False, True])
def test_a_path_of_a_portal_that_an_export_of_before_named_goes_with_the_volume_unless_it_is_another_volumes_now(place, disk_page, monkeypatch, strange):
    kernel, gone = place.kernel, []
    kernel.block("sdb", page=disk_page("6001405222222222222222222222222a" if strange else NEW))
    kernel.session("2", ("10.0.2.1", "3260"), IQN, {"sdb": 4})
    before = info(4)
    before["data"]["target_portal"] = "10.0.2.1:3260"
    former = dataclasses.replace(place.export("new"), connection_info=before, sealed_connection_info=seal(place.key, before))
    place.record("new", NEW, former=(former,))

    def connector_for(export, _use_multipath, tolerant=False):
        portal = choice.unwrap(place.node.open(export), "iscsi")[1]["target_portal"]

        def disconnect(_device, force=False):
            gone.append(portal)
            disk, session = ("sda", 1) if portal.startswith("10.0.1.1") else ("sdb", 2)
            kernel.gone(disk)
            shutil.rmtree(kernel.root / ("sys/class/iscsi_session/session%d" % session))

        return types.SimpleNamespace(disconnect=disconnect)

    monkeypatch.setattr(place.node, "connector_for", connector_for)
    result = place.ensure(volume_id="new", state="absent")
    assert not result.get("failed") and place.node.records.get("new") is None, result
    assert gone == ["10.0.1.1:3260"] + ([] if strange else ["10.0.2.1:3260"])
    assert ("sdb" in devices.disks(place.node.system)) is strange


def test_a_damaged_record_of_elsewhere_keeps_nobody_from_detaching(place):
    (place.folder / "state/attachments/lost.json").write_text("{")
    result = place.ensure(volume_id="new", state="absent")
    assert place.taken_away == [4] and "cannot be read" not in result.get("msg", ""), result


def test_a_disk_that_became_another_volume_since_is_nobodys_and_is_swept(place, monkeypatch):
    monkeypatch.setattr(devices, "fresh_serial", lambda system, name: "3" + OLD)
    result = place.ensure(volume_id="old", state="absent")
    assert place.taken_away == [4], result


@pytest.mark.parametrize("check", [False, True])
def test_a_device_that_the_kernel_keeps_for_somebody_unnamed_is_not_taken_away(place, monkeypatch, check):
    monkeypatch.setattr(usage, "_free", lambda path: False)  # tests/lab has a real one
    monkeypatch.setattr(usage, "_MOMENT", 0)
    result = place.ensure(check, volume_id="new", state="absent")
    assert "sda is held by the kernel" in result["msg"] and not place.taken_away and not result["changed"]
    assert place.node.records.get("new").state == "connected"


def test_who_comes_while_others_work_on_the_node_is_not_overlooked(place, monkeypatch):
    taking = connections.locked

    def locked(folder, name):
        if name == "os-brick":
            place.kernel.write("proc/self/mountinfo", "36 35 8:1 / /srv rw - ext4 /dev/sda rw\n")
        return taking(folder, name)

    monkeypatch.setattr(connections, "locked", locked)
    result = place.ensure(volume_id="new", state="absent")
    assert "mounted at /srv" in result["msg"] and not place.taken_away


def test_by_fibre_channel_too_the_disk_of_whoever_got_the_address_is_known(place):
    place.kernel.port("3:0:0", PORT, {"sda": 4})
    data = {"target_wwn": PORT[2:], "target_lun": 4}
    owners = neighbours.theirs(place.node, "old", {}, data)
    assert {disk: record.export.volume_name for disk, record in owners.items()} == {"sda": "new"}
    assert neighbours.theirs(place.node, "new", place.node.records.get("new").identity, data) == {}
