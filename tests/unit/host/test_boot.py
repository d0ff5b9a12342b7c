# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that detaches while the boot service is still trying, in a kernel made of files. tests/integration/host runs the service itself."""

from __future__ import annotations

import types

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import boot, connections
from ansible_collections.baremetal.legacy_storage.plugins.host.node import Node
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import seal

INFO = {"driver_volume_type": "iscsi", "data": {"target_portal": "10.0.1.1:3260", "target_iqn": "iqn.2026-01.org.example:v", "target_lun": 1}}


@pytest.fixture(name="node")
def fixture_node(kernel, tmp_path, monkeypatch):
    """A node with a volume that was attached before its boot, and whose array does not answer; ``asked`` tells what it was asked for."""
    node = Node(types.SimpleNamespace(state_dir=str(tmp_path / "state"), lock_dir=str(tmp_path / "lock"), host="node1"), print, kernel.system)
    node.asked = []

    def connector_for(export, _use_multipath, tolerant=False):
        node.asked.append(export.volume_id)
        raise StorageError("host", "The array does not answer.")

    monkeypatch.setattr(node, "connector_for", connector_for)
    monkeypatch.setattr(boot.time, "sleep", lambda seconds: None)
    sealed = seal(node.sealing_key().public, INFO)
    node.records.put(AttachmentRecord(Export("e", "vendor-a", "v", "database", "node1", 1, "iscsi", INFO, sealed), "connected", "boot-0", "no", attached=True))
    return node


def test_a_volume_that_a_task_detached_while_its_array_was_away_is_not_connected_any_more(node):
    said = []

    def say(sentence):
        said.append(sentence)
        node.records.remove("v")

    assert boot.reconnect(node, 60, say) == 0
    assert (len(said), said[-1]) == (2, "Volume vendor-a/database was detached meanwhile.")


def test_a_volume_that_a_task_detaches_just_before_its_turn_is_not_connected_behind_it(node, monkeypatch):
    """Its controller unmaps it next: a device that came back now would show another volume's data one day."""
    taking = connections.locked

    def locked(folder, name):
        if name.startswith("volume-"):
            node.records.remove("v")
        return taking(folder, name)

    monkeypatch.setattr(connections, "locked", locked)
    boot.reconnect(node, 0, print)
    assert not node.asked and node.records.ids() == []
