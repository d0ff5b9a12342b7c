#!/usr/bin/python
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_connection
short_description: Connect exported volumes on a node, or disconnect them
version_added: 0.1.0
description:
  - The node's half of an attachment. Connects volumes that M(baremetal.legacy_storage.legacy_export) mapped to this node, or
    disconnects them. M(baremetal.legacy_storage.legacy_attachment) does both halves in one task.
  - Every attachment has a record on the node, written before anything is done, and a stable path that is the same after every boot.
  - A device is known by the identity that it tells itself, never by its kernel name or its address. A path that shows another
    volume than it did is never used.
  - Where the volume is larger than its device, the device is extended while it is in use.
  - Disconnecting refuses while the device is mounted, open, swapped to, or under another device, and tells who uses it. It is
    finished only when every device, map and session is verified to be gone; otherwise the record stays, and the task fails.
  - What an earlier boot or an interrupted run left is settled first.
options:
  export:
    description:
      - The export, as M(baremetal.legacy_storage.legacy_export) returned it. Required for O(state=present).
      - Its C(access_mode) says whether the device is made read-only.
    type: dict
  volume_id:
    description:
      - The volume's id. Enough for O(state=absent).
    type: str
  state:
    description:
      - Whether the volume is connected.
    type: str
    choices: [present, absent]
    default: present
  multipath:
    description:
      - >-
        V(required) connects over at least two active paths, or fails and leaves nothing behind. Where the protocol has dm-multipath (iSCSI, iSER,
        Fibre Channel), the device is its map; an NVMe namespace has the kernel's own multipath. Volumes of other protocols are refused, since their
        paths are not this node's to manage.
      - V(preferred) uses dm-multipath where multipathd runs and the protocol has it, and all portals of an NVMe namespace where the kernel can.
      - V(no) uses one path.
    type: str
    choices: [required, preferred, "no"]
    default: preferred
  force:
    description:
      - Disconnect also where the device cannot be flushed, because no path to the storage system answers. Data not written yet is lost.
      - While a path answers it changes nothing, and a device in use is never taken away.
    type: bool
    default: false
  exported_at:
    description:
      - With O(state=absent), the C(exported_at) of the export that is meant, which is to be unmapped next; where the node's record is of another one, of
        that as well. A volume that another task attached by a later export is not disconnected, and the task fails.
      - From then on this node refuses to connect these exports and earlier ones of the volume, so a task that was told of one before does not connect what
        is not mapped any more.
      - Without it whatever is connected is disconnected, and the same export may be connected again.
    type: list
    elements: str
  encryption:
    description:
      - Encrypts the volume on this node (LUKS2). See O(baremetal.legacy_storage.legacy_attachment#module:encryption), which has the same options.
    type: dict
    suboptions: &encryption
      key:
        description: The key. It is used as it is, and is kept nowhere.
        type: str
      sealed_key:
        description: The same, sealed to this node, as M(baremetal.legacy_storage.legacy_attachment) hands it over.
        type: str
      key_file:
        description: A file on this node that holds the key and that only root can read.
        type: path
      key_command:
        description: A command of this node, run without a shell, whose output is the key.
        type: list
        elements: str
      previous_key:
        description: The key that opened the volume until now, which is to be replaced.
        type: str
      previous_sealed_key:
        description: The same, sealed to this node.
        type: str
      previous_key_file:
        description: A file with it.
        type: path
      previous_key_command:
        description: A command whose output it is.
        type: list
        elements: str
      format:
        description: Whether a volume that is not encrypted may be formatted.
        type: str
        choices: [never, empty, overwrite]
        default: empty
      cipher:
        description: As cryptsetup writes it.
        type: str
      key_size:
        description: Bits of the volume's own key.
        type: int
        choices: [128, 256, 512]
      pbkdf:
        description: How a key slot is derived from the key.
        type: str
        choices: [argon2id, argon2i, pbkdf2]
      iterations:
        description: How often it does so.
        type: int
  connections:
    description:
      - Many connections at once. One that fails does not stop the others.
    type: list
    elements: dict
    suboptions:
      export:
        description: As O(export).
        type: dict
      volume_id:
        description: As O(volume_id).
        type: str
      state:
        description: As O(state).
        type: str
        choices: [present, absent]
        default: present
      multipath:
        description: As O(multipath).
        type: str
        choices: [required, preferred, "no"]
        default: preferred
      force:
        description: As O(force).
        type: bool
        default: false
      exported_at:
        description: As O(exported_at).
        type: list
        elements: str
      encryption:
        description: As O(encryption).
        type: dict
        suboptions: *encryption
extends_documentation_fragment:
  - baremetal.legacy_storage.node
seealso:
  - module: baremetal.legacy_storage.legacy_attachment
  - module: baremetal.legacy_storage.legacy_attachment_info
  - module: baremetal.legacy_storage.legacy_connector_info
  - module: baremetal.legacy_storage.legacy_export
notes:
  - Never unmap a volume on the storage system before this module has disconnected it (CVE-2023-2088).
author:
  - baremetal.legacy_storage contributors (@baremetal-legacy-storage)
"""

EXAMPLES = r"""
- name: Read the connector of this node
  baremetal.legacy_storage.legacy_connector_info:
  become: true
  register: node

- name: Map a volume to it
  baremetal.legacy_storage.legacy_export:
    backend: vendor-a
    volume: database
    connector: "{{ node.connector }}"
  delegate_to: controller1
  become: true
  register: mapped

- name: Connect the volume through multipath
  baremetal.legacy_storage.legacy_connection:
    export: "{{ mapped.export }}"
    multipath: required
  become: true
  register: connected

- name: Disconnect it
  baremetal.legacy_storage.legacy_connection:
    volume_id: "{{ mapped.export.volume_id }}"
    state: absent
  become: true

- name: Connect several volumes
  baremetal.legacy_storage.legacy_connection:
    connections: "{{ exports | map('community.general.dict_kv', 'export') | list }}"
  become: true
"""

RETURN = r"""
connections:
  description: One result for each connection, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    volume_id:
      description: The volume's id.
      type: str
      returned: always
    changed:
      description: Whether this connection changed, or would in check mode.
      type: bool
      returned: always
    operations:
      description:
        - What was done, of C(settle), C(disconnect), C(connect), C(extend), C(rekey), C(remember), C(open), C(link) and C(access).
        - C(connect) opens an encrypted volume as well, and formats it where that is allowed.
      type: list
      elements: str
      returned: always
    attachment:
      description:
        - The attachment after the task, or V(null). C(path) is the one to use, C(size) is in GiB, C(mapped) tells whether it is a dm-multipath map.
        - In check mode the kernel's names are empty for what is yet to be connected.
      type: dict
      returned: always
    failed:
      description: Whether this connection failed.
      type: bool
      returned: on failure
    msg:
      description: What went wrong, and what to do.
      type: str
      returned: on failure
    error:
      description: The same for programs.
      type: dict
      returned: on failure
  sample:
    - volume_id: 11111111-1111-5111-8111-111111111111
      changed: true
      operations: [connect]
      attachment:
        access_mode: rw
        backend: vendor-a
        device: /dev/dm-3
        encryption: null
        host: node1
        mapped: true
        multipath_id: 36001405309c19a76a5f4ce398272f655
        path: /dev/disk/by-id/legacy-storage-11111111-1111-5111-8111-111111111111
        paths:
          - device: /dev/sda
            state: active
          - device: /dev/sdb
            state: active
        protocol: iscsi
        size: 10
        state: connected
        volume_id: 11111111-1111-5111-8111-111111111111
        volume_name: database
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.arguments import SEALED_ENCRYPTION
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.task import run_task

CONNECTION = {
    "export": {"type": "dict", "no_log": False},
    "volume_id": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "multipath": {"type": "str", "choices": ["required", "preferred", "no"], "default": "preferred"},
    "force": {"type": "bool", "default": False},
    "exported_at": {"type": "list", "elements": "str"},
    "encryption": SEALED_ENCRYPTION,
}


def unprepared(requests):
    """Return the result for check mode on a node whose role was not applied yet: nothing is connected there."""
    connections = []
    for request in requests:
        present = request["state"] == "present"
        volume_id = request["volume_id"] or (request["export"] or {}).get("volume_id")
        connections.append({"volume_id": volume_id, "changed": present, "operations": ["connect"] if present else [], "attachment": None})
    return {"changed": any(connection["changed"] for connection in connections), "connections": connections, "diff": {"before": {}, "after": {}}}


def main():
    module = AnsibleModule(
        argument_spec=dict(
            CONNECTION,
            node_config={"type": "path", "default": "/etc/baremetal.legacy_storage/node.json"},
            connections={
                "type": "list",
                "elements": "dict",
                "options": CONNECTION,
                "required_one_of": [("export", "volume_id")],
                "required_if": [("state", "present", ("export",))],
            },
        ),
        mutually_exclusive=[("connections", "export"), ("connections", "volume_id")],
        required_one_of=[("connections", "export", "volume_id")],
        supports_check_mode=True,
    )
    requests = module.params["connections"]
    if requests is None:
        requests = [{key: module.params[key] for key in CONNECTION}]
    if not requests:
        module.exit_json(changed=False, connections=[])
    run_task(module, "host", module.params["node_config"], "connection.ensure", {"connections": requests}, unprepared(requests))


if __name__ == "__main__":
    main()
