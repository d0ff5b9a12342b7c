# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is decided before anything is changed: what a cluster holds and what is wanted. The cluster here is made up of API objects."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.manifests import persistent_volume, persistent_volume_claim
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.planning import plan_volumes
from ansible_collections.baremetal.legacy_storage.tests.unit.kubernetes import wishes
from hypothesis import given, settings

CLAIM = {"namespace": "shop", "name": "orders"}
ITEM = {"name": "data", "state": "present", "size": "10GiB", "source": "iscsi", "claim": CLAIM}


def made(**more):
    """Return the manifest that the role renders for ITEM."""
    keywords = dict({"name": "data", "claim": CLAIM, "chap_secret": wishes.SECRET}, **more)
    return persistent_volume([wishes.export(host=host, **wishes.CHAP) for host in ("node1", "node2")], **keywords)


def cluster(volume=None, claim=True, pod=None, expandable=(), phase="Bound"):
    """Return a cluster with the volume as the API server keeps it, its bound claim, and perhaps a pod that uses it."""
    volume = copy.deepcopy(volume or made())
    asked = persistent_volume_claim(volume, **({} if volume["spec"].get("claimRef") else CLAIM))
    volume["spec"]["claimRef"] = dict(CLAIM, uid="u1")
    volume["spec"].setdefault("iscsi", {})["iscsiInterface"] = "default"
    volume["status"] = {"phase": phase}
    asked["metadata"]["uid"] = "u1"
    mounted = {"volumes": [{"persistentVolumeClaim": {"claimName": "orders"}}]}
    pods = [{"metadata": {"name": "app", "namespace": "shop"}, "spec": mounted, "status": {"phase": pod}}]
    classes = [{"metadata": {"name": name}, "allowVolumeExpansion": True} for name in expandable]
    return {"persistent_volumes": [volume], "claims": [asked] * claim, "pods": pods * bool(pod), "storage_classes": classes}


def decide(item, told):
    (decision,) = plan_volumes([item], told)
    return decision


def problem(item, told):
    (said,) = decide(item, told)["problems"]
    return said


def test_nothing_there_and_nothing_in_the_way():
    decision = decide(ITEM, {})
    assert (decision["problems"], decision["exists"], decision["claim_size"]) == ([], False, "10Gi")


def test_what_is_as_wanted_has_no_problem_and_does_not_grow():
    decision = decide(dict(ITEM, manifest=made()), cluster())
    assert (decision["problems"], decision["grows"], decision["exists"], decision["claim_size"]) == ([], None, True, "10Gi")


def test_a_persistent_volume_from_before_is_told_that_it_is_encrypted():
    old, new = (persistent_volume(wishes.attachment(encryption=told), name="data", claim=CLAIM) for told in (None, wishes.ENCRYPTION))
    decision = decide(dict(ITEM, source="local", node="node1", manifest=new), {"persistent_volumes": [old]})
    assert decision["problems"] == [] and old != new


def test_a_volume_never_shrinks():
    assert problem(dict(ITEM, size=9), cluster()).startswith("size: 9 is less than PersistentVolume data has (10Gi)")


def test_a_volume_grows_and_its_claim_only_where_the_class_allows_it():
    decision = decide(dict(ITEM, size=20), cluster())
    assert (decision["grows"], decision["claim_size"], decision["problems"]) == ({"from": "10Gi", "to": "20Gi"}, "10Gi", [])
    told = cluster(made(storage_class="static"), expandable=["static"])
    assert decide(dict(ITEM, size=20, storage_class="static"), told)["claim_size"] == "20Gi"


