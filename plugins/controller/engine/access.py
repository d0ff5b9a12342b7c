# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A volume's data on this controller: connected through os-brick, disconnected and seen to be gone.

The node's half does the same for nodes, so its os-brick (no secret in argv, reasons told) and its view of the kernel serve here too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import threading
import time

import os_brick
from os_brick import privileged
from os_brick.initiator import connector as brick_connector
from oslo_config import cfg

from ...host import brick, devices, remains
from ...host.connectors import choice
from ...module_utils.model.errors import StorageError

# A local file or device is there whether somebody is connected to it or not.
_ALWAYS_THERE = ("local", "gpfs")
_GONE_WAIT = 30  # seconds
_PREPARING = threading.Lock()
_PREPARED = set()
_SYSTEM = devices.System()


@dataclasses.dataclass(frozen=True)
class Device:
    """A volume's data as this host can open it.

    :param path: a block device or a file. :param format: as qemu-img calls it: ``raw``, or what a file system's driver keeps in a file.
    :param size: of the data, in bytes. :param direct: whether it can be opened with O_DIRECT.
    :param info: what os-brick wants back. :param identity: what the device calls itself, None where it has always been there.
    """

    path: str
    format: str
    size: int
    direct: bool
    info: dict = dataclasses.field(default_factory=dict)
    identity: dict | None = None


class Access:
    """Volumes connected to this host.

    :param engine: the Engine. :param mount_dir: where remote file systems are mounted whose driver has not mounted them itself.
    """

    def __init__(self, engine, mount_dir):
        self._engine = engine
        self._mount_dir = mount_dir
        self._properties = None

    @staticmethod
    def boot_id():
        """Return the id of this boot: what an earlier one had connected is gone."""
        return _SYSTEM.boot_id()

    def connector(self):
        """Return what this host is to an array (os-brick's properties)."""
        with _PREPARING:
            if self._properties is None:
                self._properties = _properties()
            return dict(self._properties)

    def connect(self, connection_info, connector):
        """Connect what the array mapped to this host and return the Device. Raises StorageError ``host`` with the reason."""
        attachment, protocol, data = self._attachment(connection_info, connector)
        info = attachment.connect()
        path, kind = info["path"], data.get("format") or "raw"
        identity = None if protocol in _ALWAYS_THERE else _identify(path)
        try:
            direct = _opens(path)
            size = _size(path, kind)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise StorageError("host", "%s was connected to this controller, but cannot be read (%s)." % (path, error)) from error
        return Device(path, kind, size, direct, info, identity)

    def disconnect(self, connection_info, connector, info=None, identity=None):
        """Disconnect what :meth:`connect` connected, also in a run that was killed, and see to it that nothing stays.

        :raises StorageError: ``host`` when a step failed or a device stayed; then it must not be unmapped (CVE-2023-2088).
        """
        attachment, protocol, data = self._attachment(connection_info, connector)
        problem = ""
        try:
            attachment.disconnect(info)
        except StorageError as error:
            problem = error.message
        stays = _wait_gone(protocol, data, identity)
        verifiable = identity is not None and identity.get("kind") != "file"
        if stays or (problem and not verifiable):
            raise StorageError(
                "host",
                "A volume that this controller itself had open was not disconnected: %s What stayed: %s. It stays mapped to this controller; "
                "mend the cause and run the task again."
                % (problem or "No step reported an error.", ", ".join(stays) or "nothing that could be seen"),
                details={"left": stays},
            )

    def _attachment(self, connection_info, connector):
        with _PREPARING:
            _prepare()
        protocol, data = choice.unwrap(connection_info, "")
        mount_dir = connection_info.get("mount_point_base") or self._mount_dir  # drivers of file systems have theirs mounted already
        multipath = bool(connector.get("multipath"))
        return choice.choose(_SYSTEM, protocol, data, lambda: brick.Brick(_SYSTEM, protocol, data, multipath, mount_dir)), protocol, data


def _prepare():
    """Set os-brick up within cinder's configuration: a process of its own, as root, without sudo."""
    if "os_brick" not in _PREPARED:
        os_brick.setup(cfg.CONF)
        privileged.default.set_client_mode(False)
        privileged.brick_privsep_hide_output.set_client_mode(False)
        _PREPARED.add("os_brick")


def _properties():
    _prepare()
    multipath = _SYSTEM.runs("multipathd")
    try:
        found = brick_connector.get_connector_properties("", cfg.CONF.my_ip, multipath, False)
    except Exception as error:  # whatever a protocol's own tools raise
        raise StorageError(
            "host", "What this controller is to an array cannot be told (%s: %s)." % (type(error).__name__, error)
        ) from error
    return {key: value for key, value in found.items() if value is not None}


def _identify(path):
    """Return the identity of what was just connected; the map over a disk counts, not the disk."""
    for _attempt in range(10):
        name = devices.kernel_name(_SYSTEM, path)
        above = devices.map_over(_SYSTEM, [name]) if name else None
        identity = devices.identify(_SYSTEM, _SYSTEM.node(above) if above else path)
        if identity is not None:
            return identity
        time.sleep(0.5)
    raise StorageError("host", "%s was connected to this controller, but does not answer when asked what it is." % path)


def _wait_gone(protocol, data, identity):
    if protocol in _ALWAYS_THERE:
        return []
    deadline = time.monotonic() + _GONE_WAIT
    while True:
        stays = remains.what_stays(_SYSTEM, data, identity, protocol)
        if not stays or time.monotonic() > deadline:
            return stays
        time.sleep(0.2)


def _opens(path):
    """Tell whether ``path`` can be opened with O_DIRECT. Raises OSError when it cannot be read at all."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
        return True
    os.close(os.open(path, os.O_RDONLY))
    return False


def _size(path, kind):
    if kind == "raw":
        handle = os.open(path, os.O_RDONLY)
        try:
            return os.lseek(handle, 0, os.SEEK_END)
        finally:
            os.close(handle)
    told = subprocess.run(
        ["qemu-img", "info", "--output=json", "-f", kind, path], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
    )
    return int(json.loads(told.stdout)["virtual-size"])
