# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host has which volumes."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.plugin_utils.attached import check_listing, hosts_of

VOLUME = {"backend": "one", "name": "data", "id": "0f5b", "size": 2, "attached_to": ["node2", "node1"], "metadata": {"team": "a"}}


def test_a_volume_on_two_hosts_is_told_of_both_and_one_on_none_of_nobody():
    told = {"backend": "one", "volume_name": "data", "volume_id": "0f5b", "size": 2, "path": "/dev/disk/by-id/legacy-storage-0f5b", "metadata": {"team": "a"}}
    hosts = hosts_of([VOLUME, dict(VOLUME, name="free", attached_to=[])])
    assert hosts == {"node1": [told], "node2": [told]}
    assert list(hosts) == ["node1", "node2"]


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        ([], "list called volumes"),
        ({"volumes": None}, "list called volumes"),
        ({"volumes": [VOLUME, "data"]}, r"volumes\[1\].backend must be a text"),
        ({"volumes": [dict(VOLUME, attached_to="node1")]}, r"volumes\[0\].attached_to must be a list"),
    ],
)
def test_what_is_no_listing_is_refused_naming_the_place(listing, words):
    with pytest.raises(ValueError, match=words):
        check_listing(listing)
