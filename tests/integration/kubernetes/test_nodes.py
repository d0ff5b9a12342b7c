# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""drain_node and replace_node: what they do where, and in which order. Controller and nodes are real; the array's targets and the cluster are fakes.

What Kubernetes does with it (pods that start again with their data) is for a real cluster in the lab to show: tests/lab/test_kubernetes_nodes.py.
"""

from __future__ import annotations

import json

import kubernetes_validate
import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.jobs.conftest import JobRack
from ansible_collections.baremetal.legacy_storage.tests.integration.jobs.runner import Runner

EXTRA = pytest.mark.extra  # whole playbooks, many of them: `make test` has those where data is nearest to being lost

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
SILENT = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
ORDERS = {"name": "orders", "source": "iscsi", "backend": "san", "size": "1", "nodes": ["node1"], "claim": {"namespace": "shop", "name": "orders"}}
SCRATCH = {"name": "scratch", "source": "local", "backend": "one", "size": "1", "node": "node1", "claim": {"namespace": "shop", "name": "scratch"}}
NOTE = "ConfigMap/kube-system/legacy-storage-moving-node1"
REPLACED = ["delete PersistentVolume/%s", "patch PersistentVolume/%s", "create PersistentVolume/%s"]


class Nodes:
    """A rack, a cluster with two of its nodes, and the playbooks."""

    def __init__(self, rack, cluster):
        self.rack, self.cluster = rack, cluster
        for name in ("node1", "node2"):
            self.node(name, READY)

    def node(self, name, status, **spec):
        """Put a Node into the cluster."""
        self.cluster.put("Node", name, spec=spec, status=status)
        content = self.cluster.content
        content["objects"]["Node/" + name]["metadata"]["labels"] = {"kubernetes.io/hostname": name}
        self.cluster.write(content)

    def make(self, *items):
        """Make volumes with PersistentVolumes and claims, by the role; then nothing counts as called."""
        given = {
            "kubernetes_volumes_list": list(items),
            "kubernetes_volumes_controller": "controller1",
            "kubernetes_volumes_api": {"kubeconfig": str(self.cluster.path)},
        }
        role = {"ansible.builtin.include_role": {"name": "baremetal.legacy_storage.kubernetes_volumes"}, "vars": given}
        run = self.rack.play([role], "controller1")
        assert not [one for results in run.results.values() for one in results if one["failed"]], run.output
        self.cluster.calls()

    def pod(self, name, *claims, owner="ReplicaSet", node="node1"):
        """Let a pod run that has claims."""
        volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
        self.cluster.put("Pod", name, "shop", spec={"nodeName": node, "volumes": volumes}, status={"phase": "Running"})
        content = self.cluster.content
        content["objects"]["Pod/shop/" + name]["metadata"]["ownerReferences"] = [{"kind": owner}] if owner else []
        self.cluster.write(content)

    def drain(self, check=False, arguments=(), **changes):
        """Drain node1 to node2; return the Outcome."""
        given = {"drain_node": "node1", "drain_to": "node2", "drain_timeout": 10, "drain_api": {"kubeconfig": str(self.cluster.path)}}
        return self.rack.run("drain_node", check=check, arguments=arguments, **dict(given, **changes))

    def replace(self, check=False, **changes):
        """Put node2 in the place of node1; return the Outcome."""
        given = {"replace_node": "node1", "replace_by": "node2", "replace_fenced": True, "replace_api": {"kubeconfig": str(self.cluster.path)}}
        return self.rack.run("replace_node", check=check, **dict(given, **changes))

    def where(self):
        """Return {volume: the nodes that it is mapped to} of all volumes, and {PersistentVolume: the nodes that it names}."""
        mapped = {name: told["attached_to"] for backend in ("one", "san") for name, told in self.rack.volumes(backend).items()}
        named = {}
        for one in self.cluster.objects.values():
            if one["kind"] == "PersistentVolume":
                (term,) = one["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
                named[one["metadata"]["name"]] = term["matchExpressions"][0]["values"]
        return {name: told for name, told in mapped.items() if name in named}, named


def everywhere(*names, node):
    return tuple({name: [node] for name in names} for _side in range(2))


@pytest.fixture(name="nodes")
def fixture_nodes(tmp_path, controller, cluster):
    """Two nodes, and a pod on the first that has a volume of each kind."""
    controller.register("san", driver="told_iscsi.ToldIscsiDriver")
    nodes = Nodes(JobRack(tmp_path / "rack", controller), cluster)
    nodes.make(ORDERS, SCRATCH)
    nodes.pod("app", "orders", "scratch")
    return nodes


def claimed(cluster, name):
    """Return the phase of a claim, and whether its PersistentVolume is reserved for just that one."""
    claim, volume = cluster.objects["PersistentVolumeClaim/shop/" + name], cluster.objects.get("PersistentVolume/" + name)
    return claim["status"]["phase"], volume and volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]


def test_a_drained_node_s_volumes_are_on_the_other_node_foretold_and_quiet_the_second_time(nodes, cluster):
    before = cluster.content, nodes.where(), nodes.rack.controller.look()
    foretold = nodes.drain(check=True)
    assert list(dict.fromkeys(foretold.changed)) == ["Cordon the node", "Foretell which pods would go", "Foretell what would move"], foretold.output
    assert (cluster.content, nodes.where(), nodes.rack.controller.look()) == before

    done = nodes.drain(arguments=["-v"])
    assert done.code == 0, done.output
    calls = cluster.calls()
    assert calls[:3] == ["patch Node/node1", "evict Pod/shop/app", "create " + NOTE]
    assert calls[3:-1] == [call % "scratch" for call in REPLACED] + [call % "orders" for call in REPLACED]
    assert calls[-1] == "delete " + NOTE
    assert nodes.where() == everywhere("orders", "scratch", node="node2")
    assert [len(nodes.rack.records(node)) for node in ("node1", "node2")] == [0, 1]
    for name in ("orders", "scratch"):
        assert claimed(cluster, name) == ("Bound", True)
        kubernetes_validate.validate(cluster.objects["PersistentVolume/" + name], "1.37", strict=True)
    assert "orders (iscsi): mapped to node2 and no longer to node1" in done.output and "canary" not in done.output

    again = nodes.drain()
    assert (again.code, again.changed, cluster.calls()) == (0, [], []), again.output


@pytest.mark.parametrize("fails", ["create PersistentVolume/orders", pytest.param("patch PersistentVolume/scratch", marks=EXTRA)])
def test_a_run_that_ended_while_a_persistent_volume_was_gone_is_run_again_and_loses_nothing(nodes, cluster, fails):
    cluster.write(dict(cluster.content, fails=[fails]))
    assert "does not answer" in nodes.drain().failure
    assert NOTE in cluster.objects
    if fails.startswith("create"):
        assert claimed(cluster, "orders") == ("Lost", None)
    cluster.write(dict(cluster.content, fails=[]))
    assert "moving volumes of node1 to node2, and has mapped these there" in nodes.drain(drain_to="node3").failure
    done = nodes.drain()
    assert done.code == 0, done.output
    assert nodes.where() == everywhere("orders", "scratch", node="node2")
    assert (claimed(cluster, "orders"), claimed(cluster, "scratch"), NOTE in cluster.objects) == (("Bound", True), ("Bound", True), False)
    assert nodes.drain().changed == []


@EXTRA
def test_a_run_whose_target_died_as_well_goes_on_with_another_one_once_the_volumes_are_taken_back_from_there(nodes, cluster):
    cluster.write(dict(cluster.content, fails=["create PersistentVolume/orders"]))
    assert nodes.drain().failure
    cluster.write(dict(cluster.content, fails=[]))
    nodes.node("node3", READY)
    refused = nodes.drain(drain_to="node3").failure
    assert "has mapped these there: orders. Finish that first" in refused and "legacy_export, state: absent" in refused
    nodes.rack.controller.ensure("export", backend="san", volume="orders", host="node2", state="absent")
    done = nodes.drain(drain_to="node3")
    assert done.code == 0, done.output
    assert nodes.where() == tuple({"orders": ["node3"], "scratch": ["node2"]} for _side in range(2))
    assert (claimed(cluster, "orders"), NOTE in cluster.objects) == (("Bound", True), False)


@EXTRA
def test_what_cannot_be_is_refused_before_anything_is_changed(nodes, cluster):
    start = cluster.content

    def refused(words, **changes):
        before = cluster.content
        failure = nodes.drain(**changes).failure
        assert words in failure, failure
        assert cluster.content == before
        assert nodes.where() == everywhere("orders", "scratch", node="node1")
        cluster.write(start)

    refused('drain_to: "nowhere" is not in the group storage_nodes', drain_to="nowhere")
    refused("drain_to: the cluster has no Node with the label kubernetes.io/hostname=node3", drain_to="node3")
    nodes.node("node2", READY, unschedulable=True)
    refused("Nothing was changed. drain_to: node node2 is cordoned")
    nodes.pod("bare", "scratch", owner=None)
    refused("drain_force: nobody would start these pods again: shop/bare")
    nodes.pod("agent", "scratch", owner="DaemonSet")
    refused("pod shop/agent uses PersistentVolume scratch")


@EXTRA
def test_a_volume_in_use_on_the_node_stays_there_and_holds_up_no_other(nodes, cluster):
    with open(nodes.rack.file_of("scratch"), "rb"):
        stuck = nodes.drain(drain_timeout=1)
        assert "Still on node1, with nothing taken away from it: scratch: " in stuck.failure and "in use" in stuck.failure, stuck.output
        assert nodes.where() == ({"scratch": ["node1"], "orders": ["node2"]}, {"scratch": ["node1"], "orders": ["node2"]})
    assert nodes.drain().code == 0
    assert nodes.where() == everywhere("orders", "scratch", node="node2")
    assert NOTE not in cluster.objects


@EXTRA
def test_an_encrypted_volume_moves_once_somebody_with_its_key_has_attached_it_on_the_other_node(nodes):
    rack = nodes.rack
    (record,) = rack.records("node1")
    sealed = {"encryption": {"key_from": "key", "uuid": "8d1f"}}
    record.write_text(json.dumps(dict(json.loads(record.read_text()), **sealed)))
    assert "PersistentVolume scratch: its volume is encrypted on node1" in nodes.drain().failure
    record.unlink()
    rack.controller.ensure("export", backend="one", volume="scratch", host="node1", state="absent")
    rack.attach(hosts="node2", controller="controller1", backend="one", volume="scratch")
    (record,) = rack.records("node2")
    record.write_text(json.dumps(dict(json.loads(record.read_text()), **sealed)))
    done = nodes.drain()
    assert done.code == 0, done.output
    assert nodes.where() == everywhere("orders", "scratch", node="node2")


@EXTRA
def test_a_volume_that_the_other_node_may_have_already_stays_as_it_is(nodes, cluster):
    nodes.make(dict(ORDERS, name="both", nodes=["node1", "node2"], claim={"namespace": "shop", "name": "both"}))
    done = nodes.drain()
    assert done.code == 0, done.output
    mapped, named = nodes.where()
    assert (mapped["both"], named["both"], mapped["orders"]) == (["node1", "node2"], ["node1", "node2"], ["node2"])
    assert "both: its PersistentVolume stays as it is, since node2 may run its pods already" in done.output
    assert nodes.drain().changed == []


@EXTRA
def test_a_dead_node_is_replaced_only_when_somebody_answers_for_it_and_is_not_asked(nodes, cluster):
    nodes.rack.inventory["all"]["children"]["storage_nodes"]["hosts"]["node1"].update(
        ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1, ansible_ssh_common_args="-F /dev/null -o ConnectTimeout=5"
    )
    nodes.pod("agent", owner="DaemonSet")
    start = cluster.content
    for changes, words in [
        ({"replace_fenced": False}, "powered off, or cut off from the storage systems"),
        ({}, "reported to the API server within the last minute"),
    ]:
        assert words in nodes.replace(**changes).failure
        assert cluster.content == start
    nodes.node("node1", SILENT)
    start = cluster.content
    foretold = nodes.replace(check=True)
    assert foretold.code == 0 and "Take the volumes back, without the node" in foretold.changed, foretold.output
    moves = foretold.result("Decide")["ansible_facts"]["move_plan"]["moves"]
    assert [move["access_mode"] for move in moves] == ["rw", "rw"], "as the controller tells, where nobody asks the node"
    assert (cluster.content, nodes.where()) == (start, everywhere("orders", "scratch", node="node1"))

    done = nodes.replace()
    assert done.code == 0, done.output
    calls = cluster.calls()
    assert calls[:2] == ["patch Node/node1", "create " + NOTE]
    assert calls[2:-3] == [call % "scratch" for call in REPLACED] + [call % "orders" for call in REPLACED]
    assert calls[-3:] == ["taint Node/node1", "delete Pod/shop/app", "delete " + NOTE]
    assert nodes.where() == everywhere("orders", "scratch", node="node2")
    assert (claimed(cluster, "orders"), claimed(cluster, "scratch")) == (("Bound", True), ("Bound", True))
    assert len(nodes.rack.records("node2")) == 1
    assert cluster.secret("kube-system/orders-chap")
    again = nodes.replace()
    assert (again.code, again.changed, cluster.calls()) == (0, [], []), again.output

    assert nodes.replace(replace_remove_node=True).changed == ["Remove the Node"]
    assert (nodes.replace(replace_remove_node=True).changed, "Node/node1" in cluster.objects) == ([], False)


@EXTRA
def test_a_third_node_that_is_off_keeps_its_mapping_and_holds_nobody_up_but_the_other_node_must_answer(nodes):
    nodes.make(dict(ORDERS, name="both", nodes=["node1", "node3"], claim={"namespace": "shop", "name": "both"}))
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-F /dev/null -o ConnectTimeout=5"}
    hosts = nodes.rack.inventory["all"]["children"]["storage_nodes"]["hosts"]
    answering = dict(hosts["node2"])
    for name in hosts:
        hosts[name].update(away)
    nodes.node("node1", SILENT)
    before = nodes.where()
    assert "Nothing was changed. node2, which is to get the volumes, does not answer." in nodes.replace().failure
    assert nodes.where() == before
    hosts["node2"] = answering
    done = nodes.replace()
    assert done.code == 0, done.output
    mapped, named = nodes.where()
    assert mapped == named == {"both": ["node2", "node3"], "orders": ["node2"], "scratch": ["node2"]}


@EXTRA
def test_a_node_that_died_while_it_was_drained_is_replaced_from_where_that_ended(nodes, cluster):
    cluster.write(dict(cluster.content, fails=["create PersistentVolume/scratch"]))
    assert nodes.drain().failure
    cluster.write(dict(cluster.content, fails=[]))
    assert json.loads(cluster.objects[NOTE]["data"]["moves"])
    nodes.node("node1", SILENT)
    done = nodes.replace()
    assert done.code == 0, done.output
    assert nodes.where() == everywhere("orders", "scratch", node="node2")
    assert (claimed(cluster, "scratch"), NOTE in cluster.objects) == (("Bound", True), False)


@pytest.fixture(name="jobs")
def fixture_jobs(nodes, tmp_path, collection_root):
    """A runner of jobs on these nodes, with the file of a credential for the cluster. As in an execution environment, nobody can become root where they run."""
    nodes.rack.inventory["all"]["vars"].update(ansible_become_exe="no-sudo-here")
    del nodes.rack.inventory["all"]["vars"]["ansible_become"]
    for group in nodes.rack.inventory["all"]["children"].values():
        group.setdefault("vars", {})["ansible_become"] = False
    jobs = Runner(tmp_path / "runner", nodes.rack, collection_root)
    jobs.environment.update(K8S_AUTH_KUBECONFIG=str(nodes.cluster.path), ANSIBLE_BECOME_ALLOW_SAME_USER="1")  # tests may run as root
    return jobs


def secrets_left(jobs, cluster):
    """Return the files of jobs that hold what the cluster's Secret holds, in clear or as Kubernetes has it."""
    encoded = cluster.objects["Secret/kube-system/orders-chap"]["data"].values()
    return [path for word in ["canary", *encoded] for path in jobs.leaks(word)]


