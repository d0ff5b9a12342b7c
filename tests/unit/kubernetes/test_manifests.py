# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What manifests say, and what is refused with which words, before an API server or a kubelet would."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes import names
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.manifests import chap_secret, persistent_volume, persistent_volume_claim
from ansible_collections.baremetal.legacy_storage.tests.unit.kubernetes.wishes import (
    CHAP,
    DISCOVERY_CHAP,
    ENCRYPTION,
    IQN,
    SECRET,
    SHARE,
    VOLUME_ID,
    attachment,
    export,
)


def volume(value=None, **keywords):
    return persistent_volume(export() if value is None else value, **dict({"name": "data"}, **keywords))


def refused(call, **keywords):
    with pytest.raises(StorageError) as caught:
        call(**keywords)
    return caught.value.message


def test_a_volume_on_iscsi_with_chap_for_two_nodes():
    portals = {"target_portals": ["192.0.2.10:3260", "192.0.2.11:3260"], "target_iqns": [IQN, IQN], "target_luns": [1, 1]}
    exports = [{"name": "data", "changed": False, "export": export(host=host, **CHAP, **portals)} for host in ("node2", "node1")]
    assert volume(exports, fs_type="xfs", chap_secret=SECRET, claim={"name": "data", "namespace": "shop"}, storage_class="static") == {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": "data",
            "labels": {"app.kubernetes.io/managed-by": "baremetal.legacy_storage", "baremetal.legacy-storage/volume-id": VOLUME_ID},
            "annotations": {"baremetal.legacy-storage/backend": "lvm", "baremetal.legacy-storage/volume-name": "data"},
        },
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "static",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data"},
            "iscsi": {
                "targetPortal": "192.0.2.10:3260",
                "portals": ["192.0.2.11:3260"],
                "iqn": IQN,
                "lun": 1,
                "fsType": "xfs",
                "chapAuthSession": True,
                "secretRef": SECRET,
            },
            "nodeAffinity": {
                "required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1", "node2"]}]}]}
            },
        },
    }


def test_a_volume_on_fibre_channel():
    assert volume(export("fibre_channel"))["spec"]["fc"] == {"targetWWNs": ["500a098280feeba5", "500a098380feeba5"], "lun": 3}


def test_a_local_volume_that_its_node_encrypts_says_so():
    name = "baremetal.legacy-storage/encrypted"
    assert volume(attachment(encryption=ENCRYPTION))["metadata"]["annotations"][name] == "true"
    assert name not in volume(attachment(encryption=None))["metadata"]["annotations"]
    with pytest.raises(StorageError, match="is set by the collection itself"):
        volume(attachment(), annotations={name: "true"})


def test_a_local_volume_is_at_its_node_by_the_name_that_kubernetes_has_for_it():
    made = volume(attachment(), volume_mode="Block", node_names={"node1": "node1.example.com"})["spec"]
    assert made["local"] == {"path": "/dev/disk/by-id/legacy-storage-" + VOLUME_ID}
    (term,) = made["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1.example.com"]}]


def test_a_directory_of_an_nfs_server():
    made = volume(SHARE, size="2TiB", access_modes=["ReadWriteMany", "ReadWriteOnce"])["spec"]
    assert (made["nfs"], made["capacity"], made["accessModes"]) == (SHARE, {"storage": "2048Gi"}, ["ReadWriteOnce", "ReadWriteMany"])
    assert "nodeAffinity" not in made


def test_read_only_for_many_is_read_only_on_each():
    assert volume(access_modes=["ReadOnlyMany"])["spec"]["iscsi"]["readOnly"] is True


def test_the_initiator_name_is_left_to_the_node():
    """With initiatorName, the kubelet makes an interface of its own, with a name that the storage system was not told."""
    assert "initiatorName" not in volume()["spec"]["iscsi"]


