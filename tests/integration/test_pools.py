# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools that an array gets or loses after its backend was registered are found, without registering it anew."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.pools import learn_pools


def has_pools(controller, *names):
    (controller.array / "faults" / "pools").write_text(" ".join(names))


def ensure(controller, check=False, backend="one", name="data", **parameters):
    return controller.ensure("volume", check, backend=backend, name=name, **parameters)


def pool_of(result):
    assert not result.get("failed"), result
    return result["volumes"][0]["volume"]["pool"]


def known(controller, backend="one"):
    return controller.ask("backend.list", {"name": backend})["backends"][0]["pools"]


def test_a_volume_is_made_in_a_pool_that_is_newer_than_its_backend_and_check_mode_foresees_that(controller):
    has_pools(controller, "first", "second", "new")
    before = controller.look()
    foreseen = ensure(controller, check=True, size="1", pool="new")
    assert pool_of(foreseen) == "new" and controller.look() == before, "check mode has only looked"
    result = ensure(controller, size="1", pool="new")
    assert pool_of(result) == "new" and result["diff"] == foreseen["diff"]
    assert known(controller) == ["first", "second", "new"]
    assert not ensure(controller, size="1", pool="new")["changed"]


def test_a_pool_that_the_array_does_not_have_either_is_refused_with_those_that_it_has(controller):
    has_pools(controller, "first", "third")
    for check in (True, False):
        result = ensure(controller, check=check, size="1", pool="nosuch")
        assert result["failed"] and "'nosuch': is no pool of backend one (pools: first, third)." in result["msg"], result
        assert result["error"]["parameter"] == "pool"
    assert controller.listing() == {} and controller.unsettled() == []


def test_a_pool_that_the_array_has_lost_is_refused_also_where_the_store_still_knows_it(controller):
    has_pools(controller, "second")
    result = ensure(controller, size="1", pool="first")
    assert result["failed"] and "'first': is no pool of backend one (pools: second)." in result["msg"], result
    assert controller.listing() == {} and controller.unsettled() == [] and known(controller) == ["second"]


def test_without_a_pool_a_volume_is_made_in_the_first_known_one_that_there_still_is(controller):
    has_pools(controller, "new", "second")
    assert pool_of(ensure(controller, size="1")) == "second"
    assert known(controller) == ["second", "new"]
    assert pool_of(ensure(controller, check=True, name="other", size="1")) == "second"
    with open(controller.array / "lun7", "wb") as stream:
        stream.truncate(1024**3)
    has_pools(controller, "new")
    assert pool_of(ensure(controller, name="taken", adopt={"source-name": "lun7"})) == "new"


def test_a_task_that_names_no_pool_and_has_nothing_to_do_asks_no_array(controller):
    ensure(controller, size="1")
    calls = controller.calls()
    assert not ensure(controller, size="1")["changed"] and not ensure(controller, size="1", pool="first")["changed"]
    ensure(controller, check=True, name="other", size="1")
    assert controller.calls() == calls


@pytest.mark.parametrize("pool", ["new", None])
def test_a_volume_migrates_to_a_pool_that_there_is_now(controller, pool):
    controller.register("two")
    ensure(controller, size="1")
    has_pools(controller, "new")
    target = {"backend": "two", "pool": pool} if pool else {"backend": "two"}
    if pool:
        assert pool_of(ensure(controller, check=True, migrate_to=target)) == "new"
    result = ensure(controller, migrate_to=target)
    assert pool_of(result) == "new" and result["volumes"][0]["operations"][0]["to_pool"] == "new"
    assert known(controller, "two") == ["new"] and known(controller) == ["first", "second"]
    refused = ensure(controller, backend="two", migrate_to={"backend": "one", "pool": "nosuch"})
    assert refused["error"]["parameter"] == "migrate_to.pool" and "(pools: new)" in refused["msg"], refused


def test_a_volume_moves_to_a_new_pool_of_its_backend(controller):
    ensure(controller, size="1")
    has_pools(controller, "first", "new")
    (controller.array / "faults" / "moves").write_text("")
    for check in (True, False):
        assert pool_of(ensure(controller, check=check, size="1", pool="new", migration_policy="on-demand")) == "new"
    assert known(controller) == ["first", "new"]


def test_the_default_pool_stays_the_same_in_whatever_order_an_array_tells_its_pools():
    backend = Backend("one", "d.D", pools=("a", "b"))
    assert learn_pools(backend, ("b", "a")) == backend
    assert learn_pools(backend, ("c", "b")).pools == ("b", "c")
    assert learn_pools(backend, ()) == backend
