# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's code relies on in os-brick and oslo."""

from __future__ import annotations

import builtins
import glob
import inspect
import os
import re
import tempfile
import types
from pathlib import Path

from relied_on import begins_with, has, relied_on, takes

FIRST = "ansible_collections.baremetal.legacy_storage.plugins.host.brick"
BRICK = "plugins/host/brick.py"
ISCSI = "plugins/host/iscsi.py"
MULTIPATHD = "plugins/host/multipathd.py"
T10, NAA = "1LIO-ORG_IBLOCK:a5e85165", "36001405ebb255500a644e2e91f05ad1a"


def _connector(protocol, execute=None, **extra):
    from ansible_collections.baremetal.legacy_storage.plugins.host import brick
    from os_brick.initiator import connector

    brick.prepare(tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]))
    return connector.InitiatorConnector.factory(protocol, "", use_multipath=False, device_scan_attempts=1, execute=execute, **extra)


@relied_on(BRICK)
def root_needs_no_daemon():
    """os_brick.setup takes oslo's configuration, and both of os-brick's privilege contexts can be told to run in this process."""
    import os_brick
    from os_brick import privileged

    begins_with(os_brick.setup, "conf")
    for context in (privileged.default, privileged.brick_privsep_hide_output):
        context.set_client_mode(False)
        assert context.client_mode is False


@relied_on(BRICK)
def a_host_describes_itself():
    """get_connector_properties takes root helper, address, multipath and its enforcement by position, and the host's name."""
    from os_brick.initiator import connector

    begins_with(connector.get_connector_properties, "root_helper", "my_ip", "multipath", "enforce_multipath")
    takes(connector.get_connector_properties, "host")


@relied_on("plugins/host/protocols.py")
def every_protocol_is_told_of():
    """get_connector_mapping has the protocols of an architecture as keys, and what a host lacks is known for each; vmdk belongs to VMware's hosts."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import brick, protocols

    unknown = brick.protocols() - set(protocols.NEEDS) - {"vmdk", "nvme"}  # nvme is nvmeof's older name
    assert not unknown, "os-brick has new protocols: %s" % ", ".join(sorted(unknown))
    assert {"iscsi", "fibre_channel", "nvmeof", "rbd", "nfs", "local"} <= brick.protocols()


@relied_on("docs/protocols.md")
def architectures_have_the_protocols_that_the_documentation_names():
    """get_connector_mapping takes an architecture; s390x and ppc64le have the protocols that docs/protocols.md lists, and the others have all."""
    from os_brick.initiator import connector

    page = (Path(__file__).parents[2] / "docs/protocols.md").read_text()
    row = dict(re.findall(r"^\| (s390x|ppc64le) \| (.*) \|$", page, re.MULTILINE))
    s390x = set(row["s390x"].split(", "))
    assert set(connector.get_connector_mapping("s390x")) == s390x
    assert set(connector.get_connector_mapping("ppc64le")) == s390x | set(row["ppc64le"].removeprefix("the same, ").split(", "))
    assert connector.get_connector_mapping("x86_64") == connector.get_connector_mapping("aarch64") and s390x < set(connector.get_connector_mapping("aarch64"))


@relied_on(BRICK)
def another_operating_system_is_refused():
    """Whatever sys.platform is besides linux, preparing ends with a StorageError that names it."""
    import sys

    from ansible_collections.baremetal.legacy_storage.plugins.host import brick
    from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

    folder = tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"])
    sys.platform = "freebsd14"
    try:
        brick.prepare(folder)
    except StorageError as error:
        assert error.code == "unsupported" and "freebsd14" in error.message, error.message
        return
    raise AssertionError("it was prepared")


@relied_on(BRICK)
def there_is_a_connector_for_each_protocol():
    """The factory knows these protocols, refuses others by InvalidConnectorProtocol or ValueError, and takes our runner."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import loop
    from os_brick import exception
    from os_brick.initiator import connector

    takes(connector.InitiatorConnector.factory, "use_multipath", "device_scan_attempts", "execute")
    for protocol in ("iscsi", "iser", "fibre_channel", "nvmeof", "local", "rbd") + loop.REMOTE_FILE_SYSTEMS:
        extra = {"%s_mount_point_base" % protocol: "/mnt", "conn": {}} if protocol in loop.REMOTE_FILE_SYSTEMS else {}
        if protocol == "rbd":
            extra = {"do_local_attach": True}
        made = _connector(protocol, **extra)
        begins_with(made.connect_volume, "connection_properties")
        begins_with(made.disconnect_volume, "connection_properties", "device_info")
        takes(made.disconnect_volume, "force", "ignore_errors")
        begins_with(made.extend_volume, "connection_properties")
    for wrong in ("nosuch", "aoe"):
        try:
            _connector(wrong)
        except (exception.InvalidConnectorProtocol, ValueError):
            continue
        raise AssertionError("the factory made a connector for %s" % wrong)


