#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_driver_info
short_description: Tell what drivers there are and what options they take
description:
  - Lists the drivers of the Cinder release on the controller, the host to which the role P(baremetal.legacy_storage.controller#role)
    was applied, with what each declares of itself. No storage system is asked, and no backend is needed.
  - For every option it tells whether it belongs under O(baremetal.legacy_storage.legacy_backend#module:options) or
    O(baremetal.legacy_storage.legacy_backend#module:secret_options).
options:
  names:
    description:
      - Only these drivers. Dotted paths, or any part of one in upper or lower case, as in V(netapp) or V(LVMVolumeDriver).
      - A dotted path of a driver that is not part of Cinder is imported as it stands.
    type: list
    elements: str
  options:
    description:
      - Whether to tell the options as well. By default they are told when O(names) is given.
    type: bool
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
seealso:
  - module: baremetal.legacy_storage.legacy_backend
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Which drivers are there
  baremetal.legacy_storage.legacy_driver_info:
  register: all_of_them

- name: Show their names
  ansible.builtin.debug:
    var: all_of_them.drivers | map(attribute='name')

- name: What can NetApp's iSCSI driver be told
  baremetal.legacy_storage.legacy_driver_info:
    names: [NetAppCmodeISCSIDriver]
  register: netapp

- name: Show the options that are secrets
  ansible.builtin.debug:
    var: netapp.drivers[0].options | selectattr('parameter', 'equalto', 'secret_options') | map(attribute='name')
"""

RETURN = r"""
drivers:
  description: The drivers, by dotted path.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Dotted path, as O(baremetal.legacy_storage.legacy_backend#module:driver) takes it.
      type: str
      returned: always
      sample: cinder.volume.drivers.lvm.LVMVolumeDriver
    description:
      description: The driver's own first words about itself.
      type: str
      returned: always
      sample: Executes commands relating to Volumes.
    version:
      description: The driver's version, where it has one.
      type: str
      returned: always
      sample: 3.0.0
    supported:
      description: Whether Cinder's developers call it supported. A driver that is not may be gone in the next release.
      type: bool
      returned: always
      sample: true
    ci_wiki_name:
      description: Under which name its vendor tests it.
      type: str
      returned: always
      sample: Cinder_Jenkins
    protocols:
      description: How nodes reach its volumes, as far as its sources tell. In doubt several, or none.
      type: list
      elements: str
      returned: always
      sample: [iSCSI]
    features:
      description:
        - What the driver's sources say that it can do beyond volumes, snapshots and clones, which every driver can. Read, not tried; an
          array, a licence or an option may say no. C(docs/drivers.md) of this collection tells what was tried.
        - C(active_active), C(adopt_volume), C(adopt_snapshot), C(list_adoptable), C(clone_image), C(group_snapshot), C(migrate),
          C(multiattach), C(replication), C(retype), C(revert_to_snapshot).
        - C(active_active) is that several controllers with one store may work on one backend at once (Cinder's C(SUPPORTS_ACTIVE_ACTIVE)).
          Without it let one controller alone work on the backend.
      type: list
      elements: str
      returned: always
      sample: [adopt_volume, migrate, retype, revert_to_snapshot]
    python_packages:
      description:
        - Python packages that the driver uses where they are there, which some drivers cannot start without. Each with the name that
          is imported, what to give to pip, and whether it is installed on the controller.
        - The role's O(baremetal.legacy_storage.controller#role:main:controller_python_packages) installs them.
      type: list
      elements: dict
      returned: always
      sample:
        - import: hpe3parclient
          requirement: python-3parclient>=4.2.10
          installed: false
    options:
      description: What the driver can be told, by name.
      type: list
      elements: dict
      returned: with O(options)
      sample:
        - name: lvm_type
          parameter: options
          type: str
          default: auto
          required: false
          choices: [default, thin, auto]
          min: null
          max: null
          deprecated: false
          former_names: []
          description: Type of LVM volumes to deploy.
common_options:
  description: The options that Cinder's base class declares for every driver, in the same form. Empty unless options are told.
  returned: always
  type: list
  elements: dict
  sample:
    - name: reserved_percentage
      parameter: options
      type: int
      default: 0
      required: false
      choices: []
      min: 0
      max: 100
      deprecated: false
      former_names: []
      description: The percentage of backend capacity is reserved
broken:
  description: Modules of Cinder's drivers that cannot be imported on this controller, and why; their drivers are not in the list.
  returned: always
  type: list
  elements: dict
  sample:
    - module: cinder.volume.drivers.pure
      reason: "ModuleNotFoundError: No module named 'distro'"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        names=dict(type="list", elements="str"),
        options=dict(type="bool"),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {"names": module.params["names"], "options": module.params["options"]}
    run_task(module, "controller", module.params["controller_config"], "driver.list", arguments, {"drivers": [], "common_options": [], "broken": []})


if __name__ == "__main__":
    main()
