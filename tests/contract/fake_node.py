# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake node: the trees of the kernel and of udev made of files, for protocols whose hardware or modules are not there.

The files lie over /sys, /dev, /run and /etc in a mount namespace that this process has for itself and that ends with it, so os-brick's connectors and our
host half find them where they look. What changes them is a fake as well: the commands that os-brick and we run, three ioctls, and a clock that goes on when
somebody sleeps. Fibre Channel and NVMe are in fake_fibre_channel.py and fake_nvme.py. Nothing here says how a kernel behaves that was not seen.
"""

from __future__ import annotations

import ctypes
import fcntl
import fnmatch
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import types
from pathlib import Path

GIB = 1024 ** 3
HOST = "node1"
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_SG_IO, _BLKROSET = 0x2285, 0x125D
_RULES = Path(__file__).parents[2] / "roles/node/templates/legacy-storage.rules.j2"
_LINKED = re.compile(r'^KERNEL=="([^"]+)".*IMPORT\{file\}="\{\{ node_state_dir \}\}/links/([^"]+)"', re.MULTILINE)
_ID = re.compile(r"\$(attr|env)\{([^}]+)\}")


def _alone():
    """Give this process a mount namespace of its own."""
    libc, user = ctypes.CDLL(None, use_errno=True), (os.geteuid(), os.getegid())
    if libc.unshare(_CLONE_NEWNS | (0 if user[0] == 0 else _CLONE_NEWUSER)):
        raise OSError(ctypes.get_errno(), "no mount namespace of its own")
    if user[0]:
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % user[0]), ("gid_map", "0 %d 1" % user[1])):
            Path("/proc/self", name).write_text(text)
    with tempfile.TemporaryDirectory(dir=os.environ["CONTRACT_DIR"]) as place:
        script = (
            "mount --make-rprivate /; mount -t tmpfs none %s; touch %s/null; mount --bind /dev/null %s/null; mount --rbind %s /dev; "
            "for each in sys run etc; do mount -t tmpfs none /$each; done; umount -l %s" % ((place,) * 5)
        )
        subprocess.run(["sh", "-ec", script], check=True, timeout=30)


class FakeNode:
    """Files, commands and a clock. What storage there is, others add.

    :ivar commands: what was run, in order. :ivar failing: beginnings of commands that shall fail. :ivar warned: what our host half warned of.
    :ivar ticking: called after each command and sleep: what a kernel does by itself. :ivar udev_is_late: seconds before links of udev's are there.
    """

    def __init__(self):
        from ansible_collections.baremetal.legacy_storage.plugins.host import brick, connections, devices, links, multipathd, programs
        from ansible_collections.baremetal.legacy_storage.plugins.host.config import Settings
        from ansible_collections.baremetal.legacy_storage.plugins.host.node import Node
        from os_brick.initiator.connectors import fibre_channel, nvmeof  # what is imported now need not be found later
        from os_brick.privileged import rootwrap
        from oslo_concurrency import processutils

        folder = tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"])
        rules = _RULES.read_text()
        self._links = _LINKED.findall(rules)
        _alone()
        self.commands, self.failing, self.warned, self.ticking, self._late = [], [], [], [], []
        self.multipathd, self.udev_is_late, self.answers, self.pages = True, 0, {}, {}
        self._error, self._passed, self._minor = processutils.ProcessExecutionError, 0.0, 0
        self._connections = connections
        for path, text in (
            ("/run/udev/control", ""), ("/etc/nvme/hostnqn", "nqn.2014-08.org.nvmexpress:uuid:1\n"), ("/etc/nvme/hostid", "1\n"),
            ("/sys/module/nvme_core/parameters/multipath", "Y\n"),
        ):
            self.write(path, text)
        for path in ("/sys/class/block", "/sys/block", "/dev/disk/by-id", "/dev/disk/by-path", "/dev/mapper"):
            os.makedirs(path)
        system = devices.System()
        system.runs = lambda command: self.multipathd and command == "multipathd"
        self.node = Node(Settings(os.path.join(folder, "state"), os.path.join(folder, "lock"), HOST), self.warned.append, system)
        os.makedirs(self.node.settings.lock_dir)
        rootwrap.custom_execute = self._execute
        fibre_channel.loopingcall = types.SimpleNamespace(FixedIntervalLoopingCall=_Loop, LoopingCallDone=fibre_channel.loopingcall.LoopingCallDone)
        nvmeof.NVMeOFConnector.native_multipath_supported = None
        programs.run = self._program
        links.subprocess = types.SimpleNamespace(run=self._udevadm, DEVNULL=subprocess.DEVNULL)
        multipathd.ask = lambda command: self._answer("multipathd", *command.split())
        fcntl.ioctl = self._ioctl
        is_file = os.path.isfile
        os.path.isfile = lambda path: is_file(path) and not os.path.realpath(path).startswith("/dev/")  # the fake's nodes are files, and devices are not
        real, before = time.monotonic, time.time
        time.sleep, time.monotonic, time.time = self.sleep, lambda: real() + self._passed, lambda: before() + self._passed
        brick.prepare(self.node.settings.lock_dir)

    # What users ask for

    def ask(self, state, volume_id, info=None, size=1, **more):
        """Ask our host half for one connection; return its result."""
        from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import seal

        request = dict({"volume_id": volume_id, "state": state}, **more)
        if info is not None:
            info = json.loads(json.dumps(info))
            sealed = seal(self.node.sealing_key().public, info)
            request["export"] = {
                "id": "e", "backend": "array", "volume_id": volume_id, "volume_name": volume_id, "host": HOST, "size": size,
                "protocol": info["driver_volume_type"], "connection_info": info, "sealed_connection_info": sealed,
            }
        return self._connections.ensure(self.node, [request], False)["connections"][0]

    def attached(self, *arguments, **more):
        """Ask for a connection that must come about; return the attachment."""
        result = self.ask("present", *arguments, **more)
        assert not result.get("failed"), result["msg"]
        assert result["changed"]
        again = self.ask("present", *arguments, **more)
        assert not again["changed"] and not again.get("failed"), again
        return again["attachment"]

    def detached(self, volume_id):
        """Ask for a connection to go, which it must."""
        result = self.ask("absent", volume_id)
        assert not result.get("failed") and result["changed"], result
        assert self.node.records.get(volume_id) is None

    def refused(self, *arguments, **more):
        """Ask for a connection that must fail; return the message."""
        result = self.ask("present", *arguments, **more)
        assert result.get("failed"), result
        return result["msg"]

    def link(self, volume_id):
        """Return the kernel name that a volume's stable path leads to, ``None`` where there is no such path."""
        path = "/dev/disk/by-id/legacy-storage-" + volume_id
        return os.path.basename(os.path.realpath(path)) if os.path.islink(path) else None

    def all_there_is(self):
        """Return every path of the kernel's and udev's trees, to compare."""
        return sorted(os.path.join(top, name) for root in ("/sys", "/dev") for top, folders, files in os.walk(root) for name in folders + files)

    # Files

    def write(self, path, text):
        """Write a file, and make its folder."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(self, path):
        """Return a file's text without blanks around it."""
        return Path(path).read_text().strip()

    def to(self, path, target):
        """Make a relative symbolic link."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(os.path.relpath(target, os.path.realpath(os.path.dirname(path))), path)

    def block(self, name, folder, size, **files):
        """Add a block device, whose folder in sysfs is this, with its node."""
        self._minor += 1
        for key, text in dict(size=size // 512, ro=0, dev="999:%d" % self._minor, **files).items():
            self.write(os.path.join(folder, key), "%s\n" % text)
        for each in ("holders", "slaves"):
            os.makedirs(os.path.join(folder, each))
        for each in ("/sys/class/block/", "/sys/block/"):
            self.to(each + name, folder)
        self.write("/dev/" + name, bytes(4096))

    def gone(self, name):
        """Take a block device away, with every link to it."""
        folder = os.path.realpath("/sys/class/block/" + name)
        for lower in os.listdir(folder + "/slaves"):
            os.unlink("/sys/class/block/%s/holders/%s" % (lower, name))
        for path in ("/sys/class/block/" + name, "/sys/block/" + name, "/dev/" + name):
            os.unlink(path)
        shutil.rmtree(folder)
        self._late = [(when, path, target) for when, path, target in self._late if target != "/dev/" + name]
        for each in ("by-id", "by-path"):
            for link in os.scandir("/dev/disk/" + each):
                if os.path.realpath(link.path) == "/dev/" + name:
                    os.unlink(link.path)

    def udev_link(self, path, name):
        """Make a link to a device's node, as soon as udev comes to it; it leads to the latest one."""
        self._late.append((self._passed + self.udev_is_late, path, "/dev/" + name))
        self._tick()

    # The clock and the kernel's own doings

    def sleep(self, seconds):
        """Let time pass."""
        self._passed += seconds
        self._tick()

    def _tick(self):
        for step in self.ticking:
            step()
        due = [entry for entry in self._late if entry[0] <= self._passed]
        self._late = [entry for entry in self._late if entry[0] > self._passed]
        for _when, path, target in due:
            if os.path.islink(path):
                os.unlink(path)
            self.to(path, target)

    # Commands and ioctls

    def _execute(self, *command, process_input=None, shell=False, check_exit_code=(0,), **_options):
        self.commands.append(" ".join(map(str, command)))
        if shell:  # os-brick looks for target ports with grep
            done = subprocess.run(command[0], shell=True, capture_output=True, text=True, timeout=30, check=False)
            if done.returncode:
                raise self._error(exit_code=done.returncode, cmd=command[0])
            return done.stdout, done.stderr
        if any(self.commands[-1].startswith(beginning) for beginning in self.failing):
            if check_exit_code is False:
                return "", "it fails"
            raise self._error(exit_code=1, stderr="it fails", stdout="", cmd=self.commands[-1])
        answer = self._answer(*command, process_input) if command[0] == "tee" else self._answer(*command)
        self._tick()
        return answer, ""

    def _answer(self, program, *arguments):
        """:raises ProcessExecutionError: where a fake program fails. :raises KeyError: for one that is not there: the fake is to be mended."""
        try:
            return self.answers[os.path.basename(program)](*map(str, arguments)) or ""
        except OSError as error:
            raise self._error(exit_code=1, stderr=str(error), stdout="", cmd=program) from error

    def _program(self, *command, limit=60):
        try:
            return self._execute(*command)[0], None
        except self._error as error:
            return "", "%s failed: %s" % (command[0], error.stderr)

    def _udevadm(self, command, **_options):
        """Make a device's stable link as the rule of the role ``node`` says, or take it away."""
        self.commands.append(" ".join(command))
        name = os.path.basename(command[-1])
        for pattern, wanted in () if "settle" in command else self._links:
            if any(fnmatch.fnmatchcase(name, each) for each in pattern.split("|")) and all(self._told(name, match) for match in _ID.finditer(wanted)):
                self._link_as_told(name, os.path.join(self.node.settings.state_dir, "links", self._named(name, wanted)))
                return

    def _link_as_told(self, name, path):
        links = "/dev/disk/by-id/"
        named = self.read(path).partition("=")[2] if os.path.exists(path) else None
        for link in [link for link in os.scandir(links) if link.name.startswith("legacy-storage-")]:
            if os.path.realpath(link.path) == "/dev/" + name and link.name != named:
                os.unlink(link.path)
        if named and not os.path.lexists(links + named):
            self.to(links + named, "/dev/" + name)

    def _named(self, name, wanted):
        return _ID.sub(lambda match: self._told(name, match), wanted)

    def _told(self, name, match):
        kind, key = match.groups()
        return self._environment(name).get(key, "") if kind == "env" else self._attribute(name, key)

    def _environment(self, name):
        path = "/run/udev/data/b" + self._attribute(name, "dev")
        return dict(line[2:].split("=", 1) for line in self.read(path).splitlines()) if os.path.exists(path) else {}

    def _attribute(self, name, key):
        path = "/sys/class/block/%s/%s" % (name, key)
        return self.read(path) if os.path.isfile(path) else ""

    def _ioctl(self, handle, request, argument=0):
        name = os.path.basename(os.readlink("/proc/self/fd/%d" % handle))
        if request == _BLKROSET:
            self.write("/sys/class/block/%s/ro" % name, "%d\n" % int.from_bytes(argument, "little"))
        elif request == _SG_IO:
            page = self.pages[name]()
            if page is None:
                argument.host_status = 1
            else:
                ctypes.memmove(argument.dxferp, page, len(page))
                argument.resid = argument.dxfer_len - len(page)
        else:
            raise OSError(25, "no such ioctl in the fake")
        return 0


class _Loop:
    """oslo.service's loop, on the clock of the fake."""

    def __init__(self, function, *arguments):
        self._function, self._arguments = function, arguments

    def start(self, interval):
        """Keep the interval."""
        self._interval = interval
        return self

    def wait(self):
        """Call until it is done."""
        from oslo_service import loopingcall

        while True:
            try:
                self._function(*self._arguments)
            except loopingcall.LoopingCallDone:
                return
            time.sleep(self._interval)
