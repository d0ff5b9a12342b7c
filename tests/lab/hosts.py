# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's hosts for tests that break things and for measurements: plays, commands on hosts, a sweep for leftovers."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import time

import yaml
from ansible_collections.baremetal.legacy_storage.tests.lab import sweep
from ansible_collections.baremetal.legacy_storage.tests.lab.functional import run as functional

BACKEND = "lab"
LOCAL = ("extensions/molecule/local/vars/backend.yml", "extensions/molecule/local/host.yml")
BOOT_SERVICE = "legacy-storage-attachments"
ATTACHMENT = {"controller": "controller1", "backend": BACKEND, "multipath": "required"}


class Lab:
    """Real hosts to which site.yml was applied.

    :param root: the checkout. :param work: a directory for plays. :param kind: the words by which the lab's tool knows which lab is meant.
    """

    playbook_seconds = 900

    def __init__(self, root, work, kind=()):
        self.root = root
        self._tool = [root / "lab/lab", *kind]
        self._play = work / "play.json"
        self._inventory = self._run([*self._tool, "inventory", "--path"], 60).stdout.strip()
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
        """Prepare and register a backend of functional/backends, or ``local``, for which the controller becomes a node; return its name there."""
        places = LOCAL if name == "local" else ("tests/lab/functional/backends/%s.yml" % name, "tests/lab/functional/prepare.yml")
        file, prepare = (self.root / place for place in places)
        register = {"baremetal.legacy_storage.legacy_backend": {"backends": ["{{ functional_backend }}"]}}
        self._play.write_text(json.dumps([{"hosts": "controller1", "gather_facts": False, "become": True, "tasks": [register]}]))
        self._run([*self._common, "-e", "@%s" % file, "-e", json.dumps(functional.beside_hosts(file)), str(prepare), str(self._play)], 900)
        return yaml.safe_load(file.read_text())["functional_backend"]["name"]

    def sh(self, host, command):
        """Return what a shell command, run as root, prints on a host."""
        return self._run([*self._ssh(host), command], 120).stdout.strip()

    def _ssh(self, host):
        """Return the words before a command; logging in takes long in the lab, so commands share a connection."""
        return [*self._tool, "ssh", "root@" + host, "-o", "ControlMaster=auto", "-o", "ControlPersist=60"]

    def cable(self, host, network, state):
        """Plug (up) or pull (down) the cable between a host and a network."""
        self._run([*self._tool, "link", host, network, state], 60)

    def power(self, host, state):
        """Take the power from a host at once (cut), or let it boot (on) and wait until it has."""
        self._run([*self._tool, "power-" + state, host], 300)

    def cut_and_boot(self, host):
        """Take the power from a host at once, give it back, and wait until the host has booted."""
        self.power(host, "cut")
        self.power(host, "on")

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

    def playbook(self, name, arguments=(), **variables):
        """Run a playbook of the collection; return its exit status and everything that was printed."""
        command = [*self._common, *arguments, "-e", json.dumps(variables), str(self.root / "playbooks" / (name + ".yml"))]
        environment = dict(os.environ, ANSIBLE_NOCOLOR="1")
        done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=self.playbook_seconds, check=False)
        return done.returncode, done.stdout + done.stderr

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

    def play(self, host, tasks):
        """Run tasks on a host, each also where one before it failed, and return their results, with the time (in s since 1970) at which each ``ended``.

        :param tasks: (name of a module of ours or of Ansible, its parameters, what else stands in the task).
        """
        written = []
        for module, values, more in tasks:
            name = module if "." in module else "baremetal.legacy_storage." + module
            written.append(dict({name: values}, ignore_errors=True, **more))
        played = self.finish(self.start([{"hosts": host, "gather_facts": False, "become": True, "tasks": written}]))["tasks"]
        ends = [datetime.datetime.fromisoformat(task["task"]["duration"]["end"].replace("Z", "+00:00")) for task in played]
        return [dict(next(iter(task["hosts"].values())), ended=end.timestamp()) for task, end in zip(played, ends)]

    def stream(self, host, command):
        """Start a shell command, run as root on a host, that reads and writes pipes; return its process."""
        return subprocess.Popen([*self._ssh(host), command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait(self, host, command, seconds):
        """Wait until a shell command prints something on a host that may be booting; return it. Fails with what the node's boot service said."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            told = self.sh(host, "(%s) 2>/dev/null || :" % command)
            if told:
                return told
            time.sleep(1)
        journal = self.sh(host, "journalctl -b -u %s --no-pager | tail -50" % BOOT_SERVICE)
        raise AssertionError("after %d s on %s: %s\n%s" % (seconds, host, command, journal))

    def told_at_boot(self, host, words, seconds):
        """Wait until the node's boot service has said these words since the boot; return the lines that hold them."""
        return self.wait(host, "journalctl -b -u %s -o cat --no-pager | grep '%s'" % (BOOT_SERVICE, words), seconds)

    def boot_service_is_done(self, host, seconds):
        """Wait until the node's boot service has connected everything again."""
        self.wait(host, "systemctl is-active %s | grep ^active" % BOOT_SERVICE, seconds)

    def when(self, host, condition, command):
        """Wait, 90 s at most, until a shell condition holds on a host, then run a shell command there; return what it prints, nothing if it never held."""
        return self.sh(host, "while [ $SECONDS -lt 90 ]; do if %s; then %s; exit 0; fi; sleep 0.02; done" % (condition, command))

    def kill_when(self, host, condition, pattern):
        """Wait until a shell condition holds on a host, then SIGKILL the processes there whose command line matches."""
        loop = "for i in $(seq 600); do if %s; then pkill -9 -f '%s' && echo killed; exit 0; fi; sleep 0.02; done" % (condition, pattern)
        return self.sh(host, loop)

    def leftovers(self, host):
        """Return what an attachment could have left on a node, {what: which}: sessions, disks, maps, mounts, links, records."""
        return sweep.parse(self.sh(host, sweep.script(sweep.NODE)))

    def leftovers_on_controller(self):
        """Return what exports could have left on the controller, {what: which}, of itself and of its targets as they run and as they are saved."""
        return sweep.parse(self.sh("controller1", sweep.script(sweep.CONTROLLER)))

    def exports(self):
        """Return the initiators that the controller's targets let in."""
        return self.sh("controller1", "ls -d /sys/kernel/config/target/iscsi/iqn*/tpgt_1/acls/* 2>/dev/null || true").split()
