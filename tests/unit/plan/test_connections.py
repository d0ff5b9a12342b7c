# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a connection: thousands of generated situations, and the rules by name."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.encryption import EncryptionRecord, EncryptionWish
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.connections import Facts, Wanted, latest, plan, predict, refuse_withdrawn
from hypothesis import given
from hypothesis import strategies as st

VOLUME = "11111111-1111-5111-8111-111111111111"


def export(size=10, access_mode="rw", protocol="iscsi"):
    return Export("e", "vendor-a", VOLUME, "database", "node1", size, protocol, {"data": {}}, "sealed", access_mode)


def record(state="connected", boot="now", multipath="required", size=10, access_mode="rw", encryption=None):
    identity = {"kind": "scsi", "serial": "3600", "key": "mpath-3600"}
    device = {"path": "/dev/dm-0"}
    return AttachmentRecord(export(size, access_mode), state, boot, multipath, device, "/dev/disk/by-id/x", identity, encryption=encryption)


def made_at(moment):
    """A record of the export that was made then."""
    return dataclasses.replace(record(), export=dataclasses.replace(export(), exported_at=moment))


KEPT = EncryptionRecord("key", uuid="22222222-2222-4222-8222-222222222222")
WISH = EncryptionWish.from_dict({"key": "secret"})
LOCKED = EncryptionWish.from_dict({"locked": True})
FROM_FILE = EncryptionWish.from_dict({"key_file": "/etc/key"})


HERE = Facts("now", True, "right", True, 2, 10, (), (), True)
GONE = Facts("now", True)

records = st.one_of(st.none(), st.builds(
    record, st.sampled_from(["connecting", "connected", "disconnecting"]), st.sampled_from(["now", "before"]),
    st.sampled_from(["required", "preferred", "no"]), st.integers(1, 20), st.sampled_from(["rw", "ro"]),
    st.sampled_from([None, KEPT, EncryptionRecord("key")]),
))
users = st.sampled_from([(), ("mounted at /srv",)])
facts = st.builds(
    Facts, st.just("now"), st.booleans(), st.sampled_from(["none", "right", "wrong", "unknown"]), st.booleans(),
    st.integers(0, 4), st.integers(0, 20), users,
    st.sampled_from([(), ("sdx",)]), st.booleans(), st.sampled_from(["rw", "ro"]), st.booleans(),
    st.sampled_from(["no", "right", "wrong"]), st.booleans(), st.sampled_from(["untested", "right", "both", "previous", "wrong"]),
    st.booleans(), st.integers(0, 2),
)
wishes = st.builds(
    Wanted, st.just(VOLUME), st.sampled_from(["present", "absent"]), st.sampled_from(["required", "preferred", "no"]), st.booleans(),
    st.builds(export, st.integers(1, 20), st.sampled_from(["rw", "ro"]), st.sampled_from(["iscsi", "nvmeof", "nfs", ""])),
    st.sampled_from([None, WISH, FROM_FILE, LOCKED]),
)


def decided(record_, facts_, wanted):
    """The plan, or the code of the refusal."""
    try:
        return plan(record_, facts_, wanted)
    except StorageError as error:
        return error.code


@given(records, facts, wishes)
def test_the_plan_of_a_planned_result_is_empty(record_, facts_, wanted):
    operations = decided(record_, facts_, wanted)
    if isinstance(operations, list):
        assert plan(*predict(record_, facts_, wanted, operations), wanted) == []


@given(records, facts, wishes)
def test_a_device_in_use_never_goes_not_even_by_force(record_, facts_, wanted):
    operations = decided(record_, facts_, wanted)
    if facts_.users:
        assert not set(operations) & {"settle", "disconnect"}


@given(records, facts, wishes)
def test_a_device_that_somebody_writes_to_never_becomes_read_only(record_, facts_, wanted):
    writing = record_ and facts_.access_mode == "rw" and facts_.identity == "right" and facts_.users
    if writing and wanted.state == "present" and wanted.export.access_mode == "ro":
        assert decided(record_, facts_, wanted) in ("in_use", "host", "conflict")


