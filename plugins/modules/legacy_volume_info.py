#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_volume_info
short_description: Tell what volumes there are
description:
  - Lists volumes with their snapshots, the hosts they are attached to, and what a task is doing with them right now.
  - Reads the metadata store on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
    Needs no Cinder and asks no storage system.
options:
  backend:
    description: Only volumes of this backend.
    type: str
  name:
    description: Only this volume, by name or id.
    type: str
  names:
    description: Only these volumes, by name or id.
    type: list
    elements: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: All volumes of a backend
  baremetal.legacy_storage.legacy_volume_info:
    backend: lvm
  register: found

- name: Names of those that are attached
  ansible.builtin.debug:
    msg: "{{ found.volumes | selectattr('attached_to') | map(attribute='name') }}"
"""

RETURN = r"""
volumes:
  description:
    - The volumes found, by backend and name. Sizes in GiB.
    - RV(ignore:name_id) is the id that the volume's object on the storage system is named by, as Cinder calls it; most drivers name that
      C(volume-<name_id>). It is another one than RV(ignore:id) once the volume has been migrated.
    - RV(ignore:exported_at) tells for each host of RV(ignore:attached_to) when it was exported there.
    - RV(ignore:in_progress) holds what a task has begun and not ended, and how far it got. It is at it, or it was killed.
      While data moves, its C(step) tells how much, such as V(copying 37 %); its C(action) is V(backup) while the volume is being backed up.
  returned: always
  type: list
  elements: dict
  sample:
    - id: 6229f862-a401-5616-bf1c-8011d75b8844
      backend: lvm
      name: data
      size: 10
      status: in-use
      description: ''
      metadata:
        team: a
      extra_specs: {}
      qos_specs: {}
      pool: lvm
      source: null
      reverted_to: null
      adopted_from: null
      attached_to: [node1]
      exported_at:
        node1: '2026-11-20T09:31:00Z'
      restored: null
      replication_status: disabled
      snapshots:
        - data-nightly
      created_at: '2026-11-20T09:30:00Z'
      name_id: 6229f862-a401-5616-bf1c-8011d75b8844
      in_progress:
        - action: extend
          step: begun
          started_at: '2026-11-21T14:02:00Z'
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER, named
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        backend=dict(type="str"),
        name=dict(type="str"),
        names=dict(type="list", elements="str"),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {"backend": module.params["backend"], "names": named(module.params)}
    run_task(module, "controller", module.params["controller_config"], "volume.list", arguments, {"volumes": []})


if __name__ == "__main__":
    main()
