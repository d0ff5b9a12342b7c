# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake of kubernetes.core.k8s: a "cluster" is the JSON file that ``kubeconfig`` names. It merges, binds and refuses as an API server does, a little.

It stands in where a test is about what tasks send, and in which order. What Kubernetes makes of it, only a real cluster shows.
"""

from __future__ import annotations

import json
import uuid

from ansible.module_utils.basic import AnsibleModule, env_fallback


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
    """Bind claims to the volumes that they name, and keep these as long, as the controller manager does."""
    for volume in [one for one in objects.values() if one["kind"] == "PersistentVolume"]:
        volume["metadata"].pop("finalizers", None)
    for claim in [one for one in objects.values() if one["kind"] == "PersistentVolumeClaim"]:
        volume = objects.get("PersistentVolume/" + (claim["spec"].get("volumeName") or ""))
        claim["metadata"].setdefault("uid", str(uuid.uuid4()))
        reference = {part: claim["metadata"][part] for part in ("namespace", "name", "uid")}
        if volume is None:
            claim["status"] = {"phase": "Lost"} if claim.get("status") == {"phase": "Bound"} else claim.get("status")
        elif (volume["spec"].get("claimRef") or reference).get("uid", reference["uid"]) == reference["uid"]:
            volume["spec"]["claimRef"] = dict(volume["spec"].get("claimRef") or {}, **reference)
            volume["status"], claim["status"] = {"phase": "Bound"}, {"phase": "Bound"}
            volume["metadata"]["finalizers"] = ["kubernetes.io/pv-protection"]


def deleted(old):
    """Return what becomes of an object that is deleted: it stays as long as it has finalizers."""
    if not old or not old["metadata"].get("finalizers"):
        return None
    return dict(old, metadata=dict(old["metadata"], deletionTimestamp="2026-11-27T00:00:00Z"))


def patched(old, definition):
    """Return an object with a patch, None where that lets it go at last; refuse what the API server does not change."""
    new = merged(old, definition)
    if old.get("spec", {}).get("nodeAffinity") not in (None, new.get("spec", {}).get("nodeAffinity")):
        raise ValueError("spec.nodeAffinity: Invalid value: field is immutable")
    return None if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers") else new


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
            "kubeconfig": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG"])},
            "wait": {"type": "bool"},
            "wait_timeout": {"type": "int"},
            "merge_type": {"type": "list", "elements": "str"},
            "delete_options": {"type": "dict"},
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
        state = module.params["state"]
        if state == "patched" and old is None:
            continue
        try:
            new = deleted(old) if state == "absent" else patched(old or {}, definition)
        except ValueError as error:
            module.fail_json(msg="%s: %s" % (name, error))
        if old != new:
            changed = True
            call = "%s %s" % ("delete" if state == "absent" else "patch" if old else "create", name)
            if call in cluster.get("fails", []):
                module.fail_json(msg="the API server does not answer to %s" % call)
            cluster["calls"].append(call)
            objects.pop(name) if new is None else objects.update({name: new})
    bind(objects)
    if changed and not module.check_mode:
        with open(module.params["kubeconfig"], "w", encoding="utf-8") as stream:
            json.dump(cluster, stream)
    module.exit_json(changed=changed, result=definitions)


if __name__ == "__main__":
    main()
