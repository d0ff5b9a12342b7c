#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_image
short_description: Make image files of volumes and snapshots
description:
  - Writes the content of a volume or snapshot to an image file on the controller, the host to which the role
    P(baremetal.legacy_storage.controller#role) was applied.
  - The image is written beside its place, read back and compared with the volume byte by byte, flushed to the disk, and only then given its
    name. A run that fails or is killed leaves no file that could be taken for an image; the next one cleans up.
  - The file is readable by root only.
  - The way back, a volume from an image, is O(baremetal.legacy_storage.legacy_volume#module:source_image).
options:
  backend:
    description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
    type: str
  path:
    description:
      - Absolute path of the image file on the controller. Its folder must exist.
      - Beside it stands a small file C(<path>.legacy-image.json) that says what it is an image of, and its checksum. Copied together, they stay together.
    type: str
  volume:
    description:
      - The volume to make an image of, by name or id. It must not be attached; of an attached volume take a snapshot first.
      - An image that exists is not made again because the volume may have changed since. O(force) does that, or a path with the date in it.
    type: str
  snapshot:
    description: The snapshot to make an image of, by name or id. Its volume may be attached.
    type: str
  format:
    description:
      - Format of the image. V(qcow2) when not given, for a new image; an existing one stays as it is.
      - In a V(raw) image, and in the others, areas of zeros take no room.
    type: str
    choices: [raw, qcow2, vmdk, vhdx, vdi]
  compressed:
    description:
      - Whether a V(qcow2) image is compressed. It is smaller, and takes longer to make.
      - Not compressed when not given, for a new image; an existing one stays as it is.
    type: bool
  force:
    description:
      - What the task may do to a file that is there.
      - V(existing) replaces, or with O(state=absent) deletes, the file at O(path) - an older image of the same volume,
        an image of something else, one that was changed since, or any other file.
      - An image of the very snapshot that is asked for is left as it is.
    type: list
    elements: str
    choices: [existing]
    default: []
  state:
    description:
      - Whether the image should exist.
      - V(absent) deletes an image that this module made, and refuses any other file.
    type: str
    choices: [present, absent]
    default: present

  images:
    description:
      - Several images, made in parallel.
      - Each item takes the same parameters as a single image. O(backend) given beside the list is the default for its items.
    type: list
    elements: dict
    suboptions:
      backend:
        description: Name of the backend, as registered with M(baremetal.legacy_storage.legacy_backend).
        type: str
      path:
        description:
          - Absolute path of the image file on the controller. Its folder must exist.
          - Beside it stands a small file C(<path>.legacy-image.json) that says what it is an image of, and its checksum. Copied together, they stay together.
        type: str
      volume:
        description:
          - The volume to make an image of, by name or id. It must not be attached; of an attached volume take a snapshot first.
          - An image that exists is not made again because the volume may have changed since. O(images[].force) does that, or a path with the date in it.
        type: str
      snapshot:
        description: The snapshot to make an image of, by name or id. Its volume may be attached.
        type: str
      format:
        description:
          - Format of the image. V(qcow2) when not given, for a new image; an existing one stays as it is.
          - In a V(raw) image, and in the others, areas of zeros take no room.
        type: str
        choices: [raw, qcow2, vmdk, vhdx, vdi]
      compressed:
        description:
          - Whether a V(qcow2) image is compressed. It is smaller, and takes longer to make.
          - Not compressed when not given, for a new image; an existing one stays as it is.
        type: bool
      force:
        description:
          - What the task may do to a file that is there.
          - V(existing) replaces, or with O(images[].state=absent) deletes, the file at O(images[].path) - an older image of the same volume,
            an image of something else, one that was changed since, or any other file.
          - An image of the very snapshot that is asked for is left as it is.
        type: list
        elements: str
        choices: [existing]
        default: []
      state:
        description:
          - Whether the image should exist.
          - V(absent) deletes an image that this module made, and refuses any other file.
        type: str
        choices: [present, absent]
        default: present
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
seealso:
  - module: baremetal.legacy_storage.legacy_image_info
  - module: baremetal.legacy_storage.legacy_volume
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: A snapshot of a volume in use
  baremetal.legacy_storage.legacy_snapshot:
    backend: lvm
    name: data-nightly
    volume: data

- name: Its content in a file
  baremetal.legacy_storage.legacy_image:
    backend: lvm
    snapshot: data-nightly
    path: /var/images/data-nightly.qcow2
    compressed: true
  register: made

- name: The way back, to another storage system
  baremetal.legacy_storage.legacy_volume:
    backend: netapp
    name: data
    source_image: "{{ made.image.path }}"
    image_checksum: "{{ made.image.checksum }}"

- name: Two volumes as raw images
  baremetal.legacy_storage.legacy_image:
    backend: lvm
    images:
      - volume: logs
        path: /var/images/logs.raw
        format: raw
      - volume: mail
        path: /var/images/mail.raw
        format: raw

- name: An image that is not needed any more
  baremetal.legacy_storage.legacy_image:
    backend: lvm
    path: /var/images/logs.raw
    state: absent
"""

RETURN = r"""
images:
  description: One result for each item asked for, in the same order.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The path the item was asked for by.
      returned: always
      type: str
      sample: /var/images/data-nightly.qcow2
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
        - action: create
          noun: image
          backend: lvm
          name: /var/images/data-nightly.qcow2
          format: qcow2
    image:
      description: >-
        The image. Null when it does not exist. C(virtual_size) is the volume's, C(file_size) the file's, both in bytes; C(checksum) is the file's.
        In check mode, what only making it tells is null.
      returned: always
      type: dict
      sample: &image
        path: /var/images/data-nightly.qcow2
        status: available
        format: qcow2
        compressed: true
        virtual_size: 10737418240
        source:
          kind: snapshot
          backend: lvm
          id: 68ed82ce-05ee-5336-8f3a-1a6939d4d1e6
          name: data-nightly
          size: 10
          created_at: '2026-11-20T09:30:00Z'
        file_size: 1310720
        checksum: sha256:4ef652f40a7a5d5f119eccb8b95d815ee959d6e0a8bf48378305f8ca952e1213
        created_at: '2026-11-20T09:31:12Z'
        outdated: false
    failed:
      description: Set when this item failed; the others were carried out all the same.
      returned: on failure
      type: bool
      sample: true
    msg:
      description: Why this item failed, and what to do.
      returned: on failure
      type: str
      sample: "volume: volume 'data' is attached to node1, which may write while it is copied. Take a snapshot ..."
image:
  description: The image. Null when it does not exist.
  returned: when one image was asked for by its own parameters
  type: dict
  sample: *image
operations:
  description: What was done, or in check mode would be done, in order.
  returned: when one image was asked for by its own parameters
  type: list
  elements: dict
  sample:
    - action: create
      noun: image
      backend: lvm
      name: /var/images/data-nightly.qcow2
      format: qcow2
error:
  description: The first failure as data. RV(ignore:code) is a stable word for programs.
  returned: on failure
  type: dict
  sample:
    code: conflict
    parameter: path
    message: 'path: /var/images/data.qcow2 exists, and it is no image that this collection made ...'
    details: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import run_on_items, with_list

ITEM = dict(
    backend=dict(type="str"),
    path=dict(type="str"),
    volume=dict(type="str"),
    snapshot=dict(type="str"),
    format=dict(type="str", choices=["raw", "qcow2", "vmdk", "vhdx", "vdi"]),
    compressed=dict(type="bool"),
    force=dict(type="list", elements="str", choices=["existing"], default=[]),
    state=dict(type="str", choices=["present", "absent"], default="present"),
)


def main():
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **with_list(ITEM, "images"))
    run_on_items(module, "image.ensure", "images", ITEM, shared=["backend"])


if __name__ == "__main__":
    main()
