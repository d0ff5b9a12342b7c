# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replication and fail over for real: Cinder's RBD driver and two Ceph clusters that mirror (`lab mirror up`). No lab host is needed.

The worker runs in the lab's network, with the distribution's bindings of Ceph. Data is written and read by librbd; nodes, with the kernel's rbd, are in
tests/lab/test_replication.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey
from ansible_collections.baremetal.legacy_storage.tests.integration.ceph_pair import FIRST, MIB, POOL, PYTHON, SECOND, USER, Clusters
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import GIB, Controller, environment, node_connector, warm_worker

pytestmark = [pytest.mark.lab, pytest.mark.extra]
REPLICATED = {"replication_enabled": "<is> True"}
OVER = {"legacy_backend_failover": {"name": "ceph", "state": "failed_over"}}
BACK = {"legacy_backend_failover": {"name": "ceph", "state": "failed_back"}}


@pytest.fixture(scope="module", name="clusters")
def fixture_clusters(collection_root, tmp_path_factory):
    """Two clusters that mirror; ended afterwards, also where they did not come up."""
    clusters = Clusters(collection_root / "lab/lab", tmp_path_factory.mktemp("clusters"))
    try:
        clusters.up()
        yield clusters
    finally:
        clusters.down()


@pytest.fixture(scope="module", name="inside")
def fixture_inside(clusters, tmp_path_factory):
    """A warm worker in the lab's network that can import Ceph's bindings, which are nowhere but in the distribution's own Python."""
    bindings = tmp_path_factory.mktemp("bindings")
    told = subprocess.run([PYTHON, "-c", "import rados, rbd; print(rados.__file__); print(rbd.__file__)"], capture_output=True, text=True, check=True)
    for path in told.stdout.split():
        os.symlink(path, bindings / os.path.basename(path))
    if subprocess.run([os.environ["BLS_CONTROLLER_PYTHON"], "-c", "import rbd"], env={"PYTHONPATH": str(bindings)}, check=False).returncode:
        pytest.skip("the controller's Python %s is not the distribution's, whose bindings of Ceph it needs" % sys.version.split()[0])
    with environment(PYTHONPATH=os.pathsep.join([os.environ["PYTHONPATH"], str(bindings)])):
        with warm_worker(tmp_path_factory.mktemp("inside"), [clusters.lab, "exec"]) as executable:
            yield executable


class Ceph:
    """A controller in the lab's network with the backend ``ceph``."""

    def __init__(self, controller, clusters):
        self.controller = controller
        self.clusters = clusters
        controller.initialize()
        self.register()

    def register(self, **device):
        options = {"rbd_pool": POOL, "rbd_user": USER, "rbd_ceph_conf": str(self.clusters.conf(FIRST)), "rbd_exclusive_cinder_pool": False}
        target = dict({"backend_id": SECOND, "conf": str(self.clusters.conf(SECOND)), "user": USER}, **device)
        self.run(
            {
                "legacy_backend": {
                    "name": "ceph",
                    "driver": "cinder.volume.drivers.rbd.RBDDriver",
                    "options": dict(options, rados_connect_timeout=5),
                    "secret_options": {"rbd_keyring_conf": str(self.clusters.keyring(FIRST)), "replication_device": target},
                }
            }
        )

    def run(self, *tasks, **how):
        """Run tasks, of which none fails; return their results."""
        played = self.controller.play(list(tasks), **how)
        assert not [result for result in played.results if result.failed], played.output
        return played.results

    def volume(self, name, data=None, **parameters):
        """Make a volume and write to it; return its id."""
        (made,) = self.run({"legacy_volume": dict({"backend": "ceph", "name": name, "size": 1}, **parameters)})
        identity = made["volume"]["id"]
        if data:
            self.clusters.write(FIRST, identity, data)
        return identity

    def volumes(self):
        return {item["name"]: (item["status"], item["replication_status"]) for item in self.controller.ask("volume.list", {})["volumes"]}

    def attach(self, name, node, **parameters):
        """Map a volume to a node, whose secret key is at hand; return what the node is told."""
        connector = dict(node_connector("node1"), sealing_key=node.public)
        result = self.controller.ensure("export", backend="ceph", volume=name, connector=connector, **parameters)
        assert not result.get("failed"), result
        return node.open(result["exports"][0]["export"]["sealed_connection_info"])

    def detach(self, name):
        result = self.controller.ensure("export", backend="ceph", volume=name, host="node1", state="absent")
        assert result["changed"] and not result.get("failed"), result

    def told(self, **parameters):
        """Return what the doctor finds."""
        (result,) = self.run({"legacy_doctor": parameters})
        return [(item["check"], item["where"], item["problem"]) for item in result["findings"]]


