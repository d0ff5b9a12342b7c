# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What preflight found on all hosts, compared and put together: names that hosts share, clocks that differ, equal findings once. Pure."""

from __future__ import annotations

from ..model.errors import StorageError
from .preflight_finding import SEVERITIES, Finding

CLOCK_LIMIT = 5.0
_NVME = "Remove /etc/nvme/hostnqn and /etc/nvme/hostid on the copied hosts while nothing is connected, and write new ones (nvme gen-hostnqn)."
_UNASKED = "It did not tell its backends and exports, so portals of theirs may not have been tried: %s"
_UNTRIED = "Name the portals yourself (preflight_portals), or see why the controller does not tell."
# (fact, check, severity, what it is called, what to do)
_UNIQUE = (
    ("node", "node_name", "error", "node_name", "Give each its own node_name in the inventory."),
    ("hostnqn", "nvme", "error", "NVMe host name", _NVME),
    ("hostid", "nvme", "error", "NVMe host id", _NVME),
    ("machine_id", "machine_id", "warning", "machine id", "They are copies of one image: rm /etc/machine-id; systemd-machine-id-setup; boot."),
)


def report(results, clock_limit=CLOCK_LIMIT, silent=None):
    """Return all that is known of an inventory: ``findings``, ``hosts`` and ``counts``.

    ``findings`` are dicts like a host's own, with ``hosts`` (names) and each problem once, the worst first. ``hosts`` are dicts with ``name``, ``state``
    (``ready``, ``warnings``, ``errors``, ``unreachable`` or ``failed``), ``summary`` (one line) and ``problems`` (sentences of its errors that
    the role does not set right).

    :param results: ``{host: what legacy_preflight_info returned}``; of a host that was not reached, or where it failed, what Ansible registered.
    :param clock_limit: by how many seconds clocks may differ. :param silent: ``{controller: why it did not tell its backends}``.
    :raises StorageError: ``invalid``, when the results are nothing of the kind.
    """
    if not isinstance(results, dict) or not all(isinstance(result, dict) for result in results.values()):
        raise StorageError("invalid", "Give a dictionary with what legacy_preflight_info returned for each host.")
    seen = {name: result for name, result in results.items() if _state(result) is None}
    told = [(Finding(**finding), [name]) for name, result in seen.items() for finding in result["findings"]]
    told += _shared_names({name: result["facts"]["names"] for name, result in seen.items() if result["facts"].get("names")})
    told += _clocks({name: result["clock_offset"] for name, result in seen.items() if result.get("clock_offset")}, float(clock_limit))
    told += [(Finding("note", "unseen", _UNASKED % " ".join(str(why).split()), _UNTRIED), [name]) for name, why in (silent or {}).items() if name in results]
    findings = _once(told, list(results))
    hosts = [_host(name, result, [finding for finding in findings if name in finding["hosts"]]) for name, result in results.items()]
    counts = {severity + "s": sum(finding["severity"] == severity for finding in findings) for severity in SEVERITIES}
    counts["hosts"] = len(hosts)
    counts.update({state: sum(host["state"] == state for host in hosts) for state in ("ready", "unreachable", "failed")})
    return {"findings": findings, "hosts": hosts, "counts": counts}


def _state(result):
    if result.get("unreachable"):
        return "unreachable"
    return "failed" if result.get("failed") or "facts" not in result else None


def _once(told, order):
    """Put equal findings of several hosts together."""
    together = {}
    for finding, hosts in told:
        together.setdefault(finding, set()).update(hosts)
    place = {name: number for number, name in enumerate(order)}
    found = [dict(finding.to_public(), hosts=sorted(hosts, key=place.get)) for finding, hosts in together.items()]
    return sorted(found, key=lambda its: (SEVERITIES.index(its["severity"]), [place[name] for name in its["hosts"]], its["check"], its["problem"]))


def _alike(names, fact):
    """Return ``{value: [hosts]}`` of the values that several hosts have."""
    by_value = {}
    for host, its in names.items():
        if its.get(fact):
            by_value.setdefault(its[fact], []).append(host)
    return {value: hosts for value, hosts in by_value.items() if len(hosts) > 1}