@EXTRA
def test_a_node_is_drained_by_the_answers_to_a_survey_once_and_no_secret_is_left_in_artifacts(nodes, cluster, jobs):
    status, changed, output = jobs.launch("drain_node", drain_node="node1", drain_to="node2", drain_timeout=10)
    assert status == "successful" and {"Cordon the node", "Evict its pods", "Detach local volumes"} <= set(changed), output
    assert nodes.where() == everywhere("orders", "scratch", node="node2")
    assert (claimed(cluster, "orders"), claimed(cluster, "scratch"), NOTE in cluster.objects) == (("Bound", True), ("Bound", True), False)
    status, changed, output = jobs.launch("drain_node", drain_node="node1", drain_to="node2", drain_timeout=10)
    assert (status, changed) == ("successful", []), output
    assert secrets_left(jobs, cluster) == []


@EXTRA
def test_a_dead_node_is_replaced_only_by_a_survey_that_says_that_it_is_fenced(nodes, cluster, jobs):
    nodes.node("node1", SILENT)
    start = cluster.content
    status, changed, output = jobs.launch("replace_node", replace_node="node1", replace_by="node2", replace_fenced="no")
    assert (status, changed) == ("failed", []) and "say true only when node1 is powered off" in output, output
    assert (cluster.content, nodes.where()) == (start, everywhere("orders", "scratch", node="node1"))
    status, changed, output = jobs.launch("replace_node", replace_node="node1", replace_by="node2", replace_fenced="yes", replace_remove_node="yes")
    assert status == "successful" and "Take the volumes back, without the node" in changed, output
    assert nodes.where() == everywhere("orders", "scratch", node="node2")
    assert "Node/node1" not in cluster.objects
    assert secrets_left(jobs, cluster) == []
