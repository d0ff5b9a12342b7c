# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two tasks that adopt the same thing at the same moment, over a real store; only the array is a stand-in, which would take anything."""

from __future__ import annotations

import types

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.execute import snapshots, volumes
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.store import Store
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.operations import Operation
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
from cryptography.fernet import Fernet

LUN = {"source-id": "7"}


@pytest.fixture(name="store")
def fixture_store(tmp_path):
    """A store with a backend and a volume."""
    engine = database.connect("sqlite:///%s" % (tmp_path / "store.sqlite"))
    database.migrate(engine)
    store = Store(engine, Vault([Fernet.generate_key()]))
    with store.writing() as writer:
        writer.put_backend(Backend("array", "driver"))
        writer.add_volume(Volume("owner", "array", "owner", 1))
    yield store
    engine.dispose()


@pytest.mark.parametrize(
    "noun, module, more", [("volume", volumes, {"pool": "first"}), ("snapshot", snapshots, {"volume_id": "owner", "volume_name": "owner"})]
)
def test_of_two_tasks_that_adopt_one_thing_under_two_names_the_second_is_refused(store, noun, module, more):
    def operation(name):
        return Operation("adopt", noun, "array", name, dict(more, id="id of " + name, size=1, adopted_from=LUN))

    def take(_noun, identity, _reference):
        asked.append(identity)
        if identity == "id of first":  # while the array is at it, the second one comes, which was planned before
            with pytest.raises(StorageError, match="is managed already, as %s 'first'" % noun) as refused:
                module.ACTIONS["adopt"](work, operation("second"), operation("second").arguments)
            assert (refused.value.code, refused.value.parameter) == ("conflict", "adopt")

    asked = []
    work = types.SimpleNamespace(store=store, engine=lambda: types.SimpleNamespace(adopting=types.SimpleNamespace(take=take)))
    module.ACTIONS["adopt"](work, operation("first"), operation("first").arguments)
    assert asked == ["id of first"]
    with store.reading() as reader:
        assert reader.unsettled() == [] and reader.adopted(noun, "array", LUN) == "first"