@given(records, facts, wishes)
def test_a_path_of_another_volume_is_never_kept(record_, facts_, wanted):
    operations = decided(record_, facts_, wanted)
    if wanted.state == "present" and record_ and facts_.identity == "wrong" and isinstance(operations, list):
        assert operations == ["settle", "connect"]


@given(records, facts, wishes)
def test_absent_ends_without_a_record(record_, facts_, wanted):
    operations = decided(record_, facts_, wanted)
    if wanted.state == "absent" and isinstance(operations, list):
        assert predict(record_, facts_, wanted, operations)[0] is None


@given(records, facts, wishes)
def test_an_earlier_boot_blocks_nobody(record_, facts_, wanted):
    """vdsm issue 433: a row of a fenced host kept its volume from ever being attached there again."""
    if record_ is None or wanted.state == "absent":
        return
    stale = dataclasses.replace(record_, boot_id="before")
    clean = dataclasses.replace(facts_, identity="none", users=(), leftovers=(), multipathd=True, native=True, opened="no", key="untested")
    wanted = dataclasses.replace(wanted, encryption=WISH if stale.encryption else None)
    if wanted.encryption is not None:
        wanted = dataclasses.replace(wanted, export=export(wanted.export.size))
    if wanted.multipath == "required" and wanted.export.protocol == "nfs":
        wanted = dataclasses.replace(wanted, multipath="preferred")
    assert plan(stale, clean, wanted) == (["connect"] if wanted.export.protocol == "nvmeof" else ["settle", "connect"])


def test_an_encrypted_volume_is_not_attached_read_only_since_what_is_opened_on_it_would_not_be():
    assert decided(None, GONE, Wanted(VOLUME, "present", export=export(access_mode="ro"), encryption=WISH)) == "unsupported"
    assert decided(None, GONE, Wanted(VOLUME, "present", export=export(access_mode="rw"), encryption=WISH)) == ["connect"]


@given(records, facts, wishes)
def test_what_is_attached_never_becomes_encrypted_nor_ceases_to_be(record_, facts_, wanted):
    operations = decided(record_, facts_, wanted)
    if wanted.state == "present" and record_ is not None and record_.state == "connected":
        known = record_.encryption is not None and record_.encryption.uuid is not None
        if known and wanted.encryption is None or record_.encryption is None and wanted.encryption is not None:
            assert operations == "conflict"


@given(records, facts, wishes)
def test_with_a_key_that_does_not_open_the_volume_nothing_is_done(record_, facts_, wanted):
    if wanted.state == "present" and facts_.key == "wrong" and wanted.encryption is not None:
        assert isinstance(decided(record_, facts_, wanted), str)


OPEN = dataclasses.replace(HERE, opened="right", key="right")


@pytest.mark.parametrize(
    ("kept", "facts_", "wish", "expected"),
    [
        (KEPT, OPEN, WISH, []),
        (KEPT, dataclasses.replace(OPEN, lag=True), WISH, ["extend"]),
        (KEPT, dataclasses.replace(OPEN, size=9), WISH, ["extend"]),
        (KEPT, dataclasses.replace(OPEN, opened="no"), WISH, ["open"]),
        (KEPT, dataclasses.replace(OPEN, opened="no", key="previous"), WISH, ["rekey", "open"]),
        (KEPT, dataclasses.replace(OPEN, key="both"), WISH, ["rekey"]),
        (KEPT, OPEN, FROM_FILE, ["remember"]),
        (KEPT, dataclasses.replace(OPEN, linked=False), WISH, ["link"]),
        (KEPT, dataclasses.replace(OPEN, opened="wrong"), WISH, ["settle", "connect"]),
        (KEPT, dataclasses.replace(OPEN, opened="wrong", users=("mounted at /srv",)), WISH, "conflict"),
        (KEPT, dataclasses.replace(OPEN, key="wrong"), WISH, "conflict"),
        (KEPT, OPEN, None, "conflict"),
        (None, HERE, WISH, "conflict"),
        (KEPT, dataclasses.replace(OPEN, opened="no"), LOCKED, []),
        (KEPT, OPEN, LOCKED, []),
    ],
)
def test_rules_of_encryption(kept, facts_, wish, expected):
    assert decided(record(encryption=kept), facts_, Wanted(VOLUME, "present", "required", False, export(), wish)) == expected


