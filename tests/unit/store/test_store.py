# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about the metadata store: what is written is read again, whole, and nothing is lost or mixed up."""

from __future__ import annotations

import dataclasses
import datetime
import os
import subprocess
import sys

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database, tables
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.operations import Operation
from ansible_collections.baremetal.legacy_storage.tests.unit.store.resources import BACKEND, CONNECTION, GROUP_SNAPSHOT, SNAPSHOT, VOLUME


def test_what_is_written_is_read_again_whole(store):
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn", "wwpns": ["1"]}, "exported", CONNECTION)
        writer.set_driver_data("volume", VOLUME.id, {"provider_location": "here", "provider_auth": "CHAP u canary-auth"})
    with store.reading() as reader:
        assert reader.backends() == [BACKEND]
        (volume,) = reader.driven_volumes()
        assert volume.resource == dataclasses.replace(VOLUME, attached_to=("node1",))
        assert volume.data == {"provider_location": "here", "provider_auth": "CHAP u canary-auth"}
        assert [item.resource for item in reader.driven_snapshots()] == [SNAPSHOT]
        (export,) = reader.driven_exports()
        assert (export.resource.volume_name, export.resource.host, export.resource.connector) == (VOLUME.name, "node1", {"initiator": "iqn", "wwpns": ["1"]})
        assert export.data == CONNECTION


def test_a_volume_keeps_type_and_qos_through_later_changes(store):
    with store.writing() as writer:
        writer.change_volume(VOLUME.id, size=20)
        writer.set_driver_data("volume", VOLUME.id, {"provider_id": "7"})
    with store.reading() as reader:
        volume = reader.driven_volumes(ids=[VOLUME.id])[0].resource
    assert (volume.size, volume.extra_specs, volume.qos_specs, volume.source) == (20, VOLUME.extra_specs, VOLUME.qos_specs, VOLUME.source)


def test_a_name_is_given_once_on_a_backend_and_again_on_another(store):
    twin = dataclasses.replace(VOLUME, id="other-id", attached_to=())
    with pytest.raises(StorageError, match="run this one again") as caught, store.writing() as writer:
        writer.add_volume(twin)
    assert caught.value.code == "conflict"
    with store.writing() as writer:
        writer.put_backend(Backend("two", "d.D"))
        writer.add_volume(dataclasses.replace(twin, backend="two"))


def test_a_snapshots_name_is_given_once_on_a_backend(store):
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        writer.add_snapshot(dataclasses.replace(SNAPSHOT, id="other-id"))
    assert caught.value.code == "conflict"


def test_a_group_snapshot_is_read_again_with_its_members_and_goes_with_them(store):
    with store.writing() as writer:
        writer.add_group_snapshot(GROUP_SNAPSHOT)
    with store.reading() as reader:
        assert [item.resource for item in reader.driven_group_snapshots(group_id=GROUP_SNAPSHOT.group_id)] == [GROUP_SNAPSHOT]
        assert [item.resource for item in reader.driven_snapshots()] == [GROUP_SNAPSHOT.members[0], SNAPSHOT]
        for key in (("group_snapshot", "one", "night"), ("group_snapshot", "one", GROUP_SNAPSHOT.id), ("volume", "one", VOLUME.name)):
            landscape = reader.landscape({key})
            assert list(landscape.volumes) == [VOLUME.id] and landscape.group_snapshot("one", "night") == GROUP_SNAPSHOT
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        writer.connection.execute(tables.group_snapshots.delete())
    assert caught.value.code == "conflict"
    with store.writing() as writer:
        writer.drop_group_snapshot(GROUP_SNAPSHOT.id)
    with store.reading() as reader:
        assert (reader.driven_group_snapshots(), [item.resource for item in reader.driven_snapshots()]) == ([], [SNAPSHOT])


def test_a_volume_is_exported_to_a_host_once(store):
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        writer.put_export("e1", VOLUME.id, "node1", {}, "exported")
        writer.put_export("e2", VOLUME.id, "node1", {}, "exported")
    assert caught.value.code == "conflict"
    with store.reading() as reader:
        assert reader.driven_exports() == []


@pytest.mark.parametrize("other", ["axb", "A_B", "a%b", "a_b ", "a_bc"])
def test_a_backend_does_not_list_the_volumes_of_one_with_a_similar_name(store, other):
    with store.writing() as writer:
        for name in ("a_b", other):
            writer.put_backend(Backend(name, "d.D"))
            writer.add_volume(Volume("id of " + name, name, "data", 1))
    with store.reading() as reader:
        assert [item.resource.id for item in reader.driven_volumes(backend="a_b")] == ["id of a_b"]
        assert [item.resource.id for item in reader.driven_volumes(backend="a_b", name="data")] == ["id of a_b"]
        assert [item.resource.id for item in reader.driven_volumes(name="dat_")] == []
        assert list(reader.landscape({("volume", "a_b", "data")}).volumes) == ["id of a_b"]
        assert reader.count_volumes("a_b") == 1


def test_a_landscape_holds_what_hangs_on_a_volume_and_what_a_snapshot_hangs_on(store):
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn"}, "exported", CONNECTION)
        entry = writer.begin(Operation("delete", "snapshot", "one", "nightly", {"id": SNAPSHOT.id}), SNAPSHOT.id)
    for key in (("volume", "one", VOLUME.name), ("volume", "one", VOLUME.id), ("snapshot", "one", "nightly"), ("snapshot", "one", SNAPSHOT.id)):
        with store.reading() as reader:
            landscape = reader.landscape({key})
        assert (list(landscape.volumes), list(landscape.snapshots), list(landscape.mappings)) == ([VOLUME.id], [SNAPSHOT.id], ["e-id"])
        assert list(landscape.unsettled) == [entry]
    with store.reading() as reader:
        assert list(reader.landscape({("volume", "one", "other")}, ["iqn"]).mappings) == ["e-id"]
        assert not reader.landscape({("volume", "two", VOLUME.name)}).volumes


