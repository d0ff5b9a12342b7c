# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How full pools are, and how much was promised of them. Pure."""

from __future__ import annotations

from .figures import number, percent, share, size

_NEAR = 0.9  # of what may be promised


def pools(backend, volumes, limits):
    """Return a view of each pool of a backend, also of those that nothing is known of.

    :param backend: as legacy_backend_info returns it with ``refresh``. :param volumes: all that the store has on it.
    :param limits: {"warning", "error"}: percentages from which a pool is nearly full, and as good as full.
    """
    told = {pool["name"]: pool for pool in backend.get("pool_details") or ()}
    names = list(told) + [name for name in backend.get("pools") or () if name not in told]
    names += sorted({volume["pool"] for volume in volumes if volume.get("pool") and volume["pool"] not in names})
    alone = len(names) == 1
    return [
        _pool(name, told.get(name), sum(item["size"] for item in volumes if item.get("pool") == name or (alone and not item.get("pool"))), limits)
        for name in names
    ]


def _pool(name, told, known, limits):
    said = told or {}
    total, free, promised = (number(said.get(key)) for key in ("total_capacity_gb", "free_capacity_gb", "provisioned_capacity_gb"))
    allowed = number(said.get("max_over_subscription_ratio")) if (said.get("capabilities") or {}).get("thin_provisioning") else None
    used = None if total is None or free is None else max(0, total - free)
    filled = share(used, total)
    by_store = promised is None
    promised = known if by_store else promised
    ratio = promised / total if total else None
    view = {
        "name": name,
        "told": told is not None,
        "total": total,
        "free": free,
        "used": used,
        "percent": percent(filled),
        "width": None if filled is None else round(filled, 1),
        "promised": promised,
        "by_store": by_store,
        "ratio": ratio,
        "allowed": allowed,
        "promised_width": None if ratio is None else round(share(promised, max(total * (allowed or 1), promised)) or 0.0, 1),
        "fill": _level(filled, limits["warning"], limits["error"]),
        "promise": "ok" if ratio is None or not allowed else _level(ratio, allowed * _NEAR, allowed),
    }
    view["level"] = "unknown" if filled is None else max(view["fill"], view["promise"], key=["ok", "warning", "error"].index)
    return dict(view, sentence=_sentence(view, said), promise_sentence=_promise_sentence(view))


def _level(value, warning, error):
    if value is None:
        return "ok"
    return "error" if value >= error else "warning" if value >= warning else "ok"


def _sentence(view, said):
    if not view["told"]:
        return "Its storage system did not tell of it."
    if view["used"] is not None:
        return "%s of %s used, %s free" % (size(view["used"]), size(view["total"]), size(view["free"]))
    words = {said.get(key) for key in ("total_capacity_gb", "free_capacity_gb")} & {"infinite", "unknown"}
    return "The driver does not say how full it is%s." % (" (%s)" % ", ".join(sorted(words)) if words else "")


def _promise_sentence(view):
    least = "at least " if view["by_store"] else ""
    if view["ratio"] is None:
        return "%s%s promised" % (least, size(view["promised"]))
    allowed = "; up to %s× allowed" % trimmed(view["allowed"]) if view["allowed"] else ""
    return "%s%s promised, %s× its capacity%s" % (least, size(view["promised"]), trimmed(view["ratio"]), allowed)


def trimmed(ratio):
    """Return a ratio with two digits behind the point at most."""
    text = "%.2f" % ratio
    return text.rstrip("0").rstrip(".") if "." in text else text
