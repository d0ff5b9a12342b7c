# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The databases that the store's tests run on, and a store that holds something already."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.store import database
from ansible_collections.baremetal.legacy_storage.plugins.controller.store.store import Store
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
from ansible_collections.baremetal.legacy_storage.tests.unit.store.resources import BACKEND, SNAPSHOT, VOLUME
from cryptography.fernet import Fernet

IN_A_FILE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def fixture_url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return "sqlite:///%s" % (tmp_path / "store.sqlite")
    server = request.getfixturevalue("postgresql")
    return server.url(server.make_database())


@pytest.fixture(name="store")
def fixture_store(url):
    """A store with a backend, a volume and its snapshot."""
    engine = database.connect(url)
    assert database.migrate(engine) is True
    store = Store(engine, Vault([Fernet.generate_key()]))
    with store.writing() as writer:
        writer.put_backend(BACKEND)
        writer.add_volume(VOLUME)
        writer.add_snapshot(SNAPSHOT)
    yield store
    engine.dispose()
