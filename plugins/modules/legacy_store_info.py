#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_store_info
short_description: Tell where a controller keeps what it knows
description:
  - Tells which database the metadata store is, how much it holds, and which keys encrypt its secrets, without showing them.
options: {}
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Look at the store
  baremetal.legacy_storage.legacy_store_info:
  register: found

- name: Show how many volumes it knows
  ansible.builtin.debug:
    msg: "{{ found.store_url }}: {{ found.rows.volumes }} volumes"
"""

RETURN = r"""
store_url:
  description: URL of the database, without a password.
  returned: always
  type: str
  sample: postgresql+psycopg://legacy_storage@db.example/legacy_storage
shared:
  description: Whether several controllers can share it, that is whether it is PostgreSQL.
  returned: always
  type: bool
  sample: true
store_id:
  description: Two controllers that are told the same share a store. It changes with each rotation of the key; null where there is no store yet.
  returned: always
  type: str
  sample: 3f1c8d6cbd2f0f2e
schema:
  description: Revision of its schema; null where there is no store yet.
  returned: always
  type: str
  sample: "0005"
rows:
  description: How many rows the store has of each table; null where there is no store of this version.
  returned: always
  type: dict
  sample:
    backends: 2
    export_names: 80
    exports: 40
    group_snapshots: 3
    key_values: 0
    operations: 0
    released: 1
    repositories: 1
    snapshots: 12
    volumes: 57
key_fingerprints:
  description: What tells the keys in the key file apart; the first one encrypts. Empty where there is no key yet.
  returned: always
  type: list
  elements: str
  sample: [5b0c8d6cbd2f0f2e]
sealing_key:
  description: Public key to which another controller can seal the store's keys, see O(baremetal.legacy_storage.legacy_store_key#module:recipient).
  returned: always
  type: str
  sample: q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER
from ..module_utils.task import run_task


def main():
    """Run the module."""
    module = AnsibleModule(argument_spec=dict(CONTROLLER), supports_check_mode=True)
    unprepared = {
        "store_url": None,
        "shared": False,
        "store_id": None,
        "schema": None,
        "rows": None,
        "key_fingerprints": [],
        "sealing_key": None,
    }
    run_task(module, "controller", module.params["controller_config"], "store.show", {}, unprepared)


if __name__ == "__main__":
    main()
