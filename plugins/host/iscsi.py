# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iSCSI on this node: sessions in sysfs, records of open-iscsi, what iscsiadm's exit codes mean."""

from __future__ import annotations

import dataclasses
import os
import re

from ..module_utils.model.errors import StorageError
from . import portals

# open-iscsi 2.0.874+ on Debian keeps its records below /etc, on Red Hat and SUSE below /var/lib.
_DATABASES = ("etc/iscsi", "var/lib/iscsi")
# A portal that is cut off must not hold a task: by default a login is tried 8 times, 15 s each.
LOGIN_LIMITS = {"node.session.initial_login_retry_max": "2", "node.conn[0].timeo.login_timeout": "10"}

NO_SESSION, NO_RECORD, NO_DAEMON, AUTH_FAILED, SESSION_EXISTS = 2, 21, 20, 24, 15


@dataclasses.dataclass(frozen=True)
class Session:
    """:param id: of the session. :param portal: (address, port). :param disks: {kernel name: LUN}."""

    id: str
    portal: tuple
    iqn: str
    disks: dict


def parse_portal(text):
    """Return ``(address, port)`` of ``10.0.0.1:3260``, ``[fd00::1]:3260`` or either with a portal group behind a comma."""
    address, colon, port = text.split(",")[0].rpartition(":")
    if not colon or not port.isdigit() or (":" in address and not address.startswith("[")):
        address, port = text.split(",")[0], "3260"
    return address.strip("[]").lower(), port


def targets(data):
    """Return the ``(portal, iqn, lun)`` that connection_info's data names; the portal as (address, port)."""
    if data.get("target_portals") and data.get("target_iqns"):
        luns = data.get("target_luns") or [data.get("target_lun", 0)] * len(data["target_iqns"])
        return [(parse_portal(portal), iqn, int(lun)) for portal, iqn, lun in zip(data["target_portals"], data["target_iqns"], luns)]
    if data.get("target_portal") and data.get("target_iqn"):
        return [(parse_portal(data["target_portal"]), data["target_iqn"], int(data.get("target_lun", 0)))]
    return []


def sessions(system):
    """Return every session of this node."""
    found = []
    for name in system.names("sys/class/iscsi_session"):
        folder = "sys/class/iscsi_session/%s" % name
        disks = {}
        for target in system.names(folder, "device"):
            for address in system.names(folder, "device", target) if target.startswith("target") else ():
                for disk in system.names(folder, "device", target, address, "block"):
                    disks[disk] = int(address.rsplit(":", 1)[1])
        sid = name[len("session"):]
        connection = "sys/class/iscsi_connection/connection%s:0" % sid
        portal = (system.read(connection, "persistent_address").lower(), system.read(connection, "persistent_port"))
        found.append(Session(sid, portal, system.read(folder, "targetname"), disks))
    return found


def disks_at(system, data):
    """Return the kernel names of the disks that stand at the address that connection_info's data names now."""
    wanted = targets(data)
    found = set()
    for session in sessions(system):
        for portal, iqn, lun in wanted:
            if session.iqn == iqn and session.portal == portal:
                found.update(disk for disk, its in session.disks.items() if its == lun)
    return sorted(found)


def at_portals(system, data):
    """Return what is there of a volume at each portal that connection_info's data names: one sentence part each."""
    found = []
    known = sessions(system)
    for portal, iqn, lun in targets(data):
        own = [session for session in known if (session.portal, session.iqn) == (portal, iqn)]
        disks = [disk for session in own for disk, its in sorted(session.disks.items()) if its == lun]
        what = "disk %s" % ", ".join(disks) if disks else "a session without LUN %d" % lun if own else "no session"
        found.append("%s has %s" % (written(portal), what))
    return found


def without_session(system, data):
    """Return the portals, each (address, port), that connection_info's data names and that this node has no session with."""
    known = {(session.portal, session.iqn) for session in sessions(system)}
    return list(dict.fromkeys(portal for portal, iqn, _lun in targets(data) if (portal, iqn) not in known))


def back_again(system, data):
    """Return those of :func:`without_session` that take a connection now."""
    return portals.that_answer(without_session(system, data))


def written(portal):
    """Return a portal as people write it."""
    return "%s:%s" % ("[%s]" % portal[0] if ":" in portal[0] else portal[0], portal[1])


def empty_sessions(system, data):
    """Return what is left of a connection whose disks are gone: its sessions without a disk, and its node records.

    A session with other volumes' disks belongs to them.
    """
    left = []
    shared = set()
    for portal, iqn, _lun in targets(data):
        for session in sessions(system):
            if (session.portal, session.iqn) == (portal, iqn):
                if session.disks:
                    shared.add((portal, iqn))
                else:
                    left.append("session %s to %s at %s:%s" % (session.id, iqn, portal[0], portal[1]))
        if (portal, iqn) not in shared:
            left += ["node record %s" % path for path in node_records(system, portal, iqn)]
    return left


