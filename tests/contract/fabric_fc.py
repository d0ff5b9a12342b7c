# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""FIBRE_CHANNEL: os-brick's real connector together with our host half, on a fake fabric (fake_fibre_channel.py). No such hardware was there."""

from __future__ import annotations

import os

from fake_fibre_channel import FakeFibreChannel, Volume
from relied_on import relied_on

FIRST = "ansible_collections.baremetal.legacy_storage.plugins.host.brick"
USERS = ("plugins/host/brick.py", "plugins/host/fibre_channel.py", "plugins/host/paths.py", "plugins/host/attach.py", "plugins/host/detach.py")
ONE, TWO = "21000024ff59fe94", "21000024ff59fe95"  # this node's adapters
P1, P2 = "524a93730000a001", "524a93730000a002"  # the storage system's ports
VOLUME, OTHER = "11111111-1111-5111-8111-111111111111", "22222222-2222-5222-8222-222222222222"
OURS, THEIRS = "624a9370f7d2a4d0c1b04f0100011010", "624a9370f7d2a4d0c1b04f0100011011"


def _info(lun=1, mapped=True, **more):
    """What Cinder's driver for Pure hands out (connections/fibre_channel_fabric.json), for two ports."""
    ports = [P1.upper(), P2.upper()]
    data = {"target_discovered": True, "target_lun": lun, "target_luns": [lun, lun], "target_wwn": ports, "target_wwns": ports, "discard": True}
    if mapped:
        data["initiator_target_map"] = {ONE.upper(): ports[:1], TWO.upper(): ports[1:]}
    return {"driver_volume_type": "fibre_channel", "data": dict(data, addressing_mode="SAM2", **more)}


def _fabric(lun=1):
    """Two adapters, each on a fabric of its own with one port of the storage system; a volume is mapped at both."""
    fabric = FakeFibreChannel({5: ONE, 6: TWO}, {5: [P1], 6: [P2]})
    fabric.mapped = {(P1, lun): Volume(OURS), (P2, lun): Volume(OURS)}
    return fabric


@relied_on(*USERS)
def two_paths_become_one_device_and_go_without_a_trace():
    """A volume over two adapters is one map under find_multipaths strict, reached by its stable path; flushed, then detached, it leaves nothing."""
    fabric = _fabric()
    before = fabric.all_there_is()
    told = fabric.attached(VOLUME, _info(), multipath="required")
    assert told["mapped"] and [path["state"] for path in told["paths"]] == ["active", "active"], told
    assert told["path"] == "/dev/disk/by-id/legacy-storage-" + VOLUME and fabric.link(VOLUME) == "dm-70", told
    assert fabric.maps() == {"dm-70": ["sdfa", "sdfb"]} and not fabric.warned, fabric.warned
    fabric.commands.clear()
    fabric.detached(VOLUME)
    flushed, unmapped, deleted = (
        next(number for number, command in enumerate(fabric.commands) if command.startswith(beginning))
        for beginning in ("blockdev --flushbufs /dev/dm-70", "multipath -f", "tee -a /sys/block/sdf")
    )
    assert flushed < unmapped < deleted, fabric.commands
    left = set(fabric.all_there_is()) - set(before) - {"/sys/bus", "/sys/devices/virtual"}
    assert not [path for path in left if not os.path.isdir(path)], left


@relied_on(*USERS)
def one_path_of_two_is_not_taken_where_two_are_required():
    """Where the second port shows no disk, multipath: required fails, says so, and takes the first path back."""
    fabric = _fabric()
    del fabric.mapped[P2, 1]
    message = fabric.refused(VOLUME, _info(), multipath="required")
    assert "1 active path(s), not 2" in message, message
    assert fabric.disks() == [] and fabric.maps() == {} and fabric.node.records.get(VOLUME) is None and fabric.link(VOLUME) is None


@relied_on(*USERS)
def one_path_of_two_is_told_where_two_are_preferred():
    """With multipath: preferred the volume is a map of one path, a warning names what is missing, and the second path joins when its port shows the disk."""
    fabric = _fabric()
    fabric.hidden.add((6, P2))
    told = fabric.attached(VOLUME, _info(), multipath="preferred")
    assert told["mapped"] and len(told["paths"]) == 1, told
    assert "1 active path(s) of 2" in " ".join(fabric.warned), fabric.warned
    fabric.hidden.clear()
    assert len(fabric.attached(VOLUME, _info(), multipath="required")["paths"]) == 2
    assert fabric.maps() == {"dm-70": ["sdfa", "sdfb"]}


