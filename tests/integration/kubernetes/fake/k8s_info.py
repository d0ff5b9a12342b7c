# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake of kubernetes.core.k8s_info: reads the file that the fake of k8s keeps."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule, env_fallback


def main():
    """Run the fake."""
    module = AnsibleModule(
        argument_spec={
            "kind": {"type": "str"},
            "api_version": {"type": "str"},
            "name": {"type": "str"},
            "namespace": {"type": "str"},
            "kubeconfig": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG"])},
        },
        supports_check_mode=True,
    )
    with open(module.params["kubeconfig"], encoding="utf-8") as stream:
        objects = json.load(stream)["objects"].values()
    found = [one for one in objects if one["kind"] == module.params["kind"]]
    for part in ("name", "namespace"):
        if module.params[part]:
            found = [one for one in found if one["metadata"].get(part) == module.params[part]]
    module.exit_json(changed=False, resources=found)


if __name__ == "__main__":
    main()
