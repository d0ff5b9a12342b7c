# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a node runs on the machine that it was set up on, or on one that got a copy of its disk. Pure.

A *fingerprint* is ``{"uuid": text, "serial": text, "macs": [text, ...]}``: the firmware's name and number of the machine, and the permanent addresses
of its network adapters; empty where there are none. Nothing of it is on the disk, so none of it is copied with an image.
"""

from __future__ import annotations

import json
import re
import uuid

FILE = "machine.json"  # in a node's state_dir
FIRST, SAME, CHANGED, OTHER, UNTOLD = "first", "same", "changed", "other", "untold"
# What makers leave in the firmware of more than one machine; compared past case and blanks.
_SHARED_UUIDS = {
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "01234567-8910-1112-1314-151617181920",
}
_SHARED_SERIALS = {
    "default string", "to be filled by o.e.m.", "system serial number", "serial number", "not specified", "not available", "not applicable", "n/a", "none",
    "null", "empty", "invalid", "unknown", "o.e.m.", "oem", "chassis serial number", "123456789", "0123456789", "1234567890",
}  # fmt: skip


def fingerprint(system_uuid, serial, macs):
    """Return the fingerprint of what firmware and adapters say; what may be another machine's as well counts as nothing."""
    return {"uuid": _real_uuid(system_uuid), "serial": _real_serial(serial), "macs": sorted({mac for mac in map(_real_mac, macs) if mac})}


def _real_uuid(text):
    try:
        named = str(uuid.UUID(text.strip()))
    except ValueError:
        return ""
    digits = named.replace("-", "")
    return "" if named in _SHARED_UUIDS or digits == digits[:2] * 16 else named


def _real_serial(text):
    words = " ".join(text.split())
    plain = words.lower()
    alike = len(set(plain.replace(" ", "").replace("-", "").replace(".", ""))) < 2
    return "" if len(plain) < 4 or alike or plain in _SHARED_SERIALS else words


def _real_mac(text):
    """Return an adapter's address in small letters; of InfiniBand the port's GUID, since what stands before it changes from boot to boot."""
    mac = text.strip().lower()
    if not re.fullmatch(r"([0-9a-f]{2}:){5}([0-9a-f]{2}:){0,14}[0-9a-f]{2}", mac):
        return ""
    mac = mac[-23:]
    return "" if set(mac.split(":")) in ({"00"}, {"ff"}) else mac


def parse(text):
    """Return the fingerprint that a node's file holds. Raises ValueError where it holds none."""
    data = json.loads(text)
    if not isinstance(data, dict) or set(data) != {"uuid", "serial", "macs"} or not isinstance(data["macs"], list):
        raise ValueError("it holds no fingerprint of a machine")
    if not all(isinstance(value, str) for value in (data["uuid"], data["serial"], *data["macs"])) or not any(data.values()):
        raise ValueError("it holds no fingerprint of a machine")
    return data


def written(its):
    """Return a fingerprint as the file holds it."""
    return json.dumps(its, indent=4, sort_keys=True) + "\n"


def judge(kept, seen):
    """Tell what the machine that is seen is to a node.

    :param kept: the fingerprint of the machine that the node was set up on, ``None`` where none is known.
    :returns: ``first`` (none was known: this is the one from now on), ``same``, ``changed`` (the same, and something of it is new), ``other``, or
        ``untold`` (nothing is known, and the machine has nothing to be known by).

    Of uuid, serial number and addresses the first that both have decides; of addresses one is enough, since adapters are replaced one by one. Where
    they have nothing to compare, it is another one: who lets two machines be one host to an array loses data, who asks loses a minute.
    """
    if kept is None:
        return FIRST if any(seen.values()) else UNTOLD
    if kept["uuid"] and seen["uuid"]:
        same = kept["uuid"] in (seen["uuid"], _other_order(seen["uuid"]))
    elif kept["serial"] and seen["serial"]:
        same = kept["serial"] == seen["serial"]
    else:
        same = bool(set(kept["macs"]) & set(seen["macs"]))
    if not same:
        return OTHER
    return SAME if merged(kept, seen) == kept else CHANGED


def _other_order(text):
    """Return a uuid as firmware, hypervisors and kernels before and after SMBIOS 2.6 tell the same one: with its first three fields turned round."""
    return str(uuid.UUID(bytes=uuid.UUID(text).bytes_le))


def merged(kept, seen):
    """Return what is to be kept of a machine that changed: what it shows now, and of what it does not show what was known."""
    return {key: seen[key] or kept[key] for key in kept}


def told(its):
    """Return a fingerprint in words."""
    words = [word for word in ("uuid %s" % its["uuid"], "serial number %s" % its["serial"]) if not word.endswith(" ")]
    words += ["network adapters %s" % ", ".join(its["macs"])] if its["macs"] else []
    return "; ".join(words) or "neither uuid nor serial number nor network adapter"


def problem(path, kept, seen):
    """Return one sentence: how this machine is not the one that a node's file says."""
    return "This is not the machine that this node was set up on: %s says %s, and here is %s." % (path, told(kept), told(seen))


REMEDY = (
    "Where this host is a copy of the node, detach nothing, as that would take the volumes from the node itself: apply the role "
    "baremetal.legacy_storage.node to the copy with node_machine: copied, which gives it an identity of its own. Where the node's hardware was exchanged, "
    "apply it with node_machine: exchanged."
)
