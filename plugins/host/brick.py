# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""os-brick, and nothing else imports it: connect, disconnect, extend, connector properties.

os-brick swallows why a login failed and hands CHAP passwords to iscsiadm as arguments; so every command that it runs
passes through :class:`_Runner`, which remembers the one and prevents the other.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
import sys
import tempfile
import threading
import types
import warnings

from ..module_utils.model.errors import StorageError
from ..module_utils.worker.children import start_quickly
from . import fibre_channel, iscsi, loop, multipathd, nvme, rbd
from .protocols import lacks

with warnings.catch_warnings():
    # os-brick 7.1 brings an eventlet that says on import that it is deprecated: nothing that a reader of the boot service's journal could mend.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    import os_brick
    from os_brick import exception as brick_exception
    from os_brick import privileged
    from os_brick.initiator import connector as brick_connector
    from os_brick.privileged import rootwrap
    from oslo_concurrency import lockutils, processutils
    from oslo_config import cfg

# Rescans for a LUN that the array has mapped but does not show yet. By iSCSI one means at 0, 4 and 13 s; by Fibre Channel every 2 s, and 2 s for udev.
_SCANS, _SCANS_OF_FABRIC = 1, 5


def prepare(lock_dir):
    """Set os-brick up for a root process of its own: no privsep daemon, locks and what it writes for other programs in ``lock_dir``.

    :raises StorageError: ``unsupported`` on another operating system than Linux.
    """
    if sys.platform != "linux":
        raise StorageError("unsupported", "Volumes are connected on Linux only (os-brick 7 knows no other system); this host runs %s." % sys.platform)
    logging.basicConfig(level=logging.ERROR)
    path = os.path.join(lock_dir, "os-brick")
    os.makedirs(path, mode=0o700, exist_ok=True)
    lockutils.set_defaults(lock_path=path)
    tempfile.tempdir = path  # a configuration for rbd holds the key: not on a disk, nor where somebody cleans up
    cfg.CONF([], project="baremetal.legacy_storage", default_config_files=[], default_config_dirs=[])
    cfg.CONF.set_override("lock_path", path, group="oslo_concurrency")
    start_quickly(processutils)
    os_brick.setup(cfg.CONF)
    # Without it os-brick starts sudo privsep-helper, even as root.
    privileged.default.set_client_mode(False)
    privileged.brick_privsep_hide_output.set_client_mode(False)


def properties(host, my_ip, multipath):
    """Return this node's connector properties (a dict), as Cinder drivers expect them."""
    found = brick_connector.get_connector_properties("", my_ip, multipath, False, host=host)
    return {key: value for key, value in found.items() if value is not None}


def protocols():
    """Return the protocols that os-brick has a connector for on this architecture, in lower case."""
    return {protocol.lower() for protocol in brick_connector.get_connector_mapping()}


