# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drivers hand out (connections/*.json), taken by os-brick's own connector classes: protocols whose products cannot run in the lab, and RBD, to see
what a node needs no file for.

A file holds, with its ``source``: ``connection_info``; ``connector``, os-brick's class for it; ``secrets``, whatever in it nobody may see;
``commands``, beginnings of commands that connecting runs, in this order, with MOUNTS for the folder of mounts; ``connects``, the device info
that comes out, or ``fails``, words of the error; ``lacks``, what a bare host is told to lack. Commands are recorded and answered here: with
nothing where ``connects`` stands, else by a failure. ``multipath`` says whether multipath was asked for, and ``refused_at_once`` that os-brick makes no
connector at all.
"""

from __future__ import annotations

import json
import os
import tempfile
import types
from pathlib import Path

from relied_on import relied_on

FIRST = "ansible_collections.baremetal.legacy_storage.plugins.host.brick"
FILES = sorted((Path(__file__).parent / "connections").glob("*.json"))


class _Host:
    """A host without anything, on which every command is recorded."""

    def __init__(self, recorded):
        from ansible_collections.baremetal.legacy_storage.plugins.host import brick, devices
        from ansible_collections.baremetal.legacy_storage.plugins.host.connectors import choice
        from oslo_concurrency import processutils
        from tenacity import nap

        folder = tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"])
        brick.prepare(folder)
        self.mounts = os.path.join(folder, "mounts")
        self.commands = []
        self._brick, self._choice, self._system = brick, choice, devices.System(folder)
        self._info, self._protocol = recorded["connection_info"], recorded["connection_info"]["driver_volume_type"]
        self._multipath = recorded.get("multipath", False)
        os.makedirs(os.path.join(folder, "etc/iscsi"))
        Path(folder, "etc/iscsi/initiatorname.iscsi").write_text("InitiatorName=iqn.x:y\n")

        def execute(*command, check_exit_code=(0,), **_options):
            self.commands.append(" ".join(map(str, command)))
            if "connects" in recorded:
                return "", ""
            if command[0] == "iscsiadm" and (check_exit_code is False or 21 in tuple(check_exit_code)):  # it has no record
                return "", "nothing answers"
            raise processutils.ProcessExecutionError(exit_code=21, stderr="nothing answers", stdout="", cmd=command[0])

        brick.rootwrap = types.SimpleNamespace(execute=execute)
        brick.shutil = types.SimpleNamespace(which=lambda program: "/usr/bin/" + program)
        nap.time = types.SimpleNamespace(sleep=lambda _seconds: None)  # nobody waits for what never comes

    def connector(self):
        """Return our Brick."""
        protocol, data = self._choice.unwrap(json.loads(json.dumps(self._info)), "")
        assert protocol == self._protocol
        return self._brick.Brick(self._system, protocol, data, self._multipath, self.mounts)


def _words_of(attempt):
    """Return the message of the StorageError that an attempt must end with."""
    from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

    try:
        attempt()
    except StorageError as error:
        assert error.code in ("host", "unsupported"), error.code
        return error.message
    raise AssertionError("no StorageError was raised")


def _connecting(recorded):
    host = _Host(recorded)
    if recorded.get("refused_at_once"):
        message = _words_of(host.connector)
    else:
        connector = host.connector()
        found = type(connector._connector).__name__
        assert found == recorded["connector"], "%s has it" % found
        given, connect = [], connector._connector.connect_volume
        connector._connector.connect_volume = lambda data: connect(given.append(json.dumps(data)) or data)
        message = None if "connects" in recorded else _words_of(connector.connect)
    if message is None:
        info = connector.connect()
        for key, value in recorded["connects"].items():
            assert str(info[key]).startswith(value.replace("MOUNTS", host.mounts)), info
    else:
        assert recorded["fails"] in message, message
        assert recorded["lacks"] in message, message
    if not recorded.get("refused_at_once"):
        assert given == [json.dumps(recorded["connection_info"]["data"])], "os-brick was given %s" % given
    seen = iter(host.commands)
    for beginning in recorded["commands"]:
        expected = beginning.replace("MOUNTS", host.mounts)
        assert any(command.startswith(expected) for command in seen), "%r was not run, but %s" % (expected, host.commands)
    shown = json.dumps(host.commands) + str(message)
    for secret in recorded.get("secrets", ()):
        assert secret not in shown, shown


def _keeping_secrets(recorded):
    from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.redaction import redact_connection
    from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey, seal

    info, key = recorded["connection_info"], SealingKey.temporary()
    sealed = seal(key.public, info)
    shown = redact_connection(info)
    assert set(shown) == set(info["data"])
    for secret in recorded.get("secrets", ()):
        assert secret in json.dumps(info) and secret not in json.dumps(shown) + sealed, shown
    if not recorded.get("secrets"):
        assert shown == info["data"], shown
    assert key.open(sealed) == info


def _addresses(recorded):
    from ansible_collections.baremetal.legacy_storage.plugins.host import devices, iscsi, loop, remains

    info = recorded["connection_info"]
    protocol, data = info["driver_volume_type"], info["data"]
    found = [["%s:%s" % portal, iqn, lun] for portal, iqn, lun in iscsi.targets(data)]
    assert found == recorded.get("targets", []), found
    bare = devices.System(tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]))
    assert remains.what_stays(bare, data, {"kind": "scsi", "serial": "3600", "key": "3600"}, protocol) == []
    name = os.path.basename(data.get("device_path") or data.get("name") or "")
    backing = data.get("device_path") or os.path.join(os.environ["CONTRACT_DIR"], "mounts/share", name)
    Path(bare.root, "sys/class/block/loop0/loop").mkdir(parents=True)
    Path(bare.root, "sys/class/block/loop0/loop/backing_file").write_text(backing + "\n")
    there = loop.over(bare, os.path.join(os.environ["CONTRACT_DIR"], "mounts"), protocol, data)
    assert there == (["loop0"] if loop.serves(protocol) else []), there


def _check(path, about, function):
    def check():
        function(json.loads(path.read_text()))

    check.__name__, check.__module__ = "%s_%s" % (path.stem, about), __name__
    check.__doc__ = "%s: %s (%s)." % (path.stem, function.__doc__ or about, json.loads(path.read_text())["source"])
    return check


for _path in FILES:
    relied_on("plugins/host/brick.py", "plugins/host/protocols.py")(_check(_path, "is_taken", _connecting))
    relied_on("plugins/module_utils/model/redaction.py")(_check(_path, "keeps_its_secrets", _keeping_secrets))
    relied_on("plugins/host/loop.py", "plugins/host/remains.py")(_check(_path, "is_found_again", _addresses))