@relied_on(*USERS)
def a_port_that_no_adapter_sees_is_named():
    """A port of the storage system that is missing on the fabric, by zoning or a cable, is named in the warning, and nobody waits for it."""
    fabric = FakeFibreChannel({5: ONE, 6: TWO}, {5: [P1], 6: []})
    fabric.mapped = {(P1, 1): Volume(OURS), (P2, 1): Volume(OURS)}
    for info in (_info(), _info(mapped=False)):
        fabric.warned.clear()
        fabric.attached(VOLUME, info, multipath="preferred")
        assert P2 in " ".join(fabric.warned) and P1 not in " ".join(fabric.warned), fabric.warned
        fabric.detached(VOLUME)
    message = fabric.refused(VOLUME, _info(), multipath="required")
    assert P2 in message, message


@relied_on(*USERS)
def one_disk_is_taken_where_multipath_is_not_wanted():
    """multipath: no gives a single disk, without a map or a warning, and all disks at the address go with it."""
    fabric = _fabric()
    told = fabric.attached(VOLUME, _info(), multipath="no")
    assert not told["mapped"] and fabric.maps() == {} and fabric.link(VOLUME) in fabric.disks() and not fabric.warned, (told, fabric.warned)
    fabric.detached(VOLUME)
    assert fabric.disks() == []


@relied_on(*USERS)
def a_disk_that_became_another_volume_is_swept_and_never_handed_out():
    """A disk left at the address, which the kernel remembers as another volume, is taken away first; the stable path leads to the volume itself."""
    fabric = _fabric()
    fabric.mapped = {(P1, 1): Volume(THEIRS), (P2, 1): Volume(THEIRS)}
    fabric.show(5, 0, 1)
    fabric.mapped = {(P1, 1): Volume(OURS), (P2, 1): Volume(OURS)}
    result = fabric.ask("present", VOLUME, _info(), multipath="required")
    assert result["operations"] == ["settle", "connect"] and not result.get("failed"), result
    assert result["attachment"]["multipath_id"] == "3" + OURS and fabric.maps() == {"dm-70": ["sdfb", "sdfc"]}, (result, fabric.maps())


@relied_on(*USERS)
def an_attached_volume_whose_lun_became_another_one_is_not_the_volume_any_more():
    """Where the storage system gives an attached volume's LUN to another one, a task refuses it, and the stable path does not lead to it."""
    fabric = _fabric()
    fabric.attached(VOLUME, _info(), multipath="required")
    fabric.mapped = {(P1, 1): Volume(THEIRS), (P2, 1): Volume(THEIRS)}
    message = fabric.refused(VOLUME, _info(), multipath="required")
    assert "another volume than before" in message and OURS in message and THEIRS in message, message
    assert fabric.link(VOLUME) is None and fabric.disks() == [] and fabric.maps() == {}
    assert fabric.node.records.get(VOLUME).identity["serial"] == "3" + OURS


@relied_on(*USERS)
def a_port_with_another_volume_at_the_lun_is_refused():
    """Where one port shows the volume and another one a different volume under the same LUN, nothing is attached, and no disk is left."""
    fabric = _fabric()
    fabric.mapped[P2, 1] = Volume(THEIRS)
    for multipath in ("preferred", "no"):
        message = fabric.refused(VOLUME, _info(), multipath=multipath)
        assert "different volumes" in message and OURS in message and THEIRS in message, message
        assert fabric.disks() == [] and fabric.maps() == {} and fabric.node.records.get(VOLUME) is None


@relied_on("plugins/host/facts.py", "plugins/host/detach.py")
def a_map_that_lost_all_its_disks_is_not_the_volume():
    """A map that somebody held while the last disk went is told as what answers nobody, and taken away once it is free."""
    fabric = _fabric()
    fabric.attached(VOLUME, _info(), multipath="required")
    fabric.hidden, fabric.in_use = {(5, P1), (6, P2)}, {"dm-70"}
    for name in fabric.disks():
        fabric.take_away(name)
    assert "no path to it answers" in fabric.refused(VOLUME, _info(), multipath="preferred") and fabric.maps() == {"dm-70": []}
    fabric.in_use = set()
    fabric.detached(VOLUME)
    assert fabric.maps() == {} and fabric.link(VOLUME) is None


