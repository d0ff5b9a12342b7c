#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_group_snapshot
short_description: Manage snapshots of several volumes at one moment
description:
  - Takes snapshots of several volumes of one backend at the same moment, also of attached ones, and deletes them together.
    A database whose data and log lie on different volumes is then as it would be after a power cut.
  - Only the driver's own way to do that is used. Where it has none, the task is refused, since snapshots taken one after the other would
    not be of one moment. RV(ignore:features) of M(baremetal.legacy_storage.legacy_driver_info) holds C(group_snapshot) where it has one.
  - Its snapshots are snapshots like others. M(baremetal.legacy_storage.legacy_snapshot_info) lists them with the group snapshot's name, and
    M(baremetal.legacy_storage.legacy_volume) makes volumes from them and reverts to them. M(baremetal.legacy_storage.legacy_snapshot)
    describes and renames them; it neither deletes nor releases one alone.
  - On the storage system the volumes are in a group for as long as there are group snapshots of them. A volume is in one group at a time, as in
    Cinder, so group snapshots that share one volume share all. The group goes with the last of them; the volumes stay.
  - Some drivers want volumes of a type made for it, with the extra spec C(consistent_group_snapshot_enabled) at C(<is> True).
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
options:
  backend:
    description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend). All volumes are on it.
    type: str
  name:
    description: Name of the group snapshot, unique on its backend. An existing one may also be named by its id.
    type: str
  volumes:
    description:
      - The volumes (names or ids) to take snapshots of, all at one moment. Required to create the group snapshot.
      - An existing group snapshot must be of just these volumes, in whatever order.
    type: list
    elements: str
  snapshot_names:
    description:
      - Names of the snapshots by volume, as the volumes are written in O(volumes).
      - A snapshot that is not named here is called C(<group snapshot>-<volume>), as in C(nightly-db-data).
    type: dict
  renamed_from:
    description:
      - The name (or id) that the group snapshot had before. Where that exists and O(name) does not, it is renamed.
      - Its id stays, and so do the names of its snapshots.
    type: str
  description:
    description: Free text.
    type: str
  metadata:
    description: All of the group snapshot's metadata, texts by name. What is not listed is removed. Not given, it stays as it is.
    type: dict
  state:
    description: Whether the group snapshot should exist. V(absent) deletes all of its snapshots.
    type: str
    choices: [present, absent]
    default: present
  group_snapshots:
    description:
      - Several group snapshots, planned as a whole and carried out in parallel.
      - Each item takes the same parameters as a single one. O(backend) given beside the list is the default for its items.
    type: list
    elements: dict
    suboptions:
      backend:
        description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend). All volumes are on it.
        type: str
      name:
        description: Name of the group snapshot, unique on its backend. An existing one may also be named by its id.
        type: str
      volumes:
        description:
          - The volumes (names or ids) to take snapshots of, all at one moment. Required to create the group snapshot.
          - An existing group snapshot must be of just these volumes, in whatever order.
        type: list
        elements: str
      snapshot_names:
        description:
          - Names of the snapshots by volume, as the volumes are written in O(volumes).
          - A snapshot that is not named here is called C(<group snapshot>-<volume>), as in C(nightly-db-data).
        type: dict
      renamed_from:
        description:
          - The name (or id) that the group snapshot had before. Where that exists and O(name) does not, it is renamed.
          - Its id stays, and so do the names of its snapshots.
        type: str
      description:
        description: Free text.
        type: str
      metadata:
        description: All of the group snapshot's metadata, texts by name. What is not listed is removed. Not given, it stays as it is.
        type: dict
      state:
        description: Whether the group snapshot should exist. V(absent) deletes all of its snapshots.
        type: str
        choices: [present, absent]
        default: present
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
seealso:
  - module: baremetal.legacy_storage.legacy_snapshot
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Data and log of a database, at one moment
  baremetal.legacy_storage.legacy_group_snapshot:
    backend: array
    name: nightly
    volumes: [db-data, db-log]

