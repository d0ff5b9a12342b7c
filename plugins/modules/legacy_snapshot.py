#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_snapshot
short_description: Manage snapshots of volumes on a storage system with a Cinder driver
description:
  - Takes snapshots, also of attached volumes, renames them, changes their metadata, and deletes them.
  - A snapshot of an attached volume is as consistent as a power cut. Freeze the file system first if that is not enough.
    For several volumes at one moment there is M(baremetal.legacy_storage.legacy_group_snapshot), whose members this module describes and renames.
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
options:
  backend:
    description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
    type: str
  name:
    description: Name of the snapshot, unique on its backend. An existing snapshot may also be named by its id.
    type: str
  volume:
    description:
      - The volume (name or id) to take a snapshot of. Required to create one.
      - On an existing snapshot it must be the volume the snapshot is of.
    type: str
  renamed_from:
    description:
      - The name (or id) that the snapshot had before. Where that exists and O(name) does not, it is renamed; where only O(name) exists, it was already.
      - Refused where both exist, unless what is called O(name) was made under the old name, and where neither does. Nothing is created then.
      - Volumes made from it follow, and its id stays.
    type: str
  description:
    description: Free text.
    type: str
  metadata:
    description: All of the snapshot's metadata, texts by name. What is not listed is removed. Not given, it stays as it is.
    type: dict
  adopt:
    description:
      - Make a snapshot that the storage system has already a managed one, under O(name). O(volume) must be managed.
      - What the driver knows it by, such as C(source-name), as its documentation says and as
        M(baremetal.legacy_storage.legacy_backend_info) with O(baremetal.legacy_storage.legacy_backend_info#module:candidates=true) lists it.
      - On a managed snapshot it must be what that was adopted from.
    type: dict
  state:
    description:
      - Whether the snapshot should exist.
      - V(released) forgets it and leaves it on the storage system with all its data. Refused where the driver cannot let go of snapshots (NFS).
    type: str
    choices: [present, absent, released]
    default: present
  snapshots:
    description:
      - Several snapshots, planned as a whole and carried out in parallel.
      - Each item takes the same parameters as a single snapshot. O(backend) and O(volume) given beside the list are the defaults for its items.
    type: list
    elements: dict
    suboptions:
      backend:
        description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
        type: str
      name:
        description: Name of the snapshot, unique on its backend. An existing snapshot may also be named by its id.
        type: str
      volume:
        description:
          - The volume (name or id) to take a snapshot of. Required to create one.
          - On an existing snapshot it must be the volume the snapshot is of.
        type: str
      renamed_from:
        description:
          - The name (or id) that the snapshot had before. Where that exists and O(name) does not, it is renamed; where only O(name) exists, it was already.
          - Refused where both exist, unless what is called O(name) was made under the old name, and where neither does. Nothing is created then.
          - Volumes made from it follow, and its id stays.
        type: str
      description:
        description: Free text.
        type: str
      metadata:
        description: All of the snapshot's metadata, texts by name. What is not listed is removed. Not given, it stays as it is.
        type: dict
      adopt:
        description:
          - Make a snapshot that the storage system has already a managed one, under O(name). O(volume) must be managed.
          - What the driver knows it by, such as C(source-name), as its documentation says and as
            M(baremetal.legacy_storage.legacy_backend_info) with O(baremetal.legacy_storage.legacy_backend_info#module:candidates=true) lists it.
          - On a managed snapshot it must be what that was adopted from.
        type: dict
      state:
        description:
          - Whether the snapshot should exist.
          - V(released) forgets it and leaves it on the storage system with all its data. Refused where the driver cannot let go of snapshots (NFS).
        type: str
        choices: [present, absent, released]
        default: present
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: A snapshot
  baremetal.legacy_storage.legacy_snapshot:
    backend: lvm
    name: data-nightly
    volume: data

- name: Rename it
  baremetal.legacy_storage.legacy_snapshot:
    backend: lvm
    name: data-before-upgrade
    renamed_from: data-nightly

- name: Delete two snapshots
  baremetal.legacy_storage.legacy_snapshot:
    backend: lvm
    snapshots:
      - {name: data-monday, state: absent}
      - {name: data-tuesday, state: absent}
"""

RETURN = r"""
snapshots:
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
          noun: snapshot
          backend: lvm
          name: data-nightly
          volume_name: data
          size: 10
    snapshot:
      description: The snapshot; size of its volume in GiB when it was taken. Null when it does not exist.
      returned: always
      type: dict
      sample:
        id: 68ed82ce-05ee-5336-8f3a-1a6939d4d1e6
        backend: lvm
        name: data-nightly
        volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
        volume_name: data
        size: 10
        status: available
        description: ''
        metadata: {}
        adopted_from: null
        group_snapshot_id: null
        group_snapshot: null
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
snapshot:
  description: The snapshot; size of its volume in GiB when it was taken. Null when it does not exist.
  returned: when one snapshot was asked for by its own parameters
  type: dict
  sample:
    id: 68ed82ce-05ee-5336-8f3a-1a6939d4d1e6
    backend: lvm
    name: data-nightly
    volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
    volume_name: data
    size: 10
    status: available
    description: ''
    metadata: {}
    adopted_from: null
    group_snapshot_id: null
    group_snapshot: null
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one snapshot was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: create
      noun: snapshot
      backend: lvm
      name: data-nightly
      volume_name: data
      size: 10
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: in_use
    parameter: state
    message: 'state: volume ''data'' is attached to node1. ...'
    details: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

ITEM = dict(
    backend=dict(type="str"),
    name=dict(type="str"),
    volume=dict(type="str"),
    renamed_from=dict(type="str"),
    description=dict(type="str"),
    metadata=dict(type="dict"),
    adopt=dict(type="dict"),
    state=dict(type="str", choices=["present", "absent", "released"], default="present"),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "snapshots"))
    run_on_items(module, "snapshot.ensure", "snapshots", ITEM, shared=["backend", "volume"])


if __name__ == "__main__":
    main()
