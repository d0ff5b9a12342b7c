#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_store_export
short_description: Write a controller's whole metadata store to a file
description:
  - Writes everything that the store knows (backends, volumes, snapshots, exports, and what was begun and is not settled) to one file on the
    controller, readable by root only. It shows the store at one moment; tasks may go on meanwhile.
  - Secrets in the file are encrypted, with the controller's own key or with O(passphrase). A file without a passphrase is of use only
    together with the key file, so back up both.
  - A file that holds the same already is left as it is; an older export is replaced; another file is refused.
options:
  path:
    description: The file to write, on the controller.
    type: path
    required: true
  passphrase:
    description:
      - Encrypt the secrets in the file with a key made of this passphrase, so that a controller with another key can import it.
      - At least 12 characters. Best from Ansible Vault.
    type: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Back the store up, to be restored on this controller or one with its key
  baremetal.legacy_storage.legacy_store_export:
    path: /var/backups/legacy-storage.export
  become: true

- name: The same, to be restored anywhere
  baremetal.legacy_storage.legacy_store_export:
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
    spec = dict(CONTROLLER, path=dict(type="path", required=True), passphrase=dict(type="str", no_log=True))
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {key: module.params[key] for key in ("path", "passphrase")}
    unprepared = {"changed": True, "path": module.params["path"], "rows": {}}
    run_task(module, "controller", module.params["controller_config"], "store.export", arguments, unprepared)


if __name__ == "__main__":
    main()
