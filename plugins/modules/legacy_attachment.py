# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the work is done by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_attachment
short_description: Attach volumes to a bare-metal node, or detach them, in one task
version_added: 0.1.0
description:
  - Attaches volumes to the node that the task runs on, or detaches them.
  - The task runs the controller's half (exporting the volume to the node's connector) on the inventory host named by
    O(controller), over Ansible's own connection to it, and the node's half (connecting it) on the node.
  - Detaching disconnects on the node first, verifies that the devices are gone, and only then unmaps the volume on the
    storage system. A step that failed on the node keeps the export.
  - An attached volume that has grown meanwhile is extended on the node by the same task.
options:
  controller:
    description:
      - Inventory host of the controller. It may be the node itself.
      - It is reached with its own variables; what they leave open, such as C(become), is as for the task.
    type: str
    required: true
  backend:
    description:
      - Backend of the volume, or of all O(attachments) that do not name one.
    type: str
  volume:
    description:
      - Name or id of the volume. Required unless O(attachments) is given.
    type: str
  state:
    description:
      - Whether the volume is attached to the node.
    type: str
    choices: [present, absent]
    default: present
  multipath:
    description:
      - V(required) attaches through dm-multipath with at least two paths, or fails and leaves nothing behind.
      - V(preferred) uses dm-multipath where multipathd runs.
      - V(no) uses one path.
    type: str
    choices: [required, preferred, "no"]
    default: preferred
  access_mode:
    description:
      - V(ro) makes the device and every path of it read-only on the node, those that come later and after a boot as well. Opening it for writing
        and mounting it for writing then fail.
      - Changing it of an attached volume takes effect at once. V(ro) is refused while the device is in use; a mount that was made while it was V(ro)
        stays as it is with V(rw).
      - A volume that is a plain file on the node (LOCAL) cannot be V(ro).
    type: str
    choices: [rw, ro]
    default: rw
  attachments:
    description:
      - Many attachments at once. The controller is asked once for all of them, and so is the node.
      - One that fails does not stop the others.
    type: list
    elements: dict
    suboptions:
      backend:
        description: Backend of the volume. Defaults to O(backend).
        type: str
      volume:
        description: Name or id of the volume.
        type: str
        required: true
      state:
        description: Whether the volume is attached to the node. Defaults to O(state).
        type: str
        choices: [present, absent]
      multipath:
        description: As O(multipath), which is the default.
        type: str
        choices: [required, preferred, "no"]
      access_mode:
        description: As O(access_mode), which is the default.
        type: str
        choices: [rw, ro]
  fenced:
    description:
      - The node is known dead (powered off, or cut off from the storage system) and cannot come back by itself.
      - Only with O(state=absent). The node is not contacted; the controller alone takes the volume back, which may then be attached elsewhere.
      - A node that still runs loses its device under its file system, and may write to whatever volume takes the address next.
      - A node that comes back has a record of the volume still. It does not get the volume again; detach it there by a task without O(fenced), which
        cleans up. Storage systems that let every host in (NFS, RBD and such) cannot refuse it, and the task warns of that.
    type: bool
    default: false
  force:
    description:
      - Detach also where the device cannot be flushed, because no path to the storage system answers. Data not written yet is lost.
      - It gives up nothing that could still be written. While a path answers it changes nothing, and a device in use is never taken away.
      - Unmapping without the node is O(fenced), not this.
    type: bool
    default: false
  node_name:
    description:
      - The name that the controller knows the node by. Used only with O(fenced); otherwise the node itself tells it.
      - Defaults to the node's name in the inventory.
    type: str
  controller_config:
    description:
      - Settings that the role P(baremetal.legacy_storage.controller#role) wrote on the controller.
    type: path
    default: /etc/baremetal.legacy_storage/controller.json
  node_config:
    description:
      - Settings that the role P(baremetal.legacy_storage.node#role) wrote on the node.
    type: path
    default: /etc/baremetal.legacy_storage/node.json
extends_documentation_fragment:
  - action_common_attributes
  - action_common_attributes.conn
  - action_common_attributes.flow
attributes:
  action_group:
    description: Use C(group/baremetal.legacy_storage.legacy_storage) in C(module_defaults) to set defaults for this module.
    support: full
    membership: [baremetal.legacy_storage.legacy_storage]
  action:
    support: full
  async:
    support: none
  bypass_host_loop:
    support: none
  become:
    support: full
  check_mode:
    support: full
  connection:
    support: full
  delegation:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
seealso:
  - module: baremetal.legacy_storage.legacy_attachment_info
  - module: baremetal.legacy_storage.legacy_connection
  - module: baremetal.legacy_storage.legacy_connector_info
  - module: baremetal.legacy_storage.legacy_export
notes:
  - Needs root on both hosts, so usually C(become).
  - Where the node cannot connect a volume that this very task exported, the task unmaps it again, and fails with the node's reason.
author:
  - baremetal.legacy_storage contributors (@baremetal-legacy-storage)
"""

EXAMPLES = r"""
- name: Attach a volume through multipath
  baremetal.legacy_storage.legacy_attachment:
    controller: controller1
    backend: vendor-a
    volume: database
    multipath: required
  become: true
  register: database

- name: Make a file system where there is none
  community.general.filesystem:
    dev: "{{ database.attachment.path }}"
    fstype: xfs
  become: true

- name: Let this node only read
  baremetal.legacy_storage.legacy_attachment:
    controller: controller1
    backend: vendor-a
    volume: images
    access_mode: ro
  become: true

- name: Attach several volumes and detach one
  baremetal.legacy_storage.legacy_attachment:
    controller: controller1
    backend: vendor-a
    attachments:
      - volume: logs
      - volume: images
        backend: vendor-b
      - volume: scratch
        state: absent
  become: true

- name: Take a volume back from a node that burnt down
  baremetal.legacy_storage.legacy_attachment:
    controller: controller1
    backend: vendor-a
    volume: database
    state: absent
    fenced: true
"""

RETURN = r"""
attachment:
  description: The attachment, where the task named one.
  returned: when O(attachments) is not used
  type: dict
  contains: &attachment
    backend:
      description: Backend of the volume.
      type: str
      sample: vendor-a
    volume:
      description: The volume as the task named it.
      type: str
      sample: database
    volume_id:
      description: Id of the volume.
      type: str
      sample: 0f5bd0a1-3d79-5a55-9a44-0c1d28b4f4f3
    volume_name:
      description: Name of the volume.
      type: str
      sample: database
    host:
      description: The node, by the name that the controller knows it by.
      type: str
      sample: node1
    state:
      description: The wanted state.
      type: str
      sample: present
    changed:
      description: Whether anything was changed for this attachment.
      type: bool
      sample: true
    operations:
      description: What was done (in check mode, what would be done), in this order.
      type: list
      elements: dict
      sample:
        - {action: create, noun: export, backend: vendor-a, name: database, host: node1}
        - {action: connect, noun: connection, backend: vendor-a, name: database}
    path:
      description: Stable path of the device, the same after a reboot.
      type: str
      sample: /dev/disk/by-id/legacy-storage-0f5bd0a1-3d79-5a55-9a44-0c1d28b4f4f3
    device:
      description: The device's present kernel name. Not known in check mode.
      type: str
      sample: /dev/dm-3
    access_mode:
      description: How the node may use the device, V(rw) or V(ro). Null when it is not attached.
      type: str
      sample: rw
    multipath:
      description: Whether the device is a dm-multipath map.
      type: bool
      sample: true
    multipath_id:
      description: WWID of the dm-multipath map.
      type: str
      sample: 360014053c5ae3d7f9e94f0d8d5d3f6f1
    paths:
      description: The paths to the volume.
      type: list
      elements: dict
      sample:
        - {device: /dev/sda, state: active}
        - {device: /dev/sdb, state: active}
    size:
      description: Size in GiB.
      type: int
      sample: 10
    protocol:
      description: How the volume is reached, as os-brick calls it.
      type: str
      sample: iscsi
    connection_info:
      description: What the driver told the node, without secrets.
      type: dict
      sample: {target_portal: "172.30.1.10:3260", auth_method: CHAP, auth_password: (hidden)}
    failed:
      description: Whether this attachment failed.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this attachment failed.
      returned: on failure
      type: str
      sample: "volume: there is no volume 'database' on backend vendor-a."
attachments:
  description: The attachments, in the order of the task's list.
  returned: when O(attachments) is used
  type: list
  elements: dict
  contains: *attachment
operations:
  description: The operations of the one attachment.
  returned: when O(attachments) is not used
  type: list
  elements: dict
  sample:
    - {action: create, noun: export, backend: vendor-a, name: database, host: node1}
    - {action: connect, noun: connection, backend: vendor-a, name: database}
"""
