# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in the PostgreSQL that the role sets up from the distribution, and two controllers that share it, on real hosts."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import BACKEND

pytestmark = pytest.mark.extra
PASSWORD = "lab-canary-store-password"
SOCKET = "postgresql:///legacy_storage?host=/var/run/postgresql"
NETWORK = "postgresql://legacy_storage@172.30.0.10/legacy_storage"
SQLITE = "sqlite:////var/lib/baremetal.legacy_storage/controller/store.sqlite"
SERVER = {"controller_postgresql": True, "controller_postgresql_clients": ["172.30.0.12/32"], "controller_store_password": PASSWORD}
NAME = "shared-store"


@pytest.fixture(name="role")
def fixture_role(lab):
    """Apply the role to a host; afterwards the lab has its one controller as before."""

    def apply(host, **variables):
        return lab.apply(host, "controller", **variables)

    yield apply
    apply("node2", controller_state="absent")
    if lab.run("controller1", "legacy_store_info")["shared"]:
        assert not lab.run("controller1", "legacy_store_move", url=SQLITE, replace=True).get("failed")
    assert not lab.run("controller1", "legacy_volume", backend=BACKEND, name=NAME, state="absent").get("failed")
    lab.sh("controller1", "runuser -u postgres -- dropdb --force legacy_storage; systemctl disable --now postgresql 2>&1")


def test_a_store_moves_to_the_postgresql_of_the_role_and_two_controllers_share_it(lab, role):
    assert lab.run("controller1", "legacy_volume", backend=BACKEND, name=NAME, size=1)["changed"]

    figures, output = role("controller1", **SERVER, controller_store_url=SOCKET)
    assert figures["failures"] and "baremetal.legacy_storage.store_move" in output
    assert lab.run("controller1", "legacy_volume_info", names=[NAME])["volumes"], "the store of before is still the store"
    figures, output = role("controller1", **SERVER, controller_store_url=SQLITE)
    assert not figures["failures"], output

    moved = lab.run("controller1", "legacy_store_move", url=SOCKET)
    assert not moved.get("failed"), moved["msg"]
    assert moved["changed"] and moved["rows"]["volumes"] >= 1
    # The backend's addresses are the first controller's, which has its volume group.
    second = {"controller_key_source": "controller1", "controller_store_url": NETWORK, "controller_store_password": PASSWORD, "controller_backends": []}
    for again in (False, True):
        for host, variables in (("controller1", dict(SERVER, controller_store_url=SOCKET)), ("node2", second)):
            figures, output = role(host, **variables)
            assert not figures["failures"], output
            assert not (again and figures["changed"]), output
            assert PASSWORD not in output

    (seen,) = lab.run("node2", "legacy_volume_info", names=[NAME])["volumes"]
    assert seen == lab.run("controller1", "legacy_volume_info", names=[NAME])["volumes"][0]
    assert lab.run("node2", "legacy_volume", backend=BACKEND, name=NAME, metadata={"told": "by node2"})["changed"]
    lab.sh("controller1", "systemctl restart postgresql")
    grown = lab.run("controller1", "legacy_volume", backend=BACKEND, name=NAME, size=2)
    assert not grown.get("failed"), grown["msg"]
    (seen,) = lab.run("node2", "legacy_volume_info", names=[NAME])["volumes"]
    assert (seen["size"], seen["metadata"]) == (2, {"told": "by node2"})
    found = lab.run("controller1", "legacy_doctor")
    assert found["healthy"], found["findings"]
