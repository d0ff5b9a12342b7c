# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DRBD 8.4: this host becomes a peer of those that hold the volume's data, with a disk of its own or without.

connection_info's data, as os-brick 3.x knew it: ``name`` of the resource, ``config`` (a resource file with ``%(shared-secret)s`` in it),
``provider_auth`` (that secret) and ``device``. Where the file says ``disk none`` for this host, it reads and writes over the network.

drbdadm reads the file from its standard input, with a placeholder, and says what it would do; the secret itself goes to the kernel only. So it
is in no file and no argument.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time

from ...module_utils.model.errors import StorageError, invalid
from .. import drbd
from .modules import load

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,126}$")
_DEVICE = re.compile(r"^/dev/drbd\d{1,7}$")
_PLACEHOLDER = "bls-placeholder"
_LIMIT = 120  # seconds for one of DRBD's programs
_PEER_WAIT = 30  # seconds for the peer to answer
_GONE_WAIT = 10
_KERNEL = "8.4."


class Drbd:
    """One volume's resource on this host.

    :param data: connection_info's data, with its secret. :raises StorageError: ``invalid`` when it is no resource.
    """

    def __init__(self, system, data):
        self._system = system
        self._name, self._device = str(data.get("name") or ""), str(data.get("device") or "")
        if not _NAME.match(self._name):
            raise invalid("connection_info", self._name, "is no name of a DRBD resource.")
        if not _DEVICE.match(self._device):
            raise invalid("connection_info", self._device, "is no DRBD device (/dev/drbd<minor>).")
        self._config, self._secret = str(data.get("config") or ""), str(data.get("provider_auth") or "")

    def connect(self):
        """Bring the resource up, wait for its data and become primary. Raises StorageError ``host``, or ``conflict`` where the minor is taken."""
        load(self._system, "drbd")
        _verify_kernel(self._system)
        minor = int(self._device[len("/dev/drbd"):])
        for other in drbd.volumes(self._system):
            if other.minor == minor and other.resource != self._name:
                raise StorageError(
                    "conflict", "%s is resource %s on this host, not %s. Nothing was connected." % (self._device, other.resource, self._name)
                )
        for step in self._steps():
            self._take(step)
        volume = self._wait_for_data(minor)
        if volume.role != "Primary":
            self._run(["drbdsetup", "primary", str(minor)])
        return {"type": "block", "path": self._device}

    def login_failures(self):
        """Return a sentence for a peer that is away, though this host has the data."""
        return [
            "DRBD's peer of resource %s is %s; it gets what is written now when it is back." % (self._name, volume.connection)
            for volume in self._volumes()
            if volume.connection != "Connected"
        ]

    def disconnect(self, _device_info, force=False):
        """Become secondary and leave the resource. Raises StorageError ``host`` when it is open, or when only this host has what was written last."""
        volumes = self._volumes()
        if not volumes and not self._resource_exists():
            return
        for volume in volumes:
            if volume.role == "Primary" and volume.disk == "UpToDate" and volume.peer_disk != "UpToDate" and not force:
                raise StorageError(
                    "host",
                    "The volume was not disconnected: only this host has what was written last (the peer is %s, its disk %s). Let them synchronize first; "
                    "/proc/drbd shows how far they are." % (volume.connection, volume.peer_disk),
                )
        for volume in volumes:
            if volume.role == "Primary":
                self._run(["drbdsetup", "secondary", str(volume.minor)])
        self._run(["drbdsetup", "down", self._name])
        deadline = time.monotonic() + _GONE_WAIT
        while self._volumes() and time.monotonic() < deadline:
            time.sleep(0.2)

    def extend(self):
        """Let DRBD look at its disks' size again. A host without a disk is told by its peer. Raises StorageError ``host``."""
        for volume in self._volumes():
            if volume.disk != "Diskless":
                self._run(["drbdsetup", "resize", str(volume.minor)])

    def stays(self):
        """Return what is left of the resource."""
        found = ["device /dev/drbd%d" % volume.minor for volume in self._volumes()]
        return found or (["DRBD resource %s" % self._name] if self._resource_exists() else [])

    def _volumes(self):
        return [volume for volume in drbd.volumes(self._system) if volume.resource == self._name]

    def _resource_exists(self):
        return self._name in drbd.resources(self._system)

    def _steps(self):
        """Return what is to be done, as drbdadm would do it: a list of commands. Without a disk of its own this host leaves out those for disks."""
        try:
            config = self._config % {"shared-secret": _PLACEHOLDER}
        except (KeyError, TypeError, ValueError) as error:
            raise invalid("connection_info", "config", "is no DRBD resource file with %%(shared-secret)s in it (%s)." % error) from error
        if _PLACEHOLDER in config and not self._secret:
            raise invalid("connection_info", "provider_auth", "is missing or empty, but the resource file wants it.")
        without_disk = self._run(["drbdadm", "-c", "-", "sh-ll-dev", self._name], config).split() == ["none"]
        told = self._run(["drbdadm", "-c", "-", "-d", "adjust", self._name], config)
        steps = [shlex.split(line) for line in told.splitlines() if line.strip()]
        return [step for step in steps if not (without_disk and (step[0] == "drbdmeta" or step[1] in ("attach", "disk-options")))]

    def _take(self, step):
        program = "drbdsetup" if step[0].startswith("drbdsetup") else step[0]
        options = dict(part[2:].partition("=")[::2] for part in step if part.startswith("--"))
        given = options.pop("shared-secret", None)
        if given is None or step[1] not in ("connect", "net-options"):
            self._run([program, *step[1:]])
            return
        secret = self._secret if given == _PLACEHOLDER else given
        resource, mine, peer = step[2:5] if step[1] == "connect" else (self._name, *step[2:4])
        algorithm = options.pop("cram-hmac-alg", "")
        if step[1] == "connect":
            drbd.connect(resource, mine, peer, options.pop("protocol", "C"), algorithm, secret)
        else:
            drbd.change_secret(resource, mine, peer, algorithm, secret)
        rest = ["--%s=%s" % option if option[1] else "--" + option[0] for option in options.items()]
        if rest:
            self._run([program, "net-options", mine, peer, *rest])

    def _wait_for_data(self, minor):
        deadline = time.monotonic() + _PEER_WAIT
        while True:
            mine = [volume for volume in self._volumes() if volume.minor == minor]
            if mine and mine[0].readable:
                return mine[0]
            if time.monotonic() > deadline or (mine and mine[0].connection == "StandAlone"):
                raise StorageError("host", "The volume was not connected: %s" % _why_no_data(self._name, mine))
            time.sleep(0.5)

    @staticmethod
    def _run(command, text=None):
        try:
            done = subprocess.run(command, input=text or "", check=False, timeout=_LIMIT, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise StorageError("host", "%s is not installed on this host (package drbd-utils)." % command[0]) from error
        except subprocess.TimeoutExpired as error:
            raise StorageError("host", "%s did not end within %d s." % (" ".join(command), _LIMIT)) from error
        if done.returncode:
            told = " ".join((done.stderr or done.stdout).split())
            raise StorageError("host", "%s failed (exit %d): %s" % (" ".join(command), done.returncode, told[:500]))
        return done.stdout


def _verify_kernel(system):
    version = system.read("proc/drbd").partition("version:")[2].split()
    if not version or not version[0].startswith(_KERNEL):
        raise StorageError(
            "unsupported",
            "This host's DRBD is %s, and only 8.4 is supported, the one in Linux itself. Nothing was connected." % (version[0] if version else "unknown"),
        )


def _why_no_data(name, found):
    if not found:
        return "DRBD made no device of resource %s." % name
    volume = found[0]
    if volume.connection == "StandAlone":
        return "the peer of DRBD resource %s refused this host, or this host the peer: another secret, or data that went apart; `dmesg` tells which." % name
    if volume.connection != "Connected":
        return "no peer of DRBD resource %s answers (%s). Is the volume still exported to this host?" % (name, volume.connection)
    return "neither this host nor the peer of DRBD resource %s has the whole volume (%s here, %s there)." % (name, volume.disk, volume.peer_disk)
