#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_backend
short_description: Register storage systems by their Cinder drivers
description:
  - Registers backends on a controller, so that volumes can be named by backend and name; changes their options; removes them.
  - Checks each option against what the driver declares, and logs in to the storage system before anything is saved.
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
options:
  name:
    description: Name of the backend; letters, digits, V(-), V(_) and V(.).
    type: str
  driver:
    description:
      - Dotted path of the driver's class, of Cinder or of another package on the controller. Required for O(state=present).
    type: str
  options:
    description:
      - All of the driver's options that may be shown, as the driver documents them. What is not listed goes back to the driver's default.
      - An option the driver does not have is refused, and so is a secret one.
      - One that is deprecated for removal is accepted with a warning.
      - Options that lead away from volumes that the backend has are refused, see O(probe). Register another backend for another place.
    type: dict
  secret_options:
    description:
      - All of the driver's options that must not be shown, such as passwords. Kept out of logs and results, encrypted in the store.
      - C(replication_device) belongs here, the targets that M(baremetal.legacy_storage.legacy_backend_failover) can fail over to - a list of
        dictionaries with C(backend_id) and what else the driver documents.
    type: dict
  max_parallel:
    description:
      - How many operations of one task may run on it at once, migrations to it included. V(4) for a new backend.
      - It holds for each task, so a play of many nodes may run as many at once as it has forks; C(throttle) and C(serial) of the play limit that.
    type: int
  probe:
    description:
      - Log in to the storage system before a new or changed backend is saved. If that fails, nothing is saved.
      - Where the backend has volumes and options of it change, the driver looks for some of them. If it finds none with the new options, and finds one
        with those of before, the task fails and nothing is saved. If it finds none with either, a warning says so, unless only secret options
        changed. Run M(baremetal.legacy_storage.legacy_doctor) then.
      - V(false) skips all of that. A volume that is deleted while its backend leads elsewhere is forgotten, and its data stays where it is.
      - Not done in check mode.
    type: bool
    default: true
  state:
    description: Whether the backend should be registered. One that still has volumes is not removed.
    type: str
    choices: [present, absent]
    default: present
  backends:
    description: Several backends. Each item takes the same parameters as a single one.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the backend; letters, digits, V(-), V(_) and V(.).
        type: str
      driver:
        description:
          - Dotted path of the driver's class, of Cinder or of another package on the controller. Required for O(state=present).
        type: str
      options:
        description:
          - All of the driver's options that may be shown, as the driver documents them. What is not listed goes back to the driver's default.
          - An option the driver does not have is refused, and so is a secret one.
          - One that is deprecated for removal is accepted with a warning.
          - Options that lead away from volumes that the backend has are refused, see O(backends[].probe). Register another backend for another place.
        type: dict
      secret_options:
        description:
          - All of the driver's options that must not be shown, such as passwords. Kept out of logs and results, encrypted in the store.
          - C(replication_device) belongs here, the targets that M(baremetal.legacy_storage.legacy_backend_failover) can fail over to - a list of
            dictionaries with C(backend_id) and what else the driver documents.
        type: dict
      max_parallel:
        description:
          - How many operations of one task may run on it at once, migrations to it included. V(4) for a new backend.
          - It holds for each task, so a play of many nodes may run as many at once as it has forks; C(throttle) and C(serial) of the play limit that.
        type: int
      probe:
        description:
          - Log in to the storage system before a new or changed backend is saved. If that fails, nothing is saved.
          - Where the backend has volumes and options of it change, the driver looks for some of them. If it finds none with the new options, and finds one
            with those of before, the task fails and nothing is saved. If it finds none with either, a warning says so, unless only secret options
            changed. Run M(baremetal.legacy_storage.legacy_doctor) then.
          - V(false) skips all of that. A volume that is deleted while its backend leads elsewhere is forgotten, and its data stays where it is.
          - Not done in check mode.
        type: bool
        default: true
      state:
        description: Whether the backend should be registered. One that still has volumes is not removed.
        type: str
        choices: [present, absent]
        default: present
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: A volume group on the controller, handed out over iSCSI with CHAP
  baremetal.legacy_storage.legacy_backend:
    name: lvm
    driver: cinder.volume.drivers.lvm.LVMVolumeDriver
    options:
      volume_group: cinder-volumes
      lvm_type: thin
      target_helper: lioadm
      target_protocol: iscsi
      target_ip_address: 192.0.2.10
      target_secondary_ip_addresses: [198.51.100.10]
      use_chap_auth: true

- name: An array, its password from Ansible Vault
  baremetal.legacy_storage.legacy_backend:
    name: pure
    driver: cinder.volume.drivers.pure.PureISCSIDriver
    options:
      san_ip: 192.0.2.20
    secret_options:
      pure_api_token: "{{ vault_pure_api_token }}"

- name: An array with a mirror on another site
  baremetal.legacy_storage.legacy_backend:
    name: pure
    driver: cinder.volume.drivers.pure.PureISCSIDriver
    options:
      san_ip: 192.0.2.20
    secret_options:
      pure_api_token: "{{ vault_pure_api_token }}"
      replication_device:
        - backend_id: site-b
          san_ip: 198.51.100.20
          api_token: "{{ vault_pure_site_b_api_token }}"
          type: async

- name: Forget a backend
  baremetal.legacy_storage.legacy_backend:
    name: old
    state: absent
"""

RETURN = r"""
backends:
  description: One result for each item asked for, in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name the item was asked for by.
      returned: always
      type: str
      sample: data
    changed:
      description: Whether this item changed.
      returned: always
      type: bool
      sample: true
    operations:
      description: What was done, or in check mode would be done, in order.
      returned: always
      type: list
      elements: dict
      sample:
        - action: register
          noun: backend
          backend: lvm
          name: lvm
    backend:
      description: The backend; secret options without their values. Null when it does not exist.
      returned: always
      type: dict
      sample:
        name: lvm
        driver: cinder.volume.drivers.lvm.LVMVolumeDriver
        options:
          volume_group: cinder-volumes
          lvm_type: thin
        secret_options:
          chap_password: (hidden)
        max_parallel: 4
    failed:
      description: Set when this item failed; the others were carried out all the same.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this item failed, and what to do.
      returned: on failure
      type: str
      sample: "size: 5 is smaller than volume 'data' is now (10 GiB). Volumes never shrink; give at least that."
backend:
  description: The backend; secret options without their values. Null when it does not exist.
  returned: when one backend was asked for by its own parameters
  type: dict
  sample:
    name: lvm
    driver: cinder.volume.drivers.lvm.LVMVolumeDriver
    options:
      volume_group: cinder-volumes
      lvm_type: thin
    secret_options:
      chap_password: (hidden)
    max_parallel: 4
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one backend was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: register
      noun: backend
      backend: lvm
      name: lvm
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: in_use
    parameter: state
    message: 'state: volume ''data'' is attached to node1. ...'
    details: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

ITEM = dict(
    name=dict(type="str"),
    driver=dict(type="str"),
    options=dict(type="dict"),
    secret_options=dict(type="dict", no_log=True),
    max_parallel=dict(type="int"),
    probe=dict(type="bool", default=True),
    state=dict(type="str", choices=["present", "absent"], default="present"),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "backends"))
    run_on_items(module, "backend.ensure", "backends", ITEM)


if __name__ == "__main__":
    main()
