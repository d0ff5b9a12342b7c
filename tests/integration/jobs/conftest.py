# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of a storage day on a rack on one machine, with site.yml's groups."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.tests.integration.attachment.conftest import CALLBACKS, Rack

COLLECTION = "baremetal.legacy_storage."


def make_ext4(path, label="mine"):
    """Make an ext4 on a volume's file."""
    subprocess.run(["mkfs.ext4", "-q", "-F", "-L", label, str(path)], check=True, timeout=60)


class Outcome:
    """What came out of one playbook: whether it failed and with what words, and which tasks changed something."""

    def __init__(self, lines, output, code):
        self.output, self.code = output, code
        self.tasks = [json.loads(line) for line in lines]

    @property
    def changed(self):
        """The names of the tasks that changed something, or in check mode would."""
        return [told["task"] for told in self.tasks if told["status"] == "ok" and told["result"].get("changed")]

    @property
    def failure(self):
        """Why it failed; an empty text when it did not."""
        told = [told["result"].get("msg") or json.dumps(told["result"]) for told in self.tasks if told["status"] in ("failed", "unreachable")]
        return " ".join(map(str, told)) if self.code else ""

    def result(self, task):
        """Return the result of the task of that name, or of its last run."""
        return [told["result"] for told in self.tasks if told["task"] == task][-1]


class JobRack(Rack):
    """A rack whose playbooks are the collection's own."""

    def __init__(self, root, controller):
        super().__init__(root, controller)
        children = self.inventory["all"]["children"]
        children["storage_controllers"], children["storage_nodes"] = children.pop("controllers"), children.pop("nodes")
        children["storage_controllers"]["vars"] = {"controller_config": str(controller.config)}
        self.inventory["all"]["vars"]["ansible_become"] = False
        self.wrapper = []  # what ansible-playbook is started by

    def write_inventory(self, path):
        """Write the inventory to a file."""
        path.write_text(yaml.safe_dump(self.inventory))

    def run(self, playbook, check=False, diff=False, arguments=(), path="", **variables):
        """Run one of the collection's playbooks with extra variables; return an Outcome."""
        command = [COLLECTION + playbook, "-e", json.dumps(variables), *["--check"] * check, *["--diff"] * diff, *arguments]
        return self._ansible_playbook(command, path)

    def run_play(self, play, check=False, diff=False):
        """Run a play of somebody's own; return an Outcome."""
        (self.root / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        return self._ansible_playbook(["play.yml", *["--check"] * check, *["--diff"] * diff])

    def _ansible_playbook(self, arguments, path=""):
        self.write_inventory(self.root / "inventory.yml")
        results = self.root / "results"
        results.write_text("")
        settings = dict(
            os.environ, ANSIBLE_CALLBACK_PLUGINS=str(CALLBACKS), ANSIBLE_CALLBACKS_ENABLED="recorded", BLS_TEST_RESULTS=str(results), ANSIBLE_NOCOLOR="1",
            ANSIBLE_LOCAL_TEMP=str(self.root / "local"), ANSIBLE_REMOTE_TEMP=str(self.root / "remote"), PATH=path + os.environ["PATH"],
        )
        command = [*self.wrapper, "ansible-playbook", "-i", "inventory.yml", *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
        )
        outcome = Outcome(results.read_text().splitlines(), done.stdout + done.stderr, done.returncode)
        assert outcome.tasks, outcome.output
        return outcome

    def done(self, playbook, **variables):
        """Run a playbook that must succeed."""
        outcome = self.run(playbook, **variables)
        assert outcome.code == 0, outcome.output
        return outcome

    def volumes(self, backend="one"):
        """Return what the controller knows: {name: volume}."""
        return {volume["name"]: volume for volume in self.controller.ask("volume.list", {"backend": backend, "names": None})["volumes"]}

    def snapshots(self, backend="one"):
        """Return the names of a backend's snapshots."""
        told = self.controller.ask("snapshot.list", {"backend": backend, "volume": None, "names": None})["snapshots"]
        return sorted(snapshot["name"] for snapshot in told)

    def file_of(self, volume, backend="one"):
        """Return the file that is a volume."""
        return Path(self.controller.path_of("volume", self.volumes(backend)[volume]["id"]))


@pytest.fixture(name="rack")
def fixture_rack(tmp_path, controller):
    """A rack with the volume ``data`` of 1 GiB."""
    rack = JobRack(tmp_path / "rack", controller)
    rack.volume("data")
    return rack


@pytest.fixture(name="mounts")
def fixture_mounts(rack, tmp_path):
    """A mount namespace of its own, with an fstab of its own, in which the rack's playbooks run. Gives the fstab and a way to look what is mounted."""
    fstab = tmp_path / "fstab"
    fstab.write_text("# nothing yet\n")
    script = "mount --make-rprivate / && mount --bind %s /etc/fstab && echo ready && exec sleep 1800" % fstab
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        rack.wrapper = ["nsenter", "--mount", "--wd=%s" % rack.root, "--target", str(process.pid)]

        def mounted(path):
            return subprocess.run([*rack.wrapper, "mountpoint", "-q", str(path)], check=False, timeout=60).returncode == 0

        yield fstab, mounted
    finally:
        process.kill()
        process.wait()
