#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_export
short_description: Map volumes to hosts, the controller's half of an attachment
description:
  - Maps a volume to a host's connector on the storage system, or takes the mapping away.
  - M(baremetal.legacy_storage.legacy_attachment) does this and the host's half in one task. Use this module for plays that prefer C(delegate_to).
  - What opens the volume comes back sealed to the host, in C(sealed_connection_info) of RV(export).
    Only that host can open it, so it may be registered and logged.
  - Before O(state=absent), the host must have disconnected with M(baremetal.legacy_storage.legacy_connection).
    An array may give the address to another volume at once, and a host that still has the device would read and write that one (CVE-2023-2088).
options:
  backend:
    description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
    type: str
  volume:
    description: The volume, by name or id.
    type: str
  connector:
    description:
      - The host's connector, as RV(baremetal.legacy_storage.legacy_connector_info#module:connector) returned it. Required for O(state=present).
    type: dict
  host:
    description: The host's name; needed only for O(state=absent) without O(connector).
    type: str
  access_mode:
    description:
      - How the host may use the volume, as Cinder calls it. V(ro) lets the host's half make its device read-only.
    type: str
    choices: [rw, ro]
    default: rw
  renew:
    description:
      - Makes another export of one that is there already, with a new C(exported_at) in RV(export). The storage system is not asked, and a host that uses
        the volume is not disturbed. Each task with it changes something.
      - For a host that is about to connect the volume and has no record of it. A task that is just detaching the volume there knows the export of before,
        and leaves this one alone (O(exported_at)). M(baremetal.legacy_storage.legacy_attachment) does so.
      - Only with O(state=present).
    type: bool
    default: false
  exported_at:
    description:
      - Unmaps only the export with this C(exported_at), and fails where another task has exported the volume to the host anew meanwhile. That one stays.
      - Read it with M(baremetal.legacy_storage.legacy_export_info) before the host disconnects the volume, and hand it to
        M(baremetal.legacy_storage.legacy_connection) as well. Without it whatever export there is gets unmapped, also under a task that is just
        attaching the volume.
      - Empty says that there was none, so none is unmapped.
      - Only with O(state=absent).
    type: str
  fenced:
    description:
      - Unmap without the host, which is known to be dead, as with O(ignore:fenced) of M(baremetal.legacy_storage.legacy_attachment).
      - Only with O(state=absent).
    type: bool
    default: false
  state:
    description: Whether the volume should be mapped to the host.
    type: str
    choices: [present, absent]
    default: present
  exports:
    description:
      - Several exports. Each item takes the same parameters as a single one.
      - O(backend), O(connector) and O(host) given beside the list are the defaults for its items.
    type: list
    elements: dict
    suboptions:
      backend:
        description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
        type: str
      volume:
        description: The volume, by name or id.
        type: str
      connector:
        description:
          - The host's connector, as RV(baremetal.legacy_storage.legacy_connector_info#module:connector) returned it. Required for O(state=present).
        type: dict
      host:
        description: The host's name; needed only for O(state=absent) without O(connector).
        type: str
      access_mode:
        description: As O(access_mode).
        type: str
        choices: [rw, ro]
        default: rw
      renew:
        description: As O(renew).
        type: bool
        default: false
      exported_at:
        description: As O(exported_at).
        type: str
      fenced:
        description: As O(fenced).
        type: bool
        default: false
      state:
        description: Whether the volume should be mapped to the host.
        type: str
        choices: [present, absent]
        default: present
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Read the node's connector
  baremetal.legacy_storage.legacy_connector_info:
  register: node

- name: Map the volume to it
  baremetal.legacy_storage.legacy_export:
    backend: lvm
    volume: data
    connector: "{{ node.connector }}"
  delegate_to: controller1
  register: mapped

- name: Connect the node
  baremetal.legacy_storage.legacy_connection:
    export: "{{ mapped.export }}"

- name: To detach it, see first which export there is
  baremetal.legacy_storage.legacy_export_info:
    backend: lvm
    volume: data
    host: "{{ node.connector.host }}"
  delegate_to: controller1
  register: before

- name: Disconnect the node
  baremetal.legacy_storage.legacy_connection:
    volume_id: "{{ before.exports[0].volume_id }}"
    exported_at: "{{ before.exports[0].exported_at }}"
    state: absent
  when: before.exports | length > 0

- name: Unmap that export, and not one that another task made meanwhile
  baremetal.legacy_storage.legacy_export:
    backend: lvm
    volume: data
    host: "{{ node.connector.host }}"
    exported_at: "{{ before.exports[0].exported_at }}"
    state: absent
  delegate_to: controller1
  when: before.exports | length > 0
"""

RETURN = r"""
exports:
  description: One result for each item asked for, in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name the item was asked for by.
      returned: always
      type: str
      sample: data
    changed:
      description: Whether this item changed.
      returned: always
      type: bool
      sample: true
    operations:
      description: What was done, or in check mode would be done, in order.
      returned: always
      type: list
      elements: dict
      sample:
        - action: create
          noun: export
          backend: lvm
          name: data
          host: node1
    export:
      description: The export, with connection_info for people to read and sealed for the host. Null when it does not exist.
      returned: always
      type: dict
      sample:
        id: 7101656c-de3c-5513-95aa-3fcb3fc7f6ca
        backend: lvm
        volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
        volume_name: data
        host: node1
        size: 10
        protocol: iscsi
        access_mode: rw
        exported_at: '2026-11-20T09:30:00Z'
        connection_info:
          target_portal: 192.0.2.10:3260
          auth_password: (hidden)
        sealed_connection_info: u2SJ6GKINsWj...
    failed:
      description: Set when this item failed; the others were carried out all the same.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this item failed, and what to do.
      returned: on failure
      type: str
      sample: "size: 5 is smaller than volume 'data' is now (10 GiB). Volumes never shrink; give at least that."
export:
  description: The export, with connection_info for people to read and sealed for the host. Null when it does not exist.
  returned: when one export was asked for by its own parameters
  type: dict
  sample:
    id: 7101656c-de3c-5513-95aa-3fcb3fc7f6ca
    backend: lvm
    volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
    volume_name: data
    host: node1
    size: 10
    protocol: iscsi
    access_mode: rw
    exported_at: '2026-11-20T09:30:00Z'
    connection_info:
      target_portal: 192.0.2.10:3260
      auth_password: (hidden)
    sealed_connection_info: u2SJ6GKINsWj...
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one export was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: create
      noun: export
      backend: lvm
      name: data
      host: node1
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: in_use
    parameter: state
    message: 'state: volume ''data'' is attached to node1. ...'
    details: {}

volume_id:
  description: Id of the volume.
  returned: when one export was asked for by its own parameters and the volume exists
  type: str
  sample: 6229f862-a401-5616-bf1c-8011d75b8844
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

ITEM = dict(
    backend=dict(type="str"),
    volume=dict(type="str"),
    connector=dict(type="dict"),
    host=dict(type="str"),
    renew=dict(type="bool", default=False),
    exported_at=dict(type="str"),
    fenced=dict(type="bool", default=False),
    access_mode=dict(type="str", choices=["rw", "ro"], default="rw"),
    state=dict(type="str", choices=["present", "absent"], default="present"),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "exports"))
    run_on_items(module, "export.ensure", "exports", ITEM, shared=["backend", "connector", "host"])


if __name__ == "__main__":
    main()
