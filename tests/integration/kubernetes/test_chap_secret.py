# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""legacy_chap_secret through real ansible-playbook runs: the controller's half is real, its array and the cluster are fakes."""

from __future__ import annotations

import base64

import pytest

MODULE = "baremetal.legacy_storage.legacy_chap_secret"
CHAP = {"node.session.auth.username": "canary-user"}


@pytest.fixture(name="make")
def fixture_make(rack, cluster):
    """Run legacy_chap_secret, after the connectors of both nodes were read; return the Run."""

    def make(check=False, arguments=(), volumes=("orders",), **more):
        for name in volumes:
            told = rack.controller.ensure("volume", backend="san", name=name, size="1", extra_specs={"multiattach": "<is> True"})
            assert not told.get("failed"), told
        listed = {"secrets": [{"volume": name, "name": name + "-chap"} for name in volumes]}
        parameters = dict({"controller": "controller1", "connectors": "{{ connectors }}", "backend": "san", "namespace": "kube-system"}, **(more or listed))
        parameters.setdefault("kubernetes", {"kubeconfig": str(cluster.path)})
        parameters.setdefault("controller_config", str(rack.controller.config))
        read = {"baremetal.legacy_storage.legacy_connector_info": {"node_config": "{{ node_config }}"}, "delegate_to": "{{ item }}", "register": "read"}
        node_config = "{{ hostvars[item].node_config }}"
        read["baremetal.legacy_storage.legacy_connector_info"]["node_config"] = node_config
        tasks = [dict(read, loop=["node1", "node2"]), {MODULE: parameters, "vars": {"connectors": "{{ read.results | map(attribute='connector') | list }}"}}]
        return rack.play(tasks, "controller1", check=check, arguments=arguments)

    return make


def outcome(run):
    return run.results["controller1"][-1]


def test_a_secret_holds_the_volume_s_credentials_and_nothing_else_does(rack, cluster, make, tmp_path):
    run = make(arguments=["-vvvv", "--diff"])
    told = outcome(run)
    assert not told["failed"], told
    volume_id = rack.controller.id_of("volume", "san", "orders")
    assert cluster.secret("kube-system/orders-chap") == dict(CHAP, **{"node.session.auth.password": "canary-chap-" + volume_id})
    assert told["changed"] is True
    assert told["secrets"] == [{"backend": "san", "volume": "orders", "name": "orders-chap", "namespace": "kube-system", "needed": True}]
    encoded = base64.b64encode(b"canary").decode()
    array, cluster_file = rack.controller.array, cluster.path
    files = [path for path in tmp_path.rglob("*") if path.is_file() and array not in path.parents and path != cluster_file]
    assert [path for path in files if b"canary-chap" in path.read_bytes() or encoded.encode() in path.read_bytes()] == []
    assert "canary-chap" not in run.output and "canary-user" not in run.output and encoded not in run.output
    assert "legacy_chap_secret" in run.output, "the output is what was searched"

    again = outcome(make())
    assert (again["failed"], again["changed"]) == (False, False)


def test_check_mode_makes_nothing_and_says_what_would_be_made(rack, cluster, make):
    foretold = outcome(make(check=True))
    assert (foretold["failed"], foretold["changed"], cluster.objects) == (False, True, {})
    assert foretold["secrets"][0]["needed"] is None, "whether CHAP is wanted, the array tells when it is asked"
    make()
    assert outcome(make(check=True))["changed"] is False


def test_a_volume_without_chap_gets_no_secret(rack, cluster, make):
    with rack.controller.fault("open", ""):
        told = outcome(make())
    assert (told["failed"], told["secrets"][0]["needed"], cluster.objects) == (False, False, {})


def test_one_secret_by_its_own_parameters_and_many_in_one_task(rack, cluster, make):
    assert outcome(make(volume="orders", name="one"))["failed"] is False
    told = outcome(make(volumes=("orders", "invoices")))
    assert sorted(cluster.objects) == ["Secret/kube-system/invoices-chap", "Secret/kube-system/one", "Secret/kube-system/orders-chap"]
    assert [one["name"] for one in told["secrets"]] == ["orders-chap", "invoices-chap"]
    first, second = (cluster.secret("kube-system/%s-chap" % name) for name in ("orders", "invoices"))
    assert first != second


def test_an_answer_of_the_cluster_that_repeats_what_it_was_given_is_told_without_it(cluster, make):
    cluster.write(dict(cluster.content, broken=True))
    run = make(arguments=["-vvv"])
    assert outcome(run)["failed"] is True and "kubernetes: the API server answered 422" in run.output and "(hidden)" in run.output
    assert "canary" not in run.output and base64.b64encode(b"canary").decode() not in run.output


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"volume": "orders"}, "name: is required"),
        ({"secrets": [{"volume": "orders"}]}, "secrets[0].name: is required"),
        ({"volume": "orders", "name": "x", "controller": "nobody"}, "controller: 'nobody' is not a host of this inventory"),
        ({"volume": "orders", "name": "x", "connectors": []}, "connectors: is empty"),
        ({"volume": "orders", "name": "x", "kubernetes": {"definition": {}}}, "kubernetes: 'definition' does not tell how to reach a cluster"),
        ({"volume": "nothing", "name": "x"}, "controller: volume: there is no volume 'nothing'"),
        ({"volume": "orders", "name": "X_"}, "name: 'X_': is no name that Kubernetes accepts"),
    ],
)
def test_what_cannot_be_is_refused_and_named(cluster, make, parameters, words):
    told = outcome(make(**parameters))
    assert told["failed"] is True and words in told["msg"], told
    assert cluster.objects == {}
