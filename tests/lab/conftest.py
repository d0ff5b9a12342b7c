# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab with site.yml applied, a volume in it, and the sweep after each test."""

from __future__ import annotations

import subprocess
import time

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import BACKEND, Lab


@pytest.fixture(scope="session", name="lab")
def fixture_lab(collection_root, tmp_path_factory, prepared):
    """The lab, up and with site.yml applied."""
    subprocess.run([collection_root / "lab/lab", "up"], check=True, stdin=subprocess.DEVNULL, timeout=900)
    lab = Lab(collection_root, tmp_path_factory.mktemp("lab"))
    if "site" not in prepared:
        lab.site()
        prepared.add("site")
    return lab


@pytest.fixture(scope="module", name="one_volume")
def fixture_one_volume(lab):
    """A volume of 1 GiB for all tests of a file, as making one takes a while in the lab; gone before roles are taken away."""
    name = "failures-%d" % int(time.time())
    assert lab.run("controller1", "legacy_volume", backend=BACKEND, name=name, size=1)["changed"]
    yield name
    assert not lab.run("controller1", "legacy_volume", backend=BACKEND, name=name, state="absent").get("failed")


@pytest.fixture(name="volume")
def fixture_volume(lab, one_volume):
    """The volume's name; afterwards cables are plugged, it is detached, and nothing is left on node or controller."""
    yield one_volume
    for network in ("storage-a", "storage-b"):
        lab.cable("node1", network, "up")
    detached = lab.attach("node1", one_volume, "absent")
    assert not detached.get("failed"), detached["msg"]
    assert lab.leftovers("node1") == {}
    assert lab.exports() == []
