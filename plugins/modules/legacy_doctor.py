#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_doctor
short_description: Compare store, storage systems and nodes, and mend when told
description:
  - Runs on a controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied. It compares what the metadata
    store says with what each backend's storage system says, and with what nodes say where O(nodes) brings it along.
  - Looks into each repository of backups as well, for what was not finished.
  - Tells what interrupted runs left unsettled, things that are missing or unknown on the storage systems, sizes that differ, exports and
    attachments that do not match, initiator names that several hosts share, and files that others can read or that have no room to grow.
  - Storage systems are asked side by side, each in a process of its own; one that does not answer holds nobody up.
  - Mends only with O(mend=true), and never deletes anything on a storage system that may hold data. What is there and not in the store is told, not
    touched.
  - The playbook C(baremetal.legacy_storage.doctor) runs it for a whole inventory and prints a report.
options:
  mend:
    description:
      - Settle what interrupted runs left (as the next task that names the thing would), take back rights of others on key and store, and unmap
        volumes from the hosts in O(fenced). In repositories, delete contents that no record makes a backup, where they are older than a week and
        nobody writes to the repository just then; the next deletion with C(prune) frees their room.
    type: bool
    default: false
  fenced:
    description:
      - Hosts that are known dead and cannot come back by themselves, by the names under which volumes are exported to them. With O(mend=true)
        their exports are removed without asking them.
      - A controller may be among them, by its host name or by the one that it had. What a run that was killed there had open itself is then unmapped
        without being disconnected there, and no longer locks the volume.
    type: list
    elements: str
    default: []
  nodes:
    description: What the nodes say of themselves. Without it, exports are not compared with nodes.
    type: list
    elements: dict
    suboptions:
      name:
        description: The node's name in the inventory.
        type: str
        required: true
      error:
        description: Why the node said nothing.
        type: str
      connector:
        description: Its connector, as M(baremetal.legacy_storage.legacy_connector_info) returns it.
        type: dict
      attachments:
        description: What is attached to it, as M(baremetal.legacy_storage.legacy_attachment_info) returns it.
        type: list
        elements: dict
        default: []
  backends:
    description: Names of the backends whose storage systems are asked. All, when it is left out; none for an empty list.
    type: list
    elements: str
  repositories:
    description: Names of the repositories of backups that are looked into. All, when it is left out; none for an empty list.
    type: list
    elements: str
  timeout:
    description: How many seconds each storage system and each repository has to answer.
    type: int
    default: 60
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
attributes:
  diff_mode:
    description: Returns what changes, before and after.
    support: none
seealso:
  - module: baremetal.legacy_storage.legacy_attachment_info
  - module: baremetal.legacy_storage.legacy_backend_info
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: See whether store and storage systems agree
  baremetal.legacy_storage.legacy_doctor:
  register: doctor

- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ item.where }}: {{ item.problem }} {{ item.remedy }}"
  loop: "{{ doctor.findings }}"

- name: Settle what interrupted runs left, and unmap all volumes from a host that burnt down
  baremetal.legacy_storage.legacy_doctor:
    mend: true
    fenced: [node7]

- name: Free what a controller had open that burnt down
  baremetal.legacy_storage.legacy_doctor:
    mend: true
    fenced: [controller1]
"""

RETURN = r"""
findings:
  description: What is not as it should be, the worst first.
  returned: always
  type: list
  elements: dict
  contains:
    severity:
      description: V(error), V(warning), or V(note) for what could not be compared.
      type: str
      returned: always
    check:
      description:
        - The kind of finding, one of V(attachment), V(backend), V(disk), V(failover), V(fenced), V(foreign), V(initiator), V(missing),
          V(no_export), V(no_record), V(node), V(not_compared), V(orphan), V(permissions), V(repository), V(size), V(status), V(store),
          V(unfinished), V(unknown_host), V(unknown_volume), V(unreadable_record) and V(unsettled).
        - V(unknown_volume) is one that a node holds and that this store does not know, of a backend whose name it knows. Where several controllers with
          stores of their own serve the node it may be another one's. The playbook C(baremetal.legacy_storage.doctor) leaves out what another controller
          of the inventory has exported.
        - V(repository) is one that cannot be read, V(unfinished) the content of a backup without the record that makes it one.
        - V(orphan) is what is named as this collection names things and unknown to the store. What was released on purpose is none, nor what
          a storage system keeps of a deleted volume for the volumes that were made from it.
      type: str
      returned: always
    where:
      description: What it is about.
      type: str
      returned: always
    problem:
      description: What is wrong.
      type: str
      returned: always
    remedy:
      description: What would mend it.
      type: str
      returned: always
    mendable:
      description: Whether the doctor can.
      type: bool
      returned: always
    mended:
      description: Whether the doctor did.
      type: bool
      returned: always
    mend_error:
      description: Why the doctor could not, or V(null).
      type: str
      returned: always
  sample:
    - severity: warning
      check: unsettled
      where: volume vendor-a/database
      problem: "create was begun 3 hours ago and has not ended: it is under way, or its run was interrupted."
      remedy: The next task that names it takes back what was made first; the doctor does the same when told to mend.
        It leaves alone what another task works on.
      mendable: true
      mended: false
      mend_error: null
healthy:
  description: Whether there is neither an error nor a warning that was not mended.
  returned: always
  type: bool
  sample: false
counts:
  description: How many things were looked at.
  returned: always
  type: dict
  sample:
    backends: 2
    volumes: 117
    snapshots: 40
    exports: 96
    repositories: 1
    nodes: 12
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER
from ..module_utils.task import run_task

NODE = dict(
    name=dict(type="str", required=True),
    error=dict(type="str"),
    connector=dict(type="dict"),
    attachments=dict(type="list", elements="dict", default=[]),
)


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        mend=dict(type="bool", default=False),
        fenced=dict(type="list", elements="str", default=[]),
        nodes=dict(type="list", elements="dict", options=NODE),
        backends=dict(type="list", elements="str"),
        repositories=dict(type="list", elements="str"),
        timeout=dict(type="int", default=60),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    arguments = {key: module.params[key] for key in ("mend", "fenced", "nodes", "backends", "repositories", "timeout")}
    run_task(module, "controller", module.params["controller_config"], "doctor.examine", arguments)


if __name__ == "__main__":
    main()
