#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_store_key
short_description: Rotate the key that encrypts the secrets in a controller's metadata store
description:
  - Takes one step of a rotation, or takes another controller's keys over. The playbook C(baremetal.legacy_storage.rotate_key) does all of it,
    on every controller.
  - Between any two steps everything can be read by every controller, and a rotation that was interrupted is gone on with.
  - Keys never leave a controller but sealed to another one.
options:
  step:
    description:
      - V(add) makes a new key and makes it known; the old one still encrypts. Nothing is done where a rotation is under way.
      - V(use) encrypts with the new key from now on. Other controllers of the same store must know it by then.
      - V(reencrypt) encrypts everything in the store with it, in one transaction.
      - V(drop) forgets all other keys. Refused while something in the store needs one of them.
      - A step that was done already changes nothing.
    type: str
    choices: [add, use, reencrypt, drop]
  sealed_keys:
    description:
      - The keys of another controller, as RV(sealed_keys). They take the place of this controller's own.
      - Refused where something in the store could not be read with them.
    type: str
  recipient:
    description: The RV(baremetal.legacy_storage.legacy_store_info#module:sealing_key) of another controller, to which the keys are to be sealed.
    type: str
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make a new key
  baremetal.legacy_storage.legacy_store_key:
    step: add
  become: true

- name: Seal the keys to a further controller
  baremetal.legacy_storage.legacy_store_key:
    recipient: "{{ hostvars['controller2'].found.sealing_key }}"
  delegate_to: controller1
  become: true
  register: given

- name: Take them over
  baremetal.legacy_storage.legacy_store_key:
    sealed_keys: "{{ given.sealed_keys }}"
  delegate_to: controller2
  become: true
"""

RETURN = r"""
key_fingerprints:
  description: What tells the keys in the key file apart when the task ends (in check mode, that would be there); the first one encrypts.
  returned: always
  type: list
  elements: str
  sample: [5b0c8d6cbd2f0f2e, 7f6f0dd6a46e6a3b]
reencrypted:
  description: How many secrets O(step=reencrypt) encrypted anew (in check mode, would).
  returned: always
  type: int
  sample: 57
sealed_keys:
  description: The key file, sealed to O(recipient); only that controller can open it. Null without a recipient.
  returned: always
  type: str
  sample: q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        step=dict(type="str", choices=["add", "use", "reencrypt", "drop"]),
        sealed_keys=dict(type="str", no_log=False),
        recipient=dict(type="str"),
    )
    module = AnsibleModule(
        argument_spec=spec,
        supports_check_mode=True,
        required_one_of=[("step", "sealed_keys", "recipient")],
        mutually_exclusive=[("step", "sealed_keys")],
    )
    arguments = {key: module.params[key] for key in ("step", "sealed_keys", "recipient")}
    unprepared = {"changed": True, "key_fingerprints": [], "reencrypted": 0, "sealed_keys": None}
    run_task(module, "controller", module.params["controller_config"], "store.key", arguments, unprepared)


if __name__ == "__main__":
    main()
