# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report warns of, each with what to do. Pure.

A finding is a dict with ``severity``, ``check``, ``where``, ``problem`` and ``remedy``, as those of legacy_doctor, and ``joint``, which joins
``where`` and ``problem`` to one sentence.
"""

from __future__ import annotations

from ...module_utils.model.resources import AT_REST
from .capacity import trimmed
from .figures import counted, dated, size

_ORDER = ("error", "warning", "note")
_AGAIN = (
    "Where it is a PersistentVolume, leave it. Otherwise run the task that attaches it again, or one that detaches it (legacy_attachment, state: absent)."
)


def finding(severity, check, where, problem, remedy):
    """Return a finding."""
    return {"severity": severity, "check": check, "where": where, "problem": problem, "remedy": remedy}


def findings(stores, nodes, pools):
    """Return all findings, the worst first.

    Where the doctor says the same of a thing it is taken at its word, since it has asked further. Where it could not be asked nothing is lost.

    :param stores: see gathered.py. :param nodes: views of nodes, as nodes.py makes them. :param pools: {backend's name: views of pools}.
    """
    found = [item for store in stores for item in _silent(store) + _statuses(store)]
    if not stores:
        problem = "has no host in storage_controllers, so nothing is known of any storage."
        found.append(finding("error", "controller", "the inventory", problem, "Give the inventory of site.yml (-i)."))
    found += [item for name, views in pools.items() for view in views for item in _pool(name, view)]
    found += [item for node in nodes for item in _node(node)]
    told = {(item["check"], item["where"]): item for item in found}
    elsewhere = _known_to_others(stores, nodes)
    for item in (item for store in stores for item in store["findings"]):
        key = (item["check"], item["where"])
        if item["check"] == "not_compared" and item["where"].startswith("node ") and len(stores) > 1:
            continue  # each store's doctor says it of the others' volumes
        if item["check"] == "unknown_volume" and item["where"] in elsewhere:
            continue
        if key not in told or item["check"] != "attachment":  # of paths, we count them
            told[key] = finding(*(item[part] for part in ("severity", "check", "where", "problem", "remedy")))
    joined = [dict(item, joint=_joint(item["problem"])) for item in told.values()]
    return sorted(joined, key=lambda item: (_ORDER.index(item["severity"]), item["check"], item["where"]))


def _known_to_others(stores, nodes):
    """Return what the doctor calls the volumes that nodes hold and some store knows: another one's doctor may not."""
    known = {item["id"] for store in stores for item in store["volumes"]}
    return {_held(node, row) for node in nodes for row in node["rows"] if row["held"] and row["volume_id"] in known}


def _held(node, row):
    return "node %s, volume %s/%s" % (node["name"], row["backend"], row["volume"])


def _joint(problem):
    """What stands between what it is about and a problem that goes on with that sentence, or is one of its own."""
    return " " if problem[:1].islower() else ": "


def _silent(store):
    found = [
        finding("error", "controller", "controller %s" % name, "did not answer (%s)." % why.rstrip(". "), "See that it runs and that Ansible reaches it.")
        for name, why in store["silent"].items()
    ]
    found += [
        finding(
            "warning", "doctor", "controller %s" % store["name"], "could not compare store, storage systems and nodes (%s)." % why.rstrip(". "),
            "Run the playbook doctor.",
        )
        for why in store["gaps"]
    ]
    return found + [
        finding(
            "error",
            "backend",
            "backend %s" % backend["name"],
            "%s What is shown of it is what the store knows." % backend["error"],
            "See that its storage system runs and can be reached from the controller, and that the backend's options are right.",
        )
        for backend in store["backends"]
        if backend.get("error")
    ]


def _statuses(store):
    found = []
    for noun, items in (("volume", store["volumes"]), ("snapshot", store["snapshots"])):
        for item in items:
            where = "%s %s/%s" % (noun, item["backend"], item["name"])
            if item.get("in_progress"):
                doing = item["in_progress"][0]
                problem = "%s was begun at %s and has not ended: it is under way, or its run was interrupted." % (doing["action"], dated(doing["started_at"]))
                found.append(finding("warning", "unsettled", where, problem, "The next task that names it settles it; so does the doctor when told to mend."))
            elif item["status"] not in AT_REST:
                problem = "is in status %s, and nobody is at work on it." % item["status"]
                remedy = "See on the storage system whether it is whole. Delete it by a task with state: absent."
                found.append(finding("error", "status", where, problem, remedy))
    return found


def _pool(backend, view):
    where = "pool %s of backend %s" % (view["name"], backend)
    found = []
    if view["fill"] != "ok":
        remedy = "Give it more disks, or move volumes away (playbook migrate_backend) and delete snapshots that nobody needs."
        if view["ratio"] is not None and view["ratio"] > 1:
            remedy += " Volumes are thin here: when it is full, writing to any of them fails."
        found.append(finding(view["fill"], "pool", where, "is %d %% full: %s are left." % (view["percent"], size(view["free"])), remedy))
    if view["promise"] != "ok":
        more = "no more volumes are made on it" if view["promise"] == "error" else "soon no more volumes are made on it"
        problem = "has promised %s× its capacity, of %s× that are allowed: %s." % (trimmed(view["ratio"]), trimmed(view["allowed"]), more)
        remedy = "Give it more disks, delete or move volumes, or raise max_over_subscription_ratio where you watch how full it gets."
        found.append(finding(view["promise"], "promised", where, problem, remedy))
    return found


def _node(node):
    found = []
    if node["state"] == "silent":
        problem = "did not answer (%s). Its %s could not be compared." % (node["error"].rstrip(". "), counted(len(node["rows"]), "export"))
        remedy = "Mend the node, or its connection. Where it is dead for good, fence it and detach its volumes with fenced: true."
        found.append(finding("error" if node["rows"] else "warning", "node", "node %s" % node["name"], problem, remedy))
    for row in node["rows"]:
        export = "export %s/%s on %s" % (row["backend"], row["volume"], node["host"])
        if node["state"] == "unknown":
            problem = "The volume is mapped to a host that none of the nodes in the inventory calls itself."
            remedy = "Add the host to the inventory. Where it is dead for good, fence it and tell the doctor so (doctor_fenced: [%s])." % node["host"]
            found.append(finding("warning", "unknown_host", export, problem, remedy))
        elif row["held"] is False:
            problem = "The volume is mapped to the node, and the node has no record of it: a kubelet connects it there, or nobody does."
            found.append(finding("note", "no_record", export, problem, _AGAIN))
        elif row["problems"]:
            found.append(_troubled(node, row))
    return found


def _troubled(node, row):
    lost = row["paths_total"] - row["paths_up"]
    counts = ["%d of %s do not work." % (lost, counted(row["paths_total"], "path"))] if lost else []
    remedy = "Run the task that attaches it again; it connects anew what is broken and not in use."
    if lost:
        remedy = "See to cables, switches and portals of the paths that are lost; they come back by themselves. " + (
            remedy if len(row["problems"]) > lost else "No task is needed."
        )
    return finding(
        "error" if not row["verified"] else "warning", "attachment", _held(node, row), " ".join(counts + row["problems"]), remedy,
    )
