# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From registered results of tasks to what a report is made of. Pure.

A store is what one metadata store knows: {"name": the controller that told, "silent": {controller: why it said nothing}, "gaps": [why something
of it is not known], "backends", "volumes", "snapshots", "exports": as the _info modules return them, "findings": the doctor's}. A node's answer is
{"name", "host", "error", "attachments"}.
"""

from __future__ import annotations

_LISTS = ("backends", "volumes", "snapshots", "exports")


def stores(hosts, names):
    """Return the stores of the controllers. Those of one store count once, as the first one that answers tells it.

    :param hosts: {host: its variables, with ``report_store``, ``report_backends`` and so on as registered}. :param names: the controllers.
    """
    found, silent = {}, {}
    for name in names:
        said = hosts.get(name, {})
        shown = said.get("report_store") or {}
        why = _why_not(shown) or next(filter(None, (_why_not(said.get("report_" + part)) for part in _LISTS)), None)
        if why:
            silent[name] = why
            continue
        key = shown.get("store_id") or name
        if key not in found:
            doctor = said.get("report_doctor")
            gap = _why_not(doctor)
            found[key] = dict(
                {part: list(said["report_" + part][part]) for part in _LISTS},
                name=name, silent={}, gaps=[gap] if gap else [], findings=[] if gap else list(doctor["findings"]),
            )
    if silent:
        first = next(iter(found.values()), None)
        if first is None:
            first = found[None] = dict({part: [] for part in _LISTS}, name=", ".join(silent), silent={}, gaps=[], findings=[])
        first["silent"] = silent
    return _told_apart(list(found.values()))


def _told_apart(found):
    """Name backends that are called alike in several stores with their controller, so that neither hides what is wrong with the other."""
    names = [item["name"] for store in found for item in store["backends"]]
    twice = {name for name in names if names.count(name) > 1}
    for store in found:
        new = {name: "%s (%s)" % (name, store["name"]) for name in twice}
        store["backends"] = [dict(item, name=new.get(item["name"], item["name"])) for item in store["backends"]]
        for part in ("volumes", "snapshots", "exports"):
            store[part] = [dict(item, backend=new.get(item["backend"], item["backend"])) for item in store[part]]
    return found


def answers(hosts, names):
    """Return the nodes' answers."""
    told = []
    for name in names:
        said = hosts.get(name, {}).get("report_node")
        why = _why_not(said)
        if why is None and not said.get("connector"):
            why = "its role was not applied yet"
        told.append(
            {
                "name": name,
                "host": None if why else said["connector"]["host"],
                "error": why,
                "attachments": [] if why else list(said.get("attachments") or ()),
            }
        )
    return told


def _why_not(result):
    """Return why a task gave nothing, or None where it gave something."""
    if not result:
        return "it was not asked"
    if result.get("unreachable") or result.get("failed") or result.get("skipped"):
        return (str(result.get("msg") or "").strip() or "it gave no reason").splitlines()[0]
    return None
