# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the small text files of a host say. Pure: text -> values; whatever a file holds, nothing here raises."""

from __future__ import annotations

import dataclasses
import re

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\([0-7]{3})")
_FAMILIES = {"Debian": {"debian", "ubuntu"}, "RedHat": {"rhel", "fedora", "centos", "rocky", "almalinux"}}


def settings(text):
    """Return ``{key: value}`` of iscsid.conf (``key = value``, comments behind ``#``); the last of several counts, as for open-iscsi."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() and not key.strip().startswith("#"):
            found[key.strip()] = value.strip()
    return found


def initiator_names(text):
    """Return the initiator names that initiatorname.iscsi gives, past comments and aliases; open-iscsi takes the first."""
    pairs = [line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [value.strip() for key, equals, value in pairs if equals and key.strip() == "InitiatorName" and value.strip()]


def lvm_settings(text):
    """Return ``{key: value}`` of what lvmconfig(8) prints: lists of texts, texts and integers as such; other lines are left out."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        texts = [re.sub(r"\\(.)", r"\1", one) for one in _QUOTED.findall(value)]
        if equals and value.startswith("["):
            found[key] = texts
        elif equals and texts:
            found[key] = texts[0]
        elif equals and re.fullmatch(r"-?[0-9]+", value):
            found[key] = int(value)
    return found


@dataclasses.dataclass(frozen=True)
class Mount:
    """One line of mountinfo (proc(5)).

    :param device: ``major:minor``. :param shared: whether mounts below it reach other namespaces. :param source: a device or whatever it has instead.
    """

    point: str
    device: str
    shared: bool
    kind: str
    source: str


def mounts(text):
    """Return the Mounts of a mountinfo file in its order, which is the order of mounting; lines of another form are left out."""
    found = []
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        before, after = left.split(" "), right.split(" ")
        if dash and len(before) >= 6 and len(after) >= 2:
            shared = any(field.startswith("shared:") for field in before[6:])
            found.append(Mount(_plain(before[4]), before[2], shared, after[0], _plain(after[1])))
    return found


def mount_of(found, path):
    """Return the Mount that holds a path: the longest mount point above it, and of several at one point the last. ``None`` without any."""
    holding = [mount for mount in found if mount.point == "/" or path == mount.point or path.startswith(mount.point + "/")]
    longest = max((len(mount.point) for mount in holding), default=0)
    return ([mount for mount in holding if len(mount.point) == longest] or [None])[-1]


def _plain(text):
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 8)), text)


def platform(text):
    """Return ``(name, family)`` of an os-release file; family ``Debian``, ``RedHat`` or ``""`` for one that the roles have no packages for."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            values[key.strip()] = value.strip().strip("\"'")
    ids = {values.get("ID", "").lower(), *values.get("ID_LIKE", "").lower().split()}
    family = next((name for name, known in _FAMILIES.items() if ids & known), "")
    return values.get("PRETTY_NAME") or values.get("ID") or "an unknown system", family


def portal(text, port=3260):
    """Split ``192.0.2.1``, ``192.0.2.1:3260``, ``[2001:db8::1]``, ``[2001:db8::1]:3260`` or either with a portal group behind a comma into (address, port).

    :raises ValueError: for anything else, with a sentence about it.
    """
    where = text.strip().partition(",")[0]
    address, colon, number = where.rpartition(":")
    if not colon or where.endswith("]") or (":" in address and not address.startswith("[")):
        address, number = where, str(port)
    address = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    if not re.fullmatch(r"[A-Za-z0-9_.:%-]+", address) or not re.fullmatch(r"[0-9]{1,5}", number) or not 0 < int(number) < 65536:
        raise ValueError("%r is no portal. Give address:port, as in 192.0.2.1:3260 or [2001:db8::1]:3260." % text)
    return address.lower(), int(number)
