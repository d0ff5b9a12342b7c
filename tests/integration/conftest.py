# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller in a directory: a file-backed array, a store, settings; and ways to ask it.

``controller`` is a fresh one with the backend ``one`` registered. ``controller.ask(verb, ...)`` speaks to the real worker
through the real client; ``controller.play(tasks)`` runs a real ``ansible-playbook``. Both take the warm worker of
killing_worker.py unless told ``cold=True``: the same code, without a second of imports each time.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.identity import derive_id
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey
from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import PART, prepared
from ansible_collections.baremetal.legacy_storage.tests.lab.faults import record
from ansible_collections.baremetal.legacy_storage.tests.postgresql import PASSWORD as STORE_PASSWORD

HERE = Path(__file__).resolve().parent
DRIVER = "sparse_files.SparseFileDriver"
PASSWORD = "canary-option-password"
FQCN = "baremetal.legacy_storage."
GIB = 1024**3
ON_BOTH = pytest.mark.parametrize("store_settings", ["sqlite", "postgresql"], indirect=True)


@contextlib.contextmanager
def environment(**variables):
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({name: str(value) for name, value in variables.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


@dataclasses.dataclass
class TaskResult:
    """What came out of one task of a playbook."""

    task: str
    host: str
    status: str
    result: dict

    @property
    def failed(self):
        """Whether the task failed."""
        return self.status != "ok"

    def __getitem__(self, key):
        return self.result[key]

    def get(self, key, default=None):
        """Return a part of the result."""
        return self.result.get(key, default)


@dataclasses.dataclass
class Played:
    """What came out of a whole playbook: results in order, and everything that was printed."""

    results: list
    output: str
    code: int

    def __getitem__(self, index):
        return self.results[index]

    def __len__(self):
        return len(self.results)


def front(path, length):
    """Return a file's first bytes; a volume's file is not read as a whole."""
    with path.open("rb") as stream:
        return stream.read(length)


def plural(noun):
    """Return the parameter that lists several of a noun."""
    return "repositories" if noun == "repository" else noun + "s"


class Controller:
    """One controller's directories and settings, and ways to ask it."""

    def __init__(self, root, warm_python, **settings):
        self.root = root
        self.array = root / "array"
        self.config = root / "etc" / "controller.json"  # the warm worker's
        self.cold_config = root / "etc" / "controller-cold.json"
        for path in (root / "etc", self.array / "faults", self.array / "exports"):
            path.mkdir(parents=True, mode=0o700)
        self.settings = dict(
            {
                "python_path": [os.environ["PYTHONPATH"], str(HERE / "drivers")],
                "store_url": "sqlite:///%s/state/store.sqlite" % root,
                "key_file": str(root / "etc" / "store.key"),
                "state_dir": str(root / "state"),
                "lock_dir": str(root / "locks"),
                "lock_timeout": 20,
            },
            **settings,
        )
        self.write_config(self.config, python=str(warm_python))
        self.write_config(self.cold_config, python=os.environ["BLS_CONTROLLER_PYTHON"])

    def write_config(self, path, **changes):
        """Write a settings file."""
        path.write_text(json.dumps(dict(self.settings, **changes)))
        path.chmod(0o600)

    def warm(self):
        """Return the executable that is the warm worker."""
        return json.loads(self.config.read_text())["python"]

    # Asking the worker directly

    def ask(self, verb, arguments, check=False, cold=False):
        """Return a verb's result; raises StorageError."""
        return ask("controller", str(self.cold_config if cold else self.config), verb, arguments, check).result

    def ensure(self, noun, check=False, cold=False, **item):
        """Ensure one backend, volume, snapshot or export and return the whole result."""
        return self.ask(noun + ".ensure", {plural(noun): [item]}, check, cold)

    def initialize(self):
        """Make the store, as the role does."""
        return self.ask("store.initialize", {})

    def backend_parameters(self, name="one", **changes):
        """Return the parameters that register a backend on the array directory."""
        parameters = {
            "name": name,
            "driver": DRIVER,
            "options": {"sparse_files_dir": str(self.array)},
            "secret_options": {"sparse_files_password": PASSWORD},
        }
        return dict(parameters, **changes)

    def register(self, name="one", **changes):
        """Register a backend on the array directory."""
        result = self.ensure("backend", **self.backend_parameters(name, **changes))
        assert not result.get("failed"), result
        return result

    # Looking at what is there

    def connect(self):
        """Return a connection to the store's database that only looks."""
        url = sa.engine.make_url(self.settings["store_url"])
        if url.get_backend_name() == "sqlite":
            return contextlib.closing(sqlite3.connect("file:%s?mode=ro" % url.database, uri=True))
        return psycopg.connect(dbname=url.database, user=url.username, password=url.password or self.settings["store_password"], host=url.query["host"])

    def dump(self):
        """Return the whole store as one text, ciphertext included, but for what differs from look to look."""
        with self.connect() as connection:
            if isinstance(connection, sqlite3.Connection):
                return "\n".join(connection.iterdump())
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
            return "\n".join(repr(sorted(map(repr, connection.execute("SELECT * FROM %s" % name).fetchall()))) for (name,) in tables)

    def query(self, text, *values):
        """Return the rows of one query to the store."""
        with self.connect() as connection:
            if not isinstance(connection, sqlite3.Connection):
                text = text.replace("?", "%s")
            return connection.execute(text, values).fetchall()

    def execute(self, text, *values):
        """Change the store behind the worker's back."""
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.root / "state" / "store.sqlite")) as connection:
            with connection:
                connection.execute(text, values)

    def listing(self):
        """Return {relative path: size} of what the array holds; no log, no faults."""
        found = {}
        for folder, _folders, names in os.walk(self.array):
            for name in names:
                path = Path(folder, name)
                relative = str(path.relative_to(self.array))
                if relative != "calls.log" and not relative.startswith("faults"):
                    found[relative] = path.stat().st_size
        return found

    def look(self):
        """Return everything a check-mode run must leave as it is."""
        return self.dump(), self.listing()

    def unsettled(self):
        """Return what is in the journal: (noun, action, name)."""
        return self.query("SELECT noun, action, name FROM operations")

    def calls(self):
        """Return the driver's calls: (time, "begin" or "end", method)."""
        path = self.array / "calls.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(float(moment), what, method) for moment, what, method in (line.split() for line in lines)]

    def id_of(self, noun, backend, name):
        """Return the id that a volume or snapshot gets when it is made."""
        ((namespace,),) = self.query("SELECT value FROM key_values WHERE key = 'baremetal.legacy_storage/namespace'")
        return derive_id(noun, backend, name, namespace=namespace)

    def path_of(self, noun, resource_id):
        """Return where the array keeps a volume or snapshot."""
        return self.array / ("%s-%s" % (noun, resource_id))

    # Making the array misbehave

    @contextlib.contextmanager
    def fault(self, method, text):
        """Make a driver's method fail with ``text``, or wait ("sleep 0.5")."""
        path = self.array / "faults" / method
        path.write_text(text)
        try:
            yield
        finally:
            path.unlink()

    # Ansible

    def play(self, tasks, check=False, diff=False, cold=False, extra_vars=None, arguments=(), ignore_errors=True, variables=None):
        """Run tasks, a list of dicts with short module names, by ansible-playbook on this controller. Return a Played."""
        return run_playbook(
            self.root,
            [_full(task) for task in tasks],
            check=check,
            diff=diff,
            extra_vars=extra_vars,
            arguments=arguments,
            ignore_errors=ignore_errors,
            defaults={"controller_config": str(self.cold_config if cold else self.config)},
            variables=variables,
        )