def test_a_volume_of_somebody_else_is_not_taken():
    told = cluster()
    del told["persistent_volumes"][0]["metadata"]["labels"]
    for item in (ITEM, dict(ITEM, state="absent", remove_claim=True)):
        assert "did not make" in problem(item, told)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"volume_mode": "Block"}, "volume_mode: PersistentVolume data has Filesystem"),
        ({"claim": {"namespace": "shop", "name": "bills"}}, "is reserved for shop/orders"),
        ({"access_modes": ["ReadOnlyMany"]}, "access_modes: PersistentVolume data has"),
        ({"storage_class": "fast"}, "storage_class: PersistentVolume data has none"),
        ({"size": "10 apples"}, "is not a size"),
    ],
)
def test_what_cannot_change_is_refused(change, words):
    assert words in problem(dict(ITEM, **change), cluster())


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (dict(ITEM, access_modes=["ReadWriteMany"]), "data: access_modes: 'ReadWriteMany': destroys an ordinary file system"),
        (dict(ITEM, source="fc", fs_type="-"), "data: fs_type: '-': is no file system"),
        (dict(ITEM, source="local", node_labels={}), "data: node_labels: {}: is not possible"),
        ({"name": "media", "source": "nfs", "server": "files", "path": "media", "size": "5"}, "media: path: 'media': must be an absolute path"),
        ({"name": "Media", "source": "nfs", "server": "files", "path": "/media", "size": "5"}, "is no name that Kubernetes accepts"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_a_storage_system_is_asked(item, words):
    assert words in problem(item, {})


@pytest.mark.parametrize("source", ["iscsi", "fc", "local"])
def test_a_wish_that_can_be_has_no_problem_of_its_own(source):
    assert decide(dict(ITEM, source=source, size=None), {})["problems"] == []
    assert decide(dict(ITEM, source=source, volume_mode="Block", read_only=None), {})["problems"] == []


def test_a_volume_that_leads_elsewhere_now_is_refused():
    other = persistent_volume([wishes.export(host=host, target_lun=7, **wishes.CHAP) for host in ("node1", "node2")], name="data", chap_secret=wishes.SECRET)
    assert "leads elsewhere" in problem(dict(ITEM, manifest=other), cluster())
    assert "lun=7" in problem(dict(ITEM, manifest=other), cluster())


def test_another_volume_or_other_nodes_under_the_name_are_refused():
    other = persistent_volume(wishes.export(volume_id="3b7a4c7e-0000-5000-8000-000000000000"), name="data")
    assert "is volume " + wishes.VOLUME_ID in problem(dict(ITEM, manifest=other), cluster())
    fewer = persistent_volume(wishes.export(**wishes.CHAP), name="data", chap_secret=wishes.SECRET)
    assert "nodes: PersistentVolume data is bound to nodes node1, node2, wanted are node1" in problem(dict(ITEM, manifest=fewer), cluster())


def test_a_released_volume_is_told_and_not_bound_again():
    assert "is released" in problem(ITEM, cluster(claim=False, phase="Released"))


def test_a_claim_that_has_another_volume_is_refused():
    told = cluster()
    told["claims"][0]["spec"]["volumeName"] = "other"
    told["persistent_volumes"] = []
    assert "has another PersistentVolume, other" in problem(ITEM, told)


def test_a_claim_that_waits_with_another_class_is_refused():
    told = cluster()
    told["claims"][0]["spec"].update(volumeName="", storageClassName="fast")
    told["persistent_volumes"] = []
    assert "storage_class: claim shop/orders has fast" in problem(ITEM, told)


def test_things_that_are_being_deleted_are_waited_for():
    told = cluster()
    told["persistent_volumes"][0]["metadata"]["deletionTimestamp"] = "2026-11-26T00:00:00Z"
    told["claims"][0]["metadata"]["deletionTimestamp"] = "2026-11-26T00:00:00Z"
    assert all("is being deleted" in said for said in decide(ITEM, told)["problems"])


GONE = {"name": "data", "state": "absent"}


def test_a_bound_volume_is_removed_only_when_told_and_never_from_a_pod():
    assert "bound to claim shop/orders" in problem(GONE, cluster())
    decision = decide(dict(GONE, remove_claim=True), cluster())
    assert (decision["problems"], decision["claim"]) == ([], CLAIM)
    for phase in ("Running", "Pending", "Unknown"):
        assert "used by pod app" in problem(dict(GONE, remove_claim=True), cluster(pod=phase))
    assert decide(dict(GONE, remove_claim=True), cluster(pod="Succeeded"))["problems"] == []


def test_removing_tells_what_else_has_to_go():
    decision = decide(GONE, cluster(claim=False, phase="Released"))
    assert decision["problems"] == [] and decision["claim"] is None
    assert decision["devices"] == ["ip-*-iscsi-%s-lun-1" % wishes.IQN]
    assert (decision["secret"], decision["hosts"], decision["kind"]) == (wishes.SECRET, ["node1", "node2"], "iscsi")


def test_a_claim_that_was_made_anew_under_the_old_name_does_not_hold_a_released_volume():
    told = cluster()
    told["claims"][0]["metadata"]["uid"] = "u2"
    assert decide(GONE, told)["problems"] == []


def test_what_is_gone_needs_no_removal():
    assert decide(GONE, {})["problems"] == []


@settings(max_examples=100, deadline=None)
@given(wishes.wishes())
def test_what_was_applied_is_never_in_the_way_of_itself(wish):
    """Whatever the filter can render, once it is in the cluster the same wish has no problem: a second run is quiet."""
    value, keywords = wish
    manifest = persistent_volume(value, **keywords)
    parts = ("name", "access_modes", "volume_mode", "storage_class", "claim")
    item = dict({part: keywords[part] for part in parts}, size=manifest["spec"]["capacity"]["storage"][:-1], manifest=manifest)
    decision = decide(item, {"persistent_volumes": [manifest], "claims": [persistent_volume_claim(manifest)] if keywords["claim"] else []})
    assert (decision["problems"], decision["grows"], decision["exists"]) == ([], None, True)


KNOWN = [{"id": wishes.VOLUME_ID, "backend": "vendor-a", "name": "data"}, {"id": "0f", "backend": "vendor-a", "name": "other"}]
OWNED = dict(ITEM, backend="vendor-a")


def with_known(told, **hosts):
    return dict(told, volumes=KNOWN, hosts=hosts)


@pytest.mark.parametrize("named", ["data", wishes.VOLUME_ID])
def test_one_volume_is_never_two_persistent_volumes_nor_taken_away_by_another_s_name(named):
    second = dict(OWNED, name="second", volume=named, claim=dict(CLAIM, name="bills"))
    assert "vendor-a/%s is PersistentVolume data already" % named in problem(second, with_known(cluster()))
    gone = dict(second, state="absent", delete_volume=True)
    assert "is PersistentVolume data's, which needs its mapping" in problem(gone, with_known(cluster()))
    assert decide(OWNED, with_known(cluster()))["problems"] == []


@pytest.mark.parametrize("known", [KNOWN, []])
def test_a_volume_that_stands_twice_in_the_list_is_refused_whether_it_is_there_or_not(known):
    first, second = plan_volumes([OWNED, dict(OWNED, name="second", volume="data", claim=None)], {"volumes": known})
    assert first["problems"] == [] and "second and data in the list are both volume vendor-a/data" in second["problems"][0]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_persistent_volume_of_another_volume_than_the_item_says_is_refused_and_named(state):
    item = dict(OWNED, state=state, remove_claim=True)
    assert "PersistentVolume data is volume vendor-a/data (%s), and not vendor-a/other" % wishes.VOLUME_ID in problem(
        dict(item, volume="other"), with_known(cluster())
    )
    renamed = dict(cluster(), volumes=[dict(KNOWN[0], name="new")])
    assert "is volume vendor-a/new (%s), and not vendor-a/data. Say that one" % wishes.VOLUME_ID in problem(item, renamed)


def test_a_persistent_volume_whose_volume_is_gone_may_go():
    assert decide(dict(OWNED, state="absent", remove_claim=True), dict(cluster(), volumes=[]))["problems"] == []


def test_nodes_that_the_persistent_volume_does_not_name_are_refused_before_a_storage_system_is_asked():
    told = with_known(cluster(), node1="node1", node2="node2", node3="node3")
    assert "is bound to nodes node1, node2, wanted are node1, node3" in problem(dict(OWNED, nodes=["node1", "node3"]), told)
    assert decide(dict(OWNED, nodes=["node2", "node1"]), told)["problems"] == []
    gone = dict(OWNED, state="absent", remove_claim=True)
    assert "nodes: PersistentVolume data names node2 as well, where its volume would stay mapped" in problem(dict(gone, nodes=["node1"]), told)
    assert decide(dict(gone, nodes=["node1", "node2", "node3"]), told)["problems"] == []


HELD = dict(KNOWN[0], attached_to=["host1", "node2"])


def test_a_volume_that_hosts_elsewhere_have_and_no_persistent_volume_here_is_another_cluster_s():
    told = {"volumes": [HELD], "known_as": {"node1": "host1"}}
    item = dict(OWNED, nodes=["node1"])
    assert "volume: vendor-a/data is no PersistentVolume's here and mapped to node2, which data does not name" in problem(item, told)
    local = {"name": "data", "source": "local", "backend": "vendor-a", "volume": wishes.VOLUME_ID, "node": "node1"}
    assert "mapped to node2" in problem(local, told)
    assert decide(dict(item, nodes=["node1", "node2"]), told)["problems"] == [], "a run that ended in between is run again"
    assert decide(dict(item, state="absent"), told)["problems"] == [], "removing takes only what is mapped to its own nodes"
    assert decide(item, dict(cluster(), volumes=[HELD]))["problems"] == [], "the PersistentVolume is here"


def test_several_nodes_add_multiattach_to_the_extra_specs_that_the_volume_has_or_the_item_says():
    one, two = dict(OWNED, nodes=["node1"]), dict(OWNED, nodes=["node1", "node2"])
    has = {"volumes": [dict(KNOWN[0], extra_specs={"replication_enabled": "<is> True"})]}
    both = {"replication_enabled": "<is> True", "multiattach": "<is> True"}
    for named in ("data", wishes.VOLUME_ID):
        assert decide(dict(two, volume=named), has)["extra_specs"] == both
    assert decide(two, {})["extra_specs"] == {"multiattach": "<is> True"}
    assert decide(dict(two, extra_specs={"tier": "fast"}), has)["extra_specs"] == {"tier": "fast", "multiattach": "<is> True"}
    assert decide(two, {"volumes": [dict(KNOWN[0], extra_specs={"multiattach": "<is> true"})]})["extra_specs"] == {"multiattach": "<is> true"}
    assert decide(one, has)["extra_specs"] is None, "they stay as they are"
    assert decide(dict(one, extra_specs={"tier": "fast"}), has)["extra_specs"] == {"tier": "fast"}
    assert decide(dict(two, source="local", node="node1"), has)["extra_specs"] is None


LINK = "legacy-storage-" + wishes.VOLUME_ID


@pytest.mark.parametrize(
    ("export", "devices"),
    [
        (wishes.export(), ["ip-*-iscsi-%s-lun-1" % wishes.IQN]),
        (wishes.export(encrypted=True, **wishes.CHAP), ["ip-*-iscsi-%s-lun-1" % wishes.IQN]),
        (wishes.export(target_lun=300), ["ip-*-iscsi-%s-lun-0x%sc000000000000" % (wishes.IQN, number) for number in ("012", "412")]),
        (wishes.export(target_iqns=["iqn.a", "iqn.[b]"], target_luns=[1, 2]), ["ip-*-iscsi-iqn.[[]b]-lun-2", "ip-*-iscsi-iqn.a-lun-1"]),
        (wishes.export("fibre_channel"), ["*fc-0x500a098280feeba5-lun-3", "*fc-0x500a098380feeba5-lun-3"]),
        (
            wishes.export("fibre_channel", target_wwn="0x50", target_luns=[7], addressing_mode="SAM3-flat"),
            ["*fc-0x50-lun-0x4007000000000000", "*fc-0x50-lun-7"],
        ),
        (wishes.export("fibre_channel", target_wwns=["51", "52"], target_luns=[7, 8]), ["*fc-0x51-lun-7", "*fc-0x52-lun-8"]),
        (wishes.export("rbd"), []),
    ],
)
def test_whoever_takes_an_export_back_knows_its_devices_also_where_kubernetes_could_not_reach_it(export, devices):
    assert sorted(decide(dict(GONE, export=export), {})["devices"]) == sorted([*devices, LINK])
