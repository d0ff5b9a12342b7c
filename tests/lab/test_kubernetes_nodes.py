# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/kubernetes.md promises of nodes that are drained or replaced, on a real cluster of Kubernetes 1.20.2 with two nodes."""

from __future__ import annotations

import pytest

from .cluster import NAMESPACE, NODE, WORKSTATION, Cluster
from .hosts import BACKEND

pytestmark = [pytest.mark.extra, pytest.mark.timeout(5400)]  # Kubernetes alone waits six minutes for a node that is silent

OTHER = "node2"
# A line in each volume for each start, with the boot of the node in it, then the pod stays.
WRITER = "for place in /data /data2; do cat /proc/sys/kernel/random/boot_id >> $place/starts; done; sync; sleep 1000000"


def items(node, **more):
    """Return a volume over iSCSI with CHAP and a local one, both for one node."""
    common = dict({"size": "1GiB", "fs_type": "ext4"}, **more)
    sources = {"orders": {"source": "iscsi", "nodes": [node]}, "scratch": {"source": "local", "node": node}}
    return [dict(common, name=name, claim={"namespace": NAMESPACE, "name": name}, **source) for name, source in sources.items()]


@pytest.fixture(scope="module", name="cluster")
def fixture_cluster(lab, tmp_path_factory):
    """A cluster with two nodes for all tests of this file; afterwards nodes and machine are without it."""
    cluster = Cluster(lab.root, tmp_path_factory.mktemp("cluster"))
    try:
        cluster.up(NODE, OTHER)
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(name="writer")
def fixture_writer(cluster):
    """A pod on the first node that has written to both volumes; the boot of that node. Afterwards nothing is left anywhere, wherever the volumes went."""
    assert_good(cluster.volumes(*items(NODE)))
    cluster.deploy("writer", WRITER, "orders", "scratch")
    cluster.wait_for("writer", NODE)
    yield cluster.sh(NODE, "cat /proc/sys/kernel/random/boot_id")
    cluster.undeploy("writer")
    cluster.let_in(NODE)
    at = OTHER if OTHER in cluster.volume("scratch")["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] else NODE
    assert_good(cluster.volumes(*items(at, state="absent", remove_claim=True, delete_volume=True)))
    assert [cluster.volume(name) for name in ("orders", "scratch")] == [{}, {}]
    assert [cluster.leftovers(node) for node in (NODE, OTHER)] == [{}, {}]
    assert cluster.exports() == []
    assert cluster.leftovers_on_controller() == {}


def assert_good(applied):
    figures, printed = applied
    assert figures["failures"] == figures["unreachable"] == 0, printed


def run(cluster, playbook, **variables):
    """Run a playbook that must succeed; return how much it changed."""
    code, printed = cluster.with_nodes(playbook, **variables)
    assert code == 0, printed
    (figures,) = [line for line in printed.splitlines() if line.startswith(WORKSTATION) and "changed=" in line]
    return int(figures.split("changed=")[1].split()[0])


def starts(cluster, pod):
    """Return the boots that the pod found in each of its volumes."""
    return [cluster.in_pod(pod, "cat %s/starts" % place).split() for place in ("/data", "/data2")]


def assert_moved(cluster, writer, seconds):
    """The pod runs on the other node, with what it wrote on the first; claims and PersistentVolumes fit."""
    pod = cluster.wait_for("writer", OTHER, seconds)
    boot = cluster.sh(OTHER, "cat /proc/sys/kernel/random/boot_id")
    cluster.wait(lambda: starts(cluster, pod) == [[writer, boot]] * 2, 60, lambda: starts(cluster, pod))
    for name in ("orders", "scratch"):
        claim, volume = cluster.claim(name), cluster.volume(name)
        assert claim["status"]["phase"] == volume["status"]["phase"] == "Bound"
        assert volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    assert cluster.sh(OTHER, "grep -h . /sys/class/iscsi_session/session*/username").strip(), "CHAP was asked for"


def exported_to(cluster, host):
    """Return the names of the volumes that the controller has mapped to a host."""
    told = cluster.run("controller1", "legacy_export_info", backend=BACKEND, host=host)
    return sorted(one["volume_name"] for one in told["exports"])


def test_a_pod_of_a_drained_node_runs_again_on_the_other_with_the_data_of_both_its_volumes(cluster, writer):
    run(cluster, "drain_node", drain_node=NODE, drain_to=OTHER)
    assert_moved(cluster, writer, 300)
    assert (exported_to(cluster, NODE), exported_to(cluster, OTHER)) == ([], ["orders", "scratch"])
    assert cluster.leftovers(NODE) == {}, "it may be switched off"
    assert run(cluster, "drain_node", drain_node=NODE, drain_to=OTHER) == 0


def test_a_pod_of_a_node_without_power_runs_again_on_the_one_that_replaces_it_and_the_dead_one_is_cleaned_when_it_comes_back(cluster, writer):
    ids = [cluster.volume(name)["metadata"]["labels"]["baremetal.legacy-storage/volume-id"] for name in ("orders", "scratch")]
    cluster.power(NODE, "cut")
    try:
        code, printed = cluster.with_nodes("replace_node", replace_node=NODE, replace_by=OTHER, replace_fenced=False)
        assert code != 0 and "say true only when node1 is powered off" in printed, printed
        cluster.wait(lambda: not cluster.ready(NODE), 180, lambda: cluster.ask("GET", "/api/v1/nodes/" + NODE)["status"])
        run(cluster, "replace_node", replace_node=NODE, replace_by=OTHER, replace_fenced=True)
        assert_moved(cluster, writer, 900)
        assert (exported_to(cluster, NODE), exported_to(cluster, OTHER)) == ([], ["orders", "scratch"])
        assert run(cluster, "replace_node", replace_node=NODE, replace_by=OTHER, replace_fenced=True) == 0
    finally:
        cluster.power(NODE, "on")
    # As docs/kubernetes.md says of a node that comes back.
    code, printed = cluster.playbook("retire_node", retire_node=NODE)
    assert code == 0, printed
    for one in ids:
        cluster.sh(NODE, "iscsiadm -m node -T iqn.2010-10.org.openstack:volume-%s -o delete || true" % one)
    cluster.wait(lambda: cluster.ready(NODE), 300, lambda: cluster.ask("GET", "/api/v1/nodes/" + NODE)["status"])
    assert cluster.leftovers(NODE) == {}
    assert_moved(cluster, writer, 60)