@relied_on(*USERS)
def what_cannot_be_flushed_stays_attached():
    """A volume whose map cannot be flushed is not taken away: the record is kept, and the message says what stayed."""
    fabric = _fabric()
    fabric.attached(VOLUME, _info(), multipath="required")
    fabric.failing = ["blockdev --flushbufs"]
    result = fabric.ask("absent", VOLUME)
    assert result["failed"] and "What stayed" in result["msg"], result
    assert fabric.maps() == {"dm-70": ["sdfa", "sdfb"]} and fabric.node.records.get(VOLUME) is not None
    fabric.failing = ["multipath -f"]
    result = fabric.ask("absent", VOLUME)
    assert result["failed"] and "/dev/dm-70" in result["msg"], result
    assert fabric.maps() and fabric.node.records.get(VOLUME).state == "disconnecting"
    fabric.failing = []
    fabric.detached(VOLUME)
    assert fabric.disks() == [] and fabric.maps() == {}


@relied_on(*USERS)
def every_path_and_the_map_grow():
    """An extended volume has its new size on both paths and the map."""
    fabric = _fabric()
    fabric.attached(VOLUME, _info(), multipath="required")
    for volume in fabric.mapped.values():
        volume.size = 2
    result = fabric.ask("present", VOLUME, _info(), size=2, multipath="required")
    assert result["operations"] == ["extend"] and result["attachment"]["size"] == 2, result
    assert {fabric.read("/sys/class/block/%s/size" % name) for name in ("sdfa", "sdfb", "dm-70")} == {str(2 * 2 ** 21)}


@relied_on(*USERS)
def a_storage_system_and_a_udev_that_take_their_time_are_waited_for():
    """A LUN that is shown five seconds late is scanned for again, and udev's links may be four seconds late."""
    fabric = _fabric()
    fabric.hidden = {(5, P1), (6, P2)}

    def show():
        if sum(command.endswith("/scan") for command in fabric.commands) > 4:
            fabric.hidden.clear()

    fabric.ticking.append(show)
    fabric.udev_is_late = 4
    assert fabric.attached(VOLUME, _info(), multipath="required")["mapped"]


@relied_on(*USERS)
def high_luns_are_found_and_go():
    """A LUN above 255 is flat to the kernel (SAM-2); its disks are found by that number, and go."""
    fabric = _fabric(lun=0x4000 + 300)
    assert fabric.attached(VOLUME, _info(lun=300), multipath="required")["mapped"]
    fabric.detached(VOLUME)
    assert fabric.disks() == []


@relied_on("plugins/host/brick.py", "plugins/host/fibre_channel.py")
def a_volume_at_the_same_ports_is_left_alone():
    """Of two volumes behind the same ports one is detached, and the other one keeps its paths, its map and its stable path."""
    fabric = _fabric()
    fabric.mapped.update({(P1, 2): Volume(THEIRS), (P2, 2): Volume(THEIRS)})
    fabric.attached(VOLUME, _info(), multipath="required")
    fabric.attached(OTHER, _info(lun=2), multipath="required")
    fabric.detached(VOLUME)
    assert fabric.maps() == {"dm-71": ["sdfc", "sdfd"]} and fabric.link(OTHER) == "dm-71" and fabric.link(VOLUME) is None
    assert not fabric.ask("present", OTHER, _info(lun=2), multipath="required")["changed"]


@relied_on("plugins/host/brick.py")
def a_node_tells_the_names_of_its_adapters():
    """The connector of a node has the WWPNs and WWNNs of the adapters whose link is up, as Cinder's drivers expect them."""
    from ansible_collections.baremetal.legacy_storage.plugins.host import brick

    fabric = _fabric()
    fabric.answers["findmnt"] = fabric.answers["nvme"] = fabric.answers["dmidecode"] = fabric.answers["blkid"] = lambda *_words: ""
    fabric.answers["cat"] = fabric.read
    fabric.write("/etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.x:y\n")
    fabric.write("/sys/class/fc_host/host6/port_state", "Linkdown\n")
    told = brick.properties("node1", "192.0.2.1", True)
    assert (told["wwpns"], told["wwnns"]) == ([ONE], ["20" + ONE[2:]]), told
