# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rack on one machine: a controller with a file-backed array and nodes, all of them inventory hosts over ``local``.

Both halves are the real ones, in their own environments; only the storage is files (os-brick's LOCAL protocol).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
CALLBACKS = HERE.parent / "callbacks"
GROUP = "group/baremetal.legacy_storage.legacy_storage"
ATTACHMENT = "baremetal.legacy_storage.legacy_attachment"


class Run:
    """What came out of one ansible-playbook run: ``{host: [result, ...]}`` in the order of the tasks, and all its output."""

    def __init__(self, lines, output):
        self.output = output
        self.results = {}
        for line in lines:
            told = json.loads(line)
            self.results.setdefault(told["host"], []).append(dict(told["result"], failed=told["status"] == "failed", status=told["status"]))

    def only(self, host="node1"):
        """Return the one result of a host."""
        (result,) = self.results[host]
        return result


class Rack:
    """Inventory, settings of nodes and controller, and a way to run tasks."""

    def __init__(self, root, controller, nodes=("node1", "node2", "node3")):
        self.root, self.controller = root, controller
        self.inventory = {
            "all": {
                "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
                "children": {"controllers": {"hosts": {"controller1": {}}}, "nodes": {"hosts": {name: self._node(name) for name in nodes}}},
            }
        }

    def _node(self, name):
        folder = self.root / name
        folder.mkdir(parents=True)
        python, config = folder / "python", folder / "node.json"
        python.write_text('#!/bin/sh\nexec %s %s %s "$@"\n' % (os.environ["BLS_NODE_PYTHON"], HERE / "named_node.py", name))
        python.chmod(0o755)
        settings = {
            "python": str(python), "python_path": [os.environ["PYTHONPATH"]], "host": name, "multipath": False, "my_ip": "192.0.2.1",
            "state_dir": str(folder / "state"), "lock_dir": str(folder / "locks"),
        }
        config.write_text(json.dumps(settings))
        return {"node_config": str(config)}

    def volume(self, name, size=1):
        """Make a volume, or let it grow."""
        result = self.controller.ensure("volume", backend="one", name=name, size=str(size))
        assert not result.get("failed"), result
        return result["volumes"][0]["volume"]

    def attached_to(self, name):
        """Return the hosts that the controller knows a volume to be exported to."""
        (volume,) = self.controller.ask("volume.list", {"backend": "one", "names": [name]})["volumes"]
        return [told["host"] if isinstance(told, dict) else told for told in volume["attached_to"]]

    def records(self, node="node1"):
        """Return the files in which a node remembers its attachments."""
        return sorted((self.root / node / "state" / "attachments").glob("*.json"))

    def attach(self, hosts="node1", check=False, diff=False, **parameters):
        """Run legacy_attachment, in its own play, on some hosts."""
        return self.play([{ATTACHMENT: dict({"controller": "controller1"}, **parameters)}], hosts, check, diff)

    def play(self, tasks, hosts="node1", check=False, diff=False, arguments=(), patience=300, **keywords):
        """Run tasks in one play; return a :class:`Run`."""
        defaults = {"controller_config": str(self.controller.config), "node_config": "{{ node_config | default('/nowhere/node.json') }}"}
        play = dict({"hosts": hosts, "gather_facts": False, "tasks": tasks, "module_defaults": {ATTACHMENT: defaults}}, **keywords)
        (self.root / "inventory.yml").write_text(yaml.safe_dump(self.inventory))
        (self.root / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        results = self.root / "results"
        results.unlink(missing_ok=True)
        settings = dict(
            os.environ, ANSIBLE_CALLBACK_PLUGINS=str(CALLBACKS), ANSIBLE_CALLBACKS_ENABLED="recorded", BLS_TEST_RESULTS=str(results), ANSIBLE_NOCOLOR="1",
            ANSIBLE_LOCAL_TEMP=str(self.root / "local"), ANSIBLE_REMOTE_TEMP=str(self.root / "remote"),
        )
        command = ["ansible-playbook", "-i", "inventory.yml", "play.yml", *["--check"] * check, *["--diff"] * diff, *arguments]
        done = subprocess.run(command, cwd=self.root, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience, check=False)
        output = done.stdout + done.stderr
        assert results.exists(), output
        return Run(results.read_text().splitlines(), output)


@pytest.fixture(name="rack")
def fixture_rack(tmp_path, controller):
    """A rack with the volume ``data`` of 1 GiB."""
    rack = Rack(tmp_path / "rack", controller)
    rack.volume("data")
    return rack
