# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake of kubernetes.core.k8s_drain: takes the pods of a node out of the file that the fake of k8s keeps. As the real one, it knows no check mode."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule, env_fallback


def main():
    """Run the fake."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str"},
            "delete_options": {"type": "dict"},
            "kubeconfig": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG"])},
        },
    )
    with open(module.params["kubeconfig"], encoding="utf-8") as stream:
        cluster = json.load(stream)
    pods = [name for name, one in cluster["objects"].items() if one["kind"] == "Pod" and one["spec"].get("nodeName") == module.params["name"]]
    for name in pods:
        del cluster["objects"][name]
        cluster["calls"].append("evict " + name)
    with open(module.params["kubeconfig"], "w", encoding="utf-8") as stream:
        json.dump(cluster, stream)
    module.exit_json(changed=bool(pods))


if __name__ == "__main__":
    main()