def test_detaching_needs_no_key():
    assert Wanted.from_dict({"volume_id": VOLUME, "state": "absent", "encryption": {}}).encryption is None
    assert plan(record(encryption=KEPT), dataclasses.replace(OPEN, key="untested"), Wanted(VOLUME, "absent")) == ["disconnect"]


@pytest.mark.parametrize(
    ("encryption", "words"),
    [
        ({}, "needs one of"),
        ("secret", "must be a dict"),
        ({"key": "secret", "key_file": "/k"}, "exclude each other"),
        ({"key": ""}, "is empty"),
        ({"key_file": "k"}, "absolute path"),
        ({"key_command": []}, "list of words"),
        ({"key_command": ["cat", "/k"]}, "absolute path"),
        ({"key": "secret", "previous_key": "secret"}, "is the key itself"),
        ({"key": "secret", "format": "yes"}, "never, empty, overwrite"),
        ({"key": "secret", "pbkdf": "md5"}, "argon2id"),
        ({"key": "secret", "key_size": 64}, "128, 256 or 512"),
        ({"key": "secret", "iterations": 1000}, "needs pbkdf"),
        ({"key": "secret", "pbkdf": "pbkdf2", "iterations": 999}, "at least 1000"),
    ],
)
def test_encryption_that_cannot_be_meant_is_refused_without_showing_a_key(encryption, words):
    with pytest.raises(StorageError) as caught:
        Wanted.from_dict({"export": export().to_dict(), "encryption": encryption})
    assert words in caught.value.message and "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("record_", "facts_", "changes", "expected"),
    [
        (None, GONE, {}, ["connect"]),
        (record(), HERE, {}, []),
        (record(), dataclasses.replace(HERE, linked=False), {}, ["link"]),
        (record(), HERE, {"export": export(12)}, ["extend"]),
        (record(), dataclasses.replace(HERE, size=12), {}, []),
        (record(), GONE, {}, ["settle", "connect"]),
        (record("connecting"), HERE, {}, ["settle", "connect"]),
        (record("connecting"), dataclasses.replace(HERE, users=("swap on /dev/dm-0",)), {}, ["connect"]),
        (record("disconnecting"), GONE, {}, ["settle", "connect"]),
        (record(boot="before"), HERE, {}, ["connect"]),
        (record(boot="before"), dataclasses.replace(HERE, users=("mounted at /srv",)), {}, ["connect"]),
        (record(), dataclasses.replace(HERE, identity="unknown"), {}, "host"),
        (record(), dataclasses.replace(HERE, identity="wrong", users=("mounted at /srv",)), {}, "conflict"),
        (None, dataclasses.replace(GONE, leftovers=("sdc",)), {}, ["settle", "connect"]),
        (None, dataclasses.replace(GONE, leftovers=("sdc",), users=("mounted at /srv",)), {}, "conflict"),
        (None, dataclasses.replace(GONE, multipathd=False), {}, "host"),
        (None, dataclasses.replace(GONE, multipathd=False), {"multipath": "preferred"}, ["connect"]),
        (record(), dataclasses.replace(HERE, mapped=False), {}, ["settle", "connect"]),
        (record(), dataclasses.replace(HERE, mapped=False), {"multipath": "preferred"}, []),
        (record(), dataclasses.replace(HERE, paths=1), {}, ["connect"]),
        (record(), dataclasses.replace(HERE, paths=1), {"multipath": "preferred"}, []),
        (record(), dataclasses.replace(HERE, paths=1, returned=1), {"multipath": "preferred"}, ["connect"]),
        (record(), dataclasses.replace(HERE, returned=2, users=("mounted at /srv",)), {}, ["connect"]),
        (record(), dataclasses.replace(HERE, paths=1, returned=1), {"multipath": "no"}, []),
        (None, GONE, {"state": "absent"}, []),
        (record(boot="before"), GONE, {"state": "absent"}, ["disconnect"]),
        (record(), dataclasses.replace(HERE, users=("mounted at /srv",)), {"state": "absent"}, "in_use"),
        (record(), dataclasses.replace(HERE, users=("mounted at /srv",)), {"state": "absent", "force": True}, "in_use"),
        (record(), HERE, {"export": export(access_mode="ro")}, ["access"]),
        (record(), HERE, {"export": export(12, "ro")}, ["extend", "access"]),
        (record(), dataclasses.replace(HERE, users=("mounted at /srv",)), {"export": export(access_mode="ro")}, "in_use"),
        (made_at("one"), HERE, {"export": dataclasses.replace(export(), exported_at="two")}, ["connect"]),
        (made_at("one"), dataclasses.replace(HERE, users=("mounted at /srv",)), {"export": dataclasses.replace(export(), exported_at="two")}, ["connect"]),
        (made_at("one"), HERE, {"export": dataclasses.replace(export(), exported_at="one")}, []),
        (made_at("one"), dataclasses.replace(HERE, identity="unknown"), {"export": dataclasses.replace(export(), exported_at="two")}, ["settle", "connect"]),
        (made_at("one"), dataclasses.replace(HERE, identity="unknown", users=("mounted at /srv",)),
         {"export": dataclasses.replace(export(), exported_at="two")}, "conflict"),
        (record(access_mode="ro"), dataclasses.replace(HERE, access_mode="ro"), {"export": export(access_mode="ro")}, []),
        (record(access_mode="ro"), dataclasses.replace(HERE, access_mode="ro", users=("mounted at /srv",)), {}, ["access"]),
        (record(access_mode="ro"), HERE, {"export": export(access_mode="ro")}, ["access"]),
        (record(access_mode="ro"), dataclasses.replace(HERE, access_mode="ro", alike=False, users=("mounted at /srv",)),
         {"export": export(access_mode="ro")}, ["access"]),
        (record(boot="before"), dataclasses.replace(HERE, users=("mounted at /srv",)), {"export": export(access_mode="ro")}, "in_use"),
    ],
)
def test_rules(record_, facts_, changes, expected):
    wanted = Wanted(VOLUME, "present", "required", False, export())
    assert decided(record_, facts_, dataclasses.replace(wanted, **changes)) == expected


