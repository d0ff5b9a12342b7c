# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/kubernetes.md promises, on a real cluster of Kubernetes 1.20.2: claims, pods that write, a node without power, growth, removal."""

from __future__ import annotations

import contextlib

import pytest

from .cluster import NAMESPACE, NODE, Cluster

pytestmark = pytest.mark.extra

ORDERS = {"name": "orders", "source": "iscsi", "size": "1GiB", "fs_type": "ext4", "claim": {"namespace": NAMESPACE, "name": "orders"}}
SCRATCH = {"name": "scratch", "source": "local", "node": NODE, "size": "1GiB", "fs_type": "ext4", "claim": {"namespace": NAMESPACE, "name": "scratch"}}
SECRET = dict(SCRATCH, name="secret", encryption={"key_file": "/etc/legacy-storage-test.key"}, claim=dict(SCRATCH["claim"], name="secret"))
ITEMS = {item["name"]: item for item in (ORDERS, SCRATCH, SECRET)}
KINDS = pytest.mark.parametrize("item", [ORDERS, SCRATCH], ids=["iscsi_with_chap", "local"])
ALL_KINDS = pytest.mark.parametrize("item", [ORDERS, SCRATCH, SECRET], ids=["iscsi_with_chap", "local", "local_encrypted"])
# A line for each start, with the boot of the node in it, then the pod stays.
WRITER = "cat /proc/sys/kernel/random/boot_id >> /data/starts && sync && sleep 1000000"


@pytest.fixture(scope="module", name="cluster")
def fixture_cluster(lab, tmp_path_factory):
    """A cluster for all tests of this file; afterwards node and machine are without it."""
    cluster = Cluster(lab.root, tmp_path_factory.mktemp("cluster"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture(name="claimed")
def fixture_claimed(cluster, item):
    """A volume of the role with its claim; afterwards both are gone, and nothing is left on node and controller."""
    if "encryption" in item:
        cluster.sh(NODE, "umask 077 && head -c 32 /dev/urandom > {0} && sync -f {0}".format(item["encryption"]["key_file"]))
    good(cluster.volumes(item))
    yield item["name"]
    for name in ("writer", "late"):
        if cluster.pod(name):
            cluster.stop(name)
    good(cluster.volumes(gone(item, remove_claim=True, delete_volume=True)))
    assert (cluster.volume(item["name"]), cluster.claim(item["name"])) == ({}, {})
    assert cluster.leftovers(NODE) == {}
    assert cluster.exports() == []
    if "encryption" in item:
        cluster.sh(NODE, "rm " + item["encryption"]["key_file"])


def gone(item, **more):
    return dict(item, state="absent", **more)


def good(applied):
    """Return the figures of plays that did not fail."""
    figures, printed = applied
    assert figures["failures"] == figures["unreachable"] == 0, printed
    return figures


def refusal(applied):
    """Return what was printed by plays that failed."""
    figures, printed = applied
    assert figures["failures"] == 1, printed
    return printed


def bound(cluster, name):
    """Wait until a claim is bound, to the volume of its name."""
    cluster.wait(lambda: cluster.claim(name)["status"].get("phase") == "Bound", 60, lambda: cluster.claim(name))
    assert cluster.claim(name)["spec"]["volumeName"] == name
    assert cluster.volume(name)["status"]["phase"] == "Bound"


def starts(cluster):
    return cluster.in_pod("writer", "cat /data/starts").split()


@ALL_KINDS
def test_a_claim_binds_a_pod_writes_and_its_data_is_there_when_it_runs_again_after_its_node_lost_the_power(cluster, claimed):
    bound(cluster, claimed)
    assert good(cluster.volumes(ITEMS[claimed]))["changed"] == 0
    cluster.start_pod("writer", claimed, WRITER)
    assert len(starts(cluster)) == 1
    device = cluster.sh(NODE, "findmnt -no SOURCE --target $(find /var/lib/kubelet/pods -name starts)")
    if claimed == "secret":
        assert "type:    LUKS2" in cluster.sh(NODE, "cryptsetup status " + device)
        device = cluster.sh(NODE, "cryptsetup status %s | awk '$1 == \"device:\" {print $2}'" % device)
    assert device.startswith(("/dev/mapper/3", "/dev/dm-")), "with both paths"
    if claimed == "orders":
        session = cluster.sh(NODE, "grep -h . /sys/class/iscsi_session/session*/username")
        assert session.strip(), "CHAP was asked for"

    cluster.power(NODE, "cut")
    cluster.power(NODE, "on")

    def again():
        with contextlib.suppress(AssertionError, KeyError, ValueError):
            return len(starts(cluster)) == 2
        return False

    cluster.wait(again, 420, lambda: cluster.story("writer"))
    first, second = starts(cluster)
    assert first != second == cluster.sh(NODE, "cat /proc/sys/kernel/random/boot_id")


@KINDS
def test_a_larger_size_makes_volume_and_device_larger_under_a_pod_and_the_documented_commands_its_file_system(cluster, claimed, item):
    bound(cluster, claimed)
    cluster.start_pod("writer", claimed, WRITER)
    before = int(cluster.in_pod("writer", "df -kP /data | tail -n 1").split()[1])
    printed = good(cluster.volumes(dict(item, size="2GiB")))
    assert printed["changed"] > 0
    assert cluster.volume(claimed)["spec"]["capacity"] == {"storage": "2Gi"}
    mounted = "$(find /var/lib/kubelet/pods -name starts)"
    if item["source"] == "iscsi":
        iqn = cluster.volume(claimed)["spec"]["iscsi"]["iqn"]
        cluster.sh(NODE, "iscsiadm -m node -T %s -R && map=$(findmnt -no SOURCE --target %s) && multipathd resize map ${map##*/}" % (iqn, mounted))
    cluster.sh(NODE, "resize2fs $(findmnt -no SOURCE --target %s)" % mounted)
    after = int(cluster.in_pod("writer", "df -kP /data | tail -n 1").split()[1])
    assert after > 1.9 * before, (before, after)
    assert len(starts(cluster)) == 1
    assert "is less" in refusal(cluster.volumes(dict(item, size="1GiB")))


@KINDS
def test_a_bound_volume_is_not_removed_nor_one_that_a_pod_has_even_when_its_claim_may_go(cluster, claimed, item):
    bound(cluster, claimed)
    assert "Nothing was changed" in refusal(cluster.volumes(gone(item)))
    cluster.start_pod("writer", claimed, WRITER)
    assert "used by pod writer" in refusal(cluster.volumes(gone(item, remove_claim=True)))
    detached = cluster.attach(NODE, claimed, state="absent")
    assert detached["failed"] and "mounted" in detached["msg"], "nor behind the kubelet's back"
    bound(cluster, claimed)
    cluster.in_pod("writer", "echo still > /data/still && sync")
    cluster.stop("writer")
    cluster.start_pod("late", claimed, "sleep 1000000")
    assert cluster.in_pod("late", "cat /data/still") == "still"