def test_a_transaction_is_written_whole_or_not_at_all(store):
    with pytest.raises(ZeroDivisionError), store.writing() as writer:
        writer.change_volume(VOLUME.id, size=99)
        writer.begin(Operation("extend", "volume", "one", VOLUME.name, {"id": VOLUME.id}), VOLUME.id)
        raise ZeroDivisionError
    with store.reading() as reader:
        assert reader.driven_volumes()[0].resource.size == VOLUME.size
        assert reader.unsettled() == []


def test_nobody_sees_a_transaction_before_its_end(store):
    with store.writing() as writer:
        writer.change_volume(VOLUME.id, size=99)
        with store.reading() as reader:
            assert reader.driven_volumes()[0].resource.size == VOLUME.size
    with store.reading() as reader:
        assert reader.driven_volumes()[0].resource.size == 99


def test_one_look_is_consistent_while_others_write(store):
    with store.reading() as reader:
        assert reader.driven_volumes()[0].resource.size == VOLUME.size
        with store.writing() as writer:
            writer.change_volume(VOLUME.id, size=99)
        assert reader.driven_volumes()[0].resource.size == VOLUME.size


@pytest.mark.parametrize(
    "drop", [lambda writer: writer.drop_backend("one"), lambda writer: writer.drop_volume(VOLUME.id)], ids=["backend with volumes", "volume with snapshots"]
)
def test_the_database_itself_refuses_to_drop_what_others_need(store, drop):
    with pytest.raises(StorageError) as caught, store.writing() as writer:
        drop(writer)
    assert caught.value.code == "conflict"


def test_what_was_begun_is_in_the_journal_until_it_is_settled(store):
    operation = Operation("extend", "volume", "one", VOLUME.name, {"id": VOLUME.id, "size": 20})
    with store.writing() as writer:
        entry = writer.begin(operation, VOLUME.id)
    with store.reading() as reader:
        (record,) = reader.unsettled()
    assert (record.operation_id, record.noun, record.action, record.name, record.resource_id, record.arguments) == (
        entry,
        "volume",
        "extend",
        VOLUME.name,
        VOLUME.id,
        operation.arguments,
    )
    with store.writing() as writer:
        writer.settle(entry)
    with store.reading() as reader:
        assert reader.unsettled() == []


def test_drivers_find_their_own_keys_again(store):
    with store.writing() as writer:
        writer.set_key_value("a", "1")
        writer.set_key_value("a", "2")
        writer.set_key_value("b", "3")
        writer.set_key_value("b", None)
    with store.reading() as reader:
        assert (reader.key_values(), reader.key_values("a"), reader.key_values("b")) == ({"a": "2"}, {"a": "2"}, {})


def test_exports_to_hosts_that_share_a_name_are_found_by_it_until_they_are_dropped(store):
    connector = {"initiator": "iqn.One", "nqn": "nqn.one", "wwpns": ["5001", "5002"]}
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", connector, "exported", CONNECTION)
        for name in ("iqn.one", "nqn.one", "5001", "5002"):
            assert [(item.id, item.host, item.volume_name) for item in writer.exports_to([name, "other"])] == [("e-id", "node1", VOLUME.name)]
        assert writer.exports_to(["iqn.two"]) == writer.exports_to([]) == []
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn.two"}, "exported", CONNECTION)
        assert (writer.exports_to(["iqn.one"]), len(writer.exports_to(["iqn.two"]))) == ([], 1)
        writer.drop_export("e-id")
        assert writer.exports_to(["iqn.two"]) == []


def test_each_export_has_a_later_time_than_those_before_also_where_the_clock_went_back(store, monkeypatch):
    def moment():
        with store.reading() as reader:
            (export,) = reader.driven_exports()
            assert reader.exported_at([VOLUME.id, "other"]) == {VOLUME.id: {"node1": export.resource.exported_at}}
            return export

    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn"}, "exported", CONNECTION)
    first = moment()
    with store.writing() as writer:
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn", "mode": "ro"}, "exported", CONNECTION)
    assert moment().resource.exported_at == first.resource.exported_at, "changed in place it is the same export"
    monkeypatch.setattr(database, "now", lambda: first.created_at - datetime.timedelta(days=1))
    with store.writing() as writer:
        writer.renew_export("e-id")
    second = moment()
    assert second.created_at > first.created_at and second.data == CONNECTION
    with store.writing() as writer:
        writer.drop_export("e-id")
        writer.put_export("e-id", VOLUME.id, "node1", {"initiator": "iqn"}, "exported", CONNECTION)
    assert moment().created_at > second.created_at, "nor is one that is made anew taken for an earlier one"


WRITING = """
import os, sys
from cryptography.fernet import Fernet
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.store import Store
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Volume
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
number = sys.argv[1]
store = Store(database.connect(os.environ["URL"]), Vault([Fernet.generate_key()]))
for step in range(20):
    with store.writing() as writer:
        writer.add_volume(Volume("%s-%d" % (number, step), "one", "%s-%d" % (number, step), 1))
"""


def test_processes_that_write_at_once_lose_nothing(store, url):
    # Its password is in no argument list: another test watches those.
    children = [subprocess.Popen([sys.executable, "-c", WRITING, str(number)], env=dict(os.environ, URL=url)) for number in range(4)]
    assert [child.wait(120) for child in children] == [0] * 4
    with store.reading() as reader:
        assert reader.count_volumes("one") == 1 + 4 * 20
