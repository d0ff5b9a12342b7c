# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One fault on real hosts, from a volume with known content to the sweep."""

from __future__ import annotations

import concurrent.futures
import pathlib
import re
import time

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.faults.writer import Writer
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import ATTACHMENT

NODE, CONTROLLER = "node1", "controller1"
NETWORKS = ("storage-a", "storage-b")
CONTENT = pathlib.Path(__file__).with_name("content.py")
PROGRAM = "/var/tmp/content.py"
RECORDS = "/var/lib/baremetal.legacy_storage/node/attachments"
WORKER = "[w]orker[.](serve|listen)"  # a spawned one, or the warm one and its forks


def fault(what, during):
    """Mark a test as a case of the suite: what breaks, and what goes on meanwhile. docs/reliability.md is made of the two."""
    return pytest.mark.fault(what=what, during=during)


def record_is(state):
    """Return a shell condition: a record on the node says so, that is, the task is just at that."""
    return "grep -qs '\"state\": *\"%s\"' %s/*.json" % (state, RECORDS)


class Case:
    """A volume on the lab's hosts while something breaks.

    :param lab: the Lab. :param volume: the name of a volume with content.py's ``fill`` in it. :param record_size: of its record on the node, in bytes.
    """

    def __init__(self, lab, volume, record_size, name):
        self.lab = lab
        self.volume = volume
        self.record_size = record_size
        self.path = None
        self.seconds = None
        self._name = name
        self._since = None
        self._wanted = "present"
        self._writer = None
        self._compared = None
        self._repairs = []
        self._unplugged = set()
        self._dark = set()

    # What a case does.

    def attach(self):
        """Attach the volume; the attachment."""
        result = self.lab.attach(NODE, self.volume)
        assert not result.get("failed"), result["msg"]
        self.path = result["attachment"]["path"]
        return result["attachment"]

    def begin(self, state="present"):
        """Start a task that attaches or detaches, and return its process."""
        self._wanted = state
        return self.lab.begin(NODE, "legacy_attachment", dict(ATTACHMENT, volume=self.volume, state=state))

    def refused(self, process, *words):
        """Wait for a task, which must fail and say these words (regular expressions); return its message."""
        result = self.lab.end(process)
        assert result.get("failed"), result
        for word in words:
            assert re.search(word, result["msg"]), "%r is not in: %s" % (word, result["msg"])
        return result["msg"]

    def write(self):
        """Start the program that writes to the attached volume, and wait until it does."""
        run = re.sub("[^a-z0-9]+", "-", self._name) + "-%d" % time.time()
        self._writer = Writer(self.lab.stream(NODE, "python3 %s write %s %s" % (PROGRAM, self.path, run)), run)
        self._writer.goes_on(60)
        return self._writer

    def broken(self):
        """Say that the fault is there now: if nobody mends it, service counts as gone from here."""
        self._since = time.time()

    mended = broken  # from here, where somebody has to mend something

    def back(self):
        """Say that service is back. A case that does not is over when its task, run again, has ended well."""
        self.seconds = max(self.seconds or 0, time.time() - self._since)

    def repair(self, host, command):
        """Have a shell command run on a host after the case, whatever became of it."""
        self._repairs.append((host, command))

    def cables(self, state, host=NODE, networks=NETWORKS):
        """Plug or pull a host's cables to the storage networks."""
        for network in networks:
            self.lab.cable(host, network, state)
            self._unplugged = self._unplugged | {(host, network)} if state == "down" else self._unplugged - {(host, network)}

    def power(self, host, state):
        """Take a host's power, or give it back and wait until it has booted."""
        self._dark = self._dark | {host} if state == "cut" else self._dark - {host}
        self.lab.power(host, state)

    def all_paths_active(self):
        """Wait until the volume has both of its paths again."""
        active = "[ $(multipathd show paths raw format '%t %o' | grep -c '^active') = 2 ]"
        assert self.lab.when(NODE, active, "echo active"), "a path did not come back"

    # What every case ends with.

    def restore(self):
        """Let everything be whole again: power, cables, services, and what the case asked for."""
        for host, network in sorted(self._unplugged):
            self.lab.cable(host, network, "up")
        for host in sorted(self._dark):
            self.lab.power(host, "on")
        for host, command in reversed(self._repairs):
            self.lab.sh(host, command)
        if self._writer:
            self._writer.stop()

    def settle(self):
        """Run the task once more, compare the content, detach, sweep; return the figures. Fails for anything lost or left."""
        compare = "python3 %s compare {{ disk.attachment.path }}" % PROGRAM
        if self._writer:
            compare += " %s %d" % (self._writer.run, self._writer.last)
        task = dict(ATTACHMENT, volume=self.volume)
        tasks = [
            ("legacy_attachment", task, {"register": "disk"}),
            ("ansible.builtin.command", {"cmd": compare}, {}),
            ("legacy_attachment", dict(task, state="absent"), {}),
        ]
        if self._wanted == "absent":
            tasks.insert(0, tasks[-1])
        results = self.lab.play(NODE, tasks)
        for result in results:
            assert not result.get("failed"), result.get("stdout") or result["msg"]
        left = {host: found for host, found in self._left().items() if found}
        assert left == {}
        words = results[-2]["stdout"].split()
        seconds = results[0]["ended"] - self._since if self.seconds is None else self.seconds
        return {"seconds": round(seconds, 1), "bytes": int(words[1]), "lost": int(words[3]), "left": len(left)}

    def _left(self):
        """Return what is left, {host: {what: which}}."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            nodes = {node: pool.submit(self.lab.leftovers, node) for node in (NODE, "node2")}
            controller = self.lab.leftovers_on_controller()
        return dict({node: found.result() for node, found in nodes.items()}, **{CONTROLLER: controller})

    def exports(self):
        """Return the initiators that the array lets in."""
        return self.lab.exports()


def prepare(lab, volume):
    """Put the program on the node, and known content into the volume; return the size of the volume's record in bytes."""
    process = lab.stream(NODE, "cat > " + PROGRAM)
    process.communicate(CONTENT.read_text(), timeout=60)
    path = lab.attach(NODE, volume)["attachment"]["path"]
    size = lab.sh(NODE, "python3 %s fill %s && sync && cat %s/*.json | wc -c" % (PROGRAM, path, RECORDS))
    assert not lab.attach(NODE, volume, "absent").get("failed")
    return int(size)
