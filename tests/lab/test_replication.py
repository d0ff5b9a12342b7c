# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that works on a replicated volume of Ceph, by the kernel's rbd: two real clusters that mirror, of which the first falls silent.

What the controller does with them is shown by tests/integration/test_replication_on_ceph.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.ceph_pair import FIRST, POOL, SECOND, USER, Clusters

pytestmark = [pytest.mark.extra, pytest.mark.timeout(1800)]  # two clusters come up first

REPLICATED = {"replication_enabled": "<is> True"}
PACKAGES = ["lvm2", "thin-provisioning-tools", "targetcli-fb", "ceph-common"]
OVER, BACK = {"state": "failed_over"}, {"state": "failed_back"}
BACKENDS = {"ceph": "snapshot", "ceph-journal": "journal"}


@pytest.fixture(name="clusters")
def fixture_clusters(lab, prepared, tmp_path):
    """Two clusters, known to the hosts, with a backend for each mode of mirroring; afterwards nothing of them is left."""
    clusters = Clusters(lab.root / "lab/lab", tmp_path)
    prepared.discard("site")
    try:
        clusters.up()
        files = [Path(clusters.run(*words).strip()) for words in (("ceph", "files"), ("mirror", "files"))]
        for host in ("controller1", "node1"):
            copies = [path for folder in files for path in sorted(folder.iterdir()) if host == "controller1" or path.suffix == ".conf"]
            told = lab.play(host, [("ansible.builtin.copy", {"src": str(path), "dest": "/etc/ceph/", "mode": "0600"}, {}) for path in copies])
            assert not [result for result in told if result.get("failed")], told
        figures, printed = lab.apply("controller1", "controller", controller_packages_extra=PACKAGES, controller_distribution_python=True)
        assert figures["failures"] == 0, printed
        options = {"rbd_pool": POOL, "rbd_user": USER, "rbd_ceph_conf": "/etc/ceph/ceph.conf", "rbd_exclusive_cinder_pool": False}
        for name, mode in BACKENDS.items():
            target = {"backend_id": SECOND, "user": USER, "mirroring_mode": mode}
            secret = {"rbd_keyring_conf": "/etc/ceph/ceph.client.cinder.keyring", "replication_device": target}
            done(
                lab.run(
                    "controller1",
                    "legacy_backend",
                    name=name,
                    driver="cinder.volume.drivers.rbd.RBDDriver",
                    options=dict(options, rados_connect_timeout=5),
                    secret_options=secret,
                )
            )
        yield clusters
        for name in BACKENDS:
            assert not attach(lab, name, "absent").get("failed")
            assert not lab.run("controller1", "legacy_volume", backend=name, name="data", state="absent").get("failed")
            assert not lab.run("controller1", "legacy_backend", name=name, state="absent").get("failed")
        assert lab.leftovers("node1") == {} and lab.sh("node1", "ls /sys/bus/rbd/devices 2>/dev/null || true") == ""
        clusters.until(lambda: clusters.images(FIRST) + clusters.images(SECOND) == [])
    finally:
        clusters.down()
        for host in ("controller1", "node1"):
            lab.sh(host, "rm -f /etc/ceph/*.conf /etc/ceph/*.keyring")


def done(result):
    """Return a result that is no failure."""
    assert not result.get("failed"), result["msg"]
    return result


def attach(lab, backend, state="present", **more):
    """Attach or detach on node1, and return the task's result."""
    return lab.run("node1", "legacy_attachment", controller="controller1", backend=backend, volume="data", multipath="no", state=state, **more)


def turn(lab, **parameters):
    """Fail over or back twice; return the first result."""
    first, again = lab.play("controller1", [("legacy_backend_failover", dict(parameters, name="ceph"), {})] * 2)
    assert done(first)["changed"] and not done(again)["changed"]
    return first


def content(lab, path):
    return lab.sh("node1", "dd if=%s bs=1M count=8 iflag=direct status=none | sha256sum" % path)


def write(lab, path):
    """Write at random; return what is there now."""
    lab.sh("node1", "dd if=/dev/urandom of=%s bs=1M count=8 oflag=direct status=none" % path)
    return content(lab, path)


def test_a_node_attaches_what_is_mirrored_by_snapshots_and_is_told_why_not_what_is_mirrored_by_journal(lab, clusters):
    for backend in BACKENDS:
        done(lab.run("controller1", "legacy_volume", backend=backend, name="data", size=1, extra_specs=REPLICATED))
    refused = attach(lab, "ceph-journal")
    assert refused["failed"] and "needs: journaling." in refused["msg"] and "mirroring_mode: snapshot" in refused["msg"], refused["msg"]
    assert lab.leftovers("node1") == {}
    first = done(attach(lab, "ceph"))
    assert first["attachment"]["device"].startswith("/dev/rbd") and not done(attach(lab, "ceph"))["changed"]
    write(lab, first["attachment"]["path"])


def test_a_node_goes_on_at_the_second_cluster_and_back_with_what_it_wrote(lab, clusters):
    made = done(lab.run("controller1", "legacy_volume", backend="ceph", name="data", size=1, extra_specs=REPLICATED))
    identity = made["volume"]["id"]
    path = done(attach(lab, "ceph"))["attachment"]["path"]
    gold = write(lab, path)
    clusters.mirrored(SECOND, identity, "snapshot")
    clusters.run("mirror", "lose")
    try:
        told = turn(lab, **OVER)
        assert told["backend"]["reattach"] == [{"volume": "data", "volume_id": identity, "hosts": ["node1"]}]
        refused = attach(lab, "ceph")
        assert refused["failed"] and "Detach it" in refused["msg"], refused["msg"]
        # the kernel cannot give back what it holds of a cluster that does not answer; having tried, the node does not connect it again when it boots
        stuck = attach(lab, "ceph", "absent", force=True)
        assert stuck["failed"] and "What stayed: device /dev/rbd" in stuck["msg"], stuck["msg"]
        lab.cut_and_boot("node1")
        lab.told_at_boot("node1", "was disconnecting when this host went down", 120)
        done(attach(lab, "ceph", "absent", force=True))
        assert lab.leftovers("node1") == {}
        path = done(attach(lab, "ceph"))["attachment"]["path"]
        assert not done(attach(lab, "ceph"))["changed"]
        assert content(lab, path) == gold
        silver = write(lab, path)
    finally:
        clusters.run("mirror", "find")
    clusters.copy_back(identity)
    clusters.mirrored(FIRST, identity, "snapshot")
    done(attach(lab, "ceph", "absent"))
    turn(lab, **BACK)
    path = done(attach(lab, "ceph"))["attachment"]["path"]
    assert content(lab, path) == silver
    assert not done(attach(lab, "ceph"))["changed"]
