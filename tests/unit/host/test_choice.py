# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One place picks the connector of a protocol."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import protocols
from ansible_collections.baremetal.legacy_storage.plugins.host.connectors import choice
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.redaction import redact


def test_a_protocol_of_ours_never_asks_os_brick(kernel):
    never = pytest.fail
    assert isinstance(choice.choose(kernel.system, "aoe", {"target_shelf": 1, "target_lun": 2}, never), choice.Aoe)
    assert isinstance(choice.choose(kernel.system, "drbd", {"name": "r", "device": "/dev/drbd1"}, never), choice.Drbd)


def test_every_other_protocol_is_os_bricks(kernel):
    assert choice.choose(kernel.system, "iscsi", {}, lambda: "os-brick's") == "os-brick's"


@pytest.mark.parametrize(("protocol", "product"), [("hgst", "HGST Solutions Storage"), ("disco", "ITRI DISCO")])
def test_a_product_that_ended_is_refused_with_its_name_and_what_to_do(kernel, protocol, product):
    with pytest.raises(StorageError) as caught:
        choice.choose(kernel.system, protocol, {}, pytest.fail)
    assert caught.value.code == "unsupported"
    for words in (protocol.upper(), product, "ended", "Nothing was connected", "Copy the data"):
        assert words in caught.value.message


def test_each_protocol_of_ours_offers_the_whole_connector_and_tells_its_needs():
    for protocol, own in choice.OWN.items():
        assert all(callable(getattr(own, name)) for name in ("connect", "login_failures", "disconnect", "extend", "stays"))
        assert protocols.NEEDS[protocol]


@pytest.mark.parametrize(
    "info",
    [{"driver_volume_type": "AoE", "data": {"a": 1}}, {"conn": {"driver_volume_type": "aoe", "data": {"a": 1}}}],
)
def test_an_envelope_names_the_protocol(info):
    assert choice.unwrap(info, "iscsi") == ("aoe", {"a": 1})
    assert choice.unwrap({"a": 1}, "AOE") == ("aoe", {"a": 1})


def test_what_led_nowhere_leaves_nothing(kernel):
    assert choice.stays(kernel.system, "aoe", {}) == []
    assert choice.stays(kernel.system, "iscsi", {"target_lun": 1}) == []


def test_the_secret_of_drbd_is_not_shown():
    assert redact({"data": {"name": "r", "provider_auth": "canary"}}) == {"data": {"name": "r", "provider_auth": "(hidden)"}}