class Brick:
    """os-brick's connector for one volume.

    :param data: connection_info's data, with its secrets.
    :param mount_dir: where remote file systems are mounted.
    """

    def __init__(self, system, protocol, data, use_multipath, mount_dir):
        self._protocol = protocol
        self._system = system
        self._data = dict(data)
        self._runner = _Runner(system)
        extra = {}
        if protocol in loop.REMOTE_FILE_SYSTEMS:
            extra = {"conn": {}, "%s_mount_point_base" % protocol: mount_dir}
            if protocol == "nfs":
                extra["nfs_mount_options"] = "retry=0"  # or mount tries for two minutes, and that with each version; who asks may ask again
        elif protocol == "rbd":
            extra = {"do_local_attach": True}
        scans = _SCANS_OF_FABRIC if protocol == "fibre_channel" else _SCANS
        try:
            self._connector = brick_connector.InitiatorConnector.factory(
                protocol, "", use_multipath=use_multipath, device_scan_attempts=scans, execute=self._runner, **extra
            )
        except (brick_exception.InvalidConnectorProtocol, ValueError) as error:
            raise StorageError(
                "unsupported", "os-brick cannot connect volumes by %s on %s (%s)." % (protocol, platform.machine(), _words(error))
            ) from error
        except Exception as error:  # connectors that read their product's configuration raise what they like
            raise StorageError("host", "This host cannot connect volumes by %s: %s.%s" % (protocol, _words(error), self._lacks())) from error
        if protocol in ("iscsi", "iser"):
            iscsi.prepared(system, shutil.which)
            _try_once(self._connector)
        if hasattr(self._connector, "_linuxscsi"):
            multipathd.wait_for_its_name(self._connector._linuxscsi)
        if protocol == "fibre_channel" and use_multipath:
            self._map_all_paths(self._connector)
        self._all_paths = use_multipath

    def connect(self):
        """Connect and return os-brick's device info: ``type``, ``path``, and where there is one ``scsi_wwn``, ``multipath_id``.

        Called again, it connects what is missing.

        :raises StorageError: ``host``, with the reason that iscsiadm gave where it gave one.
        """
        self._runner.forgive()
        try:
            info = self._connector.connect_volume(self._data)
        except Exception as error:
            raise StorageError("host", self._reason("connected", error) + self._lacks(), details={"logins": self._runner.told()}) from error
        return {key: value for key, value in info.items() if isinstance(value, (str, int, float, bool, type(None)))}

    def _map_all_paths(self, connector):
        """Let FibreChannelConnector look behind every port, and multipathd make a map of the disks.

        It scans until there is one disk and leaves the rest to multipathd, which takes nothing that nobody told it of under find_multipaths strict.
        """
        discover = connector._discover_mpath_device

        def _discover_mpath_device(device_wwn, properties, device_name):
            if len(fibre_channel.disks_at(self._system, self._data)) < len(fibre_channel.visible(self._system, self._data)):
                connector._linuxfc.rescan_hosts(connector._linuxfc.get_fc_hbas_info(), properties)
            connector._linuxscsi.multipath_add_wwid(device_wwn)
            for name in fibre_channel.disks_at(self._system, self._data):
                connector._linuxscsi.multipath_add_path(self._system.node(name))
            return discover(device_wwn, properties, device_name)

        connector._discover_mpath_device = _discover_mpath_device

    def login_failures(self):
        """Return a sentence for each portal that refused or did not answer, or port that is not on the fabric."""
        told = self._runner.told()
        if self._all_paths and self._protocol == "fibre_channel":
            told += fibre_channel.invisible(self._system, self._data)
        elif self._all_paths and self._protocol in nvme.CONNECTED and nvme.native_multipath(self._system):
            told += nvme.unconnected(self._system, self._data)
        return told

    def disconnect(self, device_info, force=False):
        """Flush and take the device away. Raises StorageError ``host`` when a step failed, also with ``force``."""
        device_info = dict(device_info or self._found())
        if not os.path.exists(device_info.get("conf") or ""):
            device_info.pop("conf", None)  # of an earlier boot; rbd takes a mapping away without one
        try:
            self._connector.disconnect_volume(self._data, device_info, force=force, ignore_errors=False)
        except Exception as error:
            raise StorageError("host", self._reason("disconnected", error)) from error
        if self._protocol in nvme.CONNECTED:
            nvme.disconnect_empty(self._system, self._data)

    def _found(self):
        """Return device info of what a killed run left; os-brick finds SCSI disks itself, but no namespace."""
        names = nvme.devices_at(self._system, self._data) if self._protocol in nvme.CONNECTED else []
        return {"path": self._system.node(names[0])} if names else {}

    def extend(self):
        """Let every path and the map look at their size again. Raises StorageError ``host``."""
        data = self._data
        names = nvme.devices_at(self._system, data) if self._protocol in nvme.CONNECTED else []
        for name in names:
            nvme.rescan(self._system, name)
        if names and "volume_replicas" not in data:
            data = dict(data, device_path=self._system.node(names[0]))  # os-brick finds no namespace by itself here
        try:
            self._connector.extend_volume(data)
        except NotImplementedError:
            return  # a file's size is the server's
        except Exception as error:
            raise StorageError("host", self._reason("extended", error)) from error

    def _lacks(self):
        missing = lacks(self._system, self._protocol)
        return " For %s this host lacks: %s." % (self._protocol, "; ".join(missing)) if missing else ""

    def _reason(self, participle, error):
        told = self._runner.told()
        if told:
            return "The volume was not %s: %s" % (participle, " ".join(told))
        if isinstance(error, processutils.ProcessExecutionError):
            refusal = rbd.refusal(self._system, self._data) if self._protocol == "rbd" and error.exit_code == rbd.REFUSED else None
            if refusal:
                return "The volume was not %s: %s" % (participle, refusal)
            words = str(error.stderr or error.description or error.stdout or "").split()
            command = (str(error.cmd or "").split() or ["a command"])[0]
            return "The volume was not %s: %s failed (exit %s): %s" % (participle, command, error.exit_code, " ".join(words)[:500])
        if isinstance(error, brick_exception.VolumeDeviceNotFound):
            return (
                "The volume was not %s: no device appeared. Every portal let this host in, but the LUN is not there: is the volume still exported "
                "to this host's initiator name?" % participle
                if self._protocol in ("iscsi", "iser")
                else "The volume was not %s: no device appeared. Is the volume still exported to this host?" % participle
            )
        return "The volume was not %s (%s: %s)." % (participle, type(error).__name__, _words(error))


