# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what the halves tell to figures for Prometheus. Pure: no library, no clock.

Names and units are as Prometheus wants them: base units, ``_bytes`` and ``_seconds``, and ``_total`` only for counters, of which there are none: all
of this is what is now. A figure is ``(name, labels, value)``; FAMILIES has what each name means. What a storage system does not say has no figure.
"""

from __future__ import annotations

import math

from ..module_utils.model.sizes import GIB

PREFIX = "legacy_storage_"
# {name without the prefix: (labels, help)}
FAMILIES = {
    "backend_up": (("backend",), "Whether the backend's storage system answered."),
    "pool_capacity_bytes": (("backend", "pool"), "What a pool holds when it is full."),
    "pool_free_bytes": (("backend", "pool"), "What is free in a pool."),
    "pool_provisioned_bytes": (("backend", "pool"), "What was promised to volumes of a pool."),
    "pool_max_over_subscription_ratio": (("backend", "pool"), "How much may be promised of a thin pool, as a multiple of its capacity."),
    "volumes": (("backend", "status"), "Volumes by status."),
    "volume_size_bytes": (("backend", "volume"), "Size of a volume."),
    "snapshots": (("backend", "status"), "Snapshots by status."),
    "exports": (("backend", "host"), "Volumes that are mapped to a host."),
    "operations_unsettled": ((), "Operations that are under way, or whose run was interrupted."),
    "attachments": (("state",), "Volumes attached to this node, by the state of their record."),
    "attachment_verified": (("backend", "volume", "volume_id"), "Whether the device is there, is the right one, and the stable path leads to it."),
    "attachment_paths": (("backend", "volume", "volume_id"), "Paths to an attached volume."),
    "attachment_paths_up": (("backend", "volume", "volume_id"), "Paths to an attached volume that work."),
    "scrape_success": (("half",), "Whether this half of the collection could tell its figures."),
    "scrape_duration_seconds": (("half",), "How long it took to ask."),
    "scrape_timestamp_seconds": (("half",), "When it was asked, in Unix time."),
}


def of_controller(answers):
    """Return the figures of a controller.

    :param answers: what the verbs ``backend.list`` (with ``refresh``), ``volume.list``, ``snapshot.list``, ``export.list`` and ``store.show`` returned.
    """
    found = []
    for backend in answers["backend.list"]["backends"]:
        found.append(("backend_up", {"backend": backend["name"]}, int(not backend.get("error"))))
        for pool in backend.get("pool_details") or ():
            found += _pool(backend["name"], pool)
    volumes = answers["volume.list"]["volumes"]
    found += _counted("volumes", volumes, ("backend", "status"))
    found += [("volume_size_bytes", {"backend": item["backend"], "volume": item["name"]}, item["size"] * GIB) for item in volumes]
    found += _counted("snapshots", answers["snapshot.list"]["snapshots"], ("backend", "status"))
    found += _counted("exports", answers["export.list"]["exports"], ("backend", "host"))
    found.append(("operations_unsettled", {}, answers["store.show"]["rows"]["operations"]))
    return found


def of_node(answers):
    """Return the figures of a node.

    :param answers: what the verb ``attachment.list`` returned.
    """
    attachments = answers["attachment.list"]["attachments"]
    found = _counted("attachments", attachments, ("state",))
    for item in attachments:
        labels = {"backend": item["backend"], "volume": item["volume_name"], "volume_id": item["volume_id"]}  # two controllers may call theirs alike
        found += [
            ("attachment_verified", labels, int(item["verified"])),
            ("attachment_paths", labels, len(item["paths"])),
            ("attachment_paths_up", labels, sum(path["state"] == "active" for path in item["paths"])),
        ]
    return found


def of_scrape(half, success, duration, timestamp):
    """Return the figures of the asking itself; times in seconds."""
    labels = {"half": half}
    return [("scrape_success", labels, int(success)), ("scrape_duration_seconds", labels, duration), ("scrape_timestamp_seconds", labels, timestamp)]


def _pool(backend, pool):
    labels = {"backend": backend, "pool": pool["name"]}
    told = [
        ("pool_capacity_bytes", pool["total_capacity_gb"], GIB),
        ("pool_free_bytes", pool["free_capacity_gb"], GIB),
        ("pool_provisioned_bytes", pool["provisioned_capacity_gb"], GIB),
        ("pool_max_over_subscription_ratio", pool["max_over_subscription_ratio"] if pool["capabilities"]["thin_provisioning"] else None, 1),
    ]
    return [
        (name, labels, value * unit)
        for name, value, unit in told
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    ]


def _counted(name, items, keys):
    counts = {}
    for item in items:
        values = tuple(str(item[key]) for key in keys)
        counts[values] = counts.get(values, 0) + 1
    return [(name, dict(zip(keys, values)), count) for values, count in sorted(counts.items())]
