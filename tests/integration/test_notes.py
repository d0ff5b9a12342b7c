# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver notes on a volume while it works on a snapshot is there for the next task: it decides how hosts read the volume."""

from __future__ import annotations


def test_a_host_is_told_the_format_that_a_snapshot_left_the_volume_in(make_controller, connector):
    controller = make_controller(backend=None)
    controller.register(driver="noted_files.NotedFileDriver")
    controller.ensure("volume", backend="one", name="data", size="1")

    def told():
        made = controller.ensure("export", backend="one", volume="data", connector=connector("node1"))
        assert not made.get("failed"), made
        (path,) = controller.array.glob("exports/*/node1")
        format_told = path.read_text()
        assert not controller.ensure("export", backend="one", volume="data", host="node1", state="absent").get("failed")
        return format_told

    assert told() == "raw"
    with controller.fault("create_snapshot", "the array is on fire"):
        assert controller.ensure("snapshot", backend="one", volume="data", name="night")["failed"]
    assert not controller.ensure("snapshot", backend="one", volume="data", name="night").get("failed")
    assert told() == "qcow2"
    assert not controller.ensure("snapshot", backend="one", name="night", state="absent").get("failed")
    assert told() == "raw"
