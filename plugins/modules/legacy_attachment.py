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
      - >-
        V(required) attaches over at least two paths, or fails and leaves nothing behind. Where the protocol has dm-multipath (iSCSI, iSER, Fibre Channel),
        the device is its map; an NVMe namespace has the kernel's own multipath. Volumes of other protocols are refused, since their paths are not this
        node's to manage.
      - V(preferred) uses dm-multipath where multipathd runs and the protocol has it, and all portals of an NVMe namespace where the kernel can.
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
  encryption:
    description:
      - Encrypts the volume on the node with LUKS2, by C(cryptsetup). The stable path leads to the opened device, and to nothing while it is not open.
      - Exactly one of O(encryption.key), O(encryption.key_file) and O(encryption.key_command) says what opens the volume. The key never leaves
        memory and pipes on the node, and is not kept there.
      - A volume does not become encrypted, or cease to be, while it is attached. A key that does not open it, and a volume with data that is not
        encrypted, make the task fail, and nothing is changed.
      - Not needed for O(state=absent), which closes the volume.
    type: dict
    suboptions: &encryption
      key:
        description:
          - The key itself, from Ansible Vault or a lookup. It is sealed to the node before it is handed over.
          - After a boot such a volume is connected but locked, until the next task opens it.
        type: str
      key_file:
        description:
          - Absolute path of a file on the node whose bytes are the key, a newline at its end among them. Only root may be able to read it.
          - The volume is opened again at boot.
        type: path
      key_command:
        description:
          - A command on the node, with its absolute path and without a shell, whose output is the key, a newline at its end among it.
            Such as C(clevis decrypt), or a client of a secret store.
          - The volume is opened again at boot. The node remembers the command, so put no secret into it.
        type: list
        elements: str
      previous_key:
        description:
          - The key that opened the volume until now. Where it still does, the volume gets the wanted key, and then the previous one is taken away.
          - Once it does not, it has no effect, and is best removed from the task.
        type: str
      previous_key_file:
        description: A file on the node with the key that opened the volume until now.
        type: path
      previous_key_command:
        description: A command on the node whose output is the key that opened the volume until now.
        type: list
        elements: str
      format:
        description:
          - What to do with a volume that is not encrypted yet.
          - V(empty) formats it where it is proven empty, which means that no signature is found and that every byte read is zero.
          - V(overwrite) formats it whatever is on it, but never what is encrypted with LUKS already, whoever did that.
          - V(never) refuses.
        type: str
        choices: [never, empty, overwrite]
        default: empty
      cipher:
        description:
          - Cipher as C(cryptsetup) writes it, such as V(aes-xts-plain64). By default C(cryptsetup)'s own when formatting, and any otherwise.
          - One that the volume does not have makes the task fail.
        type: str
      key_size:
        description: Bits of the volume's own key. As O(encryption.cipher).
        type: int
        choices: [128, 256, 512]
      pbkdf:
        description:
          - How a key slot is derived from the key where one is made. V(argon2id), C(cryptsetup)'s choice, takes up to 1 GiB of memory each time.
          - For a random key of 32 bytes or more V(pbkdf2) with few O(encryption.iterations) is as good.
        type: str
        choices: [argon2id, argon2i, pbkdf2]
      iterations:
        description:
          - How many iterations O(encryption.pbkdf) does. By default C(cryptsetup) measures how many the host does in two seconds, and each
            task that names the volume takes as long, since it looks whether the key is still the right one.
        type: int
  attachments:
    description:
      - Many attachments at once. The controller is asked once for all of them, and so is the node.
      - One that fails does not stop the others. A volume that stands there twice is one that fails.
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
      encryption:
        description: As O(encryption), which is the default.
        type: dict
        suboptions: *encryption
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
      - The name that the controller knows the node by. With O(fenced) it counts; otherwise the node itself tells it, and a task is refused where what it
        tells is the name of another host of the inventory, as on a host with a copied disk, and neither this option nor a variable of the host says so.
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
  - Of two tasks that attach and detach one volume on one node at the same moment, one may fail and say so. A detaching task leaves an export mapped
    that another task made, or renewed, since it began; an attaching one does not connect an export that another task unmaps.
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

- name: Attach a volume encrypted, with a key from Ansible Vault
  baremetal.legacy_storage.legacy_attachment:
    controller: controller1
    backend: vendor-a
    volume: payroll
    encryption:
      key: "{{ vault_payroll_key }}"
  become: true

- name: Give it another key
  baremetal.legacy_storage.legacy_attachment:
    controller: controller1
    backend: vendor-a
    volume: payroll
    encryption:
      key: "{{ vault_payroll_key }}"
      previous_key: "{{ vault_payroll_key_of_last_year }}"
  become: true

- name: Attach one that the node opens by itself after a boot
  baremetal.legacy_storage.legacy_attachment:
    controller: controller1
    backend: vendor-a
    volume: archive
    encryption:
      key_command: [/usr/local/sbin/fetch-key, archive]
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
      description:
        - Whether the device is a dm-multipath map. An NVMe namespace is none, however many C(paths) it has.
        - Null in check mode where nothing of the backend was exported yet, so that the protocol is not known.
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
      description: Size in GiB. Of an encrypted volume, 16 MiB are its header's.
      type: int
      sample: 10
    encryption:
      description:
        - V(null) for a volume that is not encrypted. C(opened) tells whether it is open, C(key_from) is V(key), V(key_file) or V(key_command).
        - In check mode C(uuid) is not known for what is yet to be connected.
      type: dict
      sample: {type: luks2, uuid: 9a8a7d35-3c5a-4b5e-a2e8-6d1f0c3a3a11, opened: true, key_from: key}
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
