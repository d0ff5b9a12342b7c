# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wanted volumes are read as they are meant: a template or -e gives texts where booleans and lists are meant."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.items import read_items
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.manifests import persistent_volume
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.kubernetes.planning import plan_volumes
from ansible_collections.baremetal.legacy_storage.tests.unit.kubernetes import wishes

BOOLEANS = ("remove_claim", "delete_volume", "read_only")


@pytest.mark.parametrize(
    ("written", "meant"),
    [*((no, False) for no in ("no", "No", "false", "False", "off", "0", 0, False)), *((yes, True) for yes in ("yes", "true", "True", "on", "1", 1, True))],
)
@pytest.mark.parametrize("parameter", BOOLEANS)
def test_a_boolean_is_what_ansible_takes_it_for(parameter, written, meant):
    (item,) = read_items([{"name": "orders", parameter: written}])
    assert item[parameter] is meant


@pytest.mark.parametrize("value", ["", "maybe", "2", 2, [True]])
@pytest.mark.parametrize("parameter", BOOLEANS)
def test_what_is_neither_true_nor_false_is_refused_by_name(parameter, value):
    with pytest.raises(StorageError, match="^orders: %s: .*: is neither true nor false" % parameter):
        read_items([{"name": "orders", parameter: value}])


def test_what_is_left_out_or_null_has_its_default_and_a_text_is_a_list():
    defaults = {"nodes": "node1, node2", "delete_volume": False, "size": "1"}
    assert read_items([{"name": "orders", "delete_volume": None, "size": None, "access_modes": "ReadWriteMany", "claim": None}], defaults) == [
        {"name": "orders", "nodes": ["node1", "node2"], "delete_volume": False, "size": "1", "access_modes": ["ReadWriteMany"]}
    ]
    assert read_items([{"name": "orders", "nodes": ["a,b"]}], defaults)[0]["nodes"] == ["a,b"]


def test_filters_in_a_play_of_one_s_own_take_a_no_for_a_no_as_well():
    volume = persistent_volume(wishes.export(), name="data", read_only="no", claim={"namespace": "shop", "name": "data"})
    assert "readOnly" not in volume["spec"]["iscsi"]
    claim = {"metadata": {"namespace": "shop", "name": "data"}, "spec": {"volumeName": "data"}}
    told = {"persistent_volumes": [volume], "claims": [claim]}
    (decision,) = plan_volumes([{"name": "data", "state": "absent", "remove_claim": "no"}], told)
    assert "is bound to claim shop/data" in decision["problems"][0]