def _full(task):
    return {FQCN + key if key.startswith("legacy_") else key: value for key, value in task.items()}


@contextlib.contextmanager
def short_path(folder):
    """Yield another path (str) of a folder, for TMPDIR: ansible-core 2.20 and later make a socket in it, whose path must not be long."""
    with tempfile.TemporaryDirectory(prefix="bls-") as short:
        path = os.path.join(short, "t")
        os.symlink(folder, path)
        yield path


def run_playbook(folder, tasks, check=False, diff=False, extra_vars=None, arguments=(), ignore_errors=True, defaults=None, variables=None, timeout=300):
    """Run tasks on localhost in one play and return a Played. Failed tasks do not end the play unless ``ignore_errors`` is false."""
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": tasks,
        "ignore_errors": ignore_errors,
        "vars": {"ansible_python_interpreter": sys.executable},
        "module_defaults": {"group/baremetal.legacy_storage.legacy_storage": dict(defaults or {})},
    }
    work = folder / "ansible"
    work.mkdir(exist_ok=True)
    number = len(list(work.glob("play-*.yml")))
    playbook, results = work / ("play-%d.yml" % number), work / ("results-%d" % number)
    playbook.write_text(yaml.safe_dump([play], sort_keys=False))
    command = ["ansible-playbook", "-i", "localhost,", str(playbook), *arguments]
    command += ["--check"] * check + ["--diff"] * diff
    if extra_vars:
        command += ["-e", json.dumps(extra_vars)]
    with short_path(work) as temporary:
        done = _run_ansible(command, work, results, temporary, variables, timeout)
    lines = results.read_text().splitlines() if results.exists() else []
    output = done.stdout + done.stderr
    assert lines, output
    return Played([TaskResult(**json.loads(line)) for line in lines], output, done.returncode)