def node_records(system, portal, iqn):
    """Return the paths of open-iscsi's record files for a target at a portal; none of a name that leads out of its folder, as no target has."""
    found = []
    if "/" in iqn:
        return found
    for database in _DATABASES:
        folder = os.path.join(database, "nodes", iqn)
        for name in system.names(folder):
            parts = name.split(",")
            if (parts[0].strip("[]").lower(), parts[1] if len(parts) > 1 else "3260") != portal:
                continue
            path = system.path(folder, name)
            found += [os.path.join(path, entry) for entry in system.names(folder, name)] if os.path.isdir(path) else [path]
    return found


def discovery_records(system, portal):
    """Return the paths of open-iscsi's record files of a SendTargets discovery at a portal."""
    paths = [system.path(database, "send_targets", "%s,%s" % portal, "st_config") for database in _DATABASES]
    return [path for path in paths if os.path.exists(path)]


def edit_record(path, values, only_known=False):
    """Set ``values`` in a record file, whole or not at all, keeping its mode 0600.

    ``iscsiadm --op update`` takes a password as an argument, where every user of the host can read it in /proc.

    :param only_known: leave out what the record does not have (an older open-iscsi may not know it).
    :raises StorageError: ``invalid`` for a value that would be further lines; the message does not show it.
    """
    for name, value in values.items():
        if re.search(r"[\r\n\0]", value):
            raise StorageError("invalid", "connection_info: what is to be open-iscsi's %s holds a line break." % name, "export")
    with open(path, encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    left = dict(values)
    for index, line in enumerate(lines):
        key = line.partition("=")[0].strip()
        if key in left:
            lines[index] = "%s = %s" % (key, left.pop(key))
    if left and not only_known:
        end = len(lines) - 1 if lines and lines[-1].startswith("# END RECORD") else len(lines)
        lines[end:end] = ["%s = %s" % item for item in left.items()]
    draft = os.path.join(os.path.dirname(os.path.dirname(path)), ".%s.%d" % (os.path.basename(path), os.getpid()))
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")
    os.replace(draft, path)


@dataclasses.dataclass(frozen=True)
class Step:
    """One iscsiadm command: ``action`` is ``login``, ``update`` or ``update_discovery``."""

    action: str
    portal: tuple
    iqn: str
    values: dict


def parse_command(command):
    """Return the Step of an iscsiadm command line (a sequence), or ``None`` for any other command."""
    words = [str(word) for word in command]
    if not words or os.path.basename(words[0]) != "iscsiadm" or "-m" not in words:
        return None
    mode = words[words.index("-m") + 1]

    def following(flag):
        return [words[index + 1] for index, word in enumerate(words[:-1]) if word == flag]

    portal = parse_portal((following("-p") or [""])[0])
    iqn = (following("-T") or [""])[0]
    if mode == "node" and "--login" in words:
        return Step("login", portal, iqn, {})
    if following("--op") == ["update"]:
        values = dict(zip(following("-n"), following("-v")))
        return Step("update" if mode == "node" else "update_discovery", portal, iqn, values)
    return None


def login_failure(portal, iqn, code, reason):
    """Return one sentence that says why a login failed and what to do.

    :param code: iscsiadm's exit code (open-iscsi's iscsi_err.h).
    """
    where = "Portal %s:%s of target %s" % (portal[0], portal[1], iqn)
    if code == AUTH_FAILED:
        return (
            "%s refused the login: the CHAP user or secret is wrong, or the target does not allow this host's initiator name. Compare both on the "
            "array, then export the volume again." % where
        )
    if code in (4, 8, 11):
        return "%s cannot be reached. Check the address, the network and a firewall between this host and the array's storage network." % where
    if code in (18, NO_DAEMON):
        return "iscsid does not answer on this host, so nobody was asked. Start iscsid (the role baremetal.legacy_storage.node does). (%s)" % where
    if code == 19:
        return "%s refused the login for good (iscsiadm exit 19): see iscsid's log; often the target is gone or this initiator is not mapped." % where
    if code == NO_RECORD:
        return "%s is not known to open-iscsi (exit 21): another program removes its records." % where
    return "%s: the login failed (iscsiadm exit %s: %s)." % (where, code, re.sub(r"\s+", " ", reason or "no reason").strip()[:300])


def prepared(system, which):
    """Raise StorageError ``host`` when this node lacks what an iSCSI login needs."""
    if not which("iscsiadm"):
        raise StorageError("host", "iscsiadm is not installed on this host. Apply the role baremetal.legacy_storage.node, or install open-iscsi.")
    if "InitiatorName=" not in system.read("etc/iscsi/initiatorname.iscsi"):
        raise StorageError(
            "host", "This host has no iSCSI initiator name (/etc/iscsi/initiatorname.iscsi). Apply the role baremetal.legacy_storage.node."
        )
