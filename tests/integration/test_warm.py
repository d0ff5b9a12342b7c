# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on of the warm worker: the same answers sooner, and a spawned one where it is not to be had."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker import protocol
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask

NODES = ["node%02d" % number for number in range(1, 21)]
VOLUME, EXPORT = "baremetal.legacy_storage.legacy_volume", "baremetal.legacy_storage.legacy_export"
LISTEN = "ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.listen"


class Service:
    """The warm worker behind a socket, as systemd would start it."""

    def __init__(self, folder, python_path, idle=60):
        self.path = folder / "worker.sock"
        self.log = folder / "service.log"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [os.environ["BLS_CONTROLLER_PYTHON"], "-m", LISTEN, "controller", str(idle)],
                env=dict(os.environ, PYTHONPATH=os.pathsep.join(python_path), PYTHONDONTWRITEBYTECODE="1"),
                stdin=self._listener,
                stdout=log,
                stderr=log,
                cwd="/",
            )

    def stop(self):
        """End it."""
        self.process.kill()
        self.process.wait()
        self._listener.close()


@pytest.fixture(name="make_service")
def fixture_make_service(tmp_path):
    """A function that starts a service."""
    with contextlib.ExitStack() as stack:

        def make(controller, **more):
            folder = tmp_path / "service"
            folder.mkdir()
            service = Service(folder, controller.settings["python_path"], **more)
            stack.callback(service.stop)
            return service

        yield make


@pytest.fixture(name="warm")
def fixture_warm(controller, make_service):
    """A controller whose settings name a service that runs, and the service."""
    service = make_service(controller)
    name_socket(controller, service.path)
    return controller, service


def name_socket(controller, path):
    """Let a controller's settings name a socket."""
    controller.write_config(controller.cold_config, python=os.environ["BLS_CONTROLLER_PYTHON"], socket=str(path))


def create(controller, name, **more):
    """Create a volume through the settings that name the socket; return the Answer."""
    return ask("controller", str(controller.cold_config), "volume.ensure", {"volumes": [dict(backend="one", name=name, size=1)]}, **more)


def test_a_warm_worker_answers_and_stays(warm):
    controller, service = warm
    for number in range(3):
        answer = create(controller, "data-%d" % number)
        assert answer.result["changed"] and answer.warnings == []
    assert not create(controller, "data-0").result["changed"]
    assert service.process.poll() is None
    assert len([name for name in controller.listing() if name.startswith("volume-")]) == 3


def test_twenty_who_ask_at_once_are_all_served(warm):
    controller, _service = warm
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: create(controller, "data-%d" % (number % 10)), range(20)))
    assert sum(answer.result["changed"] for answer in answers) == 10
    assert not any(answer.warnings or answer.result.get("failed") for answer in answers)
    assert len([name for name in controller.listing() if name.startswith("volume-")]) == 10


def test_twenty_nodes_at_once_are_served_without_errors_and_in_order(warm, connector):
    controller, service = warm
    work = controller.root / "ansible"
    work.mkdir()
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {name: {"connector": connector(name)} for name in NODES}
    (work / "inventory.yml").write_text(yaml.safe_dump({"all": {"vars": variables, "hosts": hosts}}))
    data = {"backend": "one", "volume": "data-{{ inventory_hostname }}"}
    tasks = [
        {"name": "own", VOLUME: {"backend": "one", "name": data["volume"], "size": 1}},
        {"name": "same", VOLUME: {"backend": "one", "name": "shared", "size": 1}},  # all twenty want one and the same
        {"name": "map", EXPORT: dict(data, connector="{{ connector }}"), "register": "mapped"},
    ]
    defaults = {VOLUME: {"controller_config": str(controller.cold_config)}, EXPORT: {"controller_config": str(controller.cold_config)}}
    play = {"hosts": "all", "gather_facts": False, "strategy": "free", "module_defaults": defaults, "tasks": tasks}
    (work / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    settings = dict(
        os.environ,
        ANSIBLE_CALLBACK_PLUGINS=os.path.join(os.path.dirname(__file__), "callbacks"),
        ANSIBLE_CALLBACKS_ENABLED="recorded",
        BLS_TEST_RESULTS=str(work / "results"),
        ANSIBLE_LOCAL_TEMP=str(work / "local"),
        ANSIBLE_REMOTE_TEMP=str(work / "remote"),
        ANSIBLE_NOCOLOR="1",
    )
    started = time.monotonic()
    command = ["ansible-playbook", "-i", "inventory.yml", "--forks", "20", "play.yml"]
    done = subprocess.run(command, cwd=work, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    took = time.monotonic() - started
    print("%d tasks of 20 nodes at once: %.1f s" % (len(NODES) * len(tasks), took))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    results = [json.loads(line) for line in (work / "results").read_text().splitlines()]
    for name in NODES:
        assert [item["task"] for item in results if item["host"] == name] == [task["name"] for task in tasks]
    by_task = {task["name"]: [item["result"] for item in results if item["task"] == task["name"]] for task in tasks}
    assert {name: sum(item["changed"] for item in found) for name, found in by_task.items()} == {"own": 20, "same": 1, "map": 20}
    assert not [item for found in by_task.values() for item in found if item.get("warnings") or item.get("failed")]
    assert sorted({item["export"]["host"] for item in by_task["map"]}) == NODES
    assert controller.unsettled() == [] and service.process.poll() is None
    assert [item["name"] for item in controller.ask("volume.list", {})["volumes"]] == sorted(["shared", *("data-" + name for name in NODES)])
    assert controller.query("SELECT count(*) FROM exports WHERE status = 'exported'") == [(20,)]
    assert len(controller.listing()) == 41, "a file for each volume and one for each export"


def test_a_refusal_and_a_change_of_the_backend_are_as_with_a_spawned_worker(warm):
    controller, _service = warm
    with controller.fault("create_volume", "no space left"):
        result = create(controller, "data").result
    assert result["failed"] and "no space left" in result["msg"]
    changed = controller.backend_parameters(options={"sparse_files_dir": str(controller.array), "sparse_files_capacity": 7})
    assert ask("controller", str(controller.cold_config), "backend.ensure", {"backends": [changed]}).result["changed"]
    (backend,) = ask("controller", str(controller.cold_config), "backend.list", {"refresh": True}).result["backends"]
    assert backend["stats"]["pools"][0]["total_capacity_gb"] == 7
    with pytest.raises(StorageError) as refused:
        ask("controller", str(controller.cold_config), "driver.list", {"names": ["none such"]})
    assert refused.value.code == "invalid"


def test_without_the_service_a_worker_is_spawned_and_the_task_is_warned(controller, tmp_path):
    name_socket(controller, tmp_path / "nobody.sock")
    answer = create(controller, "data")
    assert answer.result["changed"]
    assert len(answer.warnings) == 1 and "nobody.sock" in answer.warnings[0] and "spawned" in answer.warnings[0]
    assert create(controller, "data", spawn=True).warnings == []


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"", "did not greet"),
        (b"garbage\n", "did not greet"),
        (b'{"hello": {"protocol": 99}}\n', "another protocol"),
        (b'{"hello": {"protocol": %d, "version": "0.0.1"}}\n' % protocol.PROTOCOL, "version 0.0.1"),
    ],
)
def test_a_service_of_another_version_is_asked_nothing_and_a_worker_is_spawned(controller, tmp_path, greeting, words):
    path = tmp_path / "other.sock"
    heard = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def other():
            connection, _address = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.recv(1 << 16)
                connection.sendall(greeting)
                connection.shutdown(socket.SHUT_WR)
                heard.append(connection.recv(1 << 16))

        thread = threading.Thread(target=other)
        thread.start()
        name_socket(controller, path)
        answer = create(controller, "data")
        thread.join()
    assert answer.result["changed"] and words in answer.warnings[0]
    assert heard == [b""]


