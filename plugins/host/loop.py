# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes that are files on a file system of many hosts (NFS and its like) become block devices through the kernel's loop driver.

A loop device's number means nothing: it is known by the file below it (``loop/backing_file`` in sysfs), as udev's rule knows it.
"""

from __future__ import annotations

import os

from ..module_utils.model.errors import StorageError
from . import programs

REMOTE_FILE_SYSTEMS = ("nfs", "glusterfs", "quobyte", "scality", "vzstorage")
_PROTOCOLS = (*REMOTE_FILE_SYSTEMS, "gpfs")
# As a volume has by every other protocol, so that partition tables and file systems made there are right here, and the other way round.
_SECTOR_SIZE = "512"


def serves(protocol):
    """Tell whether volumes of this protocol are files that get a loop device. A local file stays one: its driver says that it is here."""
    return protocol.lower() in _PROTOCOLS


def backing_file(system, name):
    """Return the path of the file below a loop device, ``""`` when there is none; ``… (deleted)`` when the file has gone."""
    return system.read("sys/class/block", name, "loop/backing_file")


def with_file(system, path):
    """Return the loop devices (kernel names) over the file at ``path``."""
    return [name for name in system.names("sys/class/block") if backing_file(system, name) == path]


def over(system, mount_dir, protocol, data):
    """Return the loop devices over the file of a volume, also one that was deleted since.

    :param mount_dir: where remote file systems are mounted. :param data: connection_info's data; redacted will do.
    """
    if not serves(protocol):
        return []
    if protocol.lower() == "gpfs":
        return [name for name in _loops(system) if _undeleted(system, name) == os.path.realpath(data.get("device_path") or "/")]
    # The folder between is os-brick's, one for each share; a volume's file bears the volume's id.
    beginning, ending = os.path.realpath(mount_dir) + "/", "/" + str(data.get("name") or "/")
    return [name for name in _loops(system) if _undeleted(system, name).startswith(beginning) and _undeleted(system, name).endswith(ending)]


def _loops(system):
    return [name for name in system.names("sys/class/block") if name.startswith("loop")]


def _undeleted(system, name):
    return backing_file(system, name).removesuffix(" (deleted)")


class Looped:
    """A connector whose volume is a file, and the loop device over it. Has a Brick's methods.

    :param found: called without arguments, returns the loop devices that are there over the volume's file.
    :param warn: called with a sentence that the task must tell.
    """

    def __init__(self, system, connector, found, warn):
        self._system = system
        self._connector = connector
        self._found = found
        self._warn = warn

    def connect(self):
        """Connect and return the device info: ``path`` is the loop device's, ``file`` the file's. Raises StorageError ``host``."""
        info = self._connector.connect()
        path = os.path.realpath(info["path"])
        there = with_file(self._system, path)
        name = there[0] if there else self._set_up(path)
        return dict(info, path=self._system.node(name), file=path)

    def _set_up(self, path):
        output, problem = programs.run("losetup", "--find", "--show", "--partscan", "--sector-size", _SECTOR_SIZE, path)
        if problem:
            raise StorageError("host", "The volume's file was reached, but has got no block device: %s Is the kernel's module loop there?" % problem)
        name = os.path.basename(output.strip())
        # By itself the kernel would keep what is written in its page cache twice.
        _output, problem = programs.run("losetup", "--direct-io=on", self._system.node(name))
        if problem or self._system.read("sys/class/block", name, "loop/dio") != "1":
            self._warn("%s has no direct I/O, since the file system of %s does not offer it: it is slower, and takes more memory." % (name, path))
        return name

    def login_failures(self):
        """Return a sentence for each path that could not be connected."""
        return self._connector.login_failures()

    def disconnect(self, device_info, force=False):
        """Take the loop devices away, with what was written in the file. Raises StorageError ``host`` when a step failed, also with ``force``."""
        device_info = dict(device_info or {})
        problems = []
        for name in self._found():
            path = backing_file(self._system, name)
            # The share may stay mounted for other volumes, and only that would write what the page cache holds of the file.
            steps = [("losetup", "--detach", self._system.node(name)), ("sync", path)]
            for step in steps if os.path.exists(path) else steps[:1]:
                _output, problem = programs.run(*step, limit=120)
                problems += [problem] if problem else []
        if "file" in device_info:
            device_info["path"] = device_info["file"]
        self._connector.disconnect(device_info, force=force)
        if problems:
            raise StorageError("host", "The volume was not disconnected: %s" % " ".join(problems))

    def extend(self):
        """Let the loop devices look at the file's size again. Raises StorageError ``host``."""
        for name in self._found():
            try:
                os.close(os.open(backing_file(self._system, name), os.O_RDONLY))  # or NFS goes on telling the size that it knew
            except OSError as error:
                raise StorageError("host", "The volume was not extended: its file cannot be opened (%s)." % error) from error
            _output, problem = programs.run("losetup", "--set-capacity", self._system.node(name))
            if problem:
                raise StorageError("host", "The volume was not extended: %s" % problem)
