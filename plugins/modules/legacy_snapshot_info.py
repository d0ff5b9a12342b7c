#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_snapshot_info
short_description: Tell what snapshots there are
description:
  - Lists snapshots with their volumes.
  - Reads the metadata store on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
    Needs no Cinder and asks no storage system.
options:
  backend:
    description: Only snapshots of this backend.
    type: str
  volume:
    description: Only snapshots of this volume, by name or id.
    type: str
  name:
    description: Only this snapshot, by name or id.
    type: str
  names:
    description: Only these snapshots, by name or id.
    type: list
    elements: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Snapshots of a volume
  baremetal.legacy_storage.legacy_snapshot_info:
    backend: lvm
    volume: data
  register: found
"""

RETURN = r"""
snapshots:
  description:
    - The snapshots found, by backend and name. Sizes in GiB.
    - RV(ignore:group_snapshot) is the name of the group snapshot that it is a member of, or null.
  returned: always
  type: list
  elements: dict
  sample:
    - id: 68ed82ce-05ee-5336-8f3a-1a6939d4d1e6
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
    run_task(module, "controller", module.params["controller_config"], "snapshot.list", arguments, {"snapshots": []})


if __name__ == "__main__":
    main()
