# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drain_node and replace_node decide: what moves, what stays, which pods go, what is in the way, and what an unfinished run left to do."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.leaving import plan_leaving
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.manifests import persistent_volume
from ansible_collections.baremetal.legacy_storage.tests.unit.kubernetes import wishes

CLAIM = {"namespace": "shop", "name": "orders"}
VOLUME = {"id": wishes.VOLUME_ID, "backend": "lvm", "name": "data", "attached_to": ["node1"]}


def kept(value, **more):
    """Return a PersistentVolume as the API server keeps it, bound to its claim."""
    volume = copy.deepcopy(persistent_volume(value, **dict({"name": "data", "claim": CLAIM, "chap_secret": wishes.SECRET}, **more)))
    volume["metadata"].update(uid="u2", resourceVersion="17", finalizers=["kubernetes.io/pv-protection"])
    volume["spec"]["claimRef"].update(uid="u1", resourceVersion="16")
    return volume


def exported(*hosts, **more):
    return kept([wishes.export(host=host, **wishes.CHAP) for host in hosts], **more)


def node(name, status="True", **spec):
    labels = {"kubernetes.io/hostname": name}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"conditions": [{"type": "Ready", "status": status}]}}


def pod(name, claim=None, where="node1", phase="Running", owner="ReplicaSet", **more):
    volumes = [{"persistentVolumeClaim": {"claimName": claim}}] if claim else []
    metadata = {"namespace": "shop", "name": name, "ownerReferences": [{"kind": owner}] if owner else []}
    return {"metadata": metadata, "spec": {"nodeName": where, "volumes": volumes + more.get("volumes", [])}, "status": {"phase": phase}}


def plan(*volumes, pods=(), nodes=None, note=(), told=(VOLUME,), **more):
    nodes = [node("node1", "Unknown" if more.get("gone") else "True"), node("node2")] if nodes is None else nodes
    cluster = {"persistent_volumes": list(volumes), "pods": list(pods), "nodes": nodes, "note": list(note)}
    return plan_leaving(cluster, "node1", "node2", list(told), **more)


def noted(found):
    """Return the note that a run with this plan left."""
    return [{"data": found["note"]}]


def local():
    return kept(wishes.attachment())


def mapped_to(*hosts):
    return [dict(VOLUME, attached_to=list(hosts))]


@pytest.mark.parametrize("gone", [False, True])
def test_a_volume_that_only_the_node_may_have_moves_and_is_replaced(gone):
    for volume in (local(), exported("node1"), exported("node1", "node3")):
        found = plan(volume, gone=gone)
        assert (found["problems"], found["stays"], [one["replace"] for one in found["moves"]]) == ([], [], ["delete"])
        assert found["mapped"] == [{"backend": "lvm", "volume": wishes.VOLUME_ID}]
    assert plan(volume)["devices"] and not plan(local())["devices"]


def test_what_the_other_node_may_have_already_stays_when_the_node_comes_back_and_names_the_dead_one_no_more_otherwise():
    both = exported("node1", "node2")
    found = plan(both, told=mapped_to("node1", "node2"))
    assert ([one["name"] for one in found["stays"]], found["moves"]) == (["data"], [])
    assert found["devices"], "the node has to let go of it all the same"
    (move,) = plan(both, told=mapped_to("node1", "node2"), gone=True)["moves"]
    assert move["replace"] == "delete"

    labelled = exported("node1", node_labels={"rack": "a"})
    assert plan(labelled, told=mapped_to("node1", "node2"))["moves"] == []
    (move,) = plan(labelled)["moves"]
    assert (move["manifest"], move["replace"]) == (None, None)


@pytest.mark.parametrize("gone", [False, True])
def test_a_persistent_volume_that_a_pod_elsewhere_uses_is_not_replaced_under_it(gone):
    volume = exported("node1", "node3")
    user = pod("app", "orders", "node3")
    found = plan(volume, pods=[user], told=mapped_to("node1", "node3"), gone=gone)
    assert (found["moves"], found["stays"]) == ([], [{"name": "data", "why": "it is used by pod app on node3"}])
    assert found["mapped"], "a dead node loses it all the same"
    for other in (dict(user, status={"phase": "Pending"}), pod("app", "other", "node3"), pod("app", "orders")):
        assert plan(volume, pods=[other], told=mapped_to("node1", "node3"), gone=gone)["stays"] == []


