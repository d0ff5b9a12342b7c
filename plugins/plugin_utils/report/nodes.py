# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which node holds what, as the nodes say it and as the controllers do, side by side. Pure."""

from __future__ import annotations


def nodes(answers, exports):
    """Return a view of each node, those that did not answer and hosts that are no nodes included.

    A view has ``name``, ``host``, ``state`` (``ok``, ``silent``, or ``unknown`` for a host that is in no inventory), ``error`` and ``rows``.

    :param answers: see gathered.py. :param exports: all that the controllers know.
    """
    by_host = {}
    for export in exports:
        by_host.setdefault(export["host"], []).append(export)
    found = []
    for answer in sorted(answers, key=lambda item: item["name"]):
        host = answer["host"] or answer["name"]
        mapped = by_host.pop(host, []) + (by_host.pop(answer["name"], []) if host != answer["name"] else [])
        state = "silent" if answer["error"] is not None else "ok"
        found.append({"name": answer["name"], "host": host, "state": state, "error": answer["error"], "rows": _rows(answer, mapped, state)})
    for host, mapped in sorted(by_host.items()):
        found.append({"name": host, "host": host, "state": "unknown", "error": None, "rows": [_mapped(item, None) for item in mapped]})
    return found


def _rows(answer, mapped, state):
    held = {record["volume_id"] for record in answer["attachments"]}
    rows = [_held(record) for record in answer["attachments"]]
    rows += [_mapped(item, None if state == "silent" else False) for item in mapped if item["volume_id"] not in held]
    return sorted(rows, key=lambda row: (row["backend"], row["volume"]))


def _held(record):
    paths = [{"device": path["device"], "up": path["state"] == "active", "state": path["state"]} for path in record.get("paths") or ()]
    return {
        "backend": record["backend"],
        "volume": record["volume_name"],
        "volume_id": record["volume_id"],
        "size": record["size"],
        "protocol": record["protocol"],
        "access_mode": record["access_mode"],
        "encrypted": bool(record.get("encryption")),
        "held": True,
        "verified": record["verified"],
        "path": record["path"],
        "device": record.get("device"),
        "paths": paths,
        "paths_total": len(paths),
        "paths_up": sum(path["up"] for path in paths),
        "problems": list(record.get("problems") or ()),
        "level": "ok" if record["verified"] and not record.get("problems") else "warning" if record["verified"] else "error",
    }


def _mapped(export, held):
    """An export that no record is known of: ``held`` is False where the node says so, None where nobody could say."""
    return {
        "backend": export["backend"],
        "volume": export["volume_name"],
        "volume_id": export["volume_id"],
        "size": export["size"],
        "protocol": export["protocol"],
        "access_mode": export["access_mode"],
        "encrypted": False,
        "held": held,
        "verified": None,
        "path": None,
        "device": None,
        "paths": [],
        "paths_total": 0,
        "paths_up": 0,
        "problems": [],
        "level": "unknown" if held is None else "ok",
    }