@relied_on(BRICK)
def a_configuration_with_ceph_s_key_lies_among_the_locks_and_may_be_gone():
    """RBDConnector writes its configuration where tempfile says, for root alone, names it in the device info, and unmaps without one."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import brick, devices

    folder = tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"])
    brick.prepare(folder)
    data = {"name": "volumes/v", "hosts": ["192.0.2.70"], "ports": ["6789"], "cluster_name": "ceph", "auth_username": "cinder", "keyring": "[client.cinder]"}
    commands, told = [], '[{"id": "0", "pool": "volumes", "namespace": "", "name": "v", "snap": "-", "device": "/dev/rbd0"}]'

    def execute(*command, **_options):
        commands.append(" ".join(map(str, command)))
        return told, ""

    brick.rootwrap = types.SimpleNamespace(execute=execute)
    made = brick.Brick(devices.System(folder), "rbd", data, False, "")
    info = made.connect()
    assert info["conf"].startswith(os.path.join(folder, "os-brick", "")) and os.stat(info["conf"]).st_mode & 0o777 == 0o600, info
    os.unlink(info["conf"])
    commands.clear()
    made.disconnect(info)
    assert any(command.startswith("rbd unmap /dev/rbd0") for command in commands) and "--conf" not in " ".join(commands), commands


@relied_on(BRICK, "plugins/host/nvme.py")
def a_namespace_that_a_killed_run_left_is_handed_to_the_connector():
    """NVMeOFConnector.disconnect_volume does nothing without a path, and leaves controllers alone whose namespace is gone: Brick gives it the one, and
    disconnects the others."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import brick, devices

    folder = Path(tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]))
    controller, uuid = folder / "sys/class/nvme/nvme0", "11111111-1111-5111-8111-111111111111"
    for path, text in (
        (controller / "subsysnqn", "nqn.x"), (controller / "address", "traddr=192.0.2.60,trsvcid=4420"), (controller / "delete_controller", ""),
        (controller / "nvme0c0n1/size", "1"), (folder / "sys/class/block/nvme0n1/uuid", uuid),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    brick.prepare(str(folder))
    data = {"target_nqn": "nqn.x", "vol_uuid": uuid, "portals": [("192.0.2.60", 4420, "tcp")]}
    made = brick.Brick(devices.System(str(folder)), "nvmeof", data, True, "")
    asked = []
    disconnect, made._connector.disconnect_volume = made._connector.disconnect_volume, lambda _data, info, **_more: asked.append(info)
    made.disconnect({})
    assert asked == [{"path": str(folder / "dev/nvme0n1")}] and (controller / "delete_controller").read_text() == "\n", asked
    (controller / "nvme0c0n1/size").unlink()
    (controller / "nvme0c0n1").rmdir()
    made._connector.disconnect_volume = disconnect
    made.disconnect({})
    assert (controller / "delete_controller").read_text() == "1"


@relied_on(BRICK)
def retries_can_be_taken_off():
    """ISCSIConnector's two ways to connect are wrapped in a retry whose inner function can be called in its place."""
    from os_brick.initiator.connectors import iscsi

    for name in ("_connect_single_volume", "_connect_multipath_volume"):
        method = getattr(iscsi.ISCSIConnector, name)
        has(method, "__wrapped__")
        assert list(inspect.signature(method.__wrapped__).parameters) == ["self", "connection_properties"], name


@relied_on(BRICK, ISCSI)
def every_command_of_a_login_passes_our_runner():
    """Login and CHAP settings go through the ``execute`` we hand in, as commands whose meaning our parser knows."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import iscsi

    seen = []

    def execute(*command, **_options):
        seen.append(command)
        logged_in = command[:3] == ("iscsiadm", "-m", "session") and any("--login" in earlier for earlier in seen)
        return ("tcp: [1] 192.0.2.1:3260,1 iqn.x:y (non-flash)\n" if logged_in else ""), ""

    connector = _connector("iscsi", execute)
    properties = {
        "target_portal": "192.0.2.1:3260",
        "target_iqn": "iqn.x:y",
        "target_lun": 1,
        "auth_method": "CHAP",
        "auth_username": "user",
        "auth_password": "canary",
    }
    connector._connect_to_iscsi_portal(properties)
    steps = [step for step in map(iscsi.parse_command, seen) if step]
    assert any(step.action == "login" and (step.portal, step.iqn) == (("192.0.2.1", "3260"), "iqn.x:y") for step in steps), seen
    told = {key: value for step in steps for key, value in step.values.items()}
    assert told.get("node.session.auth.password") == "canary", seen
    unread = [command for command in seen if "canary" in command and iscsi.parse_command(command) is None]
    assert not unread, unread


@relied_on(BRICK)
def commands_run_and_fail_like_this():
    """os_brick.privileged.rootwrap.execute runs a command, and oslo's ProcessExecutionError tells how it failed."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import brick
    from os_brick import exception
    from os_brick.privileged import rootwrap
    from oslo_concurrency import processutils

    brick.prepare(tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]))
    assert rootwrap.execute("echo", "yes") == ("yes\n", "")
    try:
        rootwrap.execute("sh", "-c", "echo no >&2; exit 3")
        raise AssertionError("a failed command passed")
    except processutils.ProcessExecutionError as error:
        assert (error.exit_code, error.stderr) == (3, "no\n")
        has(error, "stdout", "description", "cmd")
    takes(processutils.ProcessExecutionError, "exit_code", "stderr", "cmd")
    assert issubclass(exception.VolumeDeviceNotFound, Exception)


