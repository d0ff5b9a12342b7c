# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether multipath serves volumes, and leaves the system's disks and other systems' devices alone. Pure."""

from __future__ import annotations

from .preflight_finding import Finding

GREEDY = ("no", "greedy", "smart")
DROP_IN = "/etc/multipath/conf.d/baremetal-legacy-storage.conf"
# One path for ever; what is none of both, such as SAS, may have several.
_LOCAL = ("scsi:ata", "scsi:usb", "nvme:pcie", "nvme:apple-nvme", "virtio")
REMOTE = ("scsi:iscsi", "scsi:fcp", "nvme:tcp", "nvme:rdma", "nvme:fc")


def judge(facts, wanted):
    """Return the Findings about multipath: those about other's devices also where this collection wants no multipath."""
    seen = facts["multipath"]
    disks = {disk["name"]: disk for disk in seen["disks"]}
    found = _maps(seen, disks)
    found += _grabbing(facts, seen, disks)
    if wanted["multipath"]:
        found += _hidden(seen, disks)
        found += _settings(facts, seen)
    return found


def _maps(seen, disks):
    found = []
    for one in seen["maps"]:
        paths = [disks[name] for name in one["paths"] if name in disks]
        owners = sorted({disk["owner"] for disk in paths if disk["owner"]})
        over_system = one["device"] in seen["system"] or set(one["paths"]) & set(seen["system"])
        if owners:
            problem = "multipathd has made the map %s of a device of %s (%s)." % (one["name"], owners[0], ", ".join(one["paths"]))
            remedy = "%s Then, while nothing uses it: multipath -f %s." % (_leave_alone(paths, owners[0]), one["name"])
            found.append(Finding("error", "foreign", problem, remedy))
        elif over_system and _is_local(one, paths):
            problem = "multipathd has made the map %s of the system's own disk (%s)." % (one["name"], ", ".join(one["paths"]))
            remedy = "Blacklist the disk's wwid in a file below /etc/multipath/conf.d, update the initramfs and boot."
            found.append(Finding("error", "root_disk", problem, remedy))
        elif over_system:
            problem = "The system lies on the map %s: this host boots from a storage network." % one["name"]
            found.append(Finding("note", "root_disk", problem, "Never blacklist its paths (%s) or their transport." % ", ".join(one["paths"])))
        if one["device"] in seen["system"]:
            for disk in paths:
                if disk["hidden_by"]:
                    problem = "The system lies on the map %s, and %s hides its path %s: the next boot may not find it."
                    remedy = "Take that out, or add an exception (blacklist_exceptions)."
                    found.append(Finding("error", "root_disk", problem % (one["name"], disk["hidden_by"], disk["name"]), remedy))
    return found


def _is_local(one, paths):
    """Tell whether a map lies over a disk of the host itself. Over a storage network one path may be all that is left of several."""
    protocols = {disk["protocol"] for disk in paths}
    return bool(protocols & set(_LOCAL)) or (len(one["paths"]) < 2 and not protocols & set(REMOTE))


def _grabbing(facts, seen, disks):
    """Tell of devices that multipathd may take although they are not its."""
    value = find_multipaths(facts, seen)
    if value not in GREEDY:
        return []
    open_ones = [disk for disk in disks.values() if not disk["hidden_by"]]
    foreign = [disk for disk in open_ones if disk["owner"]]
    on_map = any(one["device"] in seen["system"] for one in seen["maps"])
    system = [disk for disk in open_ones if disk["name"] in seen["system"] and disk["protocol"] not in REMOTE and not on_map]
    found = []
    for owner in sorted({disk["owner"] for disk in foreign}):
        theirs = [disk for disk in foreign if disk["owner"] == owner]
        problem = "multipathd takes every device that it sees (find_multipaths %s), and so those of %s." % (value, owner)
        found.append(Finding("error", "foreign", problem, _leave_alone(theirs, owner)))
    if system:
        names = ", ".join(sorted(disk["name"] for disk in system))
        problem = "multipathd takes every device that it sees (find_multipaths %s), and the system's own disk (%s) is not blacklisted." % (value, names)
        found.append(Finding("error", "root_disk", problem, "Set find_multipaths strict (the role does it), or blacklist the disk by its wwid."))
    if not found:
        problem = "multipathd takes every device that it sees (find_multipaths %s)." % value
        found.append(Finding("warning", "find_multipaths", problem, "Set find_multipaths strict; the role does it.", _ours_decides(seen)))
    return found


def find_multipaths(facts, seen):
    """Return the setting that holds. Nothing set means strict, but ``off`` in Enterprise Linux, whose package changes that."""
    if not _installed(facts):
        return "strict"
    value = seen["find_multipaths"]["value"]
    if value is not None:
        return {"on": "yes", "off": "no"}.get(value, value)
    return "no" if facts.get("platform", {}).get("family") == "RedHat" and seen["files"] else "strict"


def _installed(facts):
    """Tell whether there is a multipathd that can be started; where that could not be seen, there may be one."""
    if facts.get("services") is not None:
        return not facts["services"].get("multipathd.service", {"masked": True})["masked"]
    return facts.get("programs", {}).get("multipathd", True)


def _ours_decides(seen, key="find_multipaths"):
    """Tell whether the role's drop-in has the last word: no file that is read after it says another."""
    file = seen[key]["file"]
    return not (file or "").startswith("/etc/multipath/conf.d/") or file < DROP_IN


def _leave_alone(disks, owner):
    """Longhorn's devices have the vendor of every tgt target, Cinder's among them, so only their protocol or wwid tells them."""
    if owner == "Longhorn":
        return "Set find_multipaths strict. Blacklist vendor IET, product VIRTUAL-DISK as well where none of your own storage systems is served by tgt."
    prefix = "".join(sorted({disk["name"].rstrip("0123456789") for disk in disks})[:1])
    return 'Put blacklist { devnode "^%s" } into a file below /etc/multipath/conf.d, and systemctl reload multipathd.' % prefix


def _hidden(seen, disks):
    if seen["hides_volumes"]:
        problem = "The blacklist hides volumes from multipath: %s." % seen["hides_volumes"]
        remedy = "Make it narrower, or list the storage system's devices under blacklist_exceptions."
        return [Finding("error", "blacklist", problem, remedy)]
    found = []
    for disk in disks.values():
        if disk["protocol"] in ("scsi:iscsi", "scsi:fcp") and not disk["owner"] and disk["hidden_by"]:
            problem = "The blacklist hides %s of %s %s from multipath: %s." % (disk["name"], disk["vendor"], disk["product"], disk["hidden_by"])
            found.append(Finding("warning", "blacklist", problem, "Take that out if volumes of this storage system are to have several paths."))
    return found


def _settings(facts, seen):
    found = []
    retry = seen["no_path_retry"]
    if retry["value"] == "queue":
        problem = "no_path_retry is queue in %s: a program that touches a volume without paths hangs for ever." % retry["file"]
        found.append(Finding("warning", "no_path_retry", problem, "Give it a number; the role does, for all maps.", _ours_decides(seen, "no_path_retry")))
    if facts.get("platform", {}).get("family") == "RedHat" and seen["main_file"] is False:
        problem = "There is no /etc/multipath.conf; Enterprise Linux starts multipathd only with one."
        found.append(Finding("warning", "multipathd", problem, "The role writes one.", by_role=True))
    return found
