# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sysfs shows of a machine that is on no disk, and what preflight says of a host that has another's."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.machines import fingerprint, written
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.preflight import hardware
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.preflight.machine import Machine

UUID = "4c4c4544-0051-3510-8052-b4c04f564433"
STATE = "/var/lib/baremetal.legacy_storage/node"


def adapter(host, name, mac, kind="0", device=True):
    """Add a network interface."""
    host.write("/sys/class/net/%s/address" % name, mac + "\n")
    host.write("/sys/class/net/%s/addr_assign_type" % name, kind + "\n")
    if device:
        host.write("/sys/class/net/%s/device/vendor" % name, "")


def seen(host):
    return hardware.look(Machine(str(host.root)))


def test_only_adapters_count_and_of_them_the_address_they_were_made_with(host):
    adapter(host, "eth0", "52:54:00:00:00:01")
    adapter(host, "eth1", "52:54:00:00:00:99", kind="3")  # under a bond, whose address it has
    host.write("/sys/class/net/eth1/bonding_slave/perm_hwaddr", "52:54:00:00:00:02\n")
    adapter(host, "bond0", "52:54:00:00:00:99", kind="3", device=False)
    adapter(host, "cni0", "52:54:00:00:00:03", device=False)
    adapter(host, "veth1", "52:54:00:00:00:04", kind="1", device=False)
    adapter(host, "set0", "52:54:00:00:00:05", kind="3")
    adapter(host, "random0", "52:54:00:00:00:06", kind="1")
    adapter(host, "vf0", "52:54:00:00:00:07")
    host.write("/sys/class/net/vf0/device/physfn/vendor", "")
    adapter(host, "lo", "00:00:00:00:00:00", device=False)
    assert seen(host) == fingerprint("", "", ["52:54:00:00:00:01", "52:54:00:00:00:02"])


def test_the_firmwares_names_count(host):
    host.write("/sys/class/dmi/id/product_uuid", UUID.upper() + "\n")
    host.write("/sys/class/dmi/id/product_serial", "7Q5R0X3\n")
    assert seen(host) == fingerprint(UUID, "7Q5R0X3", [])


@pytest.fixture(name="node")
def fixture_node(host):
    """A host that is a node of the machine with UUID, with one attachment."""
    host.write("/etc/baremetal.legacy_storage/node.json", json.dumps({"state_dir": STATE, "host": "node1"}))
    host.write(STATE + "/machine.json", written(fingerprint(UUID, "", [])))
    host.write(STATE + "/attachments/v.json", "{}")
    host.write("/sys/class/dmi/id/product_uuid", UUID)
    return host


def test_a_node_on_its_own_machine_is_well(node):
    assert node.told() == []
    its = node.facts()["names"]["machine"]
    assert (its["verdict"], its["attached"], its["node"], its["file"]) == ("same", 1, "node1", STATE + "/machine.json")


def test_a_copy_of_a_node_is_an_error_that_tells_both_machines_and_what_to_do(node):
    node.write("/sys/class/dmi/id/product_uuid", UUID[:-1] + "4")
    (finding,) = node.findings()
    assert (finding.severity, finding.check, finding.by_role) == ("error", "machine", True)
    assert UUID in finding.problem and UUID[:-1] + "4" in finding.problem and STATE in finding.problem
    assert "node_machine: copied" in finding.remedy and "node_machine: exchanged" in finding.remedy


def test_a_node_of_an_older_release_is_no_copy(node):
    node.gone(STATE + "/machine.json")
    assert node.told() == []
    assert node.facts()["names"]["machine"]["verdict"] == "first"


def test_a_file_that_cannot_be_understood_is_an_error_and_not_taken_for_none(node):
    node.write(STATE + "/machine.json", "{")
    assert node.told() == [("error", "machine")]
    assert node.facts()["names"]["machine"]["verdict"] is None


def test_what_may_not_be_read_is_not_judged(node, monkeypatch):
    real = open

    def refusing(path, *arguments, **keywords):
        if str(path).endswith("node.json"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **keywords)

    node.write("/sys/class/dmi/id/product_uuid", "")
    monkeypatch.setattr("builtins.open", refusing)
    assert node.told() == [("note", "unseen")]
