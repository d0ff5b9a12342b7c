# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver notes on a volume while it works on a snapshot is there for the next task: it decides how hosts read the volume."""

from __future__ import annotations

import pytest


@pytest.fixture(name="noted")
def fixture_noted(make_controller):
    """A controller whose driver notes the formats of volumes, with a volume."""
    controller = make_controller(backend=None)
    controller.register(driver="noted_files.CloningNotedFileDriver")
    controller.ensure("volume", backend="one", name="data", size="1")
    return controller


@pytest.fixture(name="told")
def fixture_told(noted, connector):
    """Return the format that a host is told of a volume."""

    def told(volume="data"):
        made = noted.ensure("export", backend="one", volume=volume, connector=connector("node1"))
        assert not made.get("failed"), made
        (path,) = noted.array.glob("exports/*/node1")
        format_told = path.read_text()
        assert not noted.ensure("export", backend="one", volume=volume, host="node1", state="absent").get("failed")
        return format_told

    return told


def test_a_host_is_told_the_format_that_a_snapshot_left_the_volume_in(noted, told):
    controller = noted
    assert told() == "raw"
    with controller.fault("create_snapshot", "the array is on fire"):
        assert controller.ensure("snapshot", backend="one", volume="data", name="night")["failed"]
    assert not controller.ensure("snapshot", backend="one", volume="data", name="night").get("failed")
    assert told() == "qcow2"
    assert not controller.ensure("snapshot", backend="one", name="night", state="absent").get("failed")
    assert told() == "raw"


@pytest.mark.parametrize("size", [1, 2])
def test_a_clone_of_a_volume_that_has_snapshots_has_the_format_of_a_new_volume(noted, told, size):
    assert not noted.ensure("snapshot", backend="one", volume="data", name="night").get("failed")
    assert not noted.ensure("volume", backend="one", name="copy", source_volume="data", size=size).get("failed")
    assert (told("data"), told("copy")) == ("qcow2", "raw")