class _Disk:
    """A disk sda with an NAA designator in a folder that os-brick's linuxscsi module takes for ``/``; udev has made none of its links."""

    def __init__(self, linuxscsi):
        self._root = tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"])
        for folder in ("dev/disk/by-id", "sys/block/sda/device"):
            os.makedirs(self._at("/" + folder))
        Path(self._at("/dev/sda")).touch()
        Path(self._at("/sys/block/sda/device/wwid")).write_text("naa.%s\n" % NAA[1:], encoding="ascii")
        path = types.SimpleNamespace(islink=lambda name: os.path.islink(self._at(name)), realpath=lambda name: self._less(os.path.realpath(self._at(name))))
        linuxscsi.open = lambda name, *how: builtins.open(self._at(name), *how)
        linuxscsi.glob = types.SimpleNamespace(glob=lambda pattern: [self._less(name) for name in sorted(glob.glob(self._at(pattern)))])
        linuxscsi.os = types.SimpleNamespace(path=path, stat=lambda name: os.stat(self._at(name)), listdir=lambda name: os.listdir(self._at(name)))

    def link(self, name):
        """Do what udev does for one designator of the disk."""
        os.symlink("../../sda", self._at("/dev/disk/by-id/scsi-" + name))

    def _at(self, name):
        return self._root + name

    def _less(self, name):
        return name.removeprefix(os.path.realpath(self._root))


@relied_on(MULTIPATHD, BRICK)
def a_disk_is_called_by_udevs_first_link_unless_we_wait():
    """LinuxSCSI.get_sysfs_wwn takes a T10 link for the name of a disk that has an NAA designator, if udev made that link first; with our wrapper it waits."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import multipathd
    from os_brick.initiator import linuxscsi

    scsi = _connector("iscsi")._linuxscsi
    begins_with(scsi.get_sysfs_wwn, "device_names", "mpath")
    begins_with(scsi.get_sysfs_wwid, "device_names")
    disk = _Disk(linuxscsi)
    assert scsi.get_sysfs_wwid(["sda"]) == NAA, "sysfs tells %r" % scsi.get_sysfs_wwid(["sda"])
    assert scsi.get_sysfs_wwn(["sda"]) == "", "no link yet, and it is called %r" % scsi.get_sysfs_wwn(["sda"])
    disk.link(T10)
    early = scsi.get_sysfs_wwn(["sda"])
    assert early == T10, "%r and not the T10 link's name: where os-brick waits for the NAA one itself, take wait_for_its_name away" % early

    multipathd.wait_for_its_name(scsi)
    assert scsi.get_sysfs_wwn(["sda"]) == "", "our wrapper does not wait: it is called %r" % scsi.get_sysfs_wwn(["sda"])
    disk.link(NAA)
    assert scsi.get_sysfs_wwn(["sda"]) == NAA, "udev is done, and it is called %r" % scsi.get_sysfs_wwn(["sda"])


@relied_on(MULTIPATHD)
def an_empty_name_is_asked_for_again():
    """Both of ISCSIConnector's ways to connect ask get_sysfs_wwn again while it answers "", and multipathd is told of no other name than it gave in the end."""
    from os_brick.initiator.connectors import iscsi

    def one_path(_self, _rescans, _properties, data):
        data["found_devices"].append("sda")
        data["just_added_devices"].append("sda")
        data.update(num_logins=1, stopped_threads=1)

    iscsi.time.sleep = lambda seconds: None
    iscsi.ISCSIConnector._connect_vol = one_path
    properties = {"target_portal": "192.0.2.1:3260", "target_iqn": "iqn.x:y", "target_lun": 1}
    for way, told_of in (("_connect_single_volume", []), ("_connect_multipath_volume", [NAA])):
        connector, answers, told = _connector("iscsi"), ["", "", NAA], []
        connector._get_ips_iqns_luns = lambda properties: [("192.0.2.1:3260", "iqn.x:y", 1)]
        vars(connector._linuxscsi).update(
            get_sysfs_wwn=lambda names, mpath=None, answers=answers: answers.pop(0),
            find_sysfs_multipath_dm=lambda names, told=told: "dm-0" if told else None,
            multipath_add_wwid=lambda name, told=told: told.append(name) or True,
            multipath_add_path=lambda path: True,
            wait_for_mpath_device=lambda name: None,
        )
        result = getattr(connector, way)(properties)
        assert (result["scsi_wwn"], told) == (NAA, told_of), "%s: %r, multipathd was told of %r" % (way, result, told)
