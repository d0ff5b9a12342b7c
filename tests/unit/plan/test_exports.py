# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that arrays would take for one, and what an access mode changes."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import Connector
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.resources import Backend, Mapping, Volume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted import WantedExport
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.exports import identities, plan_export, refuse_twins
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.landscape import Landscape

NAMES = {"initiator": "iqn.2026-01.x:A", "nqn": "nqn.x", "nvme_hostid": "id-1", "wwpns": ["5001", "5002"]}


@pytest.mark.parametrize("key", sorted(NAMES))
def test_a_name_that_another_host_has_is_refused_naming_both_hosts(key):
    value = NAMES[key][1:] if key == "wwpns" else NAMES[key].upper()
    with pytest.raises(StorageError, match="hosts 'node1' and 'node2' have the same .* as hosts cloned from one image do") as caught:
        refuse_twins([Mapping("m", "one", "v", "data", "node1", NAMES)], "node2", {key: value})
    assert (caught.value.code, caught.value.parameter) == ("conflict", "connector")


def test_a_hosts_own_exports_and_other_names_are_no_twins():
    mappings = [Mapping("m", "one", "v", "data", "node1", NAMES), Mapping("n", "one", "w", "logs", "node3", {"initiator": "iqn.other", "wwpns": []})]
    refuse_twins(mappings, "node1", NAMES)
    refuse_twins(mappings, "node2", {"initiator": "iqn.2026-01.x:b", "nqn": None, "wwpns": ["5003"], "wwnns": ["2001"], "multipath": True})
    assert identities({"multipath": True, "nqn": None}) == {}


def landscape(*mappings):
    return Landscape([Backend("one", "d", {}, {}, (), 1)], [Volume(id="v", backend="one", name="data", size=1, status="available")], mappings=mappings)


def wanted(access_mode):
    return WantedExport("one", "data", "node1", connector=Connector("node1", {"initiator": "iqn", "multipath": True}, "k"), access_mode=access_mode)


@pytest.mark.parametrize(("before", "after", "action"), [("rw", "rw", None), ("ro", "ro", None), ("rw", "ro", "update"), ("ro", "rw", "update")])
def test_an_access_mode_is_changed_once_and_is_then_as_wanted(before, after, action):
    made = landscape().after(plan_export(landscape(), wanted(before)))
    operations = plan_export(made, wanted(after))
    assert [operation.action for operation in operations] == ([action] if action else [])
    changed = made.after(operations)
    assert [mapping.access_mode for mapping in changed.mappings.values()] == [after]
    assert plan_export(changed, wanted(after)) == []


def test_a_mapping_of_another_host_is_refused_also_where_it_only_reads():
    other = dataclasses.replace(next(iter(landscape().after(plan_export(landscape(), wanted("ro"))).mappings.values())), host="node2", connector={})
    with pytest.raises(StorageError, match="is attached to node2"):
        plan_export(landscape(other), wanted("ro"))


def unmapping(exported_at, fenced=False):
    return WantedExport("one", "data", "node1", "absent", fenced=fenced, exported_at=exported_at)


def made(moment="T1"):
    """A landscape with an export that was made then."""
    (mapping,) = landscape().after(plan_export(landscape(), wanted("rw"))).mappings.values()
    return landscape(dataclasses.replace(mapping, exported_at=moment))


def test_only_the_export_that_is_meant_is_unmapped_and_any_where_none_is_named():
    assert [operation.action for operation in plan_export(made("T1"), unmapping("T1"))] == ["delete"]
    assert [operation.action for operation in plan_export(made("T1"), unmapping(None))] == ["delete"]
    assert [operation.action for operation in plan_export(made("T1"), unmapping(None, fenced=True))] == ["delete"]
    assert plan_export(landscape(), unmapping("T1")) == plan_export(landscape(), unmapping("")) == []


@pytest.mark.parametrize(("meant", "words"), [("T0", "not the one of T0"), ("", "there was none when this task began")])
def test_an_export_that_another_task_made_meanwhile_is_left_mapped_and_that_is_told(meant, words):
    with pytest.raises(StorageError, match="left mapped") as caught:
        plan_export(made("T1"), unmapping(meant))
    assert (caught.value.code, caught.value.parameter) == ("conflict", "volume")
    assert words in caught.value.message and "its export is of T1" in caught.value.message


def test_renewing_makes_another_export_of_one_that_is_there_and_nothing_else():
    renewing = dataclasses.replace(wanted("rw"), renew=True)
    assert [operation.action for operation in plan_export(landscape(), renewing)] == ["create"]
    operations = plan_export(made("T1"), renewing)
    assert [operation.action for operation in operations] == ["renew"]
    (before,), (after,) = (where.mappings.values() for where in (made("T1"), made("T1").after(operations)))
    assert after.exported_at not in ("T1", None) and dataclasses.replace(after, exported_at="T1") == before
    assert [operation.action for operation in plan_export(made("T1"), dataclasses.replace(renewing, access_mode="ro"))] == ["renew", "update"]


def test_an_export_that_is_changed_in_place_is_the_same_one_still():
    changed = made("T1").after(plan_export(made("T1"), wanted("ro")))
    assert [mapping.exported_at for mapping in changed.mappings.values()] == ["T1"]


@pytest.mark.parametrize(("state", "given"), [("absent", {"renew": True}), ("present", {"exported_at": "T1"})])
def test_words_that_have_no_meaning_for_a_state_are_refused(state, given):
    connector = {"host": "node1", "properties": {}, "sealing_key": "k"}
    with pytest.raises(StorageError, match="has no meaning with state: %s" % state):
        WantedExport.from_params(dict({"backend": "one", "volume": "data", "state": state, "connector": connector}, **given))
