# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role kubernetes_volumes: what it does where, and in which order. Controller and nodes are real; the array's targets and the cluster are fakes.

What Kubernetes does with it (binding, mounting, a pod that writes) is for a real cluster in the lab to show.
"""

from __future__ import annotations

import json

import kubernetes_validate
import pytest

CLAIM = {"namespace": "shop", "name": "orders"}
ORDERS = {"name": "orders", "source": "iscsi", "size": "1GiB", "claim": CLAIM}
MEDIA = {"name": "media", "source": "nfs", "server": "192.0.2.20", "path": "/exports/media", "size": "5", "access_modes": ["ReadWriteMany"]}


@pytest.fixture(name="apply")
def fixture_apply(rack, cluster):
    """Apply the role with a list of volumes, and perhaps ``then`` with another one, and return the Run."""
    rack.inventory["all"]["children"]["controllers"]["hosts"]["controller1"] = {"controller_config": str(rack.controller.config)}

    def apply(*items, then=None, check=False, arguments=(), **variables):
        given = {
            "kubernetes_volumes_controller": "controller1",
            "kubernetes_volumes_backend": "san",
            "kubernetes_volumes_nodes": ["node1", "node2"],
            "kubernetes_volumes_api": {"kubeconfig": str(cluster.path)},
            "kubernetes_volumes_wait": 5,
        }
        given.update(variables)
        tasks = [
            {"ansible.builtin.include_role": {"name": "baremetal.legacy_storage.kubernetes_volumes"}, "vars": dict(given, kubernetes_volumes_list=wanted)}
            for wanted in filter(None, [list(items), then])
        ]
        return rack.play(tasks, "controller1", check=check, arguments=["-v", *arguments])

    return apply


def changed(run):
    results = [result for results in run.results.values() for result in results]
    assert not [result for result in results if result["failed"]], run.output
    return any(result.get("changed") for result in results)


def nodes_of(rack):
    """Return the hosts that the volume is mapped to."""
    (volume,) = rack.controller.ask("volume.list", {"backend": "san", "names": ["orders"]})["volumes"]
    return volume["attached_to"]


def failure(run):
    told = [result["msg"] for results in run.results.values() for result in results if result["failed"]]
    assert told, run.output
    return told[-1]


def test_from_a_list_to_volumes_foretold_quiet_the_second_time_and_growing(rack, cluster, apply):
    assert changed(apply(ORDERS, MEDIA, check=True)) is True
    assert (cluster.objects, rack.controller.ask("volume.list", {"backend": "san", "names": ["orders"]})["volumes"]) == ({}, [])

    run = apply(ORDERS, MEDIA)
    assert changed(run) is True
    assert cluster.calls() == [
        "create Secret/kube-system/orders-chap",
        "create PersistentVolume/orders",
        "create PersistentVolume/media",
        "create PersistentVolumeClaim/shop/orders",
    ]
    volume = cluster.objects["PersistentVolume/orders"]
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["node1", "node2"]
    assert volume["spec"]["iscsi"]["secretRef"] == {"name": "orders-chap", "namespace": "kube-system"}
    for one in cluster.objects.values():
        kubernetes_validate.validate(one, "1.37", strict=True)
    assert "canary" not in run.output

    assert (changed(apply(ORDERS, MEDIA)), cluster.calls()) == (False, [])

    foretold = apply(dict(ORDERS, size="2GiB"), check=True)
    assert changed(foretold) is True and cluster.calls() == []
    assert '"capacity": {"storage": "2Gi"}' in foretold.output and "PersistentVolume orders would grow from 1Gi to 2Gi" in foretold.output

    assert changed(apply(dict(ORDERS, size="2GiB"))) is True
    assert cluster.calls() == ["patch PersistentVolume/orders"]
    assert cluster.objects["PersistentVolume/orders"]["spec"]["capacity"] == {"storage": "2Gi"}
    assert "Nothing was changed. size: 1GiB is less" in failure(apply(ORDERS))


def test_a_second_list_in_the_same_play_knows_nothing_of_the_first(cluster, apply):
    assert changed(apply(ORDERS, then=[dict(ORDERS, state="absent", remove_claim=True), MEDIA])) is True
    assert sorted(cluster.objects) == ["PersistentVolume/media"]


def test_a_volume_is_never_taken_from_a_pod_and_goes_in_the_order_that_loses_nothing(rack, cluster, apply):
    apply(ORDERS)
    gone = dict(ORDERS, state="absent", remove_claim=True)
    cluster.calls()
    cluster.put("Pod", "app", "shop", spec={"volumes": [{"persistentVolumeClaim": {"claimName": "orders"}}]}, status={"phase": "Running"})
    assert "used by pod app" in failure(apply(gone))
    assert (cluster.calls(), nodes_of(rack)) == ([], ["node1", "node2"])
    cluster.drop("Pod/shop/app")

    assert changed(apply(gone, check=True)) is True
    assert (cluster.calls(), nodes_of(rack)) == ([], ["node1", "node2"])
    assert changed(apply(gone)) is True
    assert cluster.calls() == ["delete PersistentVolumeClaim/shop/orders", "delete PersistentVolume/orders", "delete Secret/kube-system/orders-chap"]
    assert nodes_of(rack) == [], "the volume is there still, mapped to nobody"
    cluster.put("Secret", "orders-chap", "kube-system", data={"node.session.auth.username": "c29tZWJvZHk="})
    assert (changed(apply(gone)), cluster.calls()) == (False, []), "somebody else's Secret of that name stays"


def test_a_local_volume_is_attached_to_its_node_and_deleted_when_told(rack, cluster, apply):
    disk = {"name": "disk", "source": "local", "backend": "one", "node": "node1", "size": "1"}
    assert changed(apply(disk)) is True
    assert cluster.calls() == ["create PersistentVolume/disk"]
    assert len(rack.records("node1")) == 1
    assert changed(apply(dict(disk, state="absent", delete_volume=True))) is True
    assert (cluster.objects, rack.records("node1")) == ({}, [])
    assert rack.controller.ask("volume.list", {"backend": "one", "names": ["disk"]})["volumes"] == []


def test_a_persistent_volume_that_is_there_is_told_that_its_node_encrypts_the_volume(rack, cluster, apply):
    disk = {"name": "disk", "source": "local", "backend": "one", "node": "node1", "size": "1"}
    apply(disk)
    assert "baremetal.legacy-storage/encrypted" not in cluster.objects["PersistentVolume/disk"]["metadata"]["annotations"]
    (record,) = rack.records("node1")
    record.write_text(json.dumps(dict(json.loads(record.read_text()), encryption={"key_from": "key_file", "uuid": "8d1f"})))
    foretold = apply(dict(disk, encryption={"key_file": "/etc/keys/disk"}), check=True)  # a rack's volumes are files, which no node really encrypts
    assert changed(foretold) is True and '"baremetal.legacy-storage/encrypted": "true"' in foretold.output


def test_a_no_from_the_command_line_is_a_no_and_a_yes_a_yes(rack, cluster, apply):
    disk = {"name": "disk", "source": "local", "backend": "one", "node": "node1", "size": "1", "claim": dict(CLAIM, name="disk")}
    apply(disk)
    cluster.calls()
    gone = dict(disk, state="absent", remove_claim="{{ claims | default(false) }}", delete_volume="{{ wipe | default(false) }}")
    assert "is bound to claim shop/disk" in failure(apply(gone, arguments=["-e", "claims=no", "-e", "wipe=no"]))
    assert cluster.calls() == []
    assert changed(apply(gone, arguments=["-e", "claims=yes", "-e", "wipe=no"])) is True
    (volume,) = rack.controller.ask("volume.list", {"backend": "one", "names": ["disk"]})["volumes"]
    assert (cluster.objects, volume["attached_to"]) == ({}, [])
    assert changed(apply(gone, arguments=["-e", "wipe=0"])) is False
    assert changed(apply(gone, arguments=["-e", "wipe=yes"])) is True
    assert rack.controller.ask("volume.list", {"backend": "one", "names": ["disk"]})["volumes"] == []


def test_one_access_mode_may_be_written_without_a_list_and_is_the_same_once_it_is_bound(cluster, apply):
    media = dict(MEDIA, access_modes="ReadWriteMany", claim=dict(CLAIM, name="media"))
    assert changed(apply(media)) is True
    assert cluster.objects["PersistentVolume/media"]["spec"]["accessModes"] == ["ReadWriteMany"]
    cluster.calls()
    assert (changed(apply(media)), cluster.calls()) == (False, [])


def test_a_volume_that_is_a_persistent_volume_is_neither_given_to_a_second_one_nor_taken_away_by_another_name(rack, cluster, apply):
    apply(ORDERS)
    cluster.calls()
    second = dict(ORDERS, name="second", volume="orders", claim=dict(CLAIM, name="second"))
    for item in (second, dict(second, state="absent", delete_volume=True)):
        assert "Nothing was changed. volume: san/orders is PersistentVolume orders" in failure(apply(item))
    assert "names node2 as well" in failure(apply(dict(ORDERS, state="absent", remove_claim=True, nodes=["node1"])))
    assert (cluster.calls(), nodes_of(rack)) == ([], ["node1", "node2"])


@pytest.mark.parametrize(("backend", "lun", "words"), [("san", "300", "Kubernetes accepts LUNs from 0 to 255"), ("one", "1", "exported by local")])
def test_what_was_mapped_in_a_way_that_kubernetes_does_not_know_is_taken_back(rack, cluster, apply, backend, lun, words):
    item = dict(ORDERS, backend=backend, nodes=["node1"])
    with rack.controller.fault("lun", lun):
        assert words in apply(item).output and cluster.objects == {}
        (volume,) = rack.controller.ask("volume.list", {"backend": backend, "names": ["orders"]})["volumes"]
        assert volume["attached_to"] == ["node1"], "only the answer to mapping tells by which target and LUN"
        assert changed(apply(dict(item, state="absent", delete_volume=True))) is True
    assert rack.controller.ask("volume.list", {"backend": backend, "names": ["orders"]})["volumes"] == []


def test_a_volume_that_is_there_keeps_the_extra_specs_that_the_item_does_not_mention(rack, cluster, apply):
    specs = {"replication_enabled": "<is> False", "multiattach": "<is> True"}
    rack.controller.ensure("volume", backend="san", name="orders", size="1", extra_specs=specs)
    apply(ORDERS)
    (volume,) = rack.controller.ask("volume.list", {"backend": "san", "names": ["orders"]})["volumes"]
    assert (volume["extra_specs"], volume["attached_to"]) == (specs, ["node1", "node2"])
    assert changed(apply(ORDERS)) is False


def test_a_second_cluster_does_not_get_the_volume_of_the_first_by_its_name_and_a_run_that_was_killed_is_run_again(rack, cluster, apply):
    apply(dict(ORDERS, nodes=["node1"]))
    cluster.write({"objects": {}, "calls": []})
    assert "san/orders is no PersistentVolume's here and mapped to node1, which orders does not name" in failure(apply(dict(ORDERS, nodes=["node2"])))
    assert (cluster.objects, nodes_of(rack)) == ({}, ["node1"])
    hosts = rack.inventory["all"]["children"]["nodes"]["hosts"]
    hosts["rack1"] = dict(hosts["node1"], node_name="node1")
    assert changed(apply(dict(ORDERS, nodes=["rack1"]))) is True
    assert "PersistentVolume/orders" in cluster.objects and nodes_of(rack) == ["node1"]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (dict(ORDERS, source="rbd"), "rbd"),
        (dict(ORDERS, nodes=["node1", "nod2"]), "hosts of the inventory"),
        (dict(ORDERS, backend=""), "every item needs a name of its own"),
        ({"name": "disk", "source": "local", "size": "1"}, "local needs node"),
        (dict(ORDERS, encryption={"key_file": "/etc/keys/orders"}), "encryption is for local"),
        ({"name": "disk", "source": "local", "node": "node1", "backend": "one", "size": "1", "encryption": {}}, "either key_file or key_command"),
        (dict(ORDERS, access_modes=["ReadWriteMany"]), "destroys an ordinary file system"),
    ],
)
def test_an_item_that_cannot_be_is_refused_before_anything_is_made(rack, cluster, apply, item, words):
    run = apply(item)
    failure(run)
    assert words in run.output and cluster.objects == {}
    assert rack.controller.ask("volume.list", {"backend": "san", "names": ["orders"]})["volumes"] == []