def test_a_refusal_names_who_uses_the_device():
    with pytest.raises(StorageError, match="vendor-a/database is in use on this host: mounted at /srv"):
        plan(record(), dataclasses.replace(HERE, users=("mounted at /srv",)), Wanted(VOLUME, "absent"))


@pytest.mark.parametrize(
    ("record_", "facts_", "protocol", "wish", "expected"),
    [
        (None, GONE, "nvmeof", "required", "host"),
        (None, dataclasses.replace(GONE, native=True), "nvmeof", "required", ["connect"]),
        (record(), dataclasses.replace(HERE, native=True, mapped=False), "nvmeof", "required", []),
        (record(), dataclasses.replace(HERE, native=True, mapped=False, paths=1), "nvmeof", "required", ["connect"]),
        (record(), dataclasses.replace(HERE, mapped=False), "nvmeof", "preferred", []),
        (record("disconnecting"), dataclasses.replace(HERE, native=True), "nvmeof", "preferred", ["connect"]),
        (record("connecting"), GONE, "nvmeof", "preferred", ["connect"]),
        (record(), GONE, "nvmeof", "preferred", ["connect"]),
        (record(), dataclasses.replace(HERE, opened="wrong"), "nvmeof", "preferred", ["settle", "connect"]),
        (None, GONE, "nfs", "required", "unsupported"),
        (record(), HERE, "nfs", "required", "unsupported"),
        (None, GONE, "nfs", "preferred", ["connect"]),
    ],
)
def test_rules_of_other_protocols(record_, facts_, protocol, wish, expected):
    assert decided(record_, facts_, Wanted(VOLUME, "present", wish, False, export(protocol=protocol))) == expected


