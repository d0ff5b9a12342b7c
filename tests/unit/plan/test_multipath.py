# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who makes one device of a volume's paths, by protocol."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import protocols
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan import multipath

PATHLESS = sorted(set(protocols.NEEDS) - multipath.MAPPED - multipath.NATIVE)


def test_every_protocol_is_known():
    assert multipath.MAPPED | multipath.NATIVE <= set(protocols.NEEDS) | {"nvme"}  # nvmeof's older name
    assert {"nfs", "rbd", "aoe", "drbd", "local", "scaleio"} <= set(PATHLESS)


@pytest.mark.parametrize(
    ("protocol", "wish", "multipathd", "map_", "everywhere"),
    [
        ("iscsi", "preferred", True, True, True),
        ("iSCSI", "required", True, True, True),
        ("fibre_channel", "preferred", False, False, False),
        ("fibre_channel", "no", True, False, False),
        ("nvmeof", "preferred", True, False, True),
        ("nvmeof", "preferred", False, False, True),
        ("nvmeof", "no", True, False, False),
        ("nfs", "preferred", True, False, False),
        ("rbd", "preferred", True, False, False),
        ("", "preferred", True, None, False),  # an export that check mode foretells
        ("", "preferred", False, False, False),
    ],
)
def test_what_comes_of_connecting(protocol, wish, multipathd, map_, everywhere):
    assert multipath.becomes_map(protocol, wish, multipathd) is map_
    assert multipath.all_paths(protocol, wish, multipathd) is everywhere


@pytest.mark.parametrize("protocol", PATHLESS)
def test_paths_are_not_required_of_a_protocol_that_has_none_here(protocol):
    with pytest.raises(StorageError, match="multipath: required, but volumes that are connected by %s" % protocol.upper()) as caught:
        multipath.refuse_required(protocol, True, True)
    assert (caught.value.code, caught.value.parameter) == ("unsupported", "multipath")


@pytest.mark.parametrize(
    ("protocol", "multipathd", "native", "words"),
    [("iscsi", False, True, "multipathd does not run"), ("nvmeof", True, False, "NVMe multipath is not on"), ("lightos", True, False, "nvme_core"),
     ("", False, True, "multipathd does not run")],
)
def test_what_is_not_there_on_this_host_is_named(protocol, multipathd, native, words):
    with pytest.raises(StorageError, match=words) as caught:
        multipath.refuse_required(protocol, multipathd, native)
    assert caught.value.code == "host"


@pytest.mark.parametrize(("protocol", "multipathd", "native"), [("iscsi", True, False), ("ISER", True, False), ("nvmeof", False, True), ("", True, False)])
def test_paths_may_be_required_where_somebody_manages_them(protocol, multipathd, native):
    multipath.refuse_required(protocol, multipathd, native)
