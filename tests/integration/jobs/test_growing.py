# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""grow_volume and grow_nearly_full by real ansible-playbook runs. Volumes are files here, and so are the file systems on them."""

from __future__ import annotations

import json
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.jobs.conftest import make_ext4

pytestmark = pytest.mark.extra  # whole playbooks, many of them

GIB = 1024**3
DATA = {"grow_backend": "one", "grow_volume": "data"}


def ext4_size(path):
    """Return the bytes that the ext4 on a file has."""
    told = subprocess.run(["dumpe2fs", "-h", str(path)], capture_output=True, text=True, check=True, timeout=60).stdout
    facts = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    return int(facts["Block count"]) * int(facts["Block size"])


def test_a_volume_its_device_and_the_file_system_on_it_grow_foretold_by_check_mode_and_only_once(rack):
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    path = rack.file_of("data")
    make_ext4(path)
    before = rack.controller.look()
    foretold = rack.run("grow_volume", check=True, diff=True, grow_size="2GiB", **DATA)
    assert (foretold.code, rack.controller.look()) == (0, before), foretold.output
    assert foretold.changed == ["Let the volume grow", "Foretell in check mode that it will fill the device"]

    grown = rack.done("grow_volume", grow_size="2GiB", **DATA)
    assert grown.changed == ["Let the volume grow", "Let it fill the device"]
    assert grown.result("Let every path show the new size")["attachment"]["size"] == 2
    assert (path.stat().st_size, ext4_size(path)) == (2 * GIB, 2 * GIB)
    assert rack.done("grow_volume", grow_size="2GiB", **DATA).changed == []
    assert rack.run("grow_volume", check=True, grow_size="2GiB", **DATA).changed == []


def test_a_file_system_that_an_interrupted_run_left_small_grows_with_the_next_one(rack):
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    make_ext4(rack.file_of("data"))
    rack.volume("data", 2)
    assert rack.done("grow_volume", grow_size="2GiB", **DATA).changed == ["Let it fill the device"]
    assert ext4_size(rack.file_of("data")) == 2 * GIB


def say_read_only(rack):
    """Let node1 remember its volume as read-only: its devices are files, which it would not attach so, and what it remembers is all there is to see."""
    (record,) = rack.records()
    told = json.loads(record.read_text())
    told["export"]["access_mode"] = "ro"
    record.write_text(json.dumps(told))


def test_what_is_attached_to_be_read_only_is_not_made_writable_by_growing_or_moving(rack):
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    say_read_only(rack)
    rack.controller.register("two")
    for playbook, variables in [
        ("grow_volume", dict(DATA, grow_size="2GiB")),
        ("migrate_backend", {"migrate_from": "one", "migrate_to": "two", "migrate_detach": True}),
    ]:
        outcome = rack.run(playbook, **variables)
        assert outcome.code != 0
        assert "access_mode: 'ro'" in outcome.output, outcome.output  # of a loop, only the items say why


def test_nothing_is_made_on_a_device_that_holds_no_file_system(rack):
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    outcome = rack.done("grow_volume", grow_size="2GiB", **DATA)
    assert outcome.changed == ["Let the volume grow"]
    assert "holds nothing that blkid knows" in outcome.output
    assert subprocess.run(["blkid", "-p", str(rack.file_of("data"))], check=False, timeout=60).returncode == 2


def test_a_volume_that_is_attached_nowhere_grows_and_says_so(rack):
    outcome = rack.done("grow_volume", grow_size="2GiB", **DATA)
    assert rack.volumes()["data"]["size"] == 2
    assert "is attached to no node" in outcome.output


def test_a_volume_that_a_kubelet_may_have_connected_grows_and_is_not_attached_by_this(rack):
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    (record,) = rack.records("node1")
    record.unlink()  # as if only the controller knew of it
    outcome = rack.done("grow_volume", grow_size="2GiB", **DATA)
    assert (outcome.changed, rack.records("node1")) == (["Let the volume grow"], [])
    assert "is mapped to node1, and this collection has not attached it there" in outcome.output


