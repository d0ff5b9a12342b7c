# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the speed budget's ratios, each pair measured in this one run, on the file-backed driver and without root.

No test and no verdict by a clock: machines differ and drift; the ratios are what to look at. Run by ``make bench``.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.baremetal.legacy_storage.plugins.controller.config import Config
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.store import Store
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault

ROOT = Path(__file__).resolve().parents[2]
DRIVERS = ROOT / "tests" / "integration" / "drivers"
CONTROLLER_PYTHON = os.environ["BLS_CONTROLLER_PYTHON"]
LISTEN = "ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.listen"
TIMEOUT = 600

BARE_SCRIPT = """
import os, sys
sys.path.insert(0, {drivers!r})
import cinderlib
os.makedirs({array!r})
cinderlib.setup(file_locks_path={work!r}, persistence_config={{"storage": "db", "connection": "sqlite:///{work}/bare.sqlite"}})
backend = cinderlib.Backend(volume_backend_name="bare", volume_driver="sparse_files.SparseFileDriver", sparse_files_dir={array!r})
for number in range(100):
    backend.create_volume(1, name="volume-%d" % number)
"""

IMPORTING_MODULE = """
import sys
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({{"name": {{"type": "str"}}}})
sys.path.insert(0, {drivers!r})
import cinderlib
cinderlib.setup(file_locks_path={work!r}, persistence_config={{"storage": "db", "connection": "sqlite:///{work}/importing.sqlite"}})
backend = cinderlib.Backend(volume_backend_name="importing", volume_driver="sparse_files.SparseFileDriver", sparse_files_dir={array!r})
module.exit_json(changed=True, id=backend.create_volume(1, name=module.params["name"]).id)
"""


