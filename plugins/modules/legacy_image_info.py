#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_image_info
short_description: Tell what image files are
description:
  - Tells format, sizes and checksum of image files on the controller, of what and when they were made, and how far one is that is being made.
  - Runs on the controller, the host to which the role P(baremetal.legacy_storage.controller#role) was applied.
    Needs no Cinder and asks no storage system.
options:
  path:
    description: This file, by its absolute path on the controller.
    type: str
  paths:
    description: These files, by their absolute paths.
    type: list
    elements: str
  verify:
    description:
      - Read each file whole, return its checksum, and tell whether it is still what was recorded beside it.
      - Otherwise a file is read only where its size or time differs from what was recorded.
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.legacy_storage.controller
seealso:
  - module: baremetal.legacy_storage.legacy_image
author:
  - baremetal.legacy_storage contributors (@baremetal)
version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Is the image whole?
  baremetal.legacy_storage.legacy_image_info:
    path: /var/images/data-nightly.qcow2
    verify: true
  register: found
  failed_when: found.images[0].status != 'available'
"""

RETURN = r"""
images:
  description: The files, in the order asked for.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file's path.
      returned: always
      type: str
      sample: /var/images/data-nightly.qcow2
    exists:
      description: Whether there is a file.
      returned: always
      type: bool
      sample: true
    status:
      description:
        - V(available) for an image that M(baremetal.legacy_storage.legacy_image) made and that is still what was written.
        - V(changed) for one that is not; V(unknown) for another file.
      returned: when it exists
      type: str
      sample: available
    format:
      description: The image's format. Of a file with no record, as its content tells.
      returned: when it exists
      type: str
      sample: qcow2
    compressed:
      description: Whether it was compressed when it was made.
      returned: when it exists
      type: bool
      sample: true
    virtual_size:
      description: Size of the volume in it, in bytes.
      returned: when it exists
      type: int
      sample: 10737418240
    file_size:
      description: Size of the file, in bytes.
      returned: when it exists
      type: int
      sample: 1310720
    checksum:
      description: The file's checksum, as recorded, or with O(verify) as it is. Null where neither is known.
      returned: when it exists
      type: str
      sample: sha256:4ef652f40a7a5d5f119eccb8b95d815ee959d6e0a8bf48378305f8ca952e1213
    source:
      description: What it is an image of. Null for a file with no record.
      returned: when it exists
      type: dict
      sample:
        kind: snapshot
        backend: lvm
        id: 68ed82ce-05ee-5336-8f3a-1a6939d4d1e6
        name: data-nightly
        size: 10
        created_at: '2026-11-20T09:30:00Z'
    created_at:
      description: When it was made.
      returned: when it exists
      type: str
      sample: '2026-11-20T09:31:12Z'
    outdated:
      description: Whether what it is an image of was deleted since, and another thing of that name exists.
      returned: when it exists
      type: bool
      sample: false
    problem:
      description: Why M(baremetal.legacy_storage.legacy_volume) would not take a file that has no record. Null where it would.
      returned: always
      type: str
      sample: null
    in_progress:
      description:
        - What is being done to the image just now, or was when a run was killed - which the next task that names the image settles.
        - C(step) tells how far it is, such as V(copying 37 %).
      returned: always
      type: list
      elements: dict
      sample:
        - action: create
          step: copying 37 %
          started_at: '2026-11-20T09:30:00Z'
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CONTROLLER
from ..module_utils.task import run_task


def main():
    """Run the module."""
    spec = dict(
        CONTROLLER,
        path=dict(type="str"),
        paths=dict(type="list", elements="str"),
        verify=dict(type="bool", default=False),
    )
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_one_of=[("path", "paths")], mutually_exclusive=[("path", "paths")]
    )
    paths = module.params["paths"] if module.params["path"] is None else [module.params["path"]]
    arguments = {"paths": paths, "verify": module.params["verify"]}
    run_task(module, "controller", module.params["controller_config"], "image.list", arguments, {"images": []})


if __name__ == "__main__":
    main()
