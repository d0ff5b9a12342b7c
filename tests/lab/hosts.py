# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's hosts for tests that break things and for measurements: plays, commands on hosts, a sweep for leftovers."""

from __future__ import annotations

import json
import os
import subprocess

import yaml

BACKEND = "lab"
ATTACHMENT = {"controller": "controller1", "backend": BACKEND, "multipath": "required"}


class Lab:
    """Real hosts to which site.yml was applied.

    :param root: the checkout. :param work: a directory for plays.
    """

    def __init__(self, root, work):
        self.root = root
        self._tool = root / "lab/lab"
        self._play = work / "play.json"
        self._inventory = self._run([self._tool, "inventory", "--path"], 60).stdout.strip()
        self._common = ["ansible-playbook", "-i", self._inventory, "-e", "@%s" % (root / "playbooks/vars/demo.yml")]
        self._common += ["-e", "@%s" % (root / "extensions/molecule/lab_vars.yml")]

    @staticmethod
    def _run(command, timeout):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False)
        assert done.returncode == 0, "%s ended with %d:\n%s%s" % (
            " ".join(map(str, command)),
            done.returncode,
            done.stdout[-10000:],
            done.stderr[-2000:],
        )
        return done

    def site(self):
        """Apply site.yml, quickly where that was done before."""
        self._run([*self._common, str(self.root / "playbooks/site.yml")], 900)

    def prepare_backend(self, name):
        """Prepare and register a backend of functional/backends that is on the hosts themselves; return its name there."""
        functional = self.root / "tests/lab/functional"
        file = functional / "backends" / (name + ".yml")
        register = {"baremetal.legacy_storage.legacy_backend": {"backends": ["{{ functional_backend }}"]}}
        self._play.write_text(json.dumps([{"hosts": "controller1", "gather_facts": False, "become": True, "tasks": [register]}]))
        self._run([*self._common, "-e", "@%s" % file, str(functional / "prepare.yml"), str(self._play)], 600)
        return yaml.safe_load(file.read_text())["functional_backend"]["name"]

    def sh(self, host, command):
        """Return what a shell command, run as root, prints on a host."""
        return self._run([self._tool, "ssh", "root@" + host, command], 120).stdout.strip()

    def cable(self, host, network, state):
        """Plug (up) or pull (down) the cable between a host and a network."""
        self._run([self._tool, "link", host, network, state], 60)

    def power(self, host, state):
        """Take the power from a host at once (cut), or let it boot (on) and wait until it has."""
        self._run([self._tool, "power-" + state, host], 300)

    def start(self, plays):
        """Start plays and return their process."""
        self._play.write_text(json.dumps(plays))
        environment = dict(os.environ, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json", ANSIBLE_NOCOLOR="1")
        return subprocess.Popen(
            [*self._common, str(self._play)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process):
        """Wait for plays and return what ansible.posix.json printed of the first, as data."""
        try:
            output, errors = process.communicate(timeout=600)
        finally:
            process.kill()
        assert "{" in output, errors
        return json.loads(output[output.index("{") :])["plays"][0]

    def apply(self, host, role, **variables):
        """Apply a role of the collection to a host; return its figures (``changed``, ``failures`` ...) and everything that was printed."""
        tasks = [{"ansible.builtin.include_role": {"name": "baremetal.legacy_storage." + role}}]
        self._play.write_text(json.dumps([{"hosts": host, "gather_facts": False, "become": True, "tasks": tasks}]))
        environment = dict(os.environ, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json", ANSIBLE_NOCOLOR="1")
        command = [*self._common, "-e", json.dumps(variables), str(self._play)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900, check=False)
        assert "{" in done.stdout, done.stderr
        return json.loads(done.stdout[done.stdout.index("{") :])["stats"][host], done.stdout + done.stderr

    def begin(self, host, module, parameters):
        """Start a play of one task on a host and return its process."""
        task = {"baremetal.legacy_storage." + module: parameters}
        return self.start([{"hosts": host, "gather_facts": False, "become": True, "tasks": [task]}])

    def end(self, process):
        """Wait for a play of one task and return the task's result."""
        (result,) = self.finish(process)["tasks"][0]["hosts"].values()
        return result

    def run(self, host, module, **parameters):
        """Run one task on a host and return its result."""
        return self.end(self.begin(host, module, parameters))

    def attach(self, host, volume, state="present"):
        """Attach or detach a volume and return the task's result."""
        return self.run(host, "legacy_attachment", volume=volume, state=state, **ATTACHMENT)

    def kill_when(self, host, condition, pattern):
        """Wait until a shell condition holds on a host, then SIGKILL the processes there whose command line matches."""
        loop = "for i in $(seq 600); do if %s; then pkill -9 -f '%s' && echo killed; exit 0; fi; sleep 0.02; done" % (condition, pattern)
        return self.sh(host, loop)

    def leftovers(self, host):
        """Return what an attachment could have left on a node: sessions, SCSI disks, maps, links, records."""
        commands = {
            "sessions": "iscsiadm -m session 2>/dev/null || true",
            "iscsi records": "iscsiadm -m node 2>/dev/null || true",
            "disks": "ls /dev/sd* 2>/dev/null || true",
            "maps": "dmsetup ls --target multipath | grep -v 'No devices' || true",
            "loop devices": "losetup --all",
            "shares": "grep /var/lib/baremetal.legacy_storage/node/mounts /proc/mounts || true",
            "encrypted": "dmsetup ls --target crypt | grep -v 'No devices' || true",
            "links": "ls /dev/disk/by-id/legacy-storage-* 2>/dev/null || true",
            "records": "ls /var/lib/baremetal.legacy_storage/node/attachments/ | grep json || true",
        }
        found = {name: self.sh(host, command) for name, command in commands.items()}
        return {name: text for name, text in found.items() if text}

    def exports(self):
        """Return the initiators that the controller's targets let in."""
        return self.sh("controller1", "ls -d /sys/kernel/config/target/iscsi/iqn*/tpgt_1/acls/* 2>/dev/null || true").split()
