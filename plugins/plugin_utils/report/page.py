# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole of a report: what its template lays out, and nothing that is still to be decided. Pure."""

from __future__ import annotations

from ...module_utils.model.errors import invalid
from ...module_utils.model.resources import AT_REST
from . import capacity, gathered
from .figures import counted, dated, percent, share, size
from .findings import findings
from .nodes import nodes

_MUTE = 3  # of those that do not answer that a tile names
_NAMED = 6  # snapshots of a volume that are named; the others are counted


def storage_report(hosts, controllers, nodes=(), at="", pool_warning=85, pool_error=95):
    """Return the view of a report.

    :param hosts: {host: its variables} with what the tasks of the playbook ``report`` registered.
    :param controllers: names of the controllers in ``hosts``. :param nodes: names of the nodes.
    :param at: when it was asked, ISO 8601 in UTC. :param pool_warning: percentage from which a pool is nearly full.
    :param pool_error: percentage from which it is as good as full.
    :raises StorageError: code ``invalid``, where the percentages make no sense.
    """
    limits = {"warning": _percentage("pool_warning", pool_warning), "error": _percentage("pool_error", pool_error)}
    if limits["warning"] > limits["error"]:
        raise invalid("pool_warning", pool_warning, "must not be larger than pool_error (%s)." % pool_error)
    return _view(gathered.stores(hosts, controllers), gathered.answers(hosts, nodes), at, limits)


def _percentage(parameter, value):
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = -1
    if not 0 < found <= 100:
        raise invalid(parameter, value, "must be a percentage above 0, and at most 100.")
    return found


def _view(stores, answers, at, limits):
    volumes = [item for store in stores for item in store["volumes"]]
    snapshots = [item for store in stores for item in store["snapshots"]]
    places = nodes(answers, [item for store in stores for item in store["exports"]])
    backends = sorted((_backend(item, volumes, limits) for store in stores for item in store["backends"]), key=lambda item: item["name"])
    found = findings(stores, places, {item["name"]: item["pools"] for item in backends})
    return {
        "at": dated(at),
        "told_by": [store["name"] for store in stores if store["name"] not in store["silent"]],
        "findings": found,
        "counts": {severity: sum(item["severity"] == severity for item in found) for severity in ("error", "warning", "note")},
        "verdict": _verdict(found),
        "tiles": _tiles(stores, backends, volumes, snapshots, places),
        "backends": backends,
        "volumes": [_volume(item, places) for item in sorted(volumes, key=lambda item: (item["backend"], item["name"]))],
        "snapshots": _snapshots(snapshots),
        "nodes": [_node(item) for item in places],
    }


def _verdict(found):
    counts = [
        counted(sum(item["severity"] == severity for item in found), severity)
        for severity in ("error", "warning")
        if any(item["severity"] == severity for item in found)
    ]
    level = next((severity for severity in ("error", "warning") if any(item["severity"] == severity for item in found)), "ok")
    return {"level": level, "text": " and ".join(counts) or "All is well"}


def _tiles(stores, backends, volumes, snapshots, places):
    pools = [pool for backend in backends for pool in backend["pools"]]
    known = [pool for pool in pools if pool["used"] is not None]
    total, used = sum(pool["total"] for pool in known), sum(pool["used"] for pool in known)
    mute = [backend["name"] for backend in backends if backend["error"]]
    unknown = len(pools) - len(known)
    held = [row for node in places for row in node["rows"] if row["held"]]
    silent = [node["name"] for node in places if node["state"] == "silent"]
    asked = sum(node["state"] != "unknown" for node in places)
    lost = sum(row["paths_total"] - row["paths_up"] for row in held)
    deaf = [name for store in stores for name in store["silent"]]
    return [
        {
            "label": "Capacity used",
            "value": "%d %%" % percent(share(used, total)) if total else "—",
            "note": "%s of %s" % (size(used), size(total)) + (", without %s that did not tell" % counted(unknown, "pool") if unknown else ""),
            "level": "warning" if unknown else "",
        },
        {
            "label": "Storage systems",
            "value": "%d / %d" % (len(backends) - len(mute), len(backends)),
            "note": _who(["controller " + name for name in deaf] + mute),
            "level": "error" if mute or deaf else "",
        },
        {"label": "Volumes", "value": str(len(volumes)), "note": size(sum(item["size"] for item in volumes)) + " in all", "level": ""},
        {
            "label": "Snapshots",
            "value": str(len(snapshots)),
            "note": "of %s" % counted(len({item["volume_id"] for item in snapshots}), "volume"),
            "level": "",
        },
        {
            "label": "Attachments",
            "value": str(len(held)),
            "note": "%s lost" % counted(lost, "path") if lost else "no path lost",
            "level": "error" if lost else "",
        },
        {
            "label": "Nodes",
            "value": "%d / %d" % (asked - len(silent), asked),
            "note": _who(silent),
            "level": "error" if silent else "",
        },
    ]


