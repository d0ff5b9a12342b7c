# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two controllers whose locks are in a real etcd: one waits for the other, and a task that may have lost its lock writes nothing more."""

from __future__ import annotations

import concurrent.futures
import os
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests import etcd
from ansible_collections.baremetal.legacy_storage.tests.integration.backing_up import held_at
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import HERE, make_pair

pytestmark = pytest.mark.extra
DATA = {"backend": "one", "name": "data", "size": "1"}
LEASE = 4  # seconds


@pytest.fixture(scope="module", name="server")
def fixture_server(tmp_path_factory):
    with etcd.running(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture(name="pair_with")
def fixture_pair_with(server, make_controller, postgresql, database):
    """Make two controllers of one store and one array, a function of settings."""
    path = [os.environ["PYTHONPATH"], str(HERE / "drivers"), os.environ["BLS_ETCD_CLIENT"]]
    if not server.running():
        server.start()
    return lambda **settings: make_pair(make_controller, postgresql, database, lock_url=server.url(LEASE), python_path=path, **settings)


def told(call):
    """Return the error that came of a task (dict), None where it went well."""
    try:
        result = call()
    except StorageError as error:
        return {"code": error.code, "message": error.message}
    return result["error"] if result.get("failed") else None


def volumes(controller):
    return [(item["name"], item["status"]) for item in controller.ask("volume.list", {})["volumes"]]


def creations(controller):
    return [call[1:] for call in controller.calls()].count(("begin", "create_volume"))


def test_the_second_controller_waits_for_the_first_and_finds_what_it_made(pair_with, server):
    first, second = pair_with()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with held_at(first, "create_volume", lambda: first.ensure("volume", **DATA)) as making:
            assert server.locks() > 0
            waiting = pool.submit(second.ensure, "volume", **DATA)
            time.sleep(2)
            assert not waiting.done() and creations(first) == 1
        assert (making.result()["changed"], waiting.result()["changed"]) == (True, False)
    assert creations(first) == 1 and volumes(second) == [("data", "available")] and server.locks() == 0


def test_a_controller_that_waits_for_a_second_at_most_does_not_wait_for_ever(pair_with):
    first, second = pair_with(lock_timeout=1)
    with held_at(first, "create_volume", lambda: first.ensure("volume", **DATA)) as making:
        error = told(lambda: second.ensure("volume", **DATA))
        assert error["code"] == "busy" and "for more than 1 s" in error["message"], error
    assert told(making.result) is None


def test_a_task_may_take_longer_than_the_service_remembers_a_silent_one(pair_with, server):
    first, second = pair_with()
    with held_at(first, "create_volume", lambda: first.ensure("volume", **DATA)) as making:
        time.sleep(2.5 * LEASE)
        assert server.locks() > 0
    assert told(making.result) is None and volumes(second) == [("data", "available")]


def test_when_etcd_is_killed_amid_a_task_it_writes_nothing_more_and_the_next_one_settles_it(pair_with, server):
    first, second = pair_with()
    with held_at(first, "create_volume", lambda: first.ensure("volume", **DATA)) as making:
        server.kill()
        before = first.dump()
    error = told(making.result)
    assert error["code"] == "store" and "could not be asked whether the locks are still held" in error["message"], error
    assert "run the task again" in error["message"]
    assert first.dump() == before and [entry[:2] for entry in first.unsettled()] == [("volume", "create")]
    away = told(lambda: second.ensure("volume", **DATA))
    assert away["code"] == "store" and "the lock service does not answer" in away["message"] and second.dump() == before, away
    server.start()
    made = second.ensure("volume", **DATA)["volumes"][0]
    assert [item["action"] for item in made["operations"]] == ["undo_create", "create"]
    assert volumes(first) == [("data", "available")] and first.unsettled() == [] and len(first.listing()) == 1


def test_a_task_whose_lock_was_given_away_writes_nothing_more(pair_with, server):
    first, second = pair_with()
    with held_at(first, "create_volume", lambda: first.ensure("volume", **DATA)) as making:
        server.take_locks()
        before = first.dump()
    error = told(making.result)
    assert error["code"] == "store" and "gave a lock of this task away" in error["message"], error
    assert first.dump() == before
    assert told(lambda: second.ensure("volume", **DATA)) is None
    assert volumes(first) == [("data", "available")] and first.unsettled() == [] and len(first.listing()) == 1


def test_the_package_that_is_missing_is_named(make_controller, server):
    controller = make_controller()
    controller.write_config(controller.cold_config, python=os.environ["BLS_CONTROLLER_PYTHON"], lock_url=server.url(LEASE))
    error = told(lambda: controller.ensure("volume", cold=True, **DATA))
    assert error["code"] == "not_installed" and "etcd3gw" in error["message"] and "controller_python_packages" in error["message"], error
