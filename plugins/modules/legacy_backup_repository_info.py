#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_backup_repository_info
short_description: Tell what repositories of backups are registered
description:
  - Lists the repositories that M(baremetal.legacy_storage.legacy_backup_repository) registered on this controller. Asks none of them.
options:
  name:
    description: Only this repository.
    type: str
  names:
    description: Only these repositories.
    type: list
    elements: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Where backups go
  baremetal.legacy_storage.legacy_backup_repository_info:
  register: found
"""

RETURN = r"""
repositories:
  description: The repositories found, by name, secrets hidden.
  returned: always
  type: list
  elements: dict
  sample:
    - name: offsite
      location: s3:https://192.0.2.30:9000/backup
      environment:
        AWS_DEFAULT_REGION: eu-1
      secret_environment:
        AWS_ACCESS_KEY_ID: (hidden)
        AWS_SECRET_ACCESS_KEY: (hidden)
      password: (hidden)
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER, named
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(CONTROLLER, name=dict(type="str"), names=dict(type="list", elements="str"))
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    run_task(
        module, "controller", module.params["controller_config"], "repository.list", {"names": named(module.params)}, {"repositories": []}
    )


if __name__ == "__main__":
    main()
