#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_store_move
short_description: Move a controller's metadata store to another database
description:
  - Copies the store to another database, compares both, closes the old one for good and names the new one in the controller's settings. Tasks
    that work are waited for; tasks that come wait.
  - The old store keeps what it held, with a mark where it went; nothing can be written to it any more. To go back, move again with
    O(url) naming it and O(replace=true).
  - A run that was killed is finished by the next one. A store that is there already is left as it is.
  - The role P(baremetal.legacy_storage.controller#role) writes the settings as well, so set its variables C(controller_store_url) and
    C(controller_store_password) to the new database. On each further controller of a store, run the module with the same options.
options:
  url:
    description:
      - SQLAlchemy URL of the new database, for example V(postgresql://legacy_storage@db.example/legacy_storage), or
        V(sqlite:////var/lib/baremetal.legacy_storage/controller/store.sqlite). It must be empty.
    type: str
    required: true
  password:
    description: Password of the database's user. Not in O(url), which is shown.
    type: str
  replace:
    description: Lose what a store in the new database holds. Without it, one that is not empty is refused.
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: From SQLite to PostgreSQL
  baremetal.legacy_storage.legacy_store_move:
    url: postgresql://legacy_storage@db.example/legacy_storage
    password: "{{ vault_store_password }}"
  become: true

- name: And back
  baremetal.legacy_storage.legacy_store_move:
    url: sqlite:////var/lib/baremetal.legacy_storage/controller/store.sqlite
    replace: true
  become: true
"""

RETURN = r"""
store_url:
  description: URL of the database that is the store now (in check mode, that would be), without a password.
  returned: always
  type: str
  sample: postgresql+psycopg://legacy_storage@db.example/legacy_storage
previous_store_url:
  description: URL of the database that was the store before.
  returned: always
  type: str
  sample: sqlite:////var/lib/baremetal.legacy_storage/controller/store.sqlite
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
        url=dict(type="str", required=True),
        password=dict(type="str", no_log=True),
        replace=dict(type="bool", default=False),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {key: module.params[key] for key in ("url", "password", "replace")}
    unprepared = {"changed": True, "store_url": module.params["url"], "previous_store_url": None, "rows": {}}
    run_task(module, "controller", module.params["controller_config"], "store.move", arguments, unprepared)


if __name__ == "__main__":
    main()
