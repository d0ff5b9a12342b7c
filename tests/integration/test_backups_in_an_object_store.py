# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups in a bucket behind a real S3 server: Ceph's gateway, which the lab runs (`lab objects up`). No lab host is needed.

The worker, and so restic, runs in the lab's network, where the gateway is. What does not depend on the place is shown in test_backups.py.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import GIB, MIB, OFFSITE, PASSWORD, Backups, digest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import warm_worker
from ansible_collections.baremetal.legacy_storage.tests.integration.test_secrecy import watching_arguments

pytestmark = [pytest.mark.lab, pytest.mark.extra]
PART = 32 * MIB
ONE = {"repository": "offsite", "backend": "one", "volume": "data"}


class Gateway:
    """The S3 server."""

    def __init__(self, lab):
        self.lab = lab
        self.url = self.access_key = self.secret_key = None

    def up(self):
        self._run("objects", "up")
        keys = json.loads(Path(self._run("objects", "keys").strip()).read_text())
        self.url, self.access_key, self.secret_key = keys["url"], keys["access_key"], keys["secret_key"]

    def down(self):
        self._run("objects", "down")

    def end(self):
        self._run("ceph", "down")

    def _run(self, *words):
        done = subprocess.run([self.lab, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module", name="gateway")
def fixture_gateway(collection_root):
    """A gateway that answers; it and its cluster are ended afterwards, also where it did not come up."""
    gateway = Gateway(collection_root / "lab/lab")
    try:
        gateway.up()
        yield gateway
    finally:
        gateway.end()


@pytest.fixture(scope="module", name="inside")
def fixture_inside(gateway, tmp_path_factory):
    """A warm worker in the lab's network."""
    with warm_worker(tmp_path_factory.mktemp("inside"), [gateway.lab, "exec"]) as executable:
        yield executable


class Bucket(Backups):
    """A controller in the lab's network with the volume ``data``, and the repository ``offsite`` in a bucket of its own."""

    def __init__(self, controller, gateway, name):
        self.gateway = gateway
        self.location = "s3:%s/%s" % (gateway.url, name)
        super().__init__(controller, controller.root / "nothing-on-this-disk")

    def keys(self, **changes):
        return dict({"AWS_ACCESS_KEY_ID": self.gateway.access_key, "AWS_SECRET_ACCESS_KEY": self.gateway.secret_key}, **changes)

    def register(self, **changes):
        return super().register(**dict({"location": self.location, "secret_environment": self.keys()}, **changes))

    def restic(self, *arguments):
        settings = dict(os.environ, RESTIC_REPOSITORY=self.location, RESTIC_PASSWORD=PASSWORD, RESTIC_CACHE_DIR=str(self.folder) + "-cache", **self.keys())
        command = [self.gateway.lab, "exec", "restic", *arguments]
        return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=120, check=True).stdout

    def secrets(self):
        return [self.gateway.access_key, self.gateway.secret_key, PASSWORD]


@pytest.fixture(name="bucket")
def fixture_bucket(gateway, inside, make_controller, tmp_path, monkeypatch):
    gateway.up()
    monkeypatch.setenv("BLS_TEST_BACKUP_BYTES", str(PART))
    controller = make_controller()
    controller.write_config(controller.config, python=str(inside))
    return Bucket(controller, gateway, "bucket-%s" % os.urandom(4).hex())


def contains(folder, secrets, allowed):
    """Return the files below a folder that hold one of the secrets, but for those below ``allowed``."""
    files = [path for path in folder.rglob("*") if path.is_file() and allowed not in path.parents]
    assert files
    return [str(path) for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_backups_in_a_bucket_are_full_and_incremental_come_back_and_show_no_key(bucket):
    bucket.register(state="absent")
    repository = {
        "name": "offsite",
        "location": bucket.location,
        "password": "{{ lookup('ansible.builtin.env', 'BLS_TEST_PASSWORD') }}",
        "environment": {"AWS_DEFAULT_REGION": "default"},
        "secret_environment": {name: "{{ lookup('ansible.builtin.env', 'BLS_TEST_%s') }}" % name for name in bucket.keys()},
    }
    given = {"BLS_TEST_PASSWORD": PASSWORD, "BLS_TEST_BACKUP_BYTES": str(PART), **{"BLS_TEST_" + name: value for name, value in bucket.keys().items()}}
    shown = []

    def play(*tasks):
        played = bucket.controller.play(tasks, diff=True, arguments=["-vvv"], variables=given)
        shown.append(played.output)
        return played

    with watching_arguments() as commands:
        bucket.write(os.urandom(PART))
        monday = digest(bucket.path, PART)
        first = play(
            {"legacy_backup_repository": repository},
            {"legacy_backup_repository": repository},
            {"legacy_backup_repository_info": {}},
            {"legacy_backup": dict(ONE, name="monday", verify=True)},
        )
        bucket.write(os.urandom(MIB), 5 * MIB)
        tuesday = digest(bucket.path, PART)
        second = play(
            {"legacy_backup": dict(ONE, name="tuesday")},
            {"legacy_backup": dict(ONE, name="tuesday")},
            {"legacy_backup_info": {"repository": "offsite"}},
        )
        bucket.write(b"spoilt" * MIB)
        third = play(
            {"legacy_volume": {"backend": "one", "name": "copy", "source_repository": "offsite", "source_backup": "monday"}},
            {"legacy_backup": dict(ONE, name="tuesday", state="restored")},
            {"legacy_backup": dict(ONE, name="tuesday", state="restored")},
        )
        copied, restored = digest(bucket.controller.path_of("volume", third[0]["volume"]["id"]), PART), digest(bucket.path, PART)
        fourth = play(
            {"legacy_backup": dict(ONE, name="wednesday", keep={"last": 2})},
            {"legacy_backup": {"repository": "offsite", "name": "tuesday", "state": "absent"}},
            {"legacy_backup_info": {"repository": "offsite"}},
            {"legacy_backup_repository": {"name": "offsite", "state": "absent"}},
            {"legacy_backup_info": {"repository": "offsite"}},
        )

    assert [item.status for played in (first, second, third) for item in played.results] == ["ok"] * 10, shown
    assert [item.status for item in fourth.results] == ["ok"] * 4 + ["failed"], shown[-1]
    assert [item["changed"] for item in (*first.results[:2], first[3])] == [True, False, True]
    whole, little = first[3]["backup"], second[0]["backup"]
    assert (whole["bytes"], whole["sha256"], little["bytes"], little["sha256"]) == (PART, monday, PART, tuesday)
    assert whole["bytes_added"] >= PART and MIB <= little["bytes_added"] < 8 * MIB, "one MiB had changed"
    assert second[1]["changed"] is False and [item["name"] for item in second[2]["backups"]] == ["monday", "tuesday"]
    assert (copied, restored, third[2]["changed"]) == (monday, tuesday, False)
    assert [(item["action"], item["name"]) for item in fourth[0]["operations"]] == [("create", "wednesday"), ("delete", "monday")]
    assert [item["name"] for item in fourth[2]["backups"]] == ["wednesday"]
    assert bucket.controller.unsettled() == []

    secrets = bucket.secrets()
    assert [secret for secret in secrets for output in shown if secret in output] == []
    assert contains(bucket.controller.root, secrets, bucket.controller.array) == []
    assert any(b"restic\0" in command for command in commands), "the watch sees restic"
    assert [command for command in commands if any(secret.encode() in command for secret in secrets)] == []

    bucket.register(create=False)
    assert bucket.names() == ["wednesday"], "forgotten by the controller, the repository keeps what it holds"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"AWS_SECRET_ACCESS_KEY": "canary-wrong-secret-key"}, "signature"), ({"AWS_ACCESS_KEY_ID": "CANARYWRONGKEYID"}, "does not exist in our records")],
)
def test_wrong_keys_are_told_when_they_are_given_and_the_right_ones_are_kept(bucket, wrong, words):
    for name in ("offsite", "another"):
        result = bucket.register(name=name, secret_environment=bucket.keys(**wrong))
        assert result["failed"] and result["error"]["code"] == "backend", result
        assert words in result["msg"] and "the keys in environment and secret_environment" in result["msg"], result
        assert not [secret for secret in [*bucket.secrets(), *wrong.values()] if secret in repr(result)]
    assert [item["name"] for item in bucket.controller.ask("repository.list", {})["repositories"]] == ["offsite"]
    assert bucket.make()["changed"]


