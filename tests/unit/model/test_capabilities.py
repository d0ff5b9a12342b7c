# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users are told of pools, whatever form a driver says it in."""

from __future__ import annotations

from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.capabilities import pool_details


def test_each_pool_is_told_in_one_form_and_nothing_is_guessed():
    stats = {
        "max_over_subscription_ratio": "20.0",
        "multiattach": True,
        "pools": [
            {"pool_name": "a", "total_capacity_gb": 10, "free_capacity_gb": "infinite", "QoS_support": "<is> True", "multiattach": False},
            {"pool_name": "b", "thin_provisioning_support": "true", "max_over_subscription_ratio": "auto", "replication_targets": ["far"]},
        ],
    }
    first, second = pool_details(stats)
    assert (first["total_capacity_gb"], first["free_capacity_gb"], first["max_over_subscription_ratio"]) == (10, "infinite", 20.0)
    assert (first["capabilities"]["qos"], first["capabilities"]["multiattach"], first["capabilities"]["replication"]) == (True, False, None)
    assert (second["capabilities"]["thin_provisioning"], second["capabilities"]["multiattach"]) == (True, True), "the backend's own word"
    assert (second["max_over_subscription_ratio"], second["replication_targets"], second["free_capacity_gb"]) == ("auto", ["far"], None)


def test_that_a_driver_limits_is_told_whether_it_writes_qos_large_or_small():
    for word in ("QoS_support", "qos_support"):
        (pool,) = pool_details({"pools": [{"pool_name": "a", word: True}]})
        assert pool["capabilities"]["qos"] is True


def test_a_driver_without_pools_has_none_to_tell():
    assert pool_details({}) == []


def test_group_snapshots_are_what_the_driver_has_code_for_and_no_declaration_makes_them_so():
    stats = {"consistent_group_snapshot_enabled": True, "pools": [{"pool_name": "a"}, {"pool_name": "b", "consistent_group_snapshot_enabled": "<is> False"}]}
    for able, expected in ((True, [True, False]), (False, [False, False])):
        assert [pool["capabilities"]["consistent_group_snapshot"] for pool in pool_details(stats, able)] == expected
