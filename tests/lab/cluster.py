# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab with a real Kubernetes cluster, of which node1 is a node: the role kubernetes_volumes applied to it, and requests to its API server."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from .hosts import BACKEND, Lab

NODE = "node1"
NAMESPACE = "default"
# The host that plays run on: this machine, in the lab's network, with what kubernetes.core needs.
WORKSTATION = "workstation"
_SOURCES_MISSING = 3
_MULTIPATH = "/etc/multipath/conf.d/lab-kubernetes.conf"
_UP_SECONDS = 4800  # where the servers are built first
_IMAGE = "lab.invalid/busybox:1"
_POD = "/api/v1/namespaces/%s/pods" % NAMESPACE
_DEPLOYMENTS = "/apis/apps/v1/namespaces/%s/deployments" % NAMESPACE


def _pod(command, *claims):
    """Return the spec of a pod that runs a shell command with the volumes of claims on /data, /data2 ..."""
    places = ["/data" + (str(number) if number > 1 else "") for number in range(1, len(claims) + 1)]
    container = {
        "name": "app",
        "image": _IMAGE,
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", command],
        "volumeMounts": [{"name": place[1:], "mountPath": place} for place in places],
    }
    return {
        "containers": [container],
        "volumes": [{"name": place[1:], "persistentVolumeClaim": {"claimName": claim}} for place, claim in zip(places, claims)],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }


