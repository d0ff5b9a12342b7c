#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_group_snapshot_info
short_description: Tell what group snapshots there are
description:
  - Lists group snapshots with their snapshots.
  - Reads the metadata store on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
    Needs no Cinder and asks no storage system.
options:
  backend:
    description: Only group snapshots of this backend.
    type: str
  volume:
    description: Only group snapshots that hold a snapshot of this volume, by name or id.
    type: str
  name:
    description: Only this group snapshot, by name or id.
    type: str
  names:
    description: Only these group snapshots, by name or id.
    type: list
    elements: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
seealso:
  - module: baremetal.legacy_storage.legacy_group_snapshot
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Group snapshots that a volume is in
  baremetal.legacy_storage.legacy_group_snapshot_info:
    backend: array
    volume: db-data
  register: found
"""

RETURN = r"""
group_snapshots:
  description: The group snapshots found, by backend and name. Sizes in GiB.
  returned: always
  type: list
  elements: dict
  sample:
    - id: 0c1ad0ae-7dbc-5b3b-94b4-8e0c8b9f6f0e
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
      created_at: '2026-11-20T09:30:00Z'
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER, named
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        backend=dict(type="str"),
        volume=dict(type="str"),
        name=dict(type="str"),
        names=dict(type="list", elements="str"),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {"backend": module.params["backend"], "volume": module.params["volume"], "names": named(module.params)}
    run_task(module, "controller", module.params["controller_config"], "group_snapshot.list", arguments, {"group_snapshots": []})


if __name__ == "__main__":
    main()
