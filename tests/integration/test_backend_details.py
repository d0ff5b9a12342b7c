# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backend tells of itself when it is asked; its driver is one outside Cinder's tree, found by its dotted path."""

from __future__ import annotations


def test_pools_are_told_in_one_form(controller):
    (backend,) = controller.play([{"legacy_backend_info": {"refresh": True}}])[0]["backends"]
    assert backend["driver"] == "sparse_files.SparseFileDriver"
    assert [pool["name"] for pool in backend["pool_details"]] == backend["pools"] == ["first", "second"]
    pool = backend["pool_details"][0]
    assert (pool["total_capacity_gb"], pool["free_capacity_gb"], pool["provisioned_capacity_gb"]) == (1000, 500.0, "unknown")
    assert pool["max_over_subscription_ratio"] == 20.0
    told = {"thin_provisioning": True, "thick_provisioning": False, "multiattach": True, "qos": True}
    assert {key: pool["capabilities"][key] for key in told} == told
    assert pool["capabilities"]["replication"] in (None, False)