def _run_ansible(command, work, results, temporary, variables, timeout):
    settings = dict(
        os.environ,
        ANSIBLE_CALLBACK_PLUGINS=str(HERE / "callbacks"),
        ANSIBLE_CALLBACKS_ENABLED="recorded",
        BLS_TEST_RESULTS=str(results),
        ANSIBLE_LOCAL_TEMP=str(work / "local"),
        ANSIBLE_REMOTE_TEMP=str(work / "remote"),
        ANSIBLE_NOCOLOR="1",
        ANSIBLE_RETRY_FILES_ENABLED="0",
        ANSIBLE_LOCALHOST_WARNING="0",
        TMPDIR=temporary,
        **(variables or {}),
    )
    return subprocess.run(command, cwd=work, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)


def node_connector(host, initiator="", **properties):
    """Return a node's connector (parameters of legacy_export), as legacy_connector_info would."""
    initiator = initiator or "iqn.2026-01.test:%s" % host
    return {
        "host": host,
        "properties": dict({"host": host, "initiator": initiator, "ip": "192.0.2.1", "multipath": False}, **properties),
        "sealing_key": NODE_KEY.public,
    }


NODE_KEY = SealingKey.temporary()


@pytest.fixture(name="tally")
def fixture_tally(record_property):
    """Count faults that were survived, by what went wrong; shown at the end of the run, whichever process ran the test."""
    counts = collections.Counter()
    yield counts
    record_property("survived", dict(counts))


def pytest_terminal_summary(terminalreporter):
    """Say what was survived."""
    total = collections.Counter()
    for report in terminalreporter.stats.get("", []):
        for name, counts in report.user_properties if report.when == "teardown" else ():
            total.update(counts if name == "survived" else {})
    if total:
        compared = total.pop("bytes", 0)
        terminalreporter.section("faults survived", sep="-")
        for name in sorted(total):
            terminalreporter.write_line("%6d  %s" % (total[name], name))
        terminalreporter.write_line("%6d  bytes of volumes and snapshots compared afterwards, 0 lost" % compared)
        _keep(terminalreporter, total, compared)


def _keep(terminalreporter, total, compared):
    """Put the figures into the file that tools/reliability names, if all of it was survived."""
    where = os.environ.get(record.FILE)
    if where and not terminalreporter.stats.get("failed") and not terminalreporter.stats.get("error"):
        date = datetime.date.today().isoformat()
        record.write({"interrupted": {"date": date, "counts": dict(sorted(total.items())), "bytes": compared}}, Path(where))


