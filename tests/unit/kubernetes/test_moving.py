# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of PersistentVolumes when one node takes another's place. The cluster's objects are those that the filter renders, as the API keeps them."""

from __future__ import annotations

import copy

import kubernetes_validate
import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.manifests import persistent_volume
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.moving import moved_volumes
from ansible_collections.baremetal.legacy_storage.tests.unit.kubernetes import wishes

CLAIM = {"namespace": "shop", "name": "orders"}


def kept(value, **more):
    """Return a PersistentVolume as the API server keeps it, bound to its claim."""
    volume = copy.deepcopy(persistent_volume(value, **dict({"name": "data", "claim": CLAIM, "chap_secret": wishes.SECRET}, **more)))
    volume["metadata"].update(uid="u2", resourceVersion="17", creationTimestamp="2026-11-27T00:00:00Z", finalizers=["kubernetes.io/pv-protection"])
    volume["spec"]["claimRef"].update(uid="u1", resourceVersion="16")
    volume["status"] = {"phase": "Bound"}
    return volume


def exported(*hosts, **more):
    return kept([wishes.export(host=host, **wishes.CHAP) for host in hosts], **more)


def attached():
    return kept(wishes.attachment())


def nodes(manifest):
    (term,) = manifest["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    return term["matchExpressions"][0]["values"]


def test_a_local_volume_is_the_same_on_the_other_node_and_stays_its_claims():
    (move,) = moved_volumes([attached()], "node1", "node2")
    manifest = move["manifest"]
    assert (move["kind"], move["backend"], move["volume_id"], move["devices"]) == ("local", "lvm", wishes.VOLUME_ID, [])
    assert nodes(manifest) == ["node2"]
    assert manifest["spec"]["claimRef"] == dict(CLAIM, uid="u1", apiVersion="v1", kind="PersistentVolumeClaim")
    assert set(manifest["metadata"]) == {"name", "labels", "annotations"}
    assert moved_volumes([dict(manifest, status={})], "node1", "node2") == [], "a second time there is nothing to move"
    for version in ("1.32", "1.37"):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_volume_of_several_nodes_keeps_the_others():
    (move,) = moved_volumes([exported("node1", "node3")], "node1", "node2")
    assert nodes(move["manifest"]) == ["node2", "node3"]
    assert move["secret"] == wishes.SECRET and len(move["devices"]) == 1
    (move,) = moved_volumes([exported("node1", "node2")], "node1", "node2")
    assert nodes(move["manifest"]) == ["node2"]


def test_one_that_names_its_nodes_by_labels_moves_where_it_is_mapped_and_is_not_replaced():
    volume = exported("node1", node_labels={"rack": "a"})
    assert moved_volumes([volume], "node1", "node2") == []
    (move,) = moved_volumes([volume], "node1", "node2", attached=[wishes.VOLUME_ID])
    assert move["manifest"] is None


def test_those_of_others_are_left_alone_and_nothing_given_is_changed():
    ours, theirs = attached(), attached()
    del theirs["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    before = copy.deepcopy([theirs, ours])
    assert len(moved_volumes([theirs, ours], "node1", "node2")) == 1
    assert [theirs, ours] == before


def test_what_would_lose_data_or_make_no_sense_is_refused():
    volume = attached()
    volume["spec"]["persistentVolumeReclaimPolicy"] = "Delete"
    with pytest.raises(StorageError, match="PersistentVolume data has the reclaim policy Delete"):
        moved_volumes([volume], "node1", "node2")
    with pytest.raises(StorageError, match="is the node that the volumes leave"):
        moved_volumes([attached()], "node1", "node1")
    with pytest.raises(StorageError, match="^to"):
        moved_volumes([attached()], "node1", "not a name")
