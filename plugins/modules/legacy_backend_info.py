#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_backend_info
short_description: Tell what backends are registered
description:
  - Lists backends with their options, pools and number of volumes, and on demand what their storage systems say of themselves.
  - Reads the metadata store on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
    Needs no Cinder and asks no storage system unless O(refresh=true) or O(candidates=true).
  - Storage systems are asked side by side, each in a process of its own. One that does not answer, or refuses, holds nobody up and does not
    fail the task; its backend says so in RV(ignore:error).
options:
  name:
    description: Only this backend.
    type: str
  refresh:
    description: Ask each storage system for its capacity and capabilities now. Logs in to it, which takes a while.
    type: bool
    default: false
  candidates:
    description:
      - List the volumes and snapshots that each storage system holds, for O(baremetal.legacy_storage.legacy_volume#module:adopt). Logs in to it.
      - What is managed already, or in use by others, is listed with the reason.
    type: bool
    default: false
  timeout:
    description: How many seconds each storage system has to answer, with O(refresh=true) or O(candidates=true).
    type: int
    default: 60
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Free space of every pool
  baremetal.legacy_storage.legacy_backend_info:
    refresh: true
  register: found

- name: Show it
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.pool_details | map(attribute='free_capacity_gb') }} GiB free"
  loop: "{{ found.backends | rejectattr('error') }}"

- name: Tell whose storage systems do not answer
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.error }}"
  loop: "{{ found.backends | selectattr('error') }}"

- name: Look for volumes to adopt
  baremetal.legacy_storage.legacy_backend_info:
    name: lvm
    candidates: true
  register: there

- name: Show how to refer to them
  ansible.builtin.debug:
    msg: "{{ there.backends[0].candidates.volumes | selectattr('safe_to_manage') | map(attribute='reference') }}"
"""

RETURN = r"""
backends:
  description:
    - The backends found, by name; secret options without their values.
    - With O(refresh=true) or O(candidates=true) each has RV(ignore:error), why its storage system did not tell, or null. With an error,
      what was to be asked is null.
    - With O(candidates=true) each has RV(ignore:candidates); null stands for a driver that cannot list them.
    - With O(refresh=true) each has RV(ignore:pool_details), in one form for all drivers; null is what a driver does not say.
      Capacities are in GiB, or C(infinite) or C(unknown). C(max_over_subscription_ratio) is how much may be promised of what there is.
      C(consistent_group_snapshot) is whether the driver really has a way to take snapshots of several volumes at one moment.
    - C(failed_over_to) is the replication target that serves the backend, null for the storage system that its options name.
      C(replication.targets) are the ids of its targets; C(replication.enabled) is whether the driver says that it replicates now, null without
      O(refresh=true).
    - With O(refresh=true) each also has RV(ignore:stats), the driver's own words; capacities in GiB, or C(infinite) or C(unknown).
  returned: always
  type: list
  elements: dict
  sample:
    - name: lvm
      driver: cinder.volume.drivers.lvm.LVMVolumeDriver
      options:
        volume_group: cinder-volumes
        lvm_type: thin
      secret_options:
        chap_password: (hidden)
      max_parallel: 4
      pools:
        - lvm
      volume_count: 3
      error: null
      failed_over_to: null
      replication:
        targets:
          - site-b
        enabled: true
      candidates:
        volumes:
          - reference:
              source-name: old_wiki
            size: 10
            safe_to_manage: true
            reason_not_safe: null
            cinder_id: null
            managed_as: null
            extra_info: null
        snapshots: []
      pool_details:
        - name: lvm
          total_capacity_gb: 19.0
          free_capacity_gb: 9.0
          provisioned_capacity_gb: 12.0
          max_over_subscription_ratio: 20.0
          reserved_percentage: 0
          capabilities:
            thin_provisioning: true
            thick_provisioning: false
            multiattach: true
            qos: null
            online_extend: null
            replication: null
            consistent_group_snapshot: false
          replication_targets: []
      stats:
        storage_protocol: iSCSI
        pools:
          - pool_name: lvm
            total_capacity_gb: 19.0
            free_capacity_gb: 9.0
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        name=dict(type="str"),
        refresh=dict(type="bool", default=False),
        candidates=dict(type="bool", default=False),
        timeout=dict(type="int", default=60),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {key: module.params[key] for key in ("name", "refresh", "candidates", "timeout")}
    run_task(module, "controller", module.params["controller_config"], "backend.list", arguments, {"backends": []})


if __name__ == "__main__":
    main()