def test_nodes_by_labels_or_any_node():
    made = volume(node_labels={"storage": "san"})["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert made == [{"matchExpressions": [{"key": "storage", "operator": "In", "values": ["san"]}]}]
    assert "nodeAffinity" not in volume(node_labels={})["spec"]


def test_only_portals_of_the_same_target_and_lun_are_told():
    portals = {"target_portals": ["192.0.2.10:3260", "192.0.2.11:3260", "192.0.2.12:3260"], "target_iqns": [IQN, IQN + "-b", IQN], "target_luns": [1, 1, 2]}
    assert "portals" not in volume(export(**portals))["spec"]["iscsi"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "there is no export yet. In check mode"),
        ([], "the list is empty"),
        ("data", "neither an export, an attachment nor"),
        ({"name": "data", "export": None, "failed": True, "msg": "the array is full"}, "failed: the array is full"),
        ([export(), export(host="node2", target_lun=2)], "node1 reaches volume 'data' by"),
        ([export(), export(host="node2", volume_id="another")], "Pass those of one volume"),
        ([export(), attachment()], "an export lacks connection_info"),
        (export("rbd"), "use source local|source local takes any block device"),
        (export(target_lun=256), "LUNs from 0 to 255"),
        (export(target_lun=None), "LUNs from 0 to 255"),
        (export(target_iqn="data"), "no target name that Kubernetes accepts"),
        (export(target_portal=None), "told no portal"),
        (export(encrypted=True), "is encrypted"),
        (export(auth_method="SRP"), "knows only CHAP"),
        (export("fibre_channel", target_wwn=[]), "told no port"),
        (export("fibre_channel", target_wwn="12"), "16 hexadecimal digits"),
        (export("fibre_channel", target_luns=[1, 2]), "LUN 1 and 2 at different ports"),
        (attachment(protocol="nfs"), "is a file on the node"),
        (attachment(state="absent"), "is not attached"),
        (attachment(path="/dev/../etc"), "absolute path"),
        (dict(SHARE, path="media"), "absolute path"),
        (dict(SHARE, server="a b"), "no host name"),
        (SHARE, "size: is needed"),
    ],
)
def test_what_kubernetes_cannot_reach_is_refused(value, words):
    with pytest.raises(StorageError, match=words):
        persistent_volume(value, name="data")


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"name": "Data_1"}, "name: 'Data_1': is no name"),
        ({"name": "a" * 254}, "at most 253 characters"),
        ({"name": None}, "is no name"),
        ({"access_modes": []}, "must name at least one"),
        ({"access_modes": ["RWO"]}, "access_modes: 'RWO': must be one of"),
        ({"access_modes": ["ReadWriteOncePod"]}, "for CSI volumes only"),
        ({"access_modes": ["ReadWriteMany"]}, "destroys an ordinary file system"),
        ({"access_modes": ["ReadWriteOnce", "ReadOnlyMany"]}, "are several"),
        ({"volume_mode": "Raw"}, "must be one of Filesystem, Block"),
        ({"volume_mode": "Block", "fs_type": "ext4"}, "no meaning with volume_mode Block"),
        ({"volume_mode": "Block", "mount_options": ["noatime"]}, "no meaning with volume_mode Block"),
        ({"fs_type": "ext4; rm"}, "is no file system"),
        ({"mount_options": "noatime"}, "list of single options"),
        ({"mount_options": ["a,b"]}, "list of single options"),
        ({"read_only": False, "access_modes": ["ReadOnlyMany"]}, "contradicts"),
        ({"read_only": True, "access_modes": ["ReadWriteMany"], "volume_mode": "Block"}, "contradicts"),
        ({"reclaim_policy": "Delete"}, "nobody who could delete"),
        ({"reclaim_policy": "Recycle"}, "nobody who could delete"),
        ({"reclaim_policy": "Keep"}, "must be one of Retain"),
        ({"storage_class": "Fast"}, "storage_class: 'Fast': is no name"),
        ({"size": 11}, "is more than volume 'data' has"),
        ({"size": "1.5"}, "whole number of GiB"),
        ({"claim": {"name": "data"}}, "claim.namespace: None: is no name"),
        ({"claim": "data"}, "must be a dictionary with name and namespace"),
        ({"claim": {"name": "data", "namespace": "a.b"}}, "claim.namespace: 'a.b'"),
        ({"labels": {"tier": "very fast"}}, "labels.tier: 'very fast': is no value of a label"),
        ({"labels": {"ti er": "fast"}}, "is no key"),
        ({"labels": {"app.kubernetes.io/managed-by": "me"}}, "is set by the collection itself"),
        ({"annotations": {"baremetal.legacy-storage/backend": "me"}}, "is set by the collection itself"),
        ({"annotations": {"x": "y" * 300_000}}, "256 KiB"),
        ({"labels": {"a": {}}}, "must be text"),
        ({"labels": ["a"]}, "must be a dictionary"),
        ({"node_names": {"node1": "node 1"}}, "is no value of a label"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_and_named(keywords, words):
    with pytest.raises(StorageError, match=words):
        volume(**keywords)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"access_modes": ["ReadOnlyMany"]}, "is at one node"),
        ({"read_only": True}, "not offered by source local"),
        ({"node_labels": {}}, "is at one node"),
        ({"node_names": ["node1"]}, "must be a dictionary"),
    ],
)
def test_what_a_local_volume_cannot_be(keywords, words):
    with pytest.raises(StorageError, match=words):
        volume(attachment(), **keywords)


