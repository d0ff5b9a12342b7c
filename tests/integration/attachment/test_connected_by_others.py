# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Detaching a volume that the node has no record of, since a kubelet has connected it. The node's kernel is made of files; its code is the real one."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.unit.host.conftest import Kernel, naa

ORDERS = {"backend": "san", "volume": "orders"}
POD = "36 25 8:1 / /var/lib/kubelet/pods/1/volumes/kubernetes.io~iscsi/orders rw - ext4 /dev/sda rw\n"


@pytest.fixture(name="mapped")
def fixture_mapped(rack):
    """A rack whose node1 has ``orders`` mapped to it, and connected by nobody yet; its kernel."""
    root = rack.root / "kernel"
    root.mkdir()
    script = rack.root / "node1" / "python"
    script.write_text(script.read_text().replace("exec ", "BLS_TEST_KERNEL=%s exec " % root))
    kernel = Kernel(root)
    rack.controller.register("san", driver="told_iscsi.ToldIscsiDriver")
    rack.controller.ensure("volume", backend="san", name="orders", size="1")
    read = {"baremetal.legacy_storage.legacy_connector_info": {"node_config": "{{ node_config }}"}, "register": "read"}
    export = {"controller_config": str(rack.controller.config), "connector": "{{ read.connector }}", **ORDERS}
    rack.play([read, {"baremetal.legacy_storage.legacy_export": export, "delegate_to": "controller1"}])
    (mapped,) = exports(rack)
    return kernel, mapped["connection_info"]


def exports(rack):
    return rack.controller.ask("export.list", {"host": "node1", "backend": "san"})["exports"]


def test_a_volume_that_a_pod_has_is_not_unmapped_and_the_node_says_who_has_it(rack, mapped):
    kernel, info = mapped
    kernel.block("sda", page=naa("6001405309c19a76a5f4ce398272f655"))
    kernel.session("1", info["target_portal"].rsplit(":", 1), info["target_iqn"], {"sda": info["target_lun"]})
    kernel.process("100", "mysqld", POD, namespace="mnt:[2]")
    for check in (True, False):
        refused = rack.attach(state="absent", check=check, **ORDERS).only()
        assert (refused["failed"], refused["changed"]) == (True, False), refused
        assert "Volume san/orders is in use on this host: mounted at /var/lib/kubelet/pods/1" in refused["msg"]
    assert len(exports(rack)) == 1


def test_a_device_that_nobody_uses_any_more_is_taken_away_first_and_one_that_does_not_go_keeps_the_volume_mapped(rack, mapped):
    kernel, info = mapped
    kernel.block("sda", page=naa("6001405309c19a76a5f4ce398272f655"))
    kernel.session("1", info["target_portal"].rsplit(":", 1), info["target_iqn"], {"sda": info["target_lun"]})
    assert [one["action"] for one in rack.attach(state="absent", check=True, **ORDERS).only()["operations"]] == ["disconnect", "delete"]
    refused = rack.attach(state="absent", **ORDERS).only()
    assert "Volume san/orders was not disconnected: " in refused["msg"] and "/dev/sda" in refused["msg"], "no kernel takes it away here"
    assert len(exports(rack)) == 1


def test_a_volume_that_nobody_connected_is_unmapped(rack, mapped):
    detached = rack.attach(state="absent", **ORDERS).only()
    assert (detached["failed"], [one["action"] for one in detached["operations"]]) == (False, ["delete"]), detached
    assert exports(rack) == []