@pytest.fixture(scope="session", name="warm_python")
def fixture_warm_python(tmp_path_factory):
    """An executable to name as ``python`` in a controller's settings: the real worker, with cinderlib imported already."""
    with warm_worker(tmp_path_factory.mktemp("warm")) as executable:
        yield executable


@contextlib.contextmanager
def warm_worker(folder, inside=()):
    """Yield such an executable. ``inside``: words before the server's command that put it elsewhere, such as in the lab's network."""
    listening = folder / "socket"
    executable = folder / "python"
    text = "#!%s -IS\nimport sys\nsys.path.insert(0, %r)\nfrom killing_worker import shim\nshim(%r)\n" % (sys.executable, str(HERE), str(listening))
    executable.write_text(text)
    executable.chmod(stat.S_IRWXU)
    path = os.pathsep.join([os.environ["PYTHONPATH"], str(HERE / "drivers"), os.environ["BLS_ETCD_CLIENT"]])
    settings = dict(os.environ, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [*inside, os.environ["BLS_CONTROLLER_PYTHON"], str(HERE / "killing_worker.py"), str(listening)],
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while not listening.exists():
            assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        yield executable
    finally:
        server.kill()
        server.wait()


@pytest.fixture(name="make_controller")
def fixture_make_controller(tmp_path, make_controller_in):
    """Make controllers: a function of a name and settings."""
    return lambda name="controller", backend="one", **settings: make_controller_in(tmp_path / name, backend, **settings)


@pytest.fixture(scope="session", name="make_controller_in")
def fixture_make_controller_in(warm_python):
    """Make controllers: a function of a folder, which must not be there yet, and settings. Not ``ready``, it has no store yet."""

    def make(folder, backend="one", ready=True, **settings):
        controller = Controller(folder, warm_python, **settings)
        if not ready:
            return controller
        controller.initialize()
        if backend:
            controller.register(backend)
        return controller

    return make


@pytest.fixture(name="store_settings")
def fixture_store_settings(request):
    """Settings of a new store: none, which is SQLite, or those of a fresh PostgreSQL database where a test asks for it."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return {}
    server = request.getfixturevalue("postgresql")
    return {"store_url": server.url(server.make_database(), password=None), "store_password": STORE_PASSWORD}


@pytest.fixture(name="controller")
def fixture_controller(make_controller, store_settings):
    """A controller with one registered backend, ``one``."""
    return make_controller(**store_settings)


@pytest.fixture(name="backups")
def fixture_backups(controller, tmp_path, monkeypatch):
    """A controller with a volume and a repository; the worker takes the first 8 MiB for all of a volume."""
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(PART))
    return prepared(controller, tmp_path / "repository")


@pytest.fixture(name="connector")
def fixture_connector():
    """Make a node's connector: a function of the host's name."""
    return node_connector


@pytest.fixture(name="node_key")
def fixture_node_key():
    """The key that opens what was sealed to a node of the fixture ``connector``."""
    return NODE_KEY


@pytest.fixture(name="database")
def fixture_database(postgresql):
    """The name of a fresh PostgreSQL database."""
    return postgresql.make_database()


@pytest.fixture(name="pair")
def fixture_pair(make_controller, postgresql, database):
    """Two controllers with one store and one array."""
    return make_pair(make_controller, postgresql, database)


def make_pair(make_controller, postgresql, database, **settings):
    """Make two controllers with one store, one key and one array, and directories of their own for all else."""
    settings = dict(settings, store_url=postgresql.url(database, password=None), store_password=STORE_PASSWORD)
    first = make_controller("first", **settings)
    second = make_controller("second", ready=False, **settings)
    second.array = first.array
    shutil.copy2(first.root / "etc" / "store.key", second.root / "etc" / "store.key")
    assert second.initialize() == {"changed": False}
    return first, second