def test_a_claim_that_kubernetes_made_for_a_pod_is_that_pod_s():
    agent = pod("orders", owner="DaemonSet", volumes=[{"name": "data", "ephemeral": {"volumeClaimTemplate": {}}}])
    volume = exported("node1", claim={"namespace": "shop", "name": "orders-data"})
    assert "pod shop/orders uses PersistentVolume data" in plan(volume, pods=[agent])["problems"][0]


def test_what_an_unfinished_run_left_is_finished():
    first = plan(local(), held=[{"volume_id": wishes.VOLUME_ID, "access_mode": "ro", "multipath": "required"}])
    (move,) = first["moves"]
    assert (move["access_mode"], move["multipath"]) == ("ro", "required")
    assert json.loads(first["note"]["moves"]) == first["moves"] and not first["noted"]

    exported = [{"volume_id": wishes.VOLUME_ID, "access_mode": "ro"}]  # detached, not unmapped yet
    for held in ([], exported):
        detached = plan(local(), note=noted(first), told=mapped_to(), held=held)
        assert [(one["replace"], one["access_mode"], one["multipath"]) for one in detached["moves"]] == [("delete", "ro", "required")]
    gone = plan(note=noted(first), told=mapped_to())
    assert (gone["noted"], gone["moves"]) == (True, [dict(move, replace="make")])
    made = plan(move["manifest"], note=noted(first), told=mapped_to("node2"))
    assert (made["problems"], made["moves"]) == ([], [dict(move, replace=None)])
    assert plan(move["manifest"], told=mapped_to("node2"))["moves"] == [], "without the note it is done"


def test_a_volume_by_labels_that_was_unmapped_and_not_mapped_again_is_known_by_the_note():
    volume = exported("node1", node_labels={"rack": "a"})
    first = plan(volume)
    for hosts in ((), ("node2",)):
        (move,) = plan(volume, note=noted(first), told=mapped_to(*hosts))["moves"]
        assert (move["name"], move["replace"]) == ("data", None)
    assert plan(note=noted(first), told=mapped_to())["moves"] == [], "somebody else deleted it"


def elsewhere(found, to="node3"):
    """Return the note of a run with this plan that had another target, node3."""
    return [{"data": dict(found["note"], to=to, host=to, moves=found["note"]["moves"].replace("node2", to))}]


@pytest.mark.parametrize("gone", [False, True])
def test_an_unfinished_run_to_another_node_is_finished_first_only_where_it_has_mapped_a_volume_there(gone):
    first = plan(local())
    for there in ([local()], []):
        (problem,) = plan(*there, note=elsewhere(first), told=mapped_to("node3"), gone=gone)["problems"]
        assert "moving volumes of node1 to node3, and has mapped these there: data. Finish that first" in problem
        found = plan(*there, note=elsewhere(first), told=mapped_to(), gone=gone)
        (move,) = found["moves"]
        assert (found["problems"], move["replace"], move["manifest"]) == ([], "delete" if there else "make", first["moves"][0]["manifest"])
        assert (found["note"]["to"], "node3" in found["note"]["moves"]) == ("node2", False)


def test_what_an_unfinished_run_had_done_with_is_left_where_it_is_by_now():
    volume = exported("node1", "node4")
    first = plan(volume)
    later = exported("node3", "node4")
    for note, hosts in [(noted(first), ("node3", "node4")), (elsewhere(first), ("node3", "node4")), (elsewhere(first), ("node5", "node2"))]:
        found = plan(later if "node3" in hosts else exported(*hosts), note=note, told=mapped_to(*hosts))
        assert (found["problems"], found["moves"], found["noted"]) == ([], [], True)


@pytest.mark.parametrize(
    ("nodes", "more", "words"),
    [
        ([node("node2")], {}, "drain_node: the cluster has no Node with the label kubernetes.io/hostname=node1. Say by drain_node_names"),
        ([node("node1")], {}, "drain_to: the cluster has no Node"),
        ([node("node1"), node("node2", "False")], {}, "drain_to: node node2 is not Ready"),
        ([node("node1"), node("node2", unschedulable=True)], {}, "drain_to: node node2 is cordoned"),
        ([node("node1"), node("node2")], {"gone": True}, "replace_node: the kubelet of node1 reported"),
        ([node("node1", "Unknown")], {"gone": True}, "replace_by: the cluster has no Node"),
        (None, {"told": []}, "PersistentVolume data: its volume %s is not known to this controller" % wishes.VOLUME_ID),
        (None, {"held": [{"volume_id": wishes.VOLUME_ID, "encryption": {"type": "luks2"}}]}, "is encrypted on node1"),
    ],
)
def test_nodes_and_volumes_that_do_not_fit_are_refused(nodes, more, words):
    (problem,) = plan(local(), nodes=nodes, **more)["problems"]
    assert words in problem