def test_what_cannot_be_is_refused_naming_it(rack):
    before = rack.controller.look()
    for variables, words in [
        ({"grow_backend": "one", "grow_size": "2"}, ["grow_volume"]),
        (dict(DATA, grow_size="0.5"), ["size"]),
        ({"grow_backend": "one", "grow_volume": "dat", "grow_size": "2"}, ["grow_volume", '"dat"', '"one"']),
    ]:
        outcome = rack.run("grow_volume", **variables)
        assert outcome.code != 0
        assert all(word in outcome.failure for word in words), outcome.failure
    assert rack.controller.look() == before


def test_a_volume_on_a_node_that_the_inventory_lacks_does_not_grow(rack):
    rack.attach(hosts="node3", controller="controller1", backend="one", volume="data")
    del rack.inventory["all"]["children"]["storage_nodes"]["hosts"]["node3"]
    outcome = rack.run("grow_volume", grow_size="2GiB", **DATA)
    assert "attached to node3" in outcome.failure
    assert rack.volumes()["data"]["size"] == 1


FULL = {"nearly_full_node": "node1", "nearly_full_mountpoint": "/srv/data", "nearly_full_limit": "3GiB"}


@pytest.fixture(name="mounted")
def fixture_mounted(rack):
    """The volume attached to node1 with an ext4, and a FAKE findmnt that tells it to be mounted at /srv/data: files cannot be mounted as devices are."""
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    make_ext4(rack.file_of("data"))
    folder = rack.root / "fake"
    folder.mkdir()
    (folder / "findmnt").write_text('#!/bin/sh\ncase "$*" in\n*USED*) cat "%s/usage" ;;\n*) echo /srv/data ;;\nesac\n' % folder)
    (folder / "findmnt").chmod(0o755)

    def run(used, check=False, fstype="ext4", **changes):
        (folder / "usage").write_text("%d %d %s /srv/data\n" % (used, 100 - used, fstype))
        return rack.run("grow_nearly_full", check=check, path="%s:" % folder, **dict(FULL, **changes))

    return run


def test_what_is_nearly_full_and_attached_read_only_does_not_grow(rack, mounted):
    say_read_only(rack)
    outcome = mounted(95)
    assert "would not grow with volume data" in outcome.failure and "on a read-only volume that node1 has" in outcome.failure
    assert rack.volumes()["data"]["size"] == 1


def test_what_is_nearly_full_grows_by_a_step_up_to_a_limit_and_what_has_room_does_not(rack, mounted):
    assert mounted(84).changed == []
    assert mounted(85, check=True).changed == ["Let the volume grow", "Foretell in check mode that it will fill the device"]
    assert rack.volumes()["data"]["size"] == 1
    assert mounted(85).changed == ["Let the volume grow", "Let it fill the device"]
    assert ext4_size(rack.file_of("data")) == 2 * GIB
    assert mounted(40).changed == []
    assert mounted(99, nearly_full_step=100).changed == ["Let the volume grow", "Let it fill the device"]
    assert rack.volumes()["data"]["size"] == 3
    full = mounted(99)
    assert "nearly_full_limit" in full.failure
    assert rack.volumes()["data"]["size"] == 3


def test_a_file_system_that_would_not_grow_does_not_let_its_volume_grow_time_and_again(rack, mounted):
    assert "would not grow with volume data: it is vfat" in mounted(99, fstype="vfat").failure
    assert rack.volumes()["data"]["size"] == 1


def test_an_event_that_names_what_is_not_there_changes_nothing(rack, mounted):
    for changes, words in [
        ({"nearly_full_mountpoint": "/"}, "no volume of this collection is mounted at /"),
        ({"nearly_full_node": "node9"}, "not in the group storage_nodes"),
        ({"nearly_full_mountpoint": "srv"}, "absolute path"),
        ({"nearly_full_limit": "all of it"}, "nearly_full_limit"),
    ]:
        outcome = mounted(99, **changes)
        assert words in outcome.failure, outcome.output
    assert rack.volumes()["data"]["size"] == 1
