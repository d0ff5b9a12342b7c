# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about parameters: what cannot be meant is refused, naming the parameter and its value."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import Connector
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted import WantedBackend, WantedExport, WantedSnapshot, WantedVolume
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.wanted_backups import WantedRepository

CONNECTOR = Connector("node1", {"initiator": "iqn.2026-01.test:node1"}, "a2V5").to_dict()
GOOD = {
    WantedVolume: {"backend": "one", "name": "data", "size": "10"},
    WantedSnapshot: {"backend": "one", "name": "nightly", "volume": "data"},
    WantedBackend: {"name": "one", "driver": "some.Driver"},
    WantedExport: {"backend": "one", "volume": "data", "connector": CONNECTOR},
}
BAD_NAMES = [
    (None, "required"),
    ("", "required"),
    ("  ", "required"),
    ("x" * 256, "255"),
    (" data", "space"),
    ("data ", "space"),
    ("da\nta", "control"),
    ("da\x00ta", "control"),
]


def refused(cls, **changes):
    with pytest.raises(StorageError) as caught:
        cls.from_params(dict(GOOD[cls], **changes))
    assert caught.value.code == "invalid"
    return caught.value


@pytest.mark.parametrize("cls", GOOD, ids=lambda cls: cls.__name__)
def test_good_parameters_are_accepted(cls):
    cls.from_params(GOOD[cls])