@pytest.fixture(name="ceph")
def fixture_ceph(tmp_path, clusters, inside):
    """The backend; afterwards its volumes are gone from both clusters."""
    ceph = Ceph(Controller(tmp_path / "controller", inside), clusters)
    yield ceph
    if ceph.controller.ask("backend.list", {"name": "ceph"})["backends"][0]["failed_over_to"]:
        return  # the test has failed
    for name in list(ceph.volumes()):
        ceph.run({"legacy_volume": {"backend": "ceph", "name": name, "state": "absent"}})
    clusters.until(lambda: clusters.images(FIRST) + clusters.images(SECOND) + clusters.trash() == [])


def ensure(name, **parameters):
    return {"legacy_volume": dict({"backend": "ceph", "name": name}, **parameters)}


@pytest.mark.parametrize("mode", ["journal", "snapshot"])
def test_replication_begins_and_ends_on_a_volume_that_is_there(ceph, mode):
    ceph.register(mirroring_mode=mode)
    on, off = ensure("data", size=1, extra_specs=REPLICATED), ensure("data", size=1, extra_specs={})
    foreseen = ceph.run(on, check=True)[0]
    made, again, ended, still_ended, begun = ceph.run(on, on, off, off, on)
    assert foreseen["volume"] == made["volume"]
    assert [result["changed"] for result in (made, again, ended, still_ended, begun)] == [True, False, True, False, True]
    assert [result["volume"]["replication_status"] for result in (made, ended, begun)] == ["enabled", "disabled", "enabled"]
    identity = made["volume"]["id"]
    assert ceph.told() == []
    image = ceph.clusters.image(FIRST, identity)
    assert (image["mirroring"]["mode"], image["mirroring"]["primary"], "journaling" in image["features"]) == (mode, True, mode == "journal")
    ceph.clusters.mirrored(SECOND, identity)
    ceph.run(off)
    image = ceph.clusters.image(FIRST, identity)
    assert "mirroring" not in image and "journaling" not in image["features"] and "exclusive-lock" in image["features"]
    ceph.clusters.until(lambda: ceph.clusters.images(SECOND) == [])


