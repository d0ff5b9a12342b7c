# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether one host can consume volumes, or run a controller: facts of it and what is wanted -> findings. Pure.

What the role ``node`` sets right by itself is a note where it has not been applied yet, and a fault where it has been: then somebody undid it.
"""

from __future__ import annotations

import dataclasses
import re

from . import machines, preflight_lvm, preflight_multipath
from .preflight_finding import SEVERITIES, Finding

OLDEST, NEWEST = (3, 11), (3, 13)
_UNSEEN = "With become more can be seen; what cannot be seen even so is not judged."
# From the program to the package that has it, in Debian and in Enterprise Linux.
PROGRAMS = {
    "iscsiadm": "open-iscsi, or iscsi-initiator-utils",
    "iscsi-iname": "open-iscsi, or iscsi-initiator-utils",
    "multipath": "multipath-tools, or device-mapper-multipath",
    "multipathd": "multipath-tools, or device-mapper-multipath",
    "cryptsetup": "cryptsetup-bin, or cryptsetup",
    "lsscsi": "lsscsi",
    "sg_inq": "sg3-utils, or sg3_utils",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
}
_BY_CHOICE = {"iscsi": ("iscsiadm", "iscsi-iname"), "multipath": ("multipath", "multipathd"), "encryption": ("cryptsetup",)}
_MODULES = {"iscsi": ("iscsi_tcp",), "multipath": ("dm_multipath",), "encryption": ("dm_crypt",)}
_ON_NODES = ("lsscsi", "sg_inq", "mkfs.ext4", "mkfs.xfs")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def completed(parameters):
    """Return the module's parameters with all programs and kernel modules that are wanted, and sizes as numbers.

    :raises ValueError: for a size or a time that is none, with a sentence that names it.
    """
    node = parameters["half"] == "node"
    chosen = {choice: node and parameters[choice] for choice in _BY_CHOICE}
    names = [name for choice in _BY_CHOICE if chosen[choice] for name in _BY_CHOICE[choice]] + (list(_ON_NODES) if node else [])
    modules = [name for choice in _MODULES if chosen[choice] for name in _MODULES[choice]]
    kubernetes = parameters["kubernetes"] if node else False
    if not 0 < parameters["portal_timeout"] <= 3600:
        raise ValueError("portal_timeout: %r: give a number of seconds above 0, and at most 3600." % parameters["portal_timeout"])
    sizes = {}
    for directory, size in parameters["directories"].items():
        if not str(directory).startswith("/") or isinstance(size, bool) or not str(size).isdigit():
            raise ValueError("directories: %r: %r is no absolute path with a number of MiB." % (directory, size))
        sizes[directory] = int(size)
    lists = {"programs": names + parameters["programs"], "kernel_modules": modules + parameters["kernel_modules"]}
    lists = {key: list(dict.fromkeys(value)) for key, value in lists.items()}
    return dict(parameters, kubernetes=kubernetes, directories=sizes, **chosen, **lists)


def judge(facts, wanted):
    """Return the Findings of one host, the worst first.

    :param facts: as ``preflight/look.py`` gives them; what was not looked at is not in it, and not judged.
    :param wanted: ``iscsi``, ``multipath``, ``kubernetes`` (bools; the last ``None`` for "where there is a kubelet").
    """
    prepared = facts.get("platform", {}).get("prepared", False)
    found = []
    for area, judged in _JUDGES.items():
        if facts.get(area) is not None:
            found += judged(facts, wanted)
    found += [_note("unseen", "It could not be seen: %s." % what, _UNSEEN) for what in facts.get("unseen", ())]
    found = [finding if prepared or not finding.by_role else dataclasses.replace(finding, severity="note") for finding in found]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _error(check, problem, remedy, by_role=False):
    return Finding("error", check, problem, remedy, by_role)


def _warning(check, problem, remedy, by_role=False):
    return Finding("warning", check, problem, remedy, by_role)


def _note(check, problem, remedy):
    return Finding("note", check, problem, remedy)


def _platform(facts, _wanted):
    seen = facts["platform"]
    if seen["family"] and seen["systemd"]:
        return []
    what = seen["name"] if not seen["family"] else "%s without systemd" % seen["name"]
    return [_error("platform", "The roles know Debian, Ubuntu and Enterprise Linux with systemd; this is %s." % what, "Use another host.")]


def _python(facts, _wanted):
    path, version = facts["python"]["path"], facts["python"]["version"]
    if version is None:
        return [_warning("python", "%s is not there." % path, "The role installs it.", by_role=True)]
    numbers = tuple(int(number) for number in version.split(".")[:2])
    if numbers < OLDEST:
        remedy = "Use a newer distribution release for this host."
        return [_error("python", "%s is Python %s; os-brick needs 3.11 or newer." % (path, version), remedy)]
    if numbers > NEWEST:
        return [_warning("python", "%s is Python %s; the pinned packages are known to work with 3.11 to 3.13." % (path, version), "Try it on one host first.")]
    return []


def _names(facts, wanted):
    seen, found = facts["names"], []
    if wanted["iscsi"] and seen["initiator"] == "":
        found.append(_error("initiator", "The host has no iSCSI initiator name.", "The role makes one.", by_role=True))
    if wanted["iscsi"] and len(seen["initiators"]) > 1:
        problem = "/etc/iscsi/initiatorname.iscsi gives %d initiator names; open-iscsi takes the first." % len(seen["initiators"])
        found.append(_warning("initiator", problem, "Leave only the one that storage systems know."))
    if seen["initiator"] and not re.match(r"(iqn|eui|naa)\.", seen["initiator"]):
        problem = "The initiator name %s is none: it begins with neither iqn., eui. nor naa." % seen["initiator"]
        found.append(_error("initiator", problem, "Write one that iscsi-iname makes, while nothing is attached."))
    if bool(seen["hostnqn"]) != bool(seen["hostid"]) and not facts.get("unseen"):
        there, missing = ("hostnqn", "hostid") if seen["hostnqn"] else ("hostid", "hostnqn")
        problem = "/etc/nvme has %s and not %s; nvme then makes the other up." % (there, missing)
        found.append(_warning("nvme", problem, "Write both: nvme gen-hostnqn, and its UUID into hostid, while nothing is connected."))
    return found + _machine(seen["machine"]) + (_kubernetes_name(seen) if _on_kubernetes(facts, wanted) else [])


def _machine(its):
    """The role sets it right once it is told what happened."""
    if its["error"] is not None:
        problem = "%s, which says on what machine the node was set up, cannot be read: %s." % (its["file"], its["error"])
        return [_error("machine", problem, "Where this is that machine, and not one with a copy of its disk, remove the file.")]
    if its["verdict"] == machines.OTHER:
        return [_error("machine", machines.problem(its["file"], its["kept"], its["seen"]), machines.REMEDY, by_role=True)]
    return []


def _on_kubernetes(facts, wanted):
    return facts.get("kubelet") is not None if wanted["kubernetes"] is None else wanted["kubernetes"]


def _kubernetes_name(seen):
    """Node names are DNS subdomains (RFC 1123), and values of the label kubernetes.io/hostname, which have 63 characters at most."""
    name = seen["node"]
    if name is None:
        return []
    if len(name) > 63 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        problem = "%r can be no name of a Kubernetes node: small letters, digits, - and . only, 63 characters at most." % name
        return [_error("node_name", problem, "Set node_name to the name that kubectl get nodes shows.")]
    if name != seen["host"].lower() and name != seen["host"].lower().partition(".")[0]:
        problem = "The host calls itself %s, and so does its kubelet unless it was told another name; here it is %s." % (seen["host"], name)
        return [_warning("node_name", problem, "Let node_name be the name that kubectl get nodes shows.")]
    return []


def _kernel(facts, _wanted):
    found = []
    missing, disabled = (sorted(name for name, state in facts["kernel"].items() if state == which) for which in ("missing", "disabled"))
    if missing:
        remedy = "Install the distribution's full kernel package (not one for clouds or virtual machines), or its modules-extra."
        found.append(_error("kernel", "The running kernel has no module %s." % ", ".join(missing), remedy))
    if disabled:
        problem = "modprobe's configuration, or kernel.modules_disabled, forbids loading %s." % ", ".join(disabled)
        found.append(_error("kernel", problem, "Look for install and blacklist lines below /etc/modprobe.d."))
    return found


def _programs(facts, _wanted):
    missing = [name for name, there in facts["programs"].items() if not there]
    by_role = [name for name in missing if name in PROGRAMS]
    packages = dict.fromkeys(PROGRAMS[name] for name in by_role)
    found = []
    if by_role:
        remedy = "The role installs %s." % "; ".join(packages)
        found.append(_error("programs", "Not installed: %s." % ", ".join(by_role), remedy, by_role=True))
    others = [name for name in missing if name not in PROGRAMS]
    if others:
        found.append(_error("programs", "Not installed: %s." % ", ".join(others), "Add their packages to node_packages_extra."))
    return found


def _services(facts, wanted):
    seen = facts["services"]
    iscsid = [seen[unit] for unit in ("iscsid.socket", "iscsid.service") if unit in seen]
    masked = [unit for unit in sorted(seen) if seen[unit]["masked"] and wanted["multipath" if unit == "multipathd.service" else "iscsi"]]
    found = [
        _error(unit.partition(".")[0], "%s is masked, so nobody can start it, the role neither." % unit, "systemctl unmask %s." % unit) for unit in masked
    ]
    startable = iscsid and not any(unit["masked"] for unit in iscsid)
    if wanted["iscsi"] and startable and not any(unit["enabled"] for unit in iscsid):
        found.append(_error("iscsid", "Neither iscsid.socket nor iscsid.service is enabled.", "systemctl enable --now iscsid.socket; the role does it.", True))
    elif wanted["iscsi"] and startable and not any(unit["active"] for unit in iscsid):
        found.append(_error("iscsid", "Neither iscsid.socket nor iscsid.service is running.", "systemctl start iscsid.socket; the role does it.", True))
    sessions = facts.get("iscsi", {}).get("sessions")
    if sessions and iscsid and not any(unit["active"] for unit in iscsid):
        problem = "There are iSCSI sessions and no iscsid: one that breaks never comes back."
        found.append(_error("iscsid", problem, "systemctl start iscsid.socket iscsid.service. Sessions stay as they are."))
    multipathd = seen.get("multipathd.service")
    if wanted["multipath"] and multipathd and not multipathd["masked"] and not (multipathd["enabled"] and multipathd["active"]):
        remedy = "systemctl enable --now multipathd.service; the role does it."
        problem = "multipathd is not %s." % ("enabled" if multipathd["active"] else "running")
        found.append(_error("multipathd", problem, remedy, by_role=True))
    return found


def _iscsi(facts, wanted):
    seen, found = facts["iscsi"], []
    if wanted["iscsi"] and seen["configured"]:
        # What open-iscsi does where nothing is set: no login at boot, but all LUNs of a target are scanned.
        for key, value, usual in (("node.startup", seen["startup"], "manual"), ("node.session.scan", seen["scan"], "auto")):
            if (value or usual) != "manual":
                problem = "%s is %s in /etc/iscsi/iscsid.conf, so %s." % (key, value or usual, _CONSEQUENCES[key])
                found.append(_warning("iscsid_conf", problem, "%s = manual; the role writes it." % key, by_role=True))
    broken = [session for session in seen["sessions"] if session["state"] not in ("LOGGED_IN", "")]
    for session in broken:
        problem = "The session to %s at %s is %s." % (session["target"], session["portal"], session["state"])
        found.append(_warning("session", problem, "Check the portal and the network, or log it out where nobody uses it any more."))
    return found


_CONSEQUENCES = {
    "node.startup": "every boot logs in to all targets that were ever found",
    "node.session.scan": "a login brings every LUN that the storage system shows, not only those that were asked for",
}


def _clock(facts, _wanted):
    if facts["clock"]["synchronised"] is False:
        return [_warning("clock", "Nobody keeps the clock: the kernel calls it unsynchronised.", "Install and enable chrony, or systemd-timesyncd.")]
    return []


def _portals(facts, _wanted):
    return [
        _error("portal", "Portal %s cannot be reached: %s." % (its["portal"], its["error"]), "Check address, routes, VLAN and firewalls on the way to it.")
        for its in facts["portals"]
        if not its["reachable"]
    ]


def _space(facts, _wanted):
    """What directories on one file system need adds up; one that is there already holds what it needs, but for a little."""
    found, by_device = [], {}
    for its in facts["space"]:
        by_device.setdefault(its["device"], []).append(its)
    for together in by_device.values():
        names = ", ".join(its["directory"] for its in together)
        needed = sum(its["needed"] if not its["there"] else min(its["needed"], 20) for its in together)
        first = together[0]
        if first["read_only"]:
            found.append(_error("space", "The file system of %s is read-only." % names, "Find out why: a kernel makes it so after errors."))
        elif first["free"] < needed:
            found.append(_error("space", "%d MiB are free for %s, which need %d." % (first["free"], names, needed), "Make room, or choose other directories."))
        elif first["inodes"] is not None and first["inodes"] < 20000:
            found.append(_warning("space", "The file system of %s has only %d inodes left." % (names, first["inodes"]), "Remove small files."))
    return found


def _kubelet(facts, wanted):
    if wanted["kubernetes"] is False:
        return []
    seen, found = facts["kubelet"], []
    if seen["shared"] is False:
        problem = "%s lies on %s, whose mounts are not shared, so pods do not see what is mounted for them." % (seen["directory"], seen["mount_point"])
        found.append(_error("kubelet", problem, "mount --make-rshared %s, and the same at every boot." % seen["mount_point"]))
    if seen["swap"]:
        problem = "Swap is on (%s); a kubelet does not start then, unless its failSwapOn is false." % ", ".join(seen["swap"])
        found.append(_warning("kubelet", problem, "swapoff -a, and take it out of /etc/fstab; or set failSwapOn: false."))
    if seen["free_percent"] < 10:
        problem = "%d %% of the file system of %s are free; below 10 %% a kubelet evicts pods." % (seen["free_percent"], seen["directory"])
        found.append(_warning("kubelet", problem, "Make room there."))
    return found


_JUDGES = {
    "platform": _platform,
    "python": _python,
    "names": _names,
    "kernel": _kernel,
    "programs": _programs,
    "services": _services,
    "iscsi": _iscsi,
    "multipath": preflight_multipath.judge,
    "lvm": preflight_lvm.judge,
    "clock": _clock,
    "portals": _portals,
    "space": _space,
    "kubelet": _kubelet,
}
