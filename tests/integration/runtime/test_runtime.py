# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""legacy_runtime installs the collection's own code into an environment, once, and leaves nothing else behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.modules.legacy_runtime import MARKER
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils import runtime_wheel

SERVE = "ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.serve"


class Environment:
    """A virtual environment, and legacy_runtime on it."""

    def __init__(self, root):
        self.root = root
        self.python = root / "venv" / "bin" / "python"

    def make(self):
        subprocess.run([sys.executable, "-m", "venv", self.root / "venv"], check=True, timeout=120)

    def pip(self, *arguments):
        subprocess.run([self.python, "-I", "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True, timeout=120)

    @property
    def packages(self):
        (folder,) = (self.root / "venv" / "lib").glob("python3*/site-packages")
        return folder

    def run(self, *arguments, **parameters):
        """Run the task; return its result."""
        task = {"baremetal.legacy_storage.legacy_runtime": dict(parameters, python=str(self.python))}
        variables = {"ansible_python_interpreter": sys.executable}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": [task]}
        (self.root / "play.yml").write_text(yaml.safe_dump([play]))
        settings = dict(os.environ, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json", ANSIBLE_LOCALHOST_WARNING="0")
        done = subprocess.run(
            ["ansible-playbook", "-i", "localhost,", "play.yml", *arguments], cwd=self.root, env=settings, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, check=False,
        )
        assert done.stdout.find("{") >= 0, done.stdout + done.stderr
        told = json.loads(done.stdout[done.stdout.index("{"):])
        return told["plays"][0]["tasks"][0]["hosts"]["localhost"]


@pytest.fixture(name="environment")
def fixture_environment(tmp_path):
    return Environment(tmp_path)


def test_without_an_environment_check_mode_foretells_an_install_and_a_run_refuses(environment):
    foretold = environment.run("--check")
    assert (foretold["changed"], foretold["operations"]) == (True, ["install"])
    refused = environment.run()
    assert refused["failed"] is True
    assert str(environment.python) in refused["msg"]


def test_installed_once_upgraded_without_leftovers_and_removed_without_harm(environment, collection_root):
    environment.make()
    other = environment.packages / "ansible_collections" / "somebody" / "else.py"
    other.parent.mkdir(parents=True)
    other.write_text("")
    old = dict(runtime_wheel.read_sources(str(collection_root / "plugins")))
    stale = "ansible_collections/baremetal/legacy_storage/plugins/host/stale.py"
    old[stale] = b""
    wheel = environment.root / runtime_wheel.file_name()
    wheel.write_bytes(runtime_wheel.build(old, MARKER))
    environment.pip("install", "--no-index", "--no-deps", str(wheel))
    assert (environment.packages / stale).exists()

    foretold = environment.run("--check", "--diff")
    assert (environment.packages / stale).exists()
    done = environment.run("--diff")
    assert (done["changed"], done["operations"]) == (foretold["changed"], foretold["operations"]) == (True, ["install"])
    assert done["diff"] == foretold["diff"]
    assert done["diff"]["before"]["runtime"]["checksum"] == runtime_wheel.checksum(old)
    assert not (environment.packages / stale).exists()
    assert environment.run()["changed"] is False
    subprocess.run([environment.python, "-I", "-m", SERVE], stdin=subprocess.DEVNULL, check=True, timeout=60)

    assert environment.run("--check", state="absent")["operations"] == ["remove"]
    assert environment.run(state="absent")["operations"] == ["remove"]
    assert environment.run(state="absent")["changed"] is False
    assert not (environment.packages / "ansible_collections" / "baremetal" / "legacy_storage" / "plugins" / "host" / "verbs.py").exists()
    assert other.exists()