def _words(error):
    return " ".join(str(error).split()).rstrip(".")[:500]


def _try_once(connector):
    """Let os-brick try to connect once: it would log in, scan for a LUN that is not there and log out three times, most of a minute."""
    for name in ("_connect_single_volume", "_connect_multipath_volume"):
        once = getattr(getattr(type(connector), name, None), "__wrapped__", None)
        if once is not None:
            setattr(connector, name, types.MethodType(once, connector))


class _Runner:
    """Runs os-brick's commands; keeps secrets out of them, and the outcome of each login."""

    def __init__(self, system):
        self._system = system
        self._failed = {}
        self._lock = threading.Lock()

    def told(self):
        return [iscsi.login_failure(portal, iqn, code, reason) for (portal, iqn), (code, reason) in sorted(self._failed.items())]

    def forgive(self):
        """Let what failed be tried again, but for a refused password: arrays may lock out who gives it again and again."""
        with self._lock:
            self._failed = {key: failure for key, failure in self._failed.items() if failure[0] == iscsi.AUTH_FAILED}

    def __call__(self, *command, **options):
        step = iscsi.parse_command(command)
        if step is None:
            return rootwrap.execute(*command, **options)
        if step.action == "login":
            return self._login(step, command, options)
        return self._update(step, command, options)

    def _login(self, step, command, options):
        key = (step.portal, step.iqn)
        with self._lock:
            known = self._failed.get(key)
        if known is not None:  # the first answer does not get better by asking again
            raise processutils.ProcessExecutionError(exit_code=known[0], stderr=known[1], cmd="iscsiadm --login")
        for path in iscsi.node_records(self._system, *key):
            iscsi.edit_record(path, iscsi.LOGIN_LIMITS)
        try:
            return rootwrap.execute(*command, **options)
        except processutils.ProcessExecutionError as error:
            with self._lock:
                self._failed[key] = (error.exit_code, error.stderr or error.description or "")
            raise

    def _update(self, step, command, options):
        values = dict(step.values)
        if "node.startup" in values:
            # This node's records and its boot service decide what comes back after a boot; open-iscsi logging in by itself would
            # bring LUNs that the array may have given to other volumes.
            values["node.startup"] = "manual"
        if step.action == "update":
            paths = iscsi.node_records(self._system, step.portal, step.iqn)
        else:
            paths = iscsi.discovery_records(self._system, step.portal)
        if paths:
            for path in paths:
                iscsi.edit_record(path, values, only_known="node.session.scan" in values)
            return "", ""
        if any("password" in name for name in values):
            raise processutils.ProcessExecutionError(exit_code=6, stderr="no record of open-iscsi was found to keep a password in", cmd="iscsiadm")
        return rootwrap.execute(*command, **options)