- name: A volume from one of them
  baremetal.legacy_storage.legacy_volume:
    backend: array
    name: db-data-copy
    source_snapshot: nightly-db-data

- name: With names of our own
  baremetal.legacy_storage.legacy_group_snapshot:
    backend: array
    name: before-upgrade
    volumes: [db-data, db-log]
    snapshot_names:
      db-data: data-before-upgrade
      db-log: log-before-upgrade

- name: Delete all snapshots of it
  baremetal.legacy_storage.legacy_group_snapshot:
    backend: array
    name: nightly
    state: absent
"""

RETURN = r"""
group_snapshots:
  description: One result for each item asked for, in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name the item was asked for by.
      returned: always
      type: str
      sample: nightly
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
          noun: group_snapshot
          backend: array
          name: nightly
          volume_names: [db-data, db-log]
    group_snapshot:
      description:
        - The group snapshot, with its snapshots. Null when it does not exist.
        - RV(ignore:group_id) is the id of the group that the storage system has the volumes in.
      returned: always
      type: dict
      sample:
        id: 0c1ad0ae-7dbc-5b3b-94b4-8e0c8b9f6f0e
        backend: array
        name: nightly
        group_id: 5f4d5ed4-4d34-5a34-9dfd-2a1f3a0a3c11
        status: available
        description: ''
        metadata: {}
        volumes: [db-data, db-log]
        snapshots:
          - id: 68ed82ce-05ee-5336-8f3a-1a6939d4d1e6
            name: nightly-db-data
            volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
            volume_name: db-data
            size: 10
            status: available
          - id: 3a0b9f2c-9c52-5d0e-8d0c-5a1f5c2e7b90
            name: nightly-db-log
            volume_id: 0d4c1f0b-16f7-5f2b-a2b7-5b9b7f0c3c55
            volume_name: db-log
            size: 2
            status: available
    failed:
      description: Set when this item failed; the others were carried out all the same.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this item failed, and what to do.
      returned: on failure
      type: str
      sample: "volumes: there is no volume 'db-log' on backend array."
group_snapshot:
  description:
    - The group snapshot, with its snapshots. Null when it does not exist.
    - RV(ignore:group_id) is the id of the group that the storage system has the volumes in.
  returned: when one group snapshot was asked for by its own parameters
  type: dict
  sample:
    id: 0c1ad0ae-7dbc-5b3b-94b4-8e0c8b9f6f0e
    backend: array
    name: nightly
    group_id: 5f4d5ed4-4d34-5a34-9dfd-2a1f3a0a3c11
    status: available
    description: ''
    metadata: {}
    volumes: [db-data, db-log]
    snapshots:
      - id: 68ed82ce-05ee-5336-8f3a-1a6939d4d1e6
        name: nightly-db-data
        volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
        volume_name: db-data
        size: 10
        status: available
      - id: 3a0b9f2c-9c52-5d0e-8d0c-5a1f5c2e7b90
        name: nightly-db-log
        volume_id: 0d4c1f0b-16f7-5f2b-a2b7-5b9b7f0c3c55
        volume_name: db-log
        size: 2
        status: available
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one group snapshot was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: create
      noun: group_snapshot
      backend: array
      name: nightly
      volume_names: [db-data, db-log]
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: unsupported
    parameter: backend
    message: 'backend: the driver of backend lvm offers no snapshots of several volumes at once, ...'
    details: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

ITEM = dict(
    backend=dict(type="str"),
    name=dict(type="str"),
    volumes=dict(type="list", elements="str"),
    snapshot_names=dict(type="dict"),
    renamed_from=dict(type="str"),
    description=dict(type="str"),
    metadata=dict(type="dict"),
    state=dict(type="str", choices=["present", "absent"], default="present"),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "group_snapshots"))
    run_on_items(module, "group_snapshot.ensure", "group_snapshots", ITEM, shared=["backend"])


if __name__ == "__main__":
    main()