class Controller:
    """A controller of its own in a directory, with one file-backed backend."""

    def __init__(self, work):
        self.work = Path(work)
        self.array = self.work / "array"
        (self.array / "faults").mkdir(parents=True)
        self.config = self.work / "controller.json"
        self.settings = {
            "python": CONTROLLER_PYTHON,
            "store_url": "sqlite:///%s/state/store.sqlite" % work,
            "key_file": "%s/key" % work,
            "state_dir": "%s/state" % work,
            "lock_dir": "%s/locks" % work,
            "python_path": [os.environ["PYTHONPATH"].split(os.pathsep)[0], str(DRIVERS)],
        }
        self.config.write_text(json.dumps(self.settings))
        self.ask("store.initialize", {})
        backend = {
            "name": "files",
            "driver": "sparse_files.SparseFileDriver",
            "options": {"sparse_files_dir": str(self.array)},
            "max_parallel": 10,
        }
        self.ask("backend.ensure", {"backends": [backend]})

    def ask(self, verb, arguments):
        """Ask the worker, as a module does. Raises RuntimeError when the answer is a failure."""
        result = ask("controller", str(self.config), verb, arguments).result
        if result.get("failed"):
            raise RuntimeError(result["msg"])
        return result

    @contextlib.contextmanager
    def warm(self):
        """Keep a warm worker, as systemd and the role worker would, and let the settings name it."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.work / "worker.sock"))
            listener.listen(64)
            service = subprocess.Popen(
                [CONTROLLER_PYTHON, "-m", LISTEN, "controller", str(TIMEOUT)],
                env=dict(os.environ, PYTHONPATH=os.pathsep.join(self.settings["python_path"])),
                stdin=listener,
                cwd="/",
            )
            self.config.write_text(json.dumps(dict(self.settings, socket=str(self.work / "worker.sock"))))
            try:
                self.ask("backend.list", {})
                yield
            finally:
                self.config.write_text(json.dumps(self.settings))
                service.kill()
                service.wait()

    def create(self, prefix, count):
        """Create volumes of 1 GiB in one request."""
        self.ask(
            "volume.ensure", {"volumes": [{"backend": "files", "name": "%s-%d" % (prefix, number), "size": 1} for number in range(count)]}
        )


def seconds(action, runs=1):
    """Return the median time of ``action`` over so many runs, in seconds."""
    times = []
    for _run in range(runs):
        begin = time.monotonic()
        action()
        times.append(time.monotonic() - begin)
    return statistics.median(times)


def playbook(work, task, python=sys.executable):
    """Return the seconds that a play with this task takes, its modules run by ``python``; ``work``/library may hold modules."""
    path = Path(work) / "play.json"
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=%s" % python, str(path)]
    settings = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_LIBRARY": str(Path(work) / "library")}
    return seconds(
        lambda: subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT, env=dict(os.environ, **settings)
        )
    )


def looped(controller, name):
    """Return a task that runs legacy_volume 20 times."""
    parameters = {"controller_config": str(controller.config), "backend": "files", "name": name, "size": 1}
    return {"baremetal.legacy_storage.legacy_volume": parameters, "loop": list(range(20))}


def importing(controller):
    """Return the seconds that 20 looped tasks take of which each imports cinderlib and creates a volume, as ansible-role-storage did in 2019."""
    folder, array = controller.work / "library", controller.work / "importing"
    for path in (folder, array / "faults"):
        path.mkdir(parents=True)
    module = IMPORTING_MODULE.format(drivers=str(DRIVERS), array=str(array), work=str(controller.work))
    (folder / "importing_volume.py").write_text(module)
    took = playbook(controller.work, {"importing_volume": {"name": "volume-{{ item }}"}, "loop": list(range(20))}, CONTROLLER_PYTHON)
    made = sum(path.name.startswith("volume-") for path in array.iterdir())
    if made != 20:
        raise RuntimeError("the looped tasks that import cinderlib made %d volumes, not 20" % made)
    return took


def loops(controller):
    """Time 20 looped tasks that find nothing to do, and 20 that create, against 20 that only answer or that import cinderlib each."""
    noop = playbook(controller.work, {"ansible.builtin.ping": {}, "loop": list(range(20))})
    start = playbook(controller.work, {"ansible.builtin.ping": {}})
    theirs = importing(controller)
    controller.create("there", 1)
    rows = []
    for kind, way, budgets in (("warm", controller.warm(), ("1.3", "2")), ("spawned", contextlib.nullcontext(), ("", ""))):
        with way:
            idle = playbook(controller.work, looped(controller, "there-0"))
            creating = playbook(controller.work, looped(controller, kind + "-{{ item }}"))
        rows += [
            ("a task that finds nothing to do / a no-op task (%s worker)" % kind, (idle - start) / (noop - start), budgets[0]),
            ("20 looped creating tasks / 20 looped no-op tasks (%s worker)" % kind, creating / noop, budgets[1]),
            ("20 looped creating tasks / 20 looped tasks that import cinderlib (%s worker)" % kind, creating / theirs, ""),
        ]
    return rows


def bare(controller):
    """Time one request for 100 volumes against a script with nothing but cinderlib."""
    script = BARE_SCRIPT.format(drivers=str(DRIVERS), array=str(controller.work / "bare"), work=str(controller.work))
    theirs = seconds(
        lambda: subprocess.run([CONTROLLER_PYTHON, "-c", script], check=True, timeout=TIMEOUT, env=dict(os.environ, PYTHONPATH=""))
    )
    return [("one request for 100 volumes / a bare cinderlib script", seconds(lambda: controller.create("many", 100)) / theirs, "1.2")]


def slow_array(controller):
    """Time 50 volumes on an array that takes a second for each, ten at a time."""
    fault = controller.array / "faults" / "create_volume"
    fault.write_text("sleep 1")
    took = seconds(lambda: controller.create("slow", 50))
    fault.unlink()
    return [("50 volumes at 1 s each, max_parallel 10, in seconds", took, "7")]


def find_one(work, count):
    """Return the seconds that finding one volume among ``count`` takes, in the store alone."""
    controller = Controller(work)
    config = Config.load(str(controller.config))
    store = Store(database.connect(config.store_url), Vault.from_file(config.key_file))
    with store.writing() as writer:
        writer.put_backend(Backend("many", "none"))
        for number in range(count):
            writer.add_volume(Volume("%036d" % number, "many", "volume-%d" % number, 1))
    key = {("volume", "many", "volume-%d" % (count // 2))}

    def find():
        with store.reading() as reader:
            reader.landscape(key)

    return seconds(find, 50)


def scale():
    """Time finding one volume among 100,000 against among 100."""
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        return [("finding one volume among 100,000 / among 100", find_one(many, 100_000) / find_one(few, 100), "1.5")]


def main():
    """Measure and print."""
    rows: list[tuple[str, float, str]] = []
    with tempfile.TemporaryDirectory() as work:
        controller = Controller(work)
        for measure in (bare, slow_array, loops):
            rows += measure(controller)
    rows += scale()
    width = max(len(row[0]) for row in rows)
    print("%s  %8s  %s" % ("measured in this run".ljust(width), "ratio", "budget"))
    for what, value, budget in rows:
        print("%s  %8.2f  %s" % (what.ljust(width), value, budget))


if __name__ == "__main__":
    main()
