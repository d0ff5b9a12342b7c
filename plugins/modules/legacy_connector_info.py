#!/usr/bin/python
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_connector_info
short_description: Read a node's connector
version_added: 0.1.0
description:
  - Returns the connector of the node that the task runs on, which is what the node is to a storage system. It holds initiator names,
    port names, addresses, and the public key to which connection information for this node is sealed.
  - M(baremetal.legacy_storage.legacy_export) needs it to map a volume to the node.
  - Tells for each protocol whether the node can speak it now, and if not, what it lacks.
options:
  multipath:
    description:
      - Whether the connector asks storage systems for all their portals. Defaults to what the role set for this node.
    type: bool
extends_documentation_fragment:
  - baremetal.legacy_storage.node
seealso:
  - module: baremetal.legacy_storage.legacy_attachment
  - module: baremetal.legacy_storage.legacy_connection
  - module: baremetal.legacy_storage.legacy_export
author:
  - baremetal.legacy_storage contributors (@baremetal-legacy-storage)
"""

EXAMPLES = r"""
- name: Read the connector of this node
  baremetal.legacy_storage.legacy_connector_info:
  become: true
  register: node

- name: Be sure that the node can speak Fibre Channel
  ansible.builtin.assert:
    that: node.protocols.fibre_channel.ready
    fail_msg: "{{ inventory_hostname }} lacks {{ node.protocols.fibre_channel.missing | join(', ') }}."

- name: Map a volume to it
  baremetal.legacy_storage.legacy_export:
    backend: vendor-a
    volume: database
    connector: "{{ node.connector }}"
  delegate_to: controller1
  become: true
  register: mapped
"""

RETURN = r"""
connector:
  description: The node's connector. In check mode V(null) where the role was not applied yet.
  returned: always
  type: dict
  sample:
    host: node1
    properties:
      host: node1
      initiator: iqn.2016-04.com.open-iscsi:ff7a786e4f1
      ip: 10.0.0.11
      multipath: true
      os_type: linux
      platform: x86_64
    sealing_key: VgY+utbsBqMbROwaUemtAfHtBhCO8+QFnWSTzHbeNjQ=
protocols:
  description:
    - Every protocol that Cinder's drivers export volumes by, and whether this node can speak it now.
    - Empty in check mode where the role was not applied yet.
  returned: always
  type: dict
  contains:
    ready:
      description: Whether nothing is missing that could be seen. Each protocol has this.
      returned: success
      type: bool
      sample: true
    missing:
      description: What is missing, with the package or whoever else it comes from. Each protocol has this.
      returned: success
      type: list
      elements: str
      sample: ["program nvme (package nvme-cli)"]
  sample:
    fibre_channel:
      ready: false
      missing: ["hardware: a Fibre Channel host bus adapter, with its driver"]
    iscsi:
      ready: true
      missing: []
    nvmeof:
      ready: false
      missing: ["program nvme (package nvme-cli)", "file /etc/nvme/hostnqn (nvme gen-hostnqn > /etc/nvme/hostnqn)", "kernel module nvme_fabrics"]
encryption:
  description: Whether the node can open encrypted volumes now, in the same words. In check mode V(null) where the role was not applied yet.
  returned: always
  type: dict
  sample: {ready: true, missing: []}
attachments:
  description: What is attached to the node, as M(baremetal.legacy_storage.legacy_attachment_info) and M(baremetal.legacy_storage.legacy_connection) tell it.
  returned: always
  type: list
  elements: dict
  sample:
    - backend: vendor-a
      device: /dev/dm-3
      encryption: null
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
            "multipath": {"type": "bool"},
        },
        supports_check_mode=True,
    )
    unprepared = {"changed": False, "connector": None, "protocols": {}, "encryption": None, "attachments": []}
    run_task(module, "host", module.params["node_config"], "connector.get", {"multipath": module.params["multipath"]}, unprepared)


if __name__ == "__main__":
    main()
