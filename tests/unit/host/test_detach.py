# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What detaching does to devices that stay. The Molecule scenario `local` has a real one."""

from __future__ import annotations

import types

from ansible_collections.baremetal.legacy_storage.plugins.host import detach, facts, links
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export


def test_a_local_device_stays_and_its_link_goes(kernel, tmp_path, monkeypatch):
    kernel.block("dm-0", uuid="LVM-abc")
    settings = types.SimpleNamespace(state_dir=str(tmp_path), lock_dir=str(tmp_path))
    export = Export("e", "local", "v", "database", "node1", 1, "local", {"data": {"device_path": "/dev/vg/v"}})
    record = AttachmentRecord(export, "connected", "boot-1", "no", {"path": "/dev/vg/v"}, None, {"kind": "dm", "serial": "LVM-abc", "key": "LVM-abc"})
    links.remember(links.base(settings, "LVM-abc"), "LVM-abc", "v")
    disconnects, triggered = [], []
    connector = types.SimpleNamespace(disconnect=lambda device, force: disconnects.append(device))
    node = types.SimpleNamespace(
        system=kernel.system, settings=settings, connector_for=lambda *_args, **_more: connector, address=lambda _export: {}, warn=disconnects.append
    )
    monkeypatch.setattr(links, "trigger", lambda _system, name: triggered.append(name))
    detach._remove(node, record, facts.Seen("dm-0"), False)
    assert (disconnects, triggered) == ([{"path": "/dev/vg/v"}], ["dm-0"])
    assert not (tmp_path / "links/LVM-abc").exists()