def test_while_the_gateway_is_down_tasks_say_so_and_nothing_is_lost(bucket):
    bucket.write(os.urandom(PART))
    gold = bucket.make()["backup"]["sha256"]
    bucket.write(b"work of a week")
    before, content = bucket.controller.look(), digest(bucket.path, PART)
    bucket.gateway.down()
    tasks = [
        {"name": "tuesday", "backend": "one", "volume": "data"},
        {"name": "monday", "backend": "one", "volume": "data", "state": "restored"},
        {"name": "monday", "state": "absent"},
    ]
    for task in tasks:
        began = time.monotonic()
        error = bucket.refused("backup", **OFFSITE, **task)
        assert error["code"] == "backend" and "connection refused" in error["message"] and "Look at the server" in error["message"], error
        assert time.monotonic() - began < 120, "nobody waits for a server that refuses"
        assert (bucket.controller.look(), digest(bucket.path, PART)) == (before, content)
    assert "connection refused" in bucket.refused("volume", backend="one", name="copy", source_repository="offsite", source_backup="monday")["message"]
    assert bucket.controller.look() == before
    assert bucket.ensure("volume", backend="one", name="logs", size="1")["changed"], "volumes are worked on all the same"
    bucket.gateway.up()
    assert bucket.make("tuesday")["backup"]["sha256"] == content
    assert bucket.names() == ["monday", "tuesday"] and bucket.controller.unsettled() == []
    bucket.ensure("backup", **OFFSITE, **tasks[1])
    assert digest(bucket.path, PART) == gold