def test_nfs_has_no_device_and_no_file_system_of_ours():
    assert "has no device" in refused(volume, value=SHARE, size=1, volume_mode="Block")
    assert "is the server's" in refused(volume, value=SHARE, size=1, fs_type="ext4")


def test_chap_needs_a_secret_and_only_chap_has_one():
    assert "the storage system wants CHAP" in refused(volume, value=export(**CHAP))
    made = volume(export(**DISCOVERY_CHAP), chap_secret=SECRET)["spec"]["iscsi"]
    assert (made.get("chapAuthSession"), made["chapAuthDiscovery"], made["secretRef"]) == (None, True, SECRET)
    assert "secretRef" not in volume(chap_secret=SECRET)["spec"]["iscsi"]


def test_a_claim_gets_just_its_volume():
    made = persistent_volume_claim(volume(claim={"name": "orders", "namespace": "shop"}))
    assert made["metadata"] == {"name": "orders", "namespace": "shop", "labels": {"app.kubernetes.io/managed-by": "baremetal.legacy_storage"}}
    assert made["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "",
        "volumeName": "data",
    }
    assert persistent_volume_claim(volume(), name="orders", namespace="shop", size=5)["spec"]["resources"] == {"requests": {"storage": "5Gi"}}


def test_a_claim_that_its_volume_could_not_satisfy_is_refused():
    reserved = volume(claim={"name": "orders", "namespace": "shop"})
    assert "reserved for: shop/orders" in refused(persistent_volume_claim, volume=reserved, name="bills")
    assert "is more than PersistentVolume data has" in refused(persistent_volume_claim, volume=reserved, size=11)
    assert "name: None" in refused(persistent_volume_claim, volume=volume())
    assert "Pass what the filter persistent_volume returned" in refused(persistent_volume_claim, volume={})


def test_a_secret_holds_what_the_kubelet_logs_in_with():
    made = chap_secret({"auth_username": "user", "auth_password": "pass", "auth_method": "CHAP", "target_lun": 1}, **SECRET)
    decoded = {key: base64.b64decode(value).decode() for key, value in made["data"].items()}
    assert (made["type"], decoded) == ("kubernetes.io/iscsi-chap", {"node.session.auth.username": "user", "node.session.auth.password": "pass"})


@pytest.mark.parametrize(
    "credentials",
    ["user:canary", {}, {"auth_password": "canary"}, {"auth_username": "(hidden)", "auth_password": "canary"}, {"auth_username": ["canary"]}],
)
def test_what_is_no_credential_is_refused_without_being_told(credentials):
    message = refused(chap_secret, credentials=credentials, **SECRET)
    assert message.startswith("credentials") and "canary" not in message


@pytest.mark.parametrize(
    ("quantity", "size"),
    [
        ("10Gi", 10 * 2**30),
        ("1", 1),
        ("1k", 1000), ("1Ki", 1024), ("1500m", 2), ("1.5Gi", 3 * 2**29), ("1e3", 1000), ("2E", 2 * 10**18), ("2Ei", 2**61), (".5M", 500_000),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(quantity, size):
    assert names.bytes_of(quantity) == size


@pytest.mark.parametrize("quantity", ["", "Gi", "10GiB", "-1", "1 Gi", None])
def test_what_is_no_quantity_is_refused(quantity):
    with pytest.raises(StorageError, match="no quantity"):
        names.bytes_of(quantity)