@pytest.mark.parametrize(
    ("gone", "words"), [(False, "Detach it there, and attach it on node2"), (True, "Take it back from node1 (legacy_attachment, state: absent, fenced: true)")]
)
def test_a_volume_that_is_said_to_be_encrypted_moves_only_once_the_other_node_has_it(gone, words):
    volume = local()
    volume["metadata"]["annotations"]["baremetal.legacy-storage/encrypted"] = "true"
    for hosts in (["node1"], []):
        (problem,) = plan(volume, told=mapped_to(*hosts), gone=gone)["problems"]
        assert words in problem
    found = plan(volume, told=mapped_to("node2"), gone=gone)
    assert (found["problems"], [one["replace"] for one in found["moves"]]) == ([], ["delete"])


@pytest.mark.parametrize("gone", [False, True])
def test_with_several_controllers_each_moves_its_own_volumes_and_tells_of_the_others(gone):
    theirs = kept(wishes.attachment(volume_id="8d1f0000-a401-5616-bf1c-8011d75b8844"), name="theirs")
    found = plan(local(), theirs, gone=gone, further=True)
    assert (found["problems"], [one["name"] for one in found["moves"]]) == ([], ["data"])
    (told,) = found["theirs"]
    assert "PersistentVolume theirs: its volume 8d1f0000-a401-5616-bf1c-8011d75b8844 is not known to this controller" in told
    (problem,) = plan(theirs, gone=gone, further=True)["problems"]
    assert problem == told, "a controller that has none of them is the wrong one"
    assert plan(local(), theirs, gone=gone)["problems"] == [told]
    first = plan(theirs, told=[dict(VOLUME, id="8d1f0000-a401-5616-bf1c-8011d75b8844")], gone=gone)
    for there in ([theirs], []):
        (problem,) = plan(local(), *there, note=noted(first), gone=gone, further=True)["problems"]
        assert problem == told, "what a run with the other one was moving is for that one to end"


def test_a_node_that_is_called_otherwise_in_the_cluster_and_a_dead_one_that_left_it_are_known():
    volume = kept(wishes.attachment(), node_names={"node1": "worker-1"})
    found = plan(volume, nodes=[node("worker-1"), node("node2")], node_names={"node1": "worker-1"})
    assert (found["problems"], found["node"], len(found["moves"])) == ([], "worker-1", 1)
    found = plan(local(), nodes=[node("node2")], gone=True)
    assert (found["problems"], found["node"], len(found["moves"])) == ([], None, 1)


def test_a_persistent_volume_that_somebody_else_keeps_or_deletes_is_refused():
    volume = local()
    volume["metadata"]["finalizers"].append("example.com/backup")
    assert "by the finalizer example.com/backup" in plan(volume)["problems"][0]
    volume = local()
    first = plan(volume)
    volume["metadata"]["deletionTimestamp"] = "2026-11-27T00:00:00Z"
    assert "is being deleted" in plan(volume)["problems"][0]
    assert plan(volume, note=noted(first))["problems"] == [], "this playbook deleted it"


def test_pods_that_draining_would_end_for_good_or_leave_are_refused():
    daemon, static = pod("agent", owner="DaemonSet"), pod("api", owner="Node")
    static["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    ended = pod("job", phase="Succeeded", owner=None, volumes=[{"emptyDir": {}}])
    found = plan(local(), pods=[pod("app", "orders"), daemon, static, ended, pod("far", where="node2", owner=None)])
    assert (found["problems"], found["evicted"]) == ([], ["shop/app", "shop/job"])
    assert found["killed"] == [{"namespace": "shop", "name": "app"}, {"namespace": "shop", "name": "job"}]

    bare, cache = pod("bare", owner=None), pod("cache", volumes=[{"emptyDir": {}}])
    problems = plan(local(), pods=[bare, cache])["problems"]
    assert [one.partition(":")[0] for one in problems] == ["drain_delete_emptydir", "drain_force"]
    assert plan(local(), pods=[bare, cache], force=True, delete_emptydir=True)["problems"] == []
    assert plan(local(), pods=[bare, cache], gone=True)["problems"] == []
    (problem,) = plan(local(), pods=[pod("agent", "orders", owner="DaemonSet")])["problems"]
    assert "pod shop/agent uses PersistentVolume data" in problem
