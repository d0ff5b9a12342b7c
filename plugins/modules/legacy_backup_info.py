#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_backup_info
short_description: Tell what backups there are
description:
  - Lists the backups that repositories hold, whichever controller made them. Asks the repositories, and changes nothing in them.
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied, and uses the program restic there.
options:
  repository:
    description: Only backups in this repository. All registered ones when not given.
    type: str
  backend:
    description: Only backups of volumes of this backend.
    type: str
  volume:
    description: Only backups of this volume, by name or id.
    type: str
  name:
    description: Only this backup, by name or id.
    type: str
  names:
    description: Only these backups, by name or id.
    type: list
    elements: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Backups of a volume
  baremetal.legacy_storage.legacy_backup_info:
    backend: lvm
    volume: data
  register: found
"""

RETURN = r"""
backups:
  description:
    - The backups found, by repository and time, each with the volume as it was, in GiB.
    - C(bytes) is the length of its content, C(bytes_added) what the repository grew by.
  returned: always
  type: list
  elements: dict
  sample:
    - repository: offsite
      name: data-monday
      id: 8ff3a509-a1f4-4810-8b1d-fe791c1431a8
      volume:
        id: 6229f862-a401-5616-bf1c-8011d75b8844
        backend: lvm
        name: data
        size: 10
        description: ''
        metadata: {}
        extra_specs: {}
        qos_specs: {}
        created_at: '2026-10-02T11:04:17.204411Z'
      snapshot: null
      description: ''
      bytes: 10737418240
      bytes_added: 4331549
      sha256: 1fd491c93646827238c427f2fe4650e2f7648f8445f30c9d11e1696a09101020
      created_at: '2026-11-20T09:30:00Z'
in_progress:
  description:
    - What is being backed up just now, or was by a run that was killed, as far as this controller's store knows. It is no backup yet.
    - C(step) tells how far it is, such as V(saving 37 %). How far a restoring is, M(baremetal.legacy_storage.legacy_volume_info) tells.
  returned: always
  type: list
  elements: dict
  sample:
    - repository: offsite
      name: data-tuesday
      volume:
        id: 6229f862-a401-5616-bf1c-8011d75b8844
        backend: lvm
        name: data
      action: backup
      step: saving 37 %
      started_at: '2026-11-21T09:30:00Z'
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER, named
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        repository=dict(type="str"),
        backend=dict(type="str"),
        volume=dict(type="str"),
        name=dict(type="str"),
        names=dict(type="list", elements="str"),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {key: module.params[key] for key in ("repository", "backend", "volume")}
    arguments["names"] = named(module.params)
    run_task(module, "controller", module.params["controller_config"], "backup.list", arguments, {"backups": [], "in_progress": []})


if __name__ == "__main__":
    main()
