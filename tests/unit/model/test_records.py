# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about records: ids, errors, what is hidden, and that data survives its journey."""

from __future__ import annotations

import dataclasses
import json
import uuid

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model import attachment, errors, identity, redaction, resources
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.text(max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
DICTS = st.dictionaries(TEXTS, PLAIN, max_size=3)
EXPORTS = st.builds(
    attachment.Export,
    id=TEXTS,
    backend=TEXTS,
    volume_id=TEXTS,
    volume_name=TEXTS,
    host=TEXTS,
    size=st.integers(),
    protocol=TEXTS,
    connection_info=DICTS,
    sealed_connection_info=st.none() | TEXTS,
)
RECORDS = {
    attachment.Connector: st.builds(attachment.Connector, host=TEXTS, properties=DICTS, sealing_key=TEXTS),
    attachment.Export: EXPORTS,
    attachment.AttachmentRecord: st.builds(
        attachment.AttachmentRecord,
        export=EXPORTS,
        state=TEXTS,
        boot_id=TEXTS,
        multipath=TEXTS,
        device=DICTS,
        link=st.none() | TEXTS,
        identity=DICTS,
    ),
}


def journey(data):
    return json.loads(json.dumps(data))


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_a_record_survives_its_journey_as_json(cls, data):
    record = data.draw(RECORDS[cls])
    assert cls.from_dict(journey(record.to_dict())) == record


@pytest.mark.parametrize("cls", [attachment.Export, attachment.AttachmentRecord], ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_a_record_of_a_newer_version_with_more_parts_can_be_read(cls, data):
    record = data.draw(RECORDS[cls])
    assert cls.from_dict(dict(journey(record.to_dict()), invented_later={"a": 1})) == record


@pytest.mark.parametrize("key", ["id", "backend", "volume_id", "volume_name", "host", "size", "protocol"])
def test_half_an_export_is_refused_with_what_it_lacks(key):
    data = attachment.Export("i", "one", "v", "data", "node1", 1, "iscsi").to_dict()
    data.pop(key)
    with pytest.raises(errors.StorageError, match="export: .*%s.*legacy_export" % key):
        attachment.Export.from_dict(data)


def test_a_record_keeps_each_place_that_its_device_was_connected_at_once_and_never_the_present_one():
    monday, tuesday, friday = (attachment.Export("i", "one", "v", "data", "node1", 1, "iscsi", {"data": {"target_portals": [day]}}) for day in "mtf")
    record = attachment.AttachmentRecord(monday, "connected", "boot", "no")
    assert record.all_but(dataclasses.replace(monday, sealed_connection_info="new secrets")) == ()
    record = dataclasses.replace(record, export=tuesday, former=record.all_but(tuesday))
    record = dataclasses.replace(record, export=friday, former=record.all_but(friday))
    assert record.former == (monday, tuesday) and record.all_but(monday) == (tuesday, friday)
    assert attachment.AttachmentRecord.from_dict(journey(record.to_dict())) == record


@given(TEXTS, TEXTS, st.none() | TEXTS, DICTS)
def test_an_error_survives_its_journey(code, message, parameter, details):
    error = errors.StorageError(code, message, parameter, details)
    again = errors.StorageError.from_dict(journey(error.to_dict()))
    assert again.to_dict() == error.to_dict()
    assert str(again) == message


def test_an_error_about_a_value_names_parameter_and_value():
    error = errors.invalid("size", "x", "is not a size.")
    assert (error.code, error.parameter, error.message) == ("invalid", "size", "size: 'x': is not a size.")


def test_ids_are_the_same_in_every_run_and_on_every_controller_of_a_store():
    assert identity.derive_id("volume", "one", "data") == "0e68ea79-a4fa-577c-acdc-d4c2b8e67a44"
    assert identity.derive_id("volume", "one", "data", 1) == str(uuid.uuid5(uuid.UUID("6d0cbd5c-3a3c-5a86-9f9e-6f0a8d1d7f01"), "volume/one/data/1"))
    namespace = "b2b8d7f4-07a5-4f3c-8f53-0a51a1f0c1de"
    assert identity.derive_id("volume", "one", "data", 1, namespace) == str(uuid.uuid5(uuid.UUID(namespace), "volume/one/data/1"))
    assert identity.derived_from("volume", "one", "data", identity.derive_id("volume", "one", "data", 7, namespace), namespace)
    assert not identity.derived_from("volume", "one", "data", identity.derive_id("volume", "one", "data", 7), namespace)


@given(
    st.lists(
        st.tuples(st.sampled_from(["volume", "snapshot", "export"]), st.sampled_from(["one", "two"]), st.sampled_from(["a", "b", "c"]), st.integers(0, 3)),
        unique=True,
    )
)
def test_different_things_have_different_ids(keys):
    assert len({identity.derive_id(*key) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("6229f862-a401-5616-bf1c-8011d75b8844", True),
        ("6229F862-A401-5616-BF1C-8011D75B8844", True),
        ("6229f862a4015616bf1c8011d75b8844", False),
        ("data", False),
        ("", False),
        (None, False),
        ("{6229f862-a401-5616-bf1c-8011d75b8844}", False),
    ],
)
def test_only_the_usual_form_of_a_uuid_names_a_thing_by_id(value, expected):
    assert identity.is_id(value) is expected


def test_the_stable_path_of_a_volume_depends_on_nothing_but_its_id():
    assert attachment.stable_link("4711") == "/dev/disk/by-id/legacy-storage-4711"


@pytest.mark.parametrize(
    "key",
    [
        "auth_password",
        "auth_username",
        "AUTH_PASSWORD",
        "discovery_auth_password",
        "discovery_auth_username",
        "san_password",
        "passwd",
        "secret_uuid",
        "keyring",
        "api_token",
        "private_key_path",
        "client_secret",
        "credentials",
    ],
)
def test_values_that_open_doors_are_hidden_at_every_depth(key):
    shown = redaction.redact({"data": [{key: "canary", "target_portal": "192.0.2.1:3260"}], key: ["canary"]})
    assert shown == {"data": [{key: "(hidden)", "target_portal": "192.0.2.1:3260"}], key: "(hidden)"}


@pytest.mark.parametrize("key", ["auth_method", "target_iqn", "target_lun", "device_path", "volume_id", "access_mode"])
def test_what_a_person_needs_to_see_is_shown(key):
    assert redaction.redact({key: "value"}) == {key: "value"}


def test_that_there_is_no_secret_is_shown():
    assert redaction.redact({"auth_password": None, "keyring": ""}) == {"auth_password": None, "keyring": ""}


@given(DICTS)
def test_hiding_changes_nothing_it_was_given(data):
    before = journey(data)
    redaction.redact(data)
    assert journey(data) == before


def test_a_backend_shows_the_names_of_its_secrets_and_nothing_else_of_them():
    backend = resources.Backend("one", "d.D", {"san_ip": "192.0.2.1"}, {"san_password": "canary"})
    assert backend.to_public()["secret_options"] == {"san_password": "(hidden)"}
    assert "canary" not in repr(backend) + repr(backend.to_public())


def test_a_mapping_shows_neither_connector_nor_secrets():
    mapping = resources.Mapping("i", "one", "v", "data", "node1", {"initiator": "iqn"})
    assert set(mapping.to_public()) == {"id", "backend", "volume_id", "volume_name", "host", "multipath", "status", "access_mode"}


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ({"multiattach": "<is> True"}, True),
        ({"multiattach": "<is> true"}, True),
        ({"multiattach": "True"}, False),
        ({"multiattach": "<is> False"}, False),
        ({}, False),
    ],
)
def test_several_hosts_are_allowed_only_in_cinders_own_words(specs, expected):
    assert resources.Volume("i", "one", "data", 1, extra_specs=specs).multiattach is expected


@pytest.mark.parametrize(
    "record",
    [
        resources.Volume("i", "one", "data", 1, attached_to=("b", "a"), source=resources.Source("volume", "j", "gold")),
        resources.Snapshot("i", "one", "s", "v", "data", 1),
        resources.Backend("one", "d.D"),
        resources.Mapping("i", "one", "v", "data", "node1"),
    ],
    ids=lambda record: type(record).__name__,
)
def test_what_is_shown_is_plain_data_and_a_copy(record):
    shown = record.to_public()
    assert journey(shown) == shown
    for value in shown.values():
        if isinstance(value, dict):
            value["changed"] = "by the caller"
    assert "by the caller" not in repr(record)


def test_records_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        resources.Volume("i", "one", "data", 1).size = 2