class Cluster(Lab):
    """Real hosts, and a cluster. Plays of it run in the lab's network, where the API server is.

    :param root: the checkout. :param work: a directory for plays.
    """

    def __init__(self, root, work):
        super().__init__(root, work)
        self._inside = self._common
        self._nodes = []

    def up(self, *nodes, bare=False):
        """Start the cluster, and wait until its nodes are ready; the test is not run where Debian's sources cannot be had.

        :param bare: the role node is yet to be applied, and says then what multipathd makes maps of.
        """
        done = subprocess.run(
            [*self._tool, "kubernetes", "up", *(nodes or [NODE])], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_UP_SECONDS, check=False
        )
        if done.returncode == _SOURCES_MISSING:
            pytest.skip("not run: " + done.stderr.strip())
        assert done.returncode == 0, done.stdout + done.stderr
        self._nodes = nodes or [NODE]
        for node in [] if bare else self._nodes:  # as the role node does with node_multipath_find: "yes"
            self.sh(node, "printf 'defaults {\\n find_multipaths yes\\n}\\n' > %s && multipathd reconfigure" % _MULTIPATH)
        python = self._run([*self._tool, "kubernetes", "python"], 600).stdout.strip()
        self.kubeconfig = self._run([*self._tool, "kubernetes", "kubeconfig"], 60).stdout.strip()
        self.variables = {"LAB_KUBECONFIG": self.kubeconfig, "LAB_KUBERNETES_PYTHON": python}
        variables = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": python}
        inventory = self._play.with_name("workstation.json")
        inventory.write_text(json.dumps({"all": {"hosts": {WORKSTATION: variables}}}))
        self._common = [*self._tool, "exec", "--", *self._inside, "-i", str(inventory)]

    def down(self):
        """End the cluster; nothing of it is left on machine and nodes."""
        for node in self._nodes:
            self.sh(node, "rm -f %s && multipathd reconfigure" % _MULTIPATH)
        self._run([*self._tool, "kubernetes", "down"], 1200)

    def ask(self, method, path, body=None):
        """Return what the API server answers; nothing where there is no such thing."""
        command = [*self._tool, "kubernetes", "api", method, path]
        done = subprocess.run(command, input=json.dumps(body or {}), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def volumes(self, *items, **variables):
        """Apply kubernetes_volumes to a list of volumes; return the figures of the workstation and all that was printed."""
        given = {
            "kubernetes_volumes_list": list(items),
            "kubernetes_volumes_controller": "controller1",
            "kubernetes_volumes_backend": BACKEND,
            "kubernetes_volumes_nodes": [NODE],
            "kubernetes_volumes_api": {"kubeconfig": self.kubeconfig},
        }
        return self.apply(WORKSTATION, "kubernetes_volumes", **dict(given, **variables))

    def with_nodes(self, playbook, **variables):
        """Run drain_node or replace_node against the cluster; return its exit status and everything that was printed."""
        prefix = playbook.partition("_")[0]
        return self.playbook(playbook, **{prefix + "_host": WORKSTATION, prefix + "_api": {"kubeconfig": self.kubeconfig}}, **variables)

    def ready(self, node):
        """Return whether the cluster hears from a node's kubelet."""
        conditions = self.ask("GET", "/api/v1/nodes/" + node)["status"]["conditions"]
        return {"type": "Ready", "status": "True"}.items() <= next(one for one in conditions if one["type"] == "Ready").items()

    def let_in(self, node):
        """Let pods start on a node again, whatever kept them away."""
        self.ask("PATCH", "/api/v1/nodes/" + node, {"spec": {"unschedulable": None, "taints": None}})

    def leftovers(self, host):
        """Return what is left on a node, but for what a kubelet always leaves: records of its discoveries, which are removed here."""
        self.sh(host, "rm -rf /etc/iscsi/send_targets/*")
        return super().leftovers(host)

    def volume(self, name):
        """Return a PersistentVolume."""
        return self.ask("GET", "/api/v1/persistentvolumes/" + name)

    def claim(self, name):
        """Return a claim."""
        return self.ask("GET", "/api/v1/namespaces/%s/persistentvolumeclaims/%s" % (NAMESPACE, name))

    def start_pod(self, name, claim, command):
        """Start a pod that has a claim's volume on /data and runs a shell command, again after each end of it; wait until it runs."""
        spec = _pod(command, claim)
        self.ask("POST", _POD, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
        self.wait(lambda: self.pod(name)["status"].get("phase") == "Running", 300, lambda: self.story(name))

    def deploy(self, name, command, *claims):
        """Let one pod of a Deployment run a shell command with the volumes of claims on /data, /data2 ...: it is started again where it ended."""
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": _pod(command, *claims)}
        spec = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels}, "template": template}
        self.ask("POST", _DEPLOYMENTS, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})

    def pods_of(self, name):
        """Return the names of a Deployment's pods."""
        return [one["metadata"]["name"] for one in self.ask("GET", "%s?labelSelector=app%%3D%s" % (_POD, name))["items"]]

    def running(self, name, node):
        """Return the name of a Deployment's pod that runs on a node, or None."""
        for one in self.pods_of(name):
            pod = self.pod(one)
            if pod and pod["spec"].get("nodeName") == node and pod["status"].get("phase") == "Running":
                return one
        return None

    def wait_for(self, name, node, seconds=300):
        """Wait until a Deployment's pod runs on a node; return the pod's name."""
        self.wait(lambda: self.running(name, node), seconds, lambda: "\n".join(map(self.story, self.pods_of(name))))
        return self.running(name, node)

    def undeploy(self, name):
        """Delete a Deployment, if there is one, and wait until its pods are gone."""
        self.ask("DELETE", "%s/%s?propagationPolicy=Background" % (_DEPLOYMENTS, name))
        self.wait(lambda: not self.pods_of(name), 300, lambda: "\n".join(map(self.story, self.pods_of(name))))

    def stop(self, name):
        """Delete a pod and wait until it is gone."""
        self.ask("DELETE", "%s/%s" % (_POD, name))
        self.wait(lambda: not self.pod(name), 180, lambda: self.story(name))

    def pod(self, name):
        """Return a pod."""
        return self.ask("GET", "%s/%s" % (_POD, name))

    def story(self, name):
        """Return what the cluster has to tell of a pod."""
        events = self.ask("GET", "/api/v1/namespaces/%s/events" % NAMESPACE)["items"]
        told = ["%s: %s" % (one["reason"], one["message"]) for one in events if one["involvedObject"]["name"] == name]
        return "\n".join([json.dumps(self.pod(name).get("status"), indent=1), *told])

    def in_pod(self, name, command):
        """Return what a shell command prints in a pod that runs."""
        pod = self.pod(name)
        (status,) = pod["status"]["containerStatuses"]
        container = status["containerID"].split("//")[1]
        return self.sh(pod["spec"]["nodeName"], "ctr -n k8s.io task exec --exec-id test-%d %s sh -c '%s'" % (time.monotonic_ns(), container, command))

    @staticmethod
    def wait(condition, seconds, story):
        """Wait until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "after %d s: %s" % (seconds, story())
            time.sleep(2)
