# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copied disk is found out by what is not on it; what changes on a machine in its life is no reason to refuse it."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.machines import (
    CHANGED,
    FIRST,
    OTHER,
    SAME,
    UNTOLD,
    fingerprint,
    judge,
    merged,
    parse,
    written,
)
from hypothesis import assume, given
from hypothesis import strategies as st

UUID, OTHER_UUID = "4c4c4544-0051-3510-8052-b4c04f564433", "4c4c4544-0051-3510-8052-b4c04f564434"
MACS = ["52:54:00:00:00:01", "52:54:00:00:00:02"]
PARTS = st.fixed_dictionaries(
    {
        "uuid": st.sampled_from(["", UUID, OTHER_UUID]),
        "serial": st.sampled_from(["", "7Q5R0X3", "7Q5R0X4"]),
        "macs": st.lists(st.sampled_from([*MACS, "52:54:00:00:00:03"]), unique=True).map(sorted),
    }
)
TOLD = PARTS.filter(lambda its: any(its.values()))


def its(system_uuid="", serial="", macs=()):
    return fingerprint(system_uuid, serial, macs)


@pytest.mark.parametrize(
    ("kept", "seen", "verdict"),
    [
        (its(UUID, "7Q5R0X3", MACS), its(UUID, "7Q5R0X3", MACS), SAME),
        (its(UUID, "7Q5R0X3", MACS), its(OTHER_UUID, "7Q5R0X3", MACS), OTHER),
        (its(UUID, "7Q5R0X3", MACS[:1]), its(UUID, "7Q5R0X3", MACS[1:]), CHANGED),  # every adapter replaced
        (its(UUID, macs=MACS[:1]), its(macs=MACS), CHANGED),  # firmware that forgot
        (its(UUID, "7Q5R0X3"), its("", "7Q5R0X3", MACS), CHANGED),
        (its("", "7Q5R0X3", MACS), its("", "7Q5R0X4", MACS), OTHER),
        (its(macs=MACS), its(macs=MACS[1:]), CHANGED),  # one of them replaced
        (its(macs=MACS[:1]), its(macs=MACS[1:]), OTHER),
        (its(UUID), its(macs=MACS), OTHER),  # nothing to compare
        (its(UUID), its(), OTHER),
        (None, its(UUID), FIRST),
        (None, its(), UNTOLD),
    ],
)
def test_uuid_then_serial_number_then_any_address_decides(kept, seen, verdict):
    assert judge(kept, seen) == verdict


def test_firmware_that_turns_the_uuid_round_is_the_same_machine():
    turned = "44454c4c-5100-1035-8052-b4c04f564433"
    assert judge(its(UUID), its(turned)) == CHANGED and judge(its(turned), its(UUID)) == CHANGED


@pytest.mark.parametrize(
    "shared",
    [
        "", "Not Settable", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "03000200-0400-0500-0006-000700080009",
        "fefefefe-fefe-fefe-fefe-fefefefefefe",
    ],
)
def test_a_uuid_that_more_than_one_machine_has_counts_for_nothing(shared):
    assert its(shared, "7Q5R0X3") == its("", "7Q5R0X3")


@pytest.mark.parametrize("shared", ["", "0", "00000000", "To be filled by O.E.M.", "Default  string", "Not Specified", "0123456789", "xxxxxxxx", "...."])
def test_a_serial_number_that_more_than_one_machine_has_counts_for_nothing(shared):
    assert its("", shared, MACS) == its("", "", MACS)


def test_addresses_that_are_none_count_for_nothing_and_of_infiniband_only_what_stays_does():
    before, after = "80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:cb:a1", "80:00:02:28:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:cb:a1"
    assert its(macs=["00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF", "", "10.0.0.1"]) == its()
    assert judge(its(macs=[before]), its(macs=[after])) == SAME


@given(TOLD)
def test_a_machine_is_itself_and_comes_back_from_the_file_as_it_was(machine):
    assert parse(written(machine)) == machine
    assert judge(machine, machine) == SAME


@given(TOLD, PARTS)
def test_what_was_taken_over_is_the_same_from_then_on_and_nothing_known_is_forgotten(kept, seen):
    assume(judge(kept, seen) != OTHER)
    now = merged(kept, seen)
    assert judge(now, seen) == SAME
    assert all(now[key] for key in kept if kept[key])


@given(TOLD, PARTS)
def test_machines_that_have_nothing_in_common_are_never_taken_for_one(kept, seen):
    if kept["uuid"] != seen["uuid"] and kept["serial"] != seen["serial"] and not set(kept["macs"]) & set(seen["macs"]):
        assert judge(kept, seen) == OTHER


@given(st.uuids(version=4))
def test_a_uuid_that_was_drawn_counts_however_it_is_written(drawn):
    assert its(str(drawn).upper() + "\n")["uuid"] == str(drawn)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"uuid": "", "serial": "", "macs": []}', '{"uuid": 1, "serial": "", "macs": []}'])
def test_a_file_that_holds_no_fingerprint_is_no_fingerprint(text):
    with pytest.raises(ValueError):
        parse(text)
