# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Extra specs and QoS changed where a volume lies, and kept over whatever happens to it later."""

from __future__ import annotations

import json

from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import front


def make(controller, **parameters):
    result = controller.ensure("volume", backend="one", name="data", **parameters)
    assert not result.get("failed"), result
    return result["volumes"][0]["volume"]


def array_knows(controller, volume):
    return json.loads((controller.array / ("specs-" + volume["id"])).read_text())


def test_specs_are_changed_by_the_driver_and_kept_over_later_operations(controller, connector):
    volume = make(controller, size="1", extra_specs={"a": "1"}, qos_specs={"iops": "100"})
    volume = make(controller, extra_specs={"b": "2"}, qos_specs={"iops": "500"})
    assert (volume["extra_specs"], volume["qos_specs"]) == ({"b": "2"}, {"iops": "500"})
    assert array_knows(controller, volume) == {"extra_specs": {"b": "2"}, "qos_specs": {"iops": "500"}}
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    make(controller, size="2", metadata={"x": "y"})
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    volume = make(controller, qos_specs={})
    assert array_knows(controller, volume) == {"extra_specs": {"b": "2"}, "qos_specs": {}}, "the driver was told what stays as well"
    volume = make(controller, extra_specs={})
    assert (volume["extra_specs"], volume["qos_specs"]) == ({}, {})
    assert make(controller, extra_specs={}, qos_specs={}) == volume
    told = json.loads(controller.query("SELECT driver_data FROM volumes")[0][0])
    assert json.loads(told["provider_geometry"]) == {"extra_specs": {}, "qos_specs": {}}, "what the driver wants to find again is kept"


def test_what_a_driver_cannot_change_in_place_is_told_and_left(controller):
    before = make(controller, size="1", extra_specs={"tier": "1"})
    result = controller.ensure("volume", backend="one", name="data", extra_specs={"tier": "2"}, size="2")
    assert (result["error"]["code"], result["error"]["parameter"]) == ("unsupported", "extra_specs")
    assert make(controller) == before
    assert "migration_policy: on-demand lets the controller" in result["msg"]
    with controller.fault("retype", "array says no"):
        result = controller.ensure("volume", backend="one", name="data", qos_specs={"iops": "1"})
    assert "array says no" in result["msg"]
    assert make(controller) == before and controller.unsettled() == []


def test_whether_several_hosts_may_have_a_volume_is_not_changed_under_them(controller, connector):
    make(controller, size="1")
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    result = controller.ensure("volume", backend="one", name="data", extra_specs={"multiattach": "<is> True"})
    assert (result["error"]["code"], result["error"]["parameter"]) == ("in_use", "extra_specs")
    controller.ensure("export", backend="one", volume="data", host="node1", state="absent")
    assert make(controller, extra_specs={"multiattach": "<is> True"})["extra_specs"] == {"multiattach": "<is> True"}


def test_what_a_driver_cannot_change_in_place_is_changed_by_migration_where_that_is_allowed(controller):
    before = make(controller, size="1", extra_specs={"tier": "1"}, metadata={"a": "b"})
    with open(controller.path_of("volume", before["id"]), "r+b") as stream:
        stream.write(b"gold")
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    wanted = {"extra_specs": {"tier": "2"}, "migration_policy": "on-demand"}
    refused = controller.ensure("volume", backend="one", name="data", **wanted)
    assert refused["error"]["code"] == "in_use" and "without snapshots (it has: snap)" in refused["msg"]
    controller.ensure("snapshot", backend="one", name="snap", state="absent")
    foreseen = controller.ensure("volume", True, backend="one", name="data", **wanted)
    assert controller.ensure("volume", backend="one", name="data", **wanted) == foreseen
    assert make(controller, **wanted) == dict(before, extra_specs={"tier": "2"})
    (path,) = [path for path in controller.listing() if path.startswith("volume-")]
    assert front(controller.array / path, 4) == b"gold" and path != "volume-" + before["id"]
    assert controller.ensure("volume", backend="one", name="data", **wanted)["changed"] is False
    assert controller.ensure("volume", backend="one", name="data", qos_specs={"iops": "1"}, **wanted)["volumes"][0]["volume"]["qos_specs"] == {"iops": "1"}


def test_what_no_driver_method_would_change_is_refused_in_check_mode_as_well(make_controller, connector):
    controller = make_controller(backend=None)
    controller.register(driver="plain_files.PlainFileDriver")
    before = make(controller, size="1")
    wanted = {"backend": "one", "name": "data", "qos_specs": {"iops": "1"}}
    migrating = dict(wanted, migration_policy="on-demand")

    def refused(**item):
        foreseen, found = controller.ensure("volume", True, **item), controller.ensure("volume", **item)
        assert foreseen["error"] == found["error"] and make(controller, migration_policy="on-demand")["qos_specs"] == {}
        return found["error"]["code"]

    assert refused(**wanted) == "unsupported"
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    assert refused(**migrating) == "in_use"
    controller.ensure("snapshot", backend="one", name="snap", state="absent")
    controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
    assert refused(**migrating) == "in_use"
    controller.ensure("export", backend="one", volume="data", host="node1", state="absent")
    foreseen = controller.ensure("volume", True, **migrating)
    assert controller.ensure("volume", **migrating) == foreseen
    assert make(controller) == dict(before, qos_specs={"iops": "1"})