@pytest.mark.parametrize(("protocol", "mapped"), [("iscsi", True), ("fibre_channel", True), ("nvmeof", False), ("nfs", False), ("local", False), ("", None)])
def test_a_map_is_foretold_where_there_will_be_one(protocol, mapped):
    wanted = Wanted(VOLUME, "present", "preferred", False, export(protocol=protocol))
    assert predict(None, GONE, wanted, ["connect"])[1].mapped is mapped


@pytest.mark.parametrize(
    "request_",
    [
        {"state": "gone", "volume_id": VOLUME},
        {"volume_id": VOLUME},
        {"state": "absent"},
        {"state": "absent", "volume_id": "../../etc/passwd"},
        {"state": "absent", "volume_id": VOLUME, "multipath": "maybe"},
        {"export": {"volume_id": VOLUME, "host": "node1"}},
        {"export": export().to_dict(), "volume_id": "another"},
        {"export": export(access_mode="r").to_dict()},
        {"export": export().to_dict(), "exported_at": ["T1"]},
    ],
)
def test_what_cannot_be_meant_is_refused(request_):
    with pytest.raises(StorageError) as caught:
        Wanted.from_dict(request_)
    assert caught.value.code == "invalid"


def test_the_short_form_of_absent():
    wanted = Wanted.from_dict({"export": {"volume_id": VOLUME}, "state": "absent", "multipath": None})
    assert (wanted.volume_id, wanted.export, wanted.multipath) == (VOLUME, None, "preferred")


@pytest.mark.parametrize(("recorded", "meant", "expected"), [
    ("T1", ("T1",), ["disconnect"]),
    ("T0", ("T0", "T1"), ["disconnect"]),
    ("T1", (), ["disconnect"]),
    (None, ("T1",), ["disconnect"]),  # a record from before exports had a time
    ("T2", ("T0", "T1"), "conflict"),
])
def test_only_what_is_meant_is_disconnected_and_not_what_another_task_attached_meanwhile(recorded, meant, expected):
    wanted = Wanted(VOLUME, "absent", exported_at=meant)
    if expected == "conflict":
        with pytest.raises(StorageError, match="Nothing was disconnected") as caught:
            plan(made_at(recorded), HERE, wanted)
        assert (caught.value.code, caught.value.parameter) == ("conflict", "exported_at")
    else:
        assert plan(made_at(recorded), HERE, wanted) == expected


def test_an_export_that_is_about_to_be_unmapped_is_not_connected_unless_whoever_meant_to_unmap_it_never_began():
    export_ = dataclasses.replace(export(), exported_at="T1")
    attached = dataclasses.replace(made_at("T1"), attached=True)
    refuse_withdrawn(None, export_, "")
    refuse_withdrawn(None, export_, "T0")
    refuse_withdrawn(None, export(), "T1")  # from before exports had a time
    refuse_withdrawn(attached, export_, "T1")
    for before in (None, made_at("T1"), dataclasses.replace(made_at("T0"), attached=True)):
        for withdrawn in ("T1", "T2"):
            with pytest.raises(StorageError, match="Nothing was connected") as caught:
                refuse_withdrawn(before, export_, withdrawn)
            assert (caught.value.code, caught.value.parameter) == ("conflict", "export")


def test_the_latest_of_exports_is_told_also_where_one_was_made_in_a_whole_second():
    whole, after, earlier = "2026-11-20T09:30:00Z", "2026-11-20T09:30:00.000001Z", "2026-11-20T09:29:59.999999Z"
    assert (latest([]), latest(["", earlier]), latest([whole, after, earlier]), latest([earlier, whole])) == ("", earlier, after, whole)
