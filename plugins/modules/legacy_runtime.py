#!/usr/bin/python
# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: legacy_runtime
short_description: Install the collection's own Python code into an environment
version_added: 0.1.0
description:
  - Installs the code that runs on a controller or a node (not the modules themselves) as the Python distribution
    C(baremetal-legacy-storage) into a virtual environment, so that modules, boot services and other callers share it.
  - The action plugin builds a wheel out of the collection that runs the play; nothing is fetched from a network.
  - The same code is not installed twice, whatever its version number says. Files of an older version do not stay.
options:
  python:
    description:
      - The environment's Python interpreter, 3.11 or newer, with pip.
    type: path
    required: true
  state:
    description:
      - Whether the code is installed.
    type: str
    choices: [present, absent]
    default: present
  controller_config:
    description:
      - Settings file of a controller. When it is given, the metadata store that it names is made where it is missing, together
        with its encryption key, and brought to the schema of this version.
      - A store of the right schema is left as it is. Several plays may do this at once.
    type: path
  checksum:
    description:
      - Checksum of the code. Set by the action plugin.
    type: str
  version:
    description:
      - Version of the code. Set by the action plugin.
    type: str
  wheel:
    description:
      - Path of the wheel on the host. Set by the action plugin once it has put it there.
    type: path
extends_documentation_fragment:
  - action_common_attributes
attributes:
  action_group:
    description: Use C(group/baremetal.legacy_storage.legacy_storage) in C(module_defaults) to set defaults for this module.
    support: full
    membership: [baremetal.legacy_storage.legacy_storage]
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
notes:
  - The roles P(baremetal.legacy_storage.controller#role) and P(baremetal.legacy_storage.node#role) use it; other plays seldom need to.
  - In check mode an environment that does not exist yet counts as one without the code.
author:
  - baremetal.legacy_storage contributors (@baremetal-legacy-storage)
"""

EXAMPLES = r"""
- name: Install the code on a node
  baremetal.legacy_storage.legacy_runtime:
    python: /opt/baremetal.legacy_storage/node/bin/python
  become: true

- name: Install the code on a controller and make its metadata store
  baremetal.legacy_storage.legacy_runtime:
    python: /opt/baremetal.legacy_storage/controller/bin/python
    controller_config: /etc/baremetal.legacy_storage/controller.json
  become: true
"""

RETURN = r"""
version:
  description: Version that is installed when the task ends (in check mode, that would be); null for none.
  returned: success
  type: str
  sample: 0.1.0
checksum:
  description: Checksum of the code that is installed when the task ends; null for none.
  returned: success
  type: str
  sample: 5b0c8d6cbd2f0f2e7f6f0dd6a46e6a3b0e0f6d4c2d8ab5bff5cf4d6a3c9d8a10
operations:
  description: What was done (in check mode, what would be done).
  returned: success
  type: list
  elements: str
  sample: [install, initialize_store]
"""

import glob
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask

DISTRIBUTION = "baremetal-legacy-storage"
# Written into the wheel by the action plugin, beside METADATA.
MARKER = "SOURCE_CHECKSUM"


def installed(module, python):
    """Return ``{"version", "checksum"}`` of what is installed in the environment of ``python``, or None."""
    code, folder, _err = module.run_command([python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    if code != 0:
        module.fail_json(msg="python: %r cannot be run. Is it the interpreter of a virtual environment that still works?" % python)
    for path in glob.glob(os.path.join(glob.escape(folder.strip()), "%s-*.dist-info" % DISTRIBUTION.replace("-", "_"))):
        version = os.path.basename(path)[: -len(".dist-info")].rpartition("-")[2]
        try:
            with open(os.path.join(path, MARKER), encoding="ascii") as stream:
                checksum = stream.read().strip()
        except (OSError, ValueError):
            checksum = None  # installed by hand, or half removed: install again
        return {"version": version, "checksum": checksum}
    return None


def pip(module, python, *arguments):
    """Run the environment's pip, or fail the module with what it said."""
    command = [python, "-I", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments]
    code, out, err = module.run_command(command, cwd="/")
    if code != 0:
        module.fail_json(msg="pip failed in the environment of %r: %s" % (python, (err or out).strip()[-2000:]), rc=code)


def initialize_store(module, config, guessing):
    """Make or upgrade the metadata store; tell whether that changes anything. ``guessing``: the code is yet to be installed."""
    if guessing:
        return True
    try:
        answer = ask("controller", config, "store.initialize", {}, check=module.check_mode, spawn=True)
    except StorageError as error:
        if error.code == "not_installed" and module.check_mode:
            return True
        module.fail_json(msg=error.message, error=error.to_dict())
    for warning in answer.warnings:
        module.warn(warning)
    return bool(answer.result.get("changed"))


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "python": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "controller_config": {"type": "path"},
            "checksum": {"type": "str"},
            "version": {"type": "str"},
            "wheel": {"type": "path"},
        },
        supports_check_mode=True,
    )
    python, present = module.params["python"], module.params["state"] == "present"
    exists = os.path.exists(python)
    if not exists and present and not module.check_mode:
        module.fail_json(msg="python: %r does not exist on this host. Make the virtual environment first." % python)
    before = installed(module, python) if exists else None
    after = {"version": module.params["version"], "checksum": module.params["checksum"]} if present else None
    operations = []
    if before != after:
        operations.append("install" if present else "remove")
    if before != after and not module.check_mode:
        if present and module.params["wheel"] is None:
            # First call of two: the action plugin transfers the wheel only where it is wanted.
            module.exit_json(changed=False, wheel_wanted=True)
        if present:
            pip(module, python, "install", "--no-deps", "--no-index", "--force-reinstall", module.params["wheel"])
        else:
            pip(module, python, "uninstall", "--yes", DISTRIBUTION)
    config = module.params["controller_config"]
    if present and config and initialize_store(module, config, guessing=module.check_mode and bool(operations)):
        operations.append("initialize_store")
    result = {"changed": bool(operations), "operations": operations}
    result.update(after or {"version": None, "checksum": None})
    if module._diff:
        result["diff"] = {"before": {"runtime": before}, "after": {"runtime": after}}
        if config:
            result["diff"]["before"]["store_current"] = "initialize_store" not in operations
            result["diff"]["after"]["store_current"] = True
    module.exit_json(**result)


if __name__ == "__main__":
    main()
