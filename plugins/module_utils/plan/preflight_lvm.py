# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the host's LVM leaves alone the volume groups that pods and virtual machines keep inside volumes. Pure."""

from __future__ import annotations

import re

from .preflight_finding import Finding
from .preflight_multipath import REMOTE

# Names that udev gives a volume with one path, and one with several, on which LVM's filter is tried.
_IDENTITY = ("/dev/disk/by-id/scsi-36001405309c19a76a5f4ce398272f655", "/dev/disk/by-id/wwn-0x6001405309c19a76a5f4ce398272f655")
_VOLUMES = {
    "one path": ("/dev/sdzz", "/dev/disk/by-path/ip-192.0.2.10:3260-iscsi-iqn.2010-10.org.openstack:volume-a-lun-1", *_IDENTITY),
    "several paths": ("/dev/dm-999", "/dev/mapper/36001405309c19a76a5f4ce398272f655", *_IDENTITY),
}
# The link of what this collection attached; what a kubelet logs in to has none.
_LINK = "/dev/disk/by-id/legacy-storage-00000000-0000-0000-0000-000000000000"
_CLOSING = {"{": "}", "(": ")", "[": "]"}


def judge(facts, wanted):
    """Return the Findings about LVM on a node. It sees volumes unless its devices file or its filter says otherwise."""
    seen = facts["lvm"]
    # Where auto_activation_volume_list names what is activated by itself, LVM still looks, but holds nothing else open.
    if wanted["half"] != "node" or seen["devices_file"] or seen["activates"] is not None:
        return []
    link = () if facts.get("kubelet") else (_LINK,)
    open_to = [paths for paths, names in _VOLUMES.items() if accepts(seen["filter"], names + link)]
    if not open_to:
        return []
    which = "volumes" if len(open_to) == len(_VOLUMES) else "volumes with %s" % open_to[0]
    problem = "The host's LVM looks into %s: it activates the volume groups that pods and virtual machines have inside, and holds the volumes open." % which
    remedy = (
        "Let global_filter in /etc/lvm/lvmlocal.conf accept the host's own disks and reject all others, or make a devices file (use_devicesfile = 1, "
        "vgimportdevices -a) while no volume is attached. Then update the initramfs."
    )
    held = _held(seen)
    if held:
        problem += " So it has now: %s." % "; ".join("%s on %s" % (name, ", ".join(disks)) for name, disks in held)
        remedy += " What is not the host's own: vgchange -an."
    return [Finding("warning", "lvm", problem, remedy)]


def _held(seen):
    """Return [(logical volume, its disks)] of those on volumes of a storage network that are neither the system's nor another product's."""
    found = []
    for one in seen["active"]:
        disks = [disk["name"] for disk in one["devices"] if disk["protocol"] in REMOTE and not disk["owner"]]
        if disks and not set(disks) & set(seen["system"]):
            found.append((one["name"], disks))
    return found


def accepts(patterns, names):
    """Tell whether a filter (lvm.conf, devices/global_filter) lets LVM see a device that has these names.

    For each name the first pattern that matches counts. One name that is accepted is enough; without one, a name that is rejected decides; a device of
    which no name is matched is seen.
    """
    rejected = False
    for name in names:
        verdict = next((word for word, pattern in map(_taken_apart, patterns) if pattern and pattern.search(name)), None)
        if verdict == "a":
            return True
        rejected = rejected or verdict == "r"
    return not rejected


def _taken_apart(text):
    """Return (``a`` or ``r``, what it looks for) of a pattern such as ``r|^/dev/sd.*|``, whatever stands for the bars."""
    verdict, mark, rest = text[:1], text[1:2], text[2:]
    end = rest.rfind(_CLOSING.get(mark, mark)) if mark else -1
    try:
        return verdict, re.compile(rest[:end]) if end >= 0 else None
    except re.error:
        return verdict, None