@pytest.mark.parametrize("mode", ["journal", "snapshot"])
def test_a_lost_cluster_is_failed_over_and_back_with_all_that_was_written(ceph, mode):
    clusters, node = ceph.clusters, SealingKey.temporary()
    ceph.register(mirroring_mode=mode)
    gold, silver = os.urandom(MIB), os.urandom(MIB)
    data = ceph.volume("data", gold, extra_specs=REPLICATED)
    plain = ceph.volume("plain", silver)
    first = ceph.attach("data", node)
    clusters.mirrored(SECOND, data, mode)
    clusters.run("mirror", "lose")
    try:
        assert [(check, where) for check, where, _problem in ceph.told()] == [("backend", "backend ceph")]
        foreseen = ceph.run(OVER, check=True)[0]
        begin = time.monotonic()
        done, again = ceph.run(OVER, OVER)
        assert time.monotonic() - begin < 120
        assert done["changed"] and not again["changed"] and foreseen["backend"] == done["backend"] == again["backend"]
        assert done["backend"] == {
            "name": "ceph",
            "failed_over_to": SECOND,
            "targets": [SECOND],
            "replicated": ["data"],
            "unreachable": ["plain"],
            "in_error": [],
            "reattach": [{"volume": "data", "volume_id": data, "hosts": ["node1"]}],
        }
        assert ceph.volumes() == {"data": ("in-use", "failed-over"), "plain": ("error", "not-capable")}
        assert clusters.read(SECOND, data) == gold
        assert {where for _check, where, _problem in ceph.told()} == {"export ceph/data on node1", "volume ceph/plain"}
        refused, unreachable = ceph.controller.play([ensure("new", size=1), ensure("plain", size=2)]).results
        assert "is failed over to mirror" in refused["msg"] and "is not replicated" in unreachable["msg"]
        # the node gets the way to the second cluster, and the key that opens it
        ceph.detach("data")
        second = ceph.attach("data", node)
        assert [told["data"]["hosts"] for told in (first, second)] == [["172.30.1.1"], ["172.30.1.2"]]
        assert [told["data"]["keyring"] for told in (first, second)] == [clusters.keyring(name).read_text() for name in (FIRST, SECOND)]
        ceph.detach("data")
        clusters.write(SECOND, data, silver)
        grown, same = ceph.run(ensure("data", size=2), ensure("data", size=2))
        assert grown["changed"] and not same["changed"]
        (dead,) = ceph.controller.play([BACK]).results
        assert dead.failed and "the first cluster does not answer, nothing was done" in dead["msg"]
    finally:
        clusters.run("mirror", "find")
    # it is back, and takes itself for the one in charge
    (early,) = ceph.controller.play([BACK]).results
    assert early.failed and "rbd mirror image resync" in early["msg"] and "volume-" + data in early["msg"]
    assert ceph.controller.unsettled() == []
    assert clusters.read(SECOND, data) == silver and clusters.image(SECOND, data)["mirroring"]["primary"]
    clusters.copy_back(data)
    clusters.mirrored(FIRST, data, mode)
    foreseen = ceph.run(BACK, check=True)[0]
    done, again = ceph.run(BACK, BACK)
    assert done["changed"] and not again["changed"] and foreseen["backend"] == done["backend"] == again["backend"]
    assert ceph.volumes() == {"data": ("available", "enabled"), "plain": ("available", "disabled")}
    assert clusters.read(FIRST, data) == silver == clusters.read(FIRST, plain)
    assert clusters.image(FIRST, data)["size"] == 2 * GIB
    clusters.mirrored(SECOND, data, mode)
    assert ceph.told() == []


@pytest.mark.parametrize("mode", ["journal", "snapshot"])
def test_a_planned_fail_over_takes_the_last_write_along_also_where_a_killed_run_or_an_administrator_did_half_of_it(ceph, mode):
    clusters = ceph.clusters
    ceph.register(mirroring_mode=mode)
    wanted = {name: os.urandom(MIB) for name in ("demoted", "moved", "untouched")}
    ids = {name: ceph.volume(name, data, extra_specs=REPLICATED) for name, data in wanted.items()}
    (snapshot,) = ceph.run({"legacy_snapshot": {"backend": "ceph", "volume": "untouched", "name": "before"}})
    for there, other, task, status in ((FIRST, SECOND, OVER, "failed-over"), (SECOND, FIRST, BACK, "enabled")):
        for identity in ids.values():
            clusters.mirrored(other, identity, mode)
        for name in wanted:
            wanted[name] = os.urandom(MIB)
            clusters.write(there, ids[name], wanted[name])
        for name in ("moved", "demoted"):
            clusters.administer(there, "demote", ids[name])
        clusters.promote(other, ids["moved"])
        done, again = ceph.run(task, task)
        assert done["changed"] and not again["changed"] and done["backend"]["in_error"] == []
        assert ceph.volumes() == {name: ("available", status) for name in wanted}
        assert {name: clusters.read(other, identity) for name, identity in ids.items()} == wanted
        assert clusters.snapshots(other, ids["untouched"]) == ["snapshot-" + snapshot["snapshot"]["id"]]
    for identity in ids.values():  # what is deleted before it replays again stays on the second cluster
        clusters.mirrored(SECOND, identity, mode)
    ceph.run({"legacy_snapshot": {"backend": "ceph", "name": "before", "state": "absent"}})
