# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake of kubernetes.core.k8s: a "cluster" is the JSON file that ``kubeconfig`` names. It merges, binds and refuses as an API server does, a little.

It stands in where a test is about what tasks send, and in which order. What Kubernetes makes of it, only a real cluster shows.
"""

from __future__ import annotations

import json
import uuid

from ansible.module_utils.basic import AnsibleModule


def key(kind, metadata):
    """Return the key of an object in the file."""
    return "/".join(filter(None, [kind, metadata.get("namespace"), metadata["name"]]))


def merged(old, new):
    """Return a JSON merge patch (RFC 7386) carried out."""
    if not isinstance(new, dict) or not isinstance(old, dict):
        return new
    both = {name: merged(old.get(name), value) for name, value in new.items() if value is not None}
    return dict({name: value for name, value in old.items() if name not in new}, **both)


def bind(objects):
    """Bind claims to the volumes that they name, as the controller manager does."""
    for claim in [one for one in objects.values() if one["kind"] == "PersistentVolumeClaim"]:
        volume = objects.get("PersistentVolume/" + (claim["spec"].get("volumeName") or ""))
        if volume is not None:
            claim["metadata"].setdefault("uid", str(uuid.uuid4()))
            reference = {part: claim["metadata"][part] for part in ("namespace", "name", "uid")}
            volume["spec"]["claimRef"] = dict(volume["spec"].get("claimRef") or {}, **reference)
            volume["status"], claim["status"] = {"phase": "Bound"}, {"phase": "Bound"}


def main():
    """Run the fake."""
    module = AnsibleModule(
        argument_spec={
            "definition": {"type": "raw"},
            "state": {"type": "str", "default": "present"},
            "kind": {"type": "str"},
            "api_version": {"type": "str"},
            "name": {"type": "str"},
            "namespace": {"type": "str"},
            "kubeconfig": {"type": "str"},
            "wait": {"type": "bool"},
            "wait_timeout": {"type": "int"},
        },
        supports_check_mode=True,
    )
    with open(module.params["kubeconfig"], encoding="utf-8") as stream:
        cluster = json.load(stream)
    objects, given = cluster["objects"], module.params["definition"]
    if cluster.get("broken"):
        module.fail_json(msg="the API server answered 422 to %s" % json.dumps(given))
    definitions = given if isinstance(given, list) else [given]
    if given is None:
        definitions = [{"kind": module.params["kind"], "metadata": {"name": module.params["name"], "namespace": module.params["namespace"]}}]
    changed = False
    for definition in definitions:
        name = key(definition["kind"], definition["metadata"])
        old = objects.get(name)
        new = None if module.params["state"] == "absent" else merged(old or {}, definition)
        if old != new:
            changed = True
            cluster["calls"].append("%s %s" % ("delete" if new is None else "patch" if old else "create", name))
            objects.pop(name) if new is None else objects.update({name: new})
    bind(objects)
    if changed and not module.check_mode:
        with open(module.params["kubeconfig"], "w", encoding="utf-8") as stream:
            json.dump(cluster, stream)
    module.exit_json(changed=changed, result=definitions)


if __name__ == "__main__":
    main()
