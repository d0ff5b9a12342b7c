# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's state on another machine does nothing there. tests/integration/host/test_boot.py runs the boot service on such a one."""

from __future__ import annotations

import stat

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import config, machine, records
from ansible_collections.baremetal.legacy_storage.plugins.host.node import Node
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.machines import parse

ADAPTER = "sys/class/net/eth%d/%s"


@pytest.fixture(name="node")
def fixture_node(kernel, tmp_path):
    """A node on a machine without firmware's names, as the lab's hosts are; ``told`` has its warnings."""
    told = []
    node = Node(config.Settings(str(tmp_path / "state"), str(tmp_path / "locks"), "node1"), told.append, kernel.system)
    node.told, node.file = told, tmp_path / "state" / "machine.json"
    adapter(kernel, 0, "52:54:00:00:00:01")
    return node


def adapter(kernel, number, mac):
    kernel.write(ADAPTER % (number, "address"), mac + "\n")
    kernel.write(ADAPTER % (number, "addr_assign_type"), "0\n")
    kernel.write(ADAPTER % (number, "device/vendor"), "")


def test_the_first_use_remembers_the_machine_for_root_alone_and_looking_does_not(node):
    machine.admit(node, check=True)
    machine.warn(node)
    assert not node.file.exists() and not node.told
    machine.admit(node)
    assert parse(node.file.read_text())["macs"] == ["52:54:00:00:00:01"]
    assert stat.S_IMODE(node.file.stat().st_mode) == 0o600


def test_another_machine_is_refused_in_check_mode_as_well_and_nothing_is_written(node, kernel):
    machine.admit(node)
    before = node.file.read_text()
    adapter(kernel, 0, "52:54:00:00:00:09")
    for check in (False, True):
        with pytest.raises(StorageError, match="detach nothing.*node_machine: copied.*node_machine: exchanged") as refused:
            machine.admit(node, check)
        assert (refused.value.code, str(node.file) in refused.value.message) == ("conflict", True)
        assert "52:54:00:00:00:01" in refused.value.message and "52:54:00:00:00:09" in refused.value.message
    assert node.file.read_text() == before
    machine.warn(node)
    assert "not the machine" in node.told[0], "what only looks tells it"


def test_adapters_may_be_replaced_one_by_one_until_none_of_the_first_is_left(node, kernel):
    adapter(kernel, 1, "52:54:00:00:00:02")
    machine.admit(node)
    adapter(kernel, 0, "52:54:00:00:00:03")
    machine.admit(node)
    adapter(kernel, 1, "52:54:00:00:00:04")
    machine.admit(node)
    assert parse(node.file.read_text())["macs"] == ["52:54:00:00:00:03", "52:54:00:00:00:04"]


def test_a_machine_that_has_nothing_to_be_known_by_works_and_is_not_remembered(node, kernel):
    (kernel.root / (ADAPTER % (0, "device/vendor"))).unlink()
    (kernel.root / (ADAPTER % (0, "device"))).rmdir()
    machine.admit(node)
    assert not node.file.exists()


def test_a_file_that_cannot_be_read_refuses_and_says_what_to_do(node):
    machine.admit(node)
    node.file.write_text("")
    with pytest.raises(StorageError, match="remove the file"):
        machine.admit(node)


def test_a_disk_that_is_full_refuses_what_would_not_be_remembered(node, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        machine.admit(node)
    assert not node.file.exists()