def _shared_names(names):
    found = []
    for value, hosts in _alike(names, "initiator").items():
        live = [host for host in hosts if names[host]["live"]]
        if len(live) > 1:
            problem = "%s have live iSCSI sessions as %s. Storage systems take them for one host, which destroys data." % (_listed(live), value)
            remedy = "Detach all volumes of all but one of them, log their sessions out, and run the role baremetal.legacy_storage.node on all nodes."
            found.append((Finding("error", "initiator", problem, remedy), hosts))
        else:
            problem = "%s have the same iSCSI initiator name, %s: storage systems take them for one host." % (_listed(hosts), value)
            remedy, by_role = _unshare([host for host in hosts if names[host]["half"] == "node"], hosts, live)
            found.append((Finding("error", "initiator", problem, remedy, by_role), hosts))
    for fact, check, severity, title, remedy in _UNIQUE:
        for value, hosts in _alike(names, fact).items():
            found.append((Finding(severity, check, "%s share the %s %s." % (_listed(hosts), title, value), remedy), hosts))
    return found


def _unshare(nodes, hosts, live):
    """Return what to do about an initiator name that hosts share, and whether that is the role's: it gives names to nodes, and to no controller."""
    keeps = (live or nodes or hosts)[0]
    if len(nodes) == len(hosts):
        remedy = "Run the role baremetal.legacy_storage.node on all nodes in one play; it leaves the name to %s and gives the others new ones."
        return remedy % keeps, True
    remedy = "Write a name that iscsi-iname makes into /etc/iscsi/initiatorname.iscsi of %s while nothing is attached there; the role does that for nodes only."
    return remedy % _listed([host for host in hosts if host != keeps]), False


def _clocks(offsets, limit):
    """Compare each clock with the middle one of all; what cannot be told apart, because an answer took so long, is no difference."""
    if len(offsets) < 2:
        return []
    middle = sorted(offsets.values(), key=lambda its: its["seconds"])[(len(offsets) - 1) // 2]
    found = []
    for host, its in offsets.items():
        difference = its["seconds"] - middle["seconds"]
        if abs(difference) - its["uncertainty"] - middle["uncertainty"] > limit:
            problem = "The clock is %.1f s %s those of the other hosts." % (abs(difference), "ahead of" if difference > 0 else "behind")
            found.append((Finding("error", "clock", problem, "Let chrony or systemd-timesyncd set it, from the same servers as the others."), [host]))
    return found


def _host(name, result, findings):
    severities = {finding["severity"] for finding in findings}
    state = _state(result) or ("errors" if "error" in severities else "warnings" if "warning" in severities else "ready")
    summary = " ".join(str(result.get("msg") or "It was not asked.").split()) if state in ("unreachable", "failed") else _summary(result)
    problems = ["%s %s" % (its["problem"], its["remedy"]) for its in findings if its["severity"] == "error" and not its["by_role"]]
    return {"name": name, "state": state, "summary": summary, "problems": problems}


def _summary(result):
    """Say what a host is like in one line; of what was not looked at, nothing."""
    facts, words = result["facts"], []
    if facts.get("platform"):
        words += [facts["platform"]["name"], "kernel " + facts["platform"]["kernel"]]
    if facts.get("python", {}).get("version"):
        words.append("Python " + facts["python"]["version"])
    if facts.get("iscsi"):
        words.append(_count(len(facts["iscsi"]["sessions"]), "iSCSI session"))
    if facts.get("multipath"):
        words.append(_count(len(facts["multipath"]["maps"]), "multipath map"))
    if facts.get("portals"):
        words.append("%d of %s reachable" % (sum(its["reachable"] for its in facts["portals"]), _count(len(facts["portals"]), "portal")))
    if facts.get("platform"):
        words.append("role applied" if facts["platform"]["prepared"] else "role not applied yet")
    return ", ".join(words)


def _count(number, noun):
    return "%s %s%s" % (number or "no", noun, "" if number == 1 else "s")


def _listed(names):
    return " and ".join([", ".join(names[:-1])] * (len(names) > 1) + names[-1:])
