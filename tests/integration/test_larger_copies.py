# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copy that is larger than its source, from drivers that leave it at the source's size (Cinder's RemoteFS, so NFS)."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import GIB


@pytest.fixture(name="remote")
def fixture_remote(make_controller):
    """A controller whose driver never grows a copy, with a volume and its snapshot."""
    controller = make_controller(backend=None)
    controller.register(driver="sparse_files.RemoteFileDriver")
    controller.ensure("volume", backend="one", name="data", size="1")
    with open(controller.path_of("volume", controller.id_of("volume", "one", "data")), "r+b") as stream:
        stream.write(b"gold")
    controller.ensure("snapshot", backend="one", name="snap", volume="data")
    return controller


def copied(controller, **source):
    result = controller.ensure("volume", backend="one", name="copy", **source)
    assert not result.get("failed"), result
    volume = result["volumes"][0]["volume"]
    path = controller.path_of("volume", volume["id"])
    with open(path, "rb") as stream:
        assert stream.read(4) == b"gold"
    return volume["size"], path.stat().st_size // GIB


@pytest.mark.parametrize("source", ["volume", "snapshot"])
def test_it_has_the_size_that_was_asked_for_on_the_array_too(remote, source):
    source = {"source_volume": "data"} if source == "volume" else {"source_snapshot": "snap"}
    before = len(remote.calls())
    assert copied(remote, size="3", **source) == (3, 3)
    assert [method for _moment, what, method in remote.calls()[before:] if what == "begin"].count("extend_volume") == 1
    assert remote.ensure("volume", backend="one", name="copy", size="3", **source)["changed"] is False
    remote.ensure("volume", backend="one", name="copy", state="absent")
    before = len(remote.calls())
    assert copied(remote, **source) == (1, 1)
    assert "extend_volume" not in [method for _moment, _what, method in remote.calls()[before:]]


def test_nothing_is_left_of_one_that_could_not_grow(remote):
    files = remote.listing()
    with remote.fault("extend_volume", "no room"):
        result = remote.ensure("volume", backend="one", name="copy", source_snapshot="snap", size="2")
    assert "no room" in result["msg"]
    assert (remote.listing(), remote.unsettled()) == (files, [])
    assert copied(remote, source_snapshot="snap", size="2") == (2, 2)


@pytest.mark.parametrize("point", ["before extend_volume", "after extend_volume"])
def test_one_that_was_killed_between_copying_and_growing_is_made_anew(remote, point, monkeypatch):
    monkeypatch.setenv("BLS_TEST_KILL_AT", point)
    with pytest.raises(StorageError):
        remote.ensure("volume", backend="one", name="copy", source_snapshot="snap", size="2")
    monkeypatch.delenv("BLS_TEST_KILL_AT")
    assert copied(remote, source_snapshot="snap", size="2") == (2, 2)
    assert remote.unsettled() == []
