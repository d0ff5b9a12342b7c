#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_store_import
short_description: Fill a controller's metadata store from a file
description:
  - Reads what M(baremetal.legacy_storage.legacy_store_export) wrote, checks that it is whole and that its secrets can be read, and puts it into
    the store in one transaction. Other tasks wait meanwhile.
  - A store that holds the same already is left as it is.
  - No storage system is asked. What was made or deleted there since the file was written is not known to the store afterwards. Tasks that would make such a
    thing anew are refused where the driver can tell that it exists. Elsewhere they make another one and leave that alone, since what is made after
    an import gets ids that were never given before.
  - A file that an earlier release wrote is read as well.
  - What was being worked on when the file was written is marked C(error_interrupted), with a warning, and neither finished nor taken back.
options:
  path:
    description: The file to read, on the controller.
    type: path
    required: true
  replace:
    description: Lose what the store holds. Without it, a store that is not empty is refused.
    type: bool
    default: false
  passphrase:
    description:
      - The passphrase that the file was written with, if it was.
      - At least 12 characters. Best from Ansible Vault.
    type: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Restore the store of a new controller
  baremetal.legacy_storage.legacy_store_import:
    path: /var/backups/legacy-storage.export
    passphrase: "{{ vault_store_passphrase }}"
  become: true
"""

RETURN = r"""
path:
  description: The file.
  returned: always
  type: str
  sample: /var/backups/legacy-storage.export
rows:
  description: How many rows the store has of each table.
  returned: always
  type: dict
  sample:
    backends: 2
    exports: 40
    key_values: 0
    operations: 0
    snapshots: 12
    volumes: 57
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        path=dict(type="path", required=True),
        replace=dict(type="bool", default=False),
        passphrase=dict(type="str", no_log=True),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {key: module.params[key] for key in ("path", "replace", "passphrase")}
    unprepared = {"changed": True, "path": module.params["path"], "rows": {}}
    run_task(module, "controller", module.params["controller_config"], "store.import", arguments, unprepared)


if __name__ == "__main__":
    main()
