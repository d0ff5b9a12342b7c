# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake of kubernetes.core.k8s_taint: adds taints to a Node in the file that the fake of k8s keeps."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule, env_fallback


def main():
    """Run the fake."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "taints": {"type": "list", "elements": "dict", "required": True},
            "kubeconfig": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG"])},
        },
        supports_check_mode=True,
    )
    with open(module.params["kubeconfig"], encoding="utf-8") as stream:
        cluster = json.load(stream)
    spec = cluster["objects"]["Node/" + module.params["name"]]["spec"]
    new = [one for one in module.params["taints"] if one not in spec.get("taints", [])]
    spec["taints"] = spec.get("taints", []) + new
    if new and not module.check_mode:
        cluster["calls"].append("taint Node/" + module.params["name"])
        with open(module.params["kubeconfig"], "w", encoding="utf-8") as stream:
            json.dump(cluster, stream)
    module.exit_json(changed=bool(new))


if __name__ == "__main__":
    main()
