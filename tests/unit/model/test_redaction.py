# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords that stand within other words of a connection_info; tests/contract/connections has what drivers hand out."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.redaction import HIDDEN, redact_connection, share_password


def info(share, protocol="vzstorage"):
    return {"driver_volume_type": protocol, "data": {"export": share, "name": "volume-1"}}


@pytest.mark.parametrize("share", ["cluster1:canary", "mds1,mds2:/cluster1:canary", "mds1:2510,mds2:2510:/cluster1:canary"])
def test_the_password_of_a_virtuozzo_share_is_hidden(share):
    assert share_password(info(share)) == "canary"
    shown = redact_connection(info(share))
    assert shown == {"export": share.replace("canary", HIDDEN), "name": "volume-1"}


@pytest.mark.parametrize("share", ["cluster1", "mds1,mds2:/cluster1"])
def test_a_share_without_a_password_is_shown(share):
    assert redact_connection(info(share))["export"] == share


@pytest.mark.parametrize("share", ["10.0.0.1:/srv", "[fd00::1]:/srv", "server:/a:b"])
def test_a_share_of_nfs_is_shown(share):
    assert share_password(info(share, "nfs")) is None
    assert redact_connection(info(share, "nfs"))["export"] == share


def test_a_connection_without_data_is_none():
    assert redact_connection({}) == {}
