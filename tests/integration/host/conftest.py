# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node in a directory: its settings and state, os-brick's LOCAL protocol on sparse files, the real worker behind the real client."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.identity import derive_id
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.redaction import redact
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey, seal

GIB = 1024 ** 3
CANARY = "canary-chap-password"


class LocalNode:
    """One node and the files that are its volumes."""

    name = "node1"

    def __init__(self, root):
        self.root = root
        self.config = root / "etc" / "node.json"
        self.state = root / "state"
        self.config.parent.mkdir()
        self.state.mkdir()
        settings = {
            "python": os.environ["BLS_NODE_PYTHON"], "state_dir": str(self.state), "lock_dir": str(root / "locks"), "host": self.name,
            "multipath": True, "my_ip": "192.0.2.1", "python_path": [os.environ["PYTHONPATH"]],
        }
        self.config.write_text(json.dumps(settings))

    def volume(self, name, size=1):
        """Make (or grow) the file of a volume and return its path."""
        path = self.root / (name + ".raw")
        with open(path, "ab") as stream:
            stream.truncate(size * GIB)
        return path

    def export(self, name, size=1, grow=True, **changes):
        """Return the export of a volume, sealed to this node."""
        path = self.volume(name, size) if grow else self.root / (name + ".raw")
        info = {"driver_volume_type": "local", "data": {"device_path": str(path), "auth_password": CANARY}}
        key = SealingKey.load_or_create(str(self.state / "sealing.key")).public
        made = {
            "id": derive_id("export", "files", name), "backend": "files", "volume_id": derive_id("volume", "files", name), "volume_name": name,
            "host": self.name, "size": size, "protocol": "local", "connection_info": redact(info), "sealed_connection_info": seal(key, info),
        }
        return dict(made, **changes)

    def ask(self, verb, arguments, check=False):
        """Ask the worker and return its result."""
        return ask("host", str(self.config), verb, arguments, check).result

    def ensure(self, *requests, check=False):
        """Ask for connections."""
        return self.ask("connection.ensure", {"connections": list(requests)}, check)

    def record(self, export):
        """Return the record's path."""
        return self.state / "attachments" / (export["volume_id"] + ".json")

    def edit_record(self, export, **changes):
        """Change fields of a record, as a crash or another boot would have left them."""
        path = self.record(export)
        path.write_text(json.dumps(dict(json.loads(path.read_text()), **changes)))

    def play(self, *tasks, arguments=()):
        """Run tasks with ansible-playbook on this machine and return what it printed."""
        play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": list(tasks)}]
        for task in tasks:
            for name, options in task.items():
                if name.startswith("baremetal."):
                    options.setdefault("node_config", str(self.config))
        path = self.root / "play.yml"
        path.write_text(yaml.safe_dump(play, sort_keys=False))
        variables = dict(os.environ, ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_INVENTORY_UNPARSED_WARNING="False", ANSIBLE_NOCOLOR="1")
        done = subprocess.run(
            ["ansible-playbook", "-vv", "-e", "ansible_python_interpreter=" + sys.executable, *arguments, str(path)],
            check=False, capture_output=True, text=True, timeout=120, env=variables, stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(name="node")
def fixture_node(tmp_path):
    """A fresh node."""
    return LocalNode(tmp_path)