def test_a_conversation_whose_worker_dies_is_told_and_the_service_goes_on(warm):
    controller, service = warm
    create(controller, "first")
    with controller.fault("create_volume", "sleep 30"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(create, controller, "data")
        deadline = time.monotonic() + 30
        while not any(what == "begin" and method == "create_volume" for _at, what, method in controller.calls()[-1:]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        children = Path("/proc/%d/task/%d/children" % (service.process.pid, service.process.pid)).read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        with pytest.raises(StorageError) as interrupted:
            asked.result()
    assert interrupted.value.code == "interrupted" and "Run the task again" in interrupted.value.message
    assert create(controller, "data").result["changed"]
    assert controller.unsettled() == []


@pytest.fixture(name="installed")
def fixture_installed(controller, tmp_path):
    """The folder of a copy of the plugins, which the controller's workers run."""
    plugins = Path(os.environ["PYTHONPATH"]) / "ansible_collections/baremetal/legacy_storage/plugins"
    copy = tmp_path / "copy/ansible_collections/baremetal/legacy_storage"
    copy.mkdir(parents=True)
    subprocess.run(["cp", "-rL", str(plugins), str(copy)], check=True, timeout=60)
    controller.settings["python_path"] = [str(tmp_path / "copy"), *controller.settings["python_path"][1:]]
    return copy / "plugins"


def replace_code(plugins):
    """Install a version 9 in the place of the code."""
    for file, old, new in (("protocol", 'VERSION = "', 'VERSION = "9'), ("serve", '"""The worker', '"""That worker')):
        path = plugins / "module_utils/worker" / (file + ".py")
        text = path.read_text()
        path.unlink()
        path.write_text(text.replace(old, new))


def test_the_service_starts_itself_anew_when_its_code_was_replaced(controller, make_service, installed):
    service = make_service(controller)
    name_socket(controller, service.path)
    assert create(controller, "data").warnings == []
    replace_code(installed)
    answer = create(controller, "data")
    assert "is of version 9" in answer.warnings[0], "the new code answers"
    assert service.process.poll() is None


@pytest.mark.extra
def test_code_that_is_replaced_while_the_service_starts_is_noticed(controller, make_service, installed):
    late = installed / "controller/locks.py"  # imported when the greeting has long been
    waiting = "\nimport os, time\nopen(%r, 'a').close()\nwhile not os.path.exists(%r):\n    time.sleep(0.01)\n"
    started, replaced = installed / "started", installed / "replaced"
    late.write_text(late.read_text() + waiting % (str(started), str(replaced)))
    service = make_service(controller)
    deadline = time.monotonic() + 60
    while not started.exists():
        assert service.process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    replace_code(installed)
    replaced.touch()
    name_socket(controller, service.path)
    answer = create(controller, "data")
    assert answer.warnings and "is of version 9" in answer.warnings[0], "the new code answers, and not half of the old one"


def test_the_service_leaves_when_nobody_asks(controller, make_service):
    service = make_service(controller, idle=1)
    assert service.process.wait(timeout=30) == 0


def test_what_drivers_print_and_tasks_send_is_not_in_the_services_log(warm):
    controller, service = warm
    with controller.fault("create_volume", "the password is canary-option-password"):
        assert create(controller, "data").result["failed"]
    assert service.log.read_bytes() == b""
