#!/usr/bin/python
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_attachment_info
short_description: Tell what is attached to a node
version_added: 0.1.0
description:
  - Returns the attachments of the node that the task runs on. It shows side by side what the node has recorded, what its kernel shows, and
    where the stable path leads.
  - Every path of a device is asked for its identity, so a path that shows another volume by now is found.
  - With O(controller), what the controller has exported to the node stands beside it. Storage systems are not asked.
options:
  controller:
    description:
      - Inventory host of the controller, to compare with. It is reached as by M(baremetal.legacy_storage.legacy_attachment).
      - Without it only the node is asked.
    type: str
  controller_config:
    description:
      - Settings that the role P(baremetal.legacy_storage.controller#role) wrote on the controller.
    type: path
    default: /etc/baremetal.legacy_storage/controller.json
  volumes:
    description:
      - Names or ids of the volumes to return. All, when it is left out.
    type: list
    elements: str
extends_documentation_fragment:
  - baremetal.legacy_storage.node
seealso:
  - module: baremetal.legacy_storage.legacy_attachment
  - module: baremetal.legacy_storage.legacy_connection
author:
  - baremetal.legacy_storage contributors (@baremetal-legacy-storage)
"""

EXAMPLES = r"""
- name: See what is attached to this node
  baremetal.legacy_storage.legacy_attachment_info:
  become: true
  register: attached

- name: See record, kernel and controller side by side
  baremetal.legacy_storage.legacy_attachment_info:
    controller: controller1
  become: true
  register: compared

- name: Fail where something is wrong
  ansible.builtin.assert:
    that: attached.attachments | rejectattr('verified') | list == []

- name: Find the path of one volume
  baremetal.legacy_storage.legacy_attachment_info:
    volumes: [database]
  become: true
  register: database
"""

RETURN = r"""
host:
  description: The node's name, by which the controller knows it. Null in check mode before the role was applied.
  returned: always
  type: str
  sample: node1
attachments:
  description:
    - The attachments, in the order of their ids. With O(controller) exports to this node that it has no record of follow; what only a record or
      the kernel could tell of them is null.
  returned: always
  type: list
  elements: dict
  contains:
    volume_id:
      description: The volume's id.
      type: str
      returned: always
    volume_name:
      description: The volume's name.
      type: str
      returned: always
    backend:
      description: Name of its backend.
      type: str
      returned: always
    host:
      description: The node's name.
      type: str
      returned: always
    protocol:
      description: How it is reached.
      type: str
      returned: always
    access_mode:
      description: Whether the volume was attached V(rw) or V(ro).
      type: str
      returned: always
    state:
      description:
        - What the record says, of V(connecting), V(connected) and V(disconnecting).
        - V(unreadable) where the record is damaged. Its volume's id is then all that is known, RV(attachments[].problems) names the file, and no task
          touches this volume on the node before it is mended or removed. Others are served.
      type: str
      returned: always
    path:
      description: The path to use. It is the same after every boot.
      type: str
      returned: always
    link_target:
      description: Where the stable link leads now, or V(null).
      type: str
      returned: always
    device:
      description: The kernel's device, or V(null).
      type: str
      returned: always
    identity:
      description: What the device calls itself, as recorded when it was connected.
      type: str
      returned: always
    multipath:
      description: What was asked, of V(required), V(preferred) and V(no).
      type: str
      returned: always
    mapped:
      description: Whether the device is a dm-multipath map.
      type: bool
      returned: always
    multipath_id:
      description: WWID of the multipath map, or V(null).
      type: str
      returned: always
    paths:
      description:
        - The paths, each with its C(device) and C(state). A path that works is C(active); one that multipath did not take is C(outside the map); of
          one that is C(unknown) neither multipathd nor the kernel tells more.
        - Those of an NVMe namespace are its controllers.
      type: list
      elements: dict
      returned: always
    size:
      description: Size in GiB.
      type: int
      returned: always
    encryption:
      description: V(null) for a volume that is not encrypted, else C(type), C(uuid), C(opened) and C(key_from).
      type: dict
      returned: always
    verified:
      description: Whether the device is there, has the recorded identity, and the stable path leads to it.
      type: bool
      returned: always
    stale:
      description: Whether the record is of an earlier boot.
      type: bool
      returned: always
    problems:
      description: What is wrong, or differs between record, kernel and controller, one sentence each.
      type: list
      elements: str
      returned: always
    settled_by:
      description: The task that settles the problems, or V(null) where there are none, or none that a task could settle.
      type: str
      returned: always
    exported_at:
      description: When the export that it was attached by was made, by the controller's clock.
      type: str
      returned: always
    export:
      description: What M(baremetal.legacy_storage.legacy_export_info) tells of its export, or V(null) where the controller has none.
      type: dict
      returned: with O(controller)
  sample:
    - access_mode: rw
      backend: vendor-a
      device: /dev/dm-3
      encryption: null
      exported_at: '2026-11-20T09:30:00Z'
      host: node1
      identity: 36001405309c19a76a5f4ce398272f655
      link_target: /dev/dm-3
      multipath: required
      mapped: true
      multipath_id: 36001405309c19a76a5f4ce398272f655
      path: /dev/disk/by-id/legacy-storage-11111111-1111-5111-8111-111111111111
      paths:
        - device: /dev/sda
          state: active
        - device: /dev/sdb
          state: active
      problems: []
      protocol: iscsi
      settled_by: null
      size: 10
      stale: false
      state: connected
      verified: true
      volume_id: 11111111-1111-5111-8111-111111111111
      volume_name: database
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.task import run_task


def main():
    module = AnsibleModule(
        argument_spec={
            "node_config": {"type": "path", "default": "/etc/baremetal.legacy_storage/node.json"},
            "volumes": {"type": "list", "elements": "str"},
            "controller": {"type": "str"},  # the action plugin's business, as the next
            "controller_config": {"type": "path", "default": "/etc/baremetal.legacy_storage/controller.json"},
        },
        supports_check_mode=True,
    )
    unprepared = {"changed": False, "host": None, "attachments": []}
    run_task(module, "host", module.params["node_config"], "attachment.list", {"volumes": module.params["volumes"]}, unprepared)


if __name__ == "__main__":
    main()
