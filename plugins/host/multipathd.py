# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of paths, from multipathd's own socket: no process is started for it. What multipathd does not tell is asked of the kernel."""

from __future__ import annotations

import re
import socket
import struct

from . import programs

_SOCKETS = ("\0/org/kernel/linux/storage/multipathd", "/run/multipathd.socket")
_TIMEOUT = 5.0


def ask(command):
    """Send one interactive command (``show paths ...``) and return the answer's text; ``""`` when multipathd does not answer."""
    for address in _SOCKETS:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_TIMEOUT)
                connection.connect(address)
                text = command.encode("ascii") + b"\0"
                connection.sendall(struct.pack("@N", len(text)) + text)
                length = struct.unpack("@N", _exactly(connection, struct.calcsize("@N")))[0]
                return _exactly(connection, length).rstrip(b"\0").decode("utf-8", "replace")
        except (OSError, EOFError):
            continue
    return ""


def _exactly(connection, length):
    parts = b""
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


def add_path(name):
    """Have multipathd look at a disk (its kernel name) again and take it into its map."""
    ask("add path %s" % name)


def path_states():
    """Return {kernel name: ``active`` or ``failed``} of every path that multipathd watches and knows the map of, which one just started may not."""
    return {name: state for name, state in parse_paths(ask("show paths raw format %d|%t")).items() if state != "undef"}


def parse_paths(text):
    """Parse the answer to ``show paths raw format %d|%t``."""
    fields = [line.split("|") for line in text.splitlines() if "|" in line]
    return {parts[0].strip(): parts[1].strip() for parts in fields}


def kernel_states(system, name):
    """Return {kernel name: ``active`` or ``failed``} of a map's paths as the kernel uses them; empty where dmsetup cannot tell."""
    major, _colon, minor = (system.read("sys/class/block", name, "dev") or "").partition(":")
    told, _problem = programs.run("dmsetup", "status", "--target", "multipath", "-j", major, "-m", minor, limit=_TIMEOUT)
    numbers = {system.read("sys/class/block", disk, "dev"): disk for disk in system.names("sys/class/block", name, "slaves")}
    return {numbers[number]: state for number, state in parse_status(told).items() if number in numbers}


def parse_status(text):
    """Parse what ``dmsetup status`` prints of a map: ``... A 0 2 2 8:16 A 0 0 1 8:32 F 1 0 1``. Return {"8:16": ``active``, "8:32": ``failed``}."""
    return {number: "active" if letter == "A" else "failed" for number, letter in re.findall(r"(?<!\S)(\d+:\d+) ([AF])(?!\S)", text)}


def wait_for_its_name(scsi):
    """Let os-brick's ``LinuxSCSI`` wait for the name by which multipathd knows a disk: its NAA designator where there is one.

    While udev is at work, the link with another designator (T10, the vendor's own) can be there first. os-brick 7.0 takes that one, tells multipathd of
    it, and no map is made under ``find_multipaths strict``. An empty name lets it ask again.
    """
    ask = scsi.get_sysfs_wwn

    def get_sysfs_wwn(device_names, mpath=None):
        name = ask(device_names, mpath)
        early = not mpath and name and name[0] in "01S" and (scsi.get_sysfs_wwid(device_names) or "").startswith("3")
        return "" if early else name

    scsi.get_sysfs_wwn = get_sysfs_wwn
