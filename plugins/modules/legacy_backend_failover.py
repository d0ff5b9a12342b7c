#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_backend_failover
short_description: Let a replication target serve a backend's volumes, and fail back
description:
  - Fails a whole backend over to one of its replication targets, for when its storage system is lost or about to be, and back again.
    Nothing else in this collection ever does that.
  - Volumes with the extra spec C(replication_enabled) are served by the target from then on, with their names and ids. All others are
    unreachable until the fail back, which gives them the status back that they had.
  - Does B(not) touch the nodes. What is attached leads to the array that was left; the task lists those volumes, and each must be detached and
    attached again. They cannot be attached anew before they were detached, since a node could then write to the old copy.
  - Works although the storage system is dead, if the driver copes with that. Waits until no other task works on the backend, and keeps others away.
  - A run that was killed, or whose driver failed, leaves the backend closed to all other tasks until the same task was run again and succeeded.
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
options:
  name:
    description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
    type: str
  state:
    description:
      - V(failed_over) lets O(target) serve the backend's volumes. V(failed_back) lets the storage system do so again that the backend's options name.
      - Required; nothing is done by default.
    type: str
    choices: [failed_over, failed_back]
  target:
    description:
      - Id of the replication target, the C(backend_id) of an entry of C(replication_device) in the backend's secret options.
      - Not given, the only one there is. Only for O(state=failed_over).
    type: str
  force:
    description:
      - Overrides, named one by one. V(unconfirmed) writes O(state) down B(without asking the driver), for a fail over that was begun and whose
        driver cannot finish it. Look at the storage systems first - they must be in that state already.
      - With the state that the backend has already, it gives the volumes back that RV(backend) lists as C(in_error), once they are sound on the storage
        system that is in charge. Nothing is done where there is none; otherwise refused where nothing was begun.
    type: list
    elements: str
    choices: [unconfirmed]
    default: []
  backends:
    description: Several backends. Each item takes the same parameters as a single one.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
        type: str
      state:
        description:
          - V(failed_over) lets O(target) serve the backend's volumes. V(failed_back) lets the storage system do so again that the backend's options name.
          - Required; nothing is done by default.
        type: str
        choices: [failed_over, failed_back]
      target:
        description:
          - Id of the replication target, the C(backend_id) of an entry of C(replication_device) in the backend's secret options.
          - Not given, the only one there is. Only for O(state=failed_over).
        type: str
      force:
        description:
          - Overrides, named one by one. V(unconfirmed) writes O(state) down B(without asking the driver), for a fail over that was begun and whose
            driver cannot finish it. Look at the storage systems first - they must be in that state already.
          - With the state that the backend has already, it gives the volumes back that RV(backend) lists as C(in_error), once they are sound on the
            storage system that is in charge. Nothing is done where there is none; otherwise refused where nothing was begun.
        type: list
        elements: str
        choices: [unconfirmed]
        default: []
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: The array is lost, go on with its mirror
  baremetal.legacy_storage.legacy_backend_failover:
    name: pure
    state: failed_over
    target: site-b
  register: now

- name: Show what must be attached again, and what cannot be reached
  ansible.builtin.debug:
    msg: "{{ now.backend.reattach }} {{ now.backend.unreachable }}"

- name: The array is there again
  baremetal.legacy_storage.legacy_backend_failover:
    name: pure
    state: failed_back
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
      sample: pure
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
        - action: fail_over
          noun: backend
          backend: pure
          name: pure
          replication_target: site-b
    backend:
      description: Where the backend is and what that means, as RV(backend). Null when it is not registered.
      returned: always
      type: dict
      sample:
        name: pure
        failed_over_to: site-b
        targets:
          - site-b
        replicated:
          - data
        unreachable:
          - scratch
        in_error: []
        reattach:
          - volume: data
            volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
            hosts:
              - node1
    failed:
      description: Set when this item failed; the others were carried out all the same.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this item failed, and what to do.
      returned: on failure
      type: str
      sample: "target: 'site-c' is no replication target of backend pure (targets: site-b)."
backend:
  description:
    - Where the backend is and what that means. Null when it is not registered.
    - RV(ignore:failed_over_to) is the target that serves it, null for the storage system that its options name. RV(ignore:targets) are the ids to choose from.
    - RV(ignore:replicated) are the volumes that a target has a copy of, RV(ignore:unreachable) those that only the array has that was left,
      RV(ignore:in_error) those of which the driver said that they could not be failed over or back.
    - RV(ignore:reattach) are volumes that are attached by way of the array that was left, with the hosts. Detach them and attach them again.
  returned: when one backend was asked for by its own parameters
  type: dict
  sample:
    name: pure
    failed_over_to: site-b
    targets:
      - site-b
    replicated:
      - data
    unreachable:
      - scratch
    in_error: []
    reattach:
      - volume: data
        volume_id: 6229f862-a401-5616-bf1c-8011d75b8844
        hosts:
          - node1
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one backend was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: fail_over
      noun: backend
      backend: pure
      name: pure
      replication_target: site-b
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: not_found
    parameter: target
    message: 'target: ''site-c'' is no replication target of backend pure (targets: site-b).'
    details: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

ITEM = dict(
    name=dict(type="str"),
    state=dict(type="str", choices=["failed_over", "failed_back"]),
    target=dict(type="str"),
    force=dict(type="list", elements="str", choices=["unconfirmed"], default=[]),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "backends"))
    run_on_items(module, "failover.ensure", "backends", ITEM)


if __name__ == "__main__":
    main()