@pytest.mark.parametrize(("value", "hint"), BAD_NAMES)
@pytest.mark.parametrize(
    ("cls", "parameter"),
    [
        (WantedVolume, "backend"),
        (WantedVolume, "name"),
        (WantedSnapshot, "backend"),
        (WantedSnapshot, "name"),
        (WantedBackend, "name"),
        (WantedExport, "backend"),
        (WantedExport, "volume"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_name_must_be_a_plain_text_of_at_most_255_characters(cls, parameter, value, hint):
    error = refused(cls, **{parameter: value})
    assert error.parameter == parameter
    assert error.message.startswith(parameter + ": ")
    assert hint in error.message


@pytest.mark.parametrize(
    ("cls", "parameter"),
    [(WantedVolume, "source_volume"), (WantedVolume, "source_snapshot"), (WantedVolume, "pool"), (WantedSnapshot, "volume")],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_name_that_may_be_left_out_must_not_be_empty(cls, parameter):
    assert refused(cls, **{parameter: ""}).parameter == parameter
    assert getattr(cls.from_params(dict(GOOD[cls], **{parameter: None})), parameter) is None


def test_a_name_of_255_characters_is_accepted():
    assert WantedVolume.from_params(dict(GOOD[WantedVolume], name="x" * 255)).name == "x" * 255


@pytest.mark.parametrize("cls", GOOD, ids=lambda cls: cls.__name__)
def test_a_state_there_is_not_is_refused_with_those_there_are(cls):
    error = refused(cls, state="gone")
    assert error.parameter == "state"
    assert "'gone'" in error.message and "present, absent" in error.message


@pytest.mark.parametrize("key", ["metadata", "extra_specs", "qos_specs"])
@pytest.mark.parametrize("value", ["text", ["a"], {"a": ["b"]}, {"a": {"b": "c"}}], ids=repr)
def test_metadata_and_specs_hold_texts_only(key, value):
    error = refused(WantedVolume, **{key: value})
    assert error.parameter.partition(".")[0] == key
    assert error.message.startswith(key)


def test_numbers_in_metadata_become_texts():
    assert WantedVolume.from_params(dict(GOOD[WantedVolume], metadata={"a": 1, 2: True, "none": None})).metadata == {"a": "1", "2": "True", "none": ""}


def test_empty_metadata_is_something_else_than_none_given():
    assert WantedVolume.from_params(dict(GOOD[WantedVolume], metadata={})).metadata == {}
    assert WantedVolume.from_params(GOOD[WantedVolume]).metadata is None


def test_a_volume_has_one_source():
    error = refused(WantedVolume, source_volume="a", source_snapshot="b")
    assert error.parameter == "source_volume"
    assert "source_snapshot" in error.message


def test_force_overrides_only_what_has_a_name():
    error = refused(WantedVolume, force=["attached", "everything"])
    assert (error.parameter, "'everything'" in error.message) == ("force", True)


def test_a_bad_size_is_refused_with_its_value():
    assert refused(WantedVolume, size="1.5").message.startswith("size: '1.5': ")


@pytest.mark.parametrize("name", ["a@b", "a#b", "a/b", "a b"])
def test_a_backend_name_must_fit_into_cinders_host_notation(name):
    error = refused(WantedBackend, name=name)
    assert (error.parameter, repr(name) in error.message) == ("name", True)


def test_a_backend_needs_a_driver_only_to_be_present():
    assert refused(WantedBackend, driver=None).parameter == "driver"
    assert WantedBackend.from_params({"name": "one", "state": "absent"}).driver is None


@pytest.mark.parametrize("key", ["san_password", "api_token", "auth_key", "chap_secret"])
def test_what_looks_like_a_secret_is_not_taken_among_open_options_and_not_repeated(key):
    error = refused(WantedBackend, options={key: "canary-value"})
    assert error.parameter == "options"
    assert key in error.message and "secret_options" in error.message and "canary-value" not in error.message


def test_an_option_stands_in_one_place():
    error = refused(WantedBackend, options={"san_ip": "1"}, secret_options={"san_ip": "canary-value"})
    assert error.message.startswith("options.san_ip: ") and "canary-value" not in error.message


@pytest.mark.parametrize(("key", "place"), [("volume_driver", "driver"), ("volume_backend_name", "name")])
def test_an_option_that_a_parameter_sets_is_refused_with_the_parameters_name(key, place):
    assert "parameter %s;" % place in refused(WantedBackend, options={key: "x"}).message
    assert "parameter %s;" % place in refused(WantedBackend, secret_options={key: "x"}).message


@pytest.mark.parametrize("value", [0, -1, "0"])
def test_at_least_one_operation_runs_at_once(value):
    assert refused(WantedBackend, max_parallel=value).parameter == "max_parallel"


def test_secrets_do_not_show_in_a_records_text():
    wanted = WantedBackend.from_params(dict(GOOD[WantedBackend], secret_options={"x": "canary-value"}))
    assert "canary-value" not in repr(wanted)


def test_an_export_needs_a_connector_to_be_present_and_a_host_to_be_absent():
    assert refused(WantedExport, connector=None).parameter == "connector"
    assert refused(WantedExport, connector=None, state="absent").parameter == "host"
    assert WantedExport.from_params({"backend": "one", "volume": "data", "state": "absent", "host": "node1"}).host == "node1"


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_connector_is_not_exported_under_another_hosts_name(state):
    error = refused(WantedExport, host="node2", state=state)
    assert (error.parameter, "'node2'" in error.message, "node1" in error.message) == ("host", True, True)
    assert WantedExport.from_params(dict(GOOD[WantedExport], host="node1", state=state)).host == "node1"


@pytest.mark.parametrize("key", ["host", "properties", "sealing_key"])
def test_half_a_connector_is_refused_with_what_it_lacks(key):
    error = refused(WantedExport, connector={name: value for name, value in CONNECTOR.items() if name != key})
    assert (error.parameter, key in error.message) == ("connector", True)


@pytest.mark.parametrize("value", [{"properties": "text"}, {"properties": None}])
def test_a_connector_with_wrong_parts_is_refused(value):
    assert refused(WantedExport, connector=dict(CONNECTOR, **value)).parameter == "connector"


@pytest.mark.parametrize("value", ["text", [1], 7], ids=repr)
def test_a_connector_that_is_none_is_refused(value):
    assert refused(WantedExport, connector=value).parameter == "connector"


def test_an_item_touches_what_it_names_and_what_it_comes_from():
    assert WantedVolume.from_params(dict(GOOD[WantedVolume], source_volume="gold")).touches() == {("volume", "one", "data"), ("volume", "one", "gold")}
    assert WantedVolume.from_params(dict(GOOD[WantedVolume], source_snapshot="s")).touches() == {("volume", "one", "data"), ("snapshot", "one", "s")}
    assert WantedSnapshot.from_params(GOOD[WantedSnapshot]).touches() == {("snapshot", "one", "nightly"), ("volume", "one", "data")}
    assert WantedExport.from_params(GOOD[WantedExport]).touches() == {("volume", "one", "data")}
    assert WantedBackend.from_params(GOOD[WantedBackend]).touches() == {("backend", "one", "one")}


REPOSITORY = {"name": "offsite", "location": "s3:https://192.0.2.30/backup", "password": "p"}


@pytest.mark.parametrize(
    "variable",
    [
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_ACCOUNT_KEY", "AZURE_ACCOUNT_SAS", "B2_ACCOUNT_KEY", "GOOGLE_ACCESS_TOKEN", "OS_PASSWORD",
        "OS_AUTH_TOKEN", "OS_APPLICATION_CREDENTIAL_SECRET", "ST_KEY", "RESTIC_REST_PASSWORD", "RESTIC_PASSWORD_COMMAND", "RCLONE_CONFIG_PASS",
        "RCLONE_CONFIG_X_PASS", "rclone_config_x_pass", "RCLONE_CONFIG_X_KEY_FILE_PASS", "RCLONE_CONFIG_X_KEY_PEM", "RCLONE_CONFIG_X_SAS_URL",
        "RCLONE_CONFIG_X_SSE_CUSTOMER_KEY_BASE64", "RCLONE_CONFIG_X_SERVICE_ACCOUNT_CREDENTIALS", "RCLONE_CONFIG_X_ACCESS_GRANT",
        "RCLONE_CONFIG_X_CONNECTION_STRING",
    ],
)  # fmt: skip
def test_a_variable_that_restic_or_rclone_takes_a_secret_from_is_refused_where_it_would_be_shown(variable):
    with pytest.raises(StorageError, match="secret_environment") as caught:
        WantedRepository.from_params(dict(REPOSITORY, environment={variable: "canary"}))
    assert caught.value.parameter == "environment" and "canary" not in caught.value.message
    assert WantedRepository.from_params(dict(REPOSITORY, secret_environment={variable: "canary"})).secret_environment == {variable: "canary"}


def test_a_proxy_with_a_password_is_refused_where_it_would_be_shown():
    with pytest.raises(StorageError, match="HTTPS_PROXY.*secret_environment") as caught:
        WantedRepository.from_params(dict(REPOSITORY, environment={"HTTPS_PROXY": "http://me:canary@192.0.2.9:3128"}))
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    "variable",
    [
        "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AZURE_ACCOUNT_NAME", "B2_ACCOUNT_ID", "GOOGLE_PROJECT_ID", "OS_AUTH_URL", "OS_USERNAME", "ST_AUTH",
        "ST_USER", "RCLONE_CONFIG_X_TYPE", "RCLONE_CONFIG_X_KEY_FILE", "RCLONE_BWLIMIT", "RESTIC_KEY_HINT", "HTTPS_PROXY",
    ],
)  # fmt: skip
def test_a_variable_that_holds_no_secret_may_be_shown(variable):
    assert WantedRepository.from_params(dict(REPOSITORY, environment={variable: "x"})).environment == {variable: "x"}
