#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_preflight_info
short_description: Look whether a host is fit to consume volumes
description:
  - Tells what would keep a host from being a node or a controller, or would put data in danger, and what to do about it. Changes nothing.
  - Needs nothing of the roles P(baremetal.legacy_storage.node#role) and P(baremetal.legacy_storage.controller#role) on the host. What the role sets
    right by itself is a V(note) where it has not been applied yet, and a fault where it has been.
  - Looks at kernel modules, programs and services, the settings of open-iscsi and multipath, the host's names, iSCSI sessions, the clock, portals, free
    space, Python, and what a kubelet needs.
  - "Never fight others: maps over the system's own disks, and over devices of Longhorn, Portworx, Ceph or DRBD, are told, as are settings that
    let multipathd take them."
  - The playbook C(baremetal.legacy_storage.preflight) runs it on a whole inventory, compares what must be unique, and prints one report.
options:
  half:
    description:
      - What the host is to be. Of a V(controller) neither kernel modules nor programs, iSCSI, multipath or a kubelet are wanted.
    type: str
    choices: [node, controller]
    default: node
  node_name:
    description: The host's name in this collection, C(node_name) of the role. It is compared with the host's own where there is a kubelet.
    type: str
  node_config:
    description: Settings file of the role, which tells whether that has been applied.
    type: path
    default: /etc/baremetal.legacy_storage/node.json
  iscsi:
    description: Whether volumes will come by iSCSI.
    type: bool
    default: true
  multipath:
    description: Whether volumes will have several paths, under dm-multipath.
    type: bool
    default: true
  encryption:
    description: Whether volumes will be encrypted.
    type: bool
    default: true
  kubernetes:
    description: Whether the host is a node of Kubernetes. Left out, it is one where O(kubelet_dir) is there.
    type: bool
  kubelet_dir:
    description: The kubelet's directory.
    type: path
    default: /var/lib/kubelet
  kernel_modules:
    description: Kernel modules that are wanted besides, such as C(nvme_tcp).
    type: list
    elements: str
    default: []
  programs:
    description: Programs that are wanted besides, by name or absolute path.
    type: list
    elements: str
    default: []
  python:
    description:
      - Interpreter that the environment is made with.
      - Left out, it is the one that the role takes for the distribution.
    type: path
  portals:
    description: Portals that must be reachable by TCP, such as V(192.0.2.10:3260) or V([2001:db8::1]:3260). Without a port it is 3260.
    type: list
    elements: str
    default: []
  portal_timeout:
    description: How many seconds each portal has to answer.
    type: float
    default: 3
  directories:
    description:
      - Directories, and how many MiB must be free where they are or will be. One that is there already needs 20 MiB at most.
      - What several need on one file system adds up.
    type: dict
    default:
      /opt/baremetal.legacy_storage/node: 300
      /var/lib/baremetal.legacy_storage/node: 20
      /etc/baremetal.legacy_storage: 1
      /run/baremetal.legacy_storage: 1
  only:
    description: Look at this alone. Without it, at everything.
    type: list
    elements: str
    choices: [platform, python, names, kernel, programs, services, iscsi, multipath, lvm, clock, portals, space, kubelet]
attributes:
  check_mode:
    description: Can run in check mode and tell what would change, without changing anything.
    support: full
  diff_mode:
    description: Returns what changes, before and after.
    support: none
  platform:
    description: Platform of the host the task runs on.
    support: full
    platforms: posix
  action_group:
    description: Use C(group/baremetal.legacy_storage.legacy_storage) in C(module_defaults) to set defaults for it.
    support: full
    membership: [baremetal.legacy_storage.legacy_storage]
notes:
  - Runs without root as well. RV(facts.unseen) and a V(note) each then tell what could not be seen.
seealso:
  - module: baremetal.legacy_storage.legacy_doctor
  - plugin: baremetal.legacy_storage.preflight_report
    plugin_type: filter
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Look at a host before anything is installed on it
  baremetal.legacy_storage.legacy_preflight_info:
    portals: [192.0.2.10, "192.0.2.11:3260"]
  register: preflight

- name: Refuse it where something is wrong that the role does not set right
  ansible.builtin.assert:
    that: preflight.findings | selectattr('severity', 'equalto', 'error') | rejectattr('by_role') | length == 0
    fail_msg: "{{ preflight.findings | map(attribute='problem') | list }}"

- name: Look at the host's names and sessions alone
  baremetal.legacy_storage.legacy_preflight_info:
    only: [names, iscsi]
"""

RETURN = r"""
findings:
  description: What is not as it should be, the worst first.
  returned: always
  type: list
  elements: dict
  contains:
    severity:
      description: V(error), V(warning), or V(note) for what is only to be known.
      type: str
      returned: always
    check:
      description:
        - The kind of finding, one of V(blacklist), V(clock), V(find_multipaths), V(foreign), V(initiator), V(iscsid), V(iscsid_conf), V(kernel),
          V(kubelet), V(machine), V(multipathd), V(no_path_retry), V(node_name), V(nvme), V(platform), V(portal), V(programs), V(python), V(root_disk),
          V(session), V(space) and V(unseen).
        - V(machine) is a host that runs from a copy of a node's disk, or a node that got other hardware.
        - V(foreign) is a device of another product that multipathd has taken or may take, V(root_disk) one that the system lies on.
      type: str
      returned: always
    problem:
      description: What was found.
      type: str
      returned: always
    remedy:
      description: What to do.
      type: str
      returned: always
    by_role:
      description: Whether the role sets it right.
      type: bool
      returned: always
  sample:
    - severity: error
      check: foreign
      problem: multipathd has made the map mpatha of a device of Longhorn (sdc).
      remedy: "Set find_multipaths strict. Blacklist vendor IET, product VIRTUAL-DISK as well where none of your own storage systems is served by tgt.
        Then, while nothing uses it: multipath -f mpatha."
      by_role: false
    - severity: note
      check: programs
      problem: "Not installed: multipath, multipathd."
      remedy: The role installs multipath-tools, or device-mapper-multipath.
      by_role: true
healthy:
  description: Whether there is neither an error nor a warning.
  returned: always
  type: bool
  sample: false
facts:
  description: What was seen, by the words of O(only). What was not looked at is not in it.
  returned: always
  type: dict
  contains:
    unseen:
      description: What could not be seen, for lack of rights or otherwise.
      type: list
      elements: str
      returned: always
      sample: ["/etc/iscsi/initiatorname.iscsi (Permission denied)"]
    names:
      description:
        - The host's names, and which half it is to be.
        - "C(machine) is what tells this machine from all others (C(seen)), what the node was set up on (C(kept), from C(file)), and C(verdict): V(first)
          where none was known, V(same), V(changed) where something of it is new, V(other), V(untold) where there is nothing to know a machine by, or
          V(null) where that could not be read. C(node) is the name in the node's settings, C(attached) how many attachments its records have."
        - C(initiator) is V(null) where it could not be read and empty where there is none; C(live) is whether there are iSCSI sessions.
      type: dict
      returned: when looked at
      sample:
        half: node
        node: node1
        host: node1
        initiator: iqn.1993-08.org.debian:01:ff7a786e4f1
        initiators: ["iqn.1993-08.org.debian:01:ff7a786e4f1"]
        hostnqn: nqn.2014-08.org.nvmexpress:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427
        hostid: 1b4e28ba-2fa1-11d2-883f-0016d3cca427
        machine_id: 6f3dd4bc1d4c4f1b8d3e0d5b6a7c8d9e
        live: false
        live_nvme: false
        machine:
          seen: {uuid: 4c4c4544-0051-3510-8052-b4c04f564433, serial: 7Q5R0X3, macs: ["b0:26:28:11:22:33"]}
          kept: {uuid: 4c4c4544-0051-3510-8052-b4c04f564433, serial: 7Q5R0X3, macs: ["b0:26:28:11:22:33"]}
          file: /var/lib/baremetal.legacy_storage/node/machine.json
          verdict: same
          error: null
          node: node1
          attached: 2
  sample:
    platform:
      name: Debian GNU/Linux 12 (bookworm)
      family: Debian
      systemd: true
      kernel: 6.1.0-40-amd64
      prepared: false
    python:
      path: /usr/bin/python3
      version: "3.11"
    kernel:
      iscsi_tcp: available
      dm_multipath: loaded
    lvm:
      filter: ["a|.*|"]
      devices_file: false
      activates: null
      active: []
      system: [sda1, sda]
    portals:
      - portal: 192.0.2.10
        reachable: true
        error: null
    unseen: []
clock_offset:
  description:
    - By how many seconds the host's clock is ahead of that of the machine where Ansible runs, and how far that may be wrong, since the answer takes its time.
  returned: when RV(facts) has the clock
  type: dict
  sample:
    seconds: 0.021
    uncertainty: 0.19
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.plan import preflight
from ..module_utils.preflight.look import AREAS, look
from ..module_utils.preflight.machine import Machine
from ..module_utils.preflight.texts import portal

DIRECTORIES = {
    "/opt/baremetal.legacy_storage/node": 300,
    "/var/lib/baremetal.legacy_storage/node": 20,
    "/etc/baremetal.legacy_storage": 1,
    "/run/baremetal.legacy_storage": 1,
}


def main():
    """Run the module."""
    spec = dict(
        half=dict(type="str", choices=["node", "controller"], default="node"),
        node_name=dict(type="str"),
        node_config=dict(type="path", default="/etc/baremetal.legacy_storage/node.json"),
        iscsi=dict(type="bool", default=True),
        multipath=dict(type="bool", default=True),
        encryption=dict(type="bool", default=True),
        kubernetes=dict(type="bool"),
        kubelet_dir=dict(type="path", default="/var/lib/kubelet"),
        kernel_modules=dict(type="list", elements="str", default=[]),
        programs=dict(type="list", elements="str", default=[]),
        python=dict(type="path"),
        portals=dict(type="list", elements="str", default=[]),
        portal_timeout=dict(type="float", default=3),
        directories=dict(type="dict", default=DIRECTORIES),
        only=dict(type="list", elements="str", choices=list(AREAS)),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        wanted = preflight.completed(dict(module.params, only=module.params["only"] or AREAS))
    except ValueError as error:
        module.fail_json(msg=str(error))
    for text in wanted["portals"]:
        try:
            portal(text)
        except ValueError as error:
            module.fail_json(msg="portals: %s" % error)
    facts = look(Machine(), wanted)
    findings = preflight.judge(facts, wanted)
    healthy = all(finding.severity == "note" for finding in findings)
    module.exit_json(changed=False, facts=facts, findings=[finding.to_public() for finding in findings], healthy=healthy)


if __name__ == "__main__":
    main()