def _who(silent):
    """Say who does not answer."""
    if not silent:
        return "all answer"
    return "no answer from %s" % (", ".join(silent) if len(silent) <= _MUTE else "%s and %d more" % (", ".join(silent[:_MUTE]), len(silent) - _MUTE))


def _backend(item, volumes, limits):
    own = [volume for volume in volumes if volume["backend"] == item["name"]]
    pools = capacity.pools(item, own, limits)
    levels = [pool["level"] for pool in pools]
    level = "error" if item.get("error") or "error" in levels else "warning" if "warning" in levels else "ok"
    return {
        "name": item["name"],
        "driver": item["driver"].rpartition(".")[2],
        "error": item.get("error"),
        "failed_over_to": item.get("failed_over_to"),
        "level": level,
        "volumes": "%s, %s" % (counted(len(own), "volume"), size(sum(volume["size"] for volume in own))),
        "pools": pools,
    }


def _volume(item, places):
    doing = item.get("in_progress") or ()
    level = "working" if doing else "ok" if item["status"] in AT_REST else "error"
    return {
        "name": item["name"],
        "description": item.get("description") or "",
        "backend": item["backend"],
        "pool": item.get("pool") or "",
        "size": size(item["size"]),
        "status": "%s%s" % (doing[0]["action"], ", %s" % doing[0]["step"] if doing[0].get("step") else "") if doing else item["status"],
        "level": level,
        "on": [told["host"] if isinstance(told, dict) else told for told in item.get("attached_to") or ()],
        "snapshots": len(item.get("snapshots") or ()),
        "created": dated(item.get("created_at"))[:10],
    }


def _snapshots(snapshots):
    """One row for each volume that has any."""
    by_volume = {}
    for item in snapshots:
        by_volume.setdefault((item["backend"], item["volume_name"]), []).append(item)
    rows = []
    for (backend, volume), items in sorted(by_volume.items()):
        items = sorted(items, key=lambda item: str(item["created_at"]), reverse=True)
        broken = [item for item in items if item["status"] not in AT_REST]
        shown = broken + [item for item in items if item not in broken][: max(0, _NAMED - len(broken))]
        rows.append(
            {
                "backend": backend,
                "volume": volume,
                "count": len(items),
                "newest": dated(items[0]["created_at"]),
                "oldest": dated(items[-1]["created_at"]),
                "names": [{"name": item["name"], "status": item["status"], "level": "error" if item in broken else "ok"} for item in shown],
                "more": len(items) - len(shown),
            }
        )
    return rows


def _node(node):
    states = {"ok": counted(len(node["rows"]), "volume"), "silent": "did not answer", "unknown": "in no inventory"}
    levels = {"silent": "error", "unknown": "warning"}
    rows = [dict(row, size=size(row["size"]), state=_state(row)) for row in node["rows"]]
    worst = next((level for level in ("error", "warning") if any(row["level"] == level for row in rows)), "ok")
    return dict(node, state=states[node["state"]], silent=node["state"] != "ok", rows=rows, level=levels.get(node["state"], worst))


def _state(row):
    if row["held"] is None:
        return "mapped, as the controller knows"
    if not row["held"]:
        return "mapped; connected by a kubelet, or not at all"
    return "in order" if row["level"] == "ok" else " ".join(row["problems"]) or "not verified"
