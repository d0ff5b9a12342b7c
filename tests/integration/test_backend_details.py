# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backend tells of itself when it is asked; its driver is one outside Cinder's tree, found by its dotted path."""

from __future__ import annotations

import time

from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.client import ask


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


def test_an_option_that_will_go_is_told_when_it_is_set_and_accepted(controller):
    parameters = controller.backend_parameters("two", options={"sparse_files_dir": str(controller.array), "sparse_files_label": "x"})
    words = "Backend two: options.sparse_files_label: is deprecated, and will go with a later Cinder: Labels are not read."
    for check, changed in ((True, True), (False, True), (False, False)):
        answer = ask("controller", str(controller.config), "backend.ensure", {"backends": [parameters]}, check)
        assert not answer.result.get("failed") and answer.result["changed"] is changed
        assert answer.warnings == [words] * changed


def test_arrays_are_asked_side_by_side_and_those_that_do_not_tell_hide_no_other(controller):
    for name, fault in (("slow", "sleep 60"), ("broken", "no licence"), ("late", "sleep 1.5"), ("later", "sleep 1.5")):
        folder = controller.root / name
        (folder / "faults").mkdir(parents=True)
        controller.register(name, options={"sparse_files_dir": str(folder)})
        (folder / "faults" / "check_for_setup_error").write_text(fault)
    before, started = controller.look(), time.monotonic()
    (result,) = controller.play([{"legacy_backend_info": {"refresh": True, "candidates": True, "timeout": 6}}])
    assert time.monotonic() - started < 30 and not result.failed
    found = {backend["name"]: backend for backend in result["backends"]}
    assert {name for name, backend in found.items() if backend["error"]} == {"slow", "broken"}
    assert found["slow"]["error"] == "It did not answer within 6 s." and "no licence" in found["broken"]["error"]
    for name, backend in found.items():
        told = [backend[key] for key in ("stats", "pool_details", "candidates")]
        assert told == [None] * 3 if backend["error"] else all(told), name
    spans = []
    for name in ("late", "later"):
        lines = [line.split() for line in (controller.root / name / "calls.log").read_text().splitlines()]
        spans.append([max(float(moment) for moment, what, method in lines if (what, method) == (edge, "check_for_setup_error")) for edge in ("begin", "end")])
    assert max(begin for begin, _end in spans) < min(end for _begin, end in spans), "neither waited for the other"
    assert controller.look() == before
    (alone,) = controller.ask("backend.list", {"name": "broken", "refresh": True})["backends"]
    assert "no licence" in alone["error"] and "candidates" not in alone
    assert all("error" not in backend for backend in controller.ask("backend.list", {})["backends"]), "nobody was asked"
