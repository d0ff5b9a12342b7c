#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_export_info
short_description: Tell which volumes are mapped to which hosts
description:
  - Lists exports as the controller knows them. What M(baremetal.legacy_storage.legacy_attachment_info) shows beside a node's own records.
  - Reads the metadata store on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
    Needs no Cinder and asks no storage system.
options:
  backend:
    description: Only exports of volumes on this backend.
    type: str
  volume:
    description: Only exports of this volume, by name or id.
    type: str
  host:
    description: Only exports to this host, by the name that the controller knows it by.
    type: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
seealso:
  - module: baremetal.legacy_storage.legacy_export
  - module: baremetal.legacy_storage.legacy_attachment_info
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: What is mapped to a host
  baremetal.legacy_storage.legacy_export_info:
    host: node1
  register: mapped
"""

RETURN = r"""
exports:
  description: The exports found, by backend, volume and host, with connection_info for people to read. Sizes in GiB.
  returned: always
  type: list
  elements: dict
  sample:
    - id: 7101656c-de3c-5513-95aa-3fcb3fc7f6ca
      backend: lvm
      volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
      volume_name: data
      host: node1
      status: exported
      multipath: true
      access_mode: rw
      size: 10
      protocol: iscsi
      connection_info:
        target_portal: 192.0.2.10:3260
        auth_password: (hidden)
      exported_at: '2026-11-20T09:30:00Z'
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(CONTROLLER, backend=dict(type="str"), volume=dict(type="str"), host=dict(type="str"))
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {key: module.params[key] for key in ("backend", "volume", "host")}
    run_task(module, "controller", module.params["controller_config"], "export.list", arguments, {"exports": []})


if __name__ == "__main__":
    main()