def test_a_gateway_that_goes_amid_a_copy_and_comes_back_costs_nothing(bucket, tmp_path, monkeypatch):
    door, points = tmp_path / "door", tmp_path / "points"

    def interrupted(point, call):
        door.touch()
        points.write_text("")
        with monkeypatch.context() as faults, concurrent.futures.ThreadPoolExecutor(1) as pool:
            for name, value in {"KILL_AT": point, "FAULT": "wait", "DOOR": door, "POINTS": points}.items():
                faults.setenv("BLS_TEST_" + name, str(value))
            running = pool.submit(call)
            try:
                while point not in points.read_text():
                    assert not running.done(), running.result()
                    time.sleep(0.1)
                bucket.gateway.down()
                door.unlink()
                time.sleep(3)
                assert not running.done(), running.result()
            finally:
                door.unlink(missing_ok=True)
                bucket.gateway.up()
            return running.result()

    bucket.write(os.urandom(PART))
    gold = digest(bucket.path, PART)
    assert interrupted("amid blocks", bucket.make)["backup"]["sha256"] == gold
    assert bucket.names() == ["monday"] and len(bucket.kept()) == 2
    bucket.write(bytes(PART))
    interrupted("amid write", lambda: bucket.ensure("backup", **OFFSITE, name="monday", backend="one", volume="data", state="restored"))
    assert digest(bucket.path, PART) == gold and bucket.controller.unsettled() == []
    bucket.restic("check", "--read-data")


def test_a_backup_that_was_killed_when_the_gateway_went_is_made_once_it_is_back(bucket, monkeypatch, connector):
    """The snapshot that it had taken goes at once, though the repository cannot be asked."""
    bucket.write(os.urandom(PART))
    bucket.ensure("export", backend="one", volume="data", connector=connector("node1"))
    with monkeypatch.context() as faults, pytest.raises(StorageError, match="ended without an answer"):
        faults.setenv("BLS_TEST_KILL_AT", "amid blocks")
        bucket.make()
    bucket.gateway.down()
    assert "connection refused" in bucket.refused("backup", **OFFSITE, name="monday", backend="one", volume="data")["message"]
    assert bucket.ensure("volume", backend="one", name="data", description="seen to")["changed"]
    assert bucket.controller.ask("snapshot.list", {})["snapshots"] == [] and bucket.controller.unsettled() == []
    bucket.gateway.up()
    assert bucket.make()["backup"]["sha256"] == digest(bucket.path, PART)
    assert bucket.names() == ["monday"] and len(bucket.kept()) == 2
    assert bucket.path.stat().st_size == GIB
