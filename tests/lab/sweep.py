# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What attachments can leave behind: for each kind, the command that lists it on a host. One shell runs them all."""

from __future__ import annotations

_STATE = "/var/lib/baremetal.legacy_storage/node"
_LIO = "/sys/kernel/config/target"
_STORE = """python3 -c "
import sqlite3
store = sqlite3.connect('file:/var/lib/baremetal.legacy_storage/controller/store.sqlite?mode=rw', uri=True)
for row in store.execute('%s'):
    print(*row)
" || echo cannot be read"""

NODE = {
    "sessions": "iscsiadm -m session; ls /sys/class/iscsi_session",
    "iscsi records": "ls -d /etc/iscsi/nodes/* /etc/iscsi/send_targets/*",
    "disks": "ls -d /dev/sd* /sys/class/scsi_disk/*",
    "maps": "dmsetup ls | grep -v 'No devices'",
    "loop devices": "losetup --all",
    "mounts": "grep -E '^/dev/(sd|dm-|mapper|disk)|%s/mounts' /proc/self/mounts" % _STATE,
    "links": "ls /dev/disk/by-id | grep -E '^(legacy-storage|scsi|wwn|dm-uuid)-'",
    "udev's files": "find %s/links -type f" % _STATE,
    "records": "ls -A %s/attachments" % _STATE,
}
CONTROLLER = {
    "unsettled operations": _STORE % "SELECT action, noun, name, step FROM operations",
    "exports": _STORE % "SELECT volume_id, host, status FROM exports",
    "initiators let in": "ls -d %s/iscsi/iqn*/tpgt_1/acls/*" % _LIO,
    "targets": "ls -d %s/iscsi/iqn*" % _LIO,
    "backstores": "ls -d %s/core/iblock_*/*/wwn" % _LIO,
    "saved targets": "grep -ho 'iqn[^\"]*' /etc/target/saveconfig.json",
    "sessions": "ls /sys/class/iscsi_session",
    "iscsi records": "ls -d /etc/iscsi/nodes/*",
    "disks": "ls /dev/sd*",
}
_MARK = "== "


def script(commands):
    """Return a shell script that prints what each of the commands prints, after a line with its name."""
    return "\n".join("echo '%s'\"%s\"; { %s; } 2>/dev/null" % (_MARK, name, command) for name, command in commands.items()) + "\ntrue"


def parse(text):
    """Return ``{name: what was printed}`` of a script's output, without the names whose command printed nothing."""
    found = {}
    name = None
    for line in text.splitlines():
        if line.startswith(_MARK):
            name = line[len(_MARK) :]
        elif line.strip():
            found.setdefault(name, []).append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}
