# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SCALEIO, STORPOOL, HUAWEISDSHYPERVISOR, LIGHTOS: os-brick's real connectors together with our host half, on a fake node.

The products' clients are fakes that know no more than what os-brick asks of them. That a detach ends, and when it must not, depends on us; what the products do
is not shown.
"""

from __future__ import annotations

import json
import os
import types
from pathlib import Path

from fake_node import GIB, FakeNode
from fake_nvme import FakeNvme, Namespace
from relied_on import relied_on

FIRST = "ansible_collections.baremetal.legacy_storage.plugins.host.brick"
USERS = ("plugins/host/brick.py", "plugins/host/devices.py", "plugins/host/attach.py", "plugins/host/detach.py")
VOLUME, OTHER = "11111111-1111-5111-8111-111111111111", "22222222-2222-5222-8222-222222222222"


def _info(name):
    return json.loads((Path(__file__).parent / "connections" / (name + ".json")).read_text())["connection_info"]


class _Client(FakeNode):
    """A node with a product's client. :ivar size: of the volume, in GiB. :ivar shown: whether its device is there."""

    def __init__(self, device, link):
        super().__init__()
        self.device, self.path, self.size, self.shown = device, link, 1, False
        self.answers.update(blockdev=self._blockdev, dd=lambda *_words: "")

    def show(self):
        """Show the volume."""
        if not self.shown:
            self.block(self.device, "/sys/devices/virtual/block/" + self.device, self.size * GIB)
            self.to(self.path, "/dev/" + self.device)
        self.shown = True

    def hide(self):
        """Take it back."""
        if self.shown:
            if os.path.islink(self.path):
                os.unlink(self.path)
            self.gone(self.device)
        self.shown = False

    def rescan(self):
        """Let the device have the volume's size."""
        self.write("/sys/class/block/%s/size" % self.device, "%d\n" % (self.size * GIB // 512))

    def _blockdev(self, what, _path):
        return "%d\n" % (self.size * GIB) if what == "--getsize64" else ""

    def becomes_another(self):
        """Let the device be gone, and another volume have its kernel name."""
        self.hide()
        self.block(self.device, "/sys/devices/virtual/block/" + self.device, self.size * GIB)


def _powerflex():
    """A node with PowerFlex's SDC, which shows a volume as /dev/sciniX, with a link that names it."""
    from os_brick.privileged import scaleio

    node = _Client("scinia", "/dev/disk/by-id/emc-vol-1234567812345678-3bd1f78800000019")
    node.write("/dev/scini", "")

    def ioctl(_handle, _code, packed):
        if node.shown:
            node.rescan()
        return bytes(8) + bytes(16) if len(packed) == 24 else 0

    scaleio.ioctl = ioctl
    return node


@relied_on(*USERS)
def a_powerflex_volume_is_flushed_on_the_node_and_unmapped_by_the_driver():
    """By SCALEIO in today's form os-brick leaves mapping to the driver: a detach flushes, forgets the record and leaves the device to be unmapped."""
    node, info = _powerflex(), _info("scaleio")
    node.show()
    told = node.attached(VOLUME, info)
    assert told["path"] == node.path and told["device"] == "/dev/scinia", told
    node.size = 2
    result = node.ask("present", VOLUME, info, size=2)
    assert result["operations"] == ["extend"] and result["attachment"]["size"] == 2, result
    node.commands.clear()
    node.detached(VOLUME)
    assert "blockdev --flushbufs /dev/scinia" in node.commands and node.shown, node.commands


@relied_on(*USERS)
def a_powerflex_volume_in_use_or_not_flushed_is_not_given_up():
    """By SCALEIO a device that cannot be flushed keeps its record, and so its mapping."""
    node, info = _powerflex(), _info("scaleio")
    node.show()
    node.attached(VOLUME, info)
    node.failing = ["blockdev --flushbufs"]
    result = node.ask("absent", VOLUME)
    assert result["failed"] and "What stayed" in result["msg"] and node.node.records.get(VOLUME) is not None, result


@relied_on(*USERS)
def a_kernels_name_that_is_another_volumes_by_now_is_not_the_powerflex_volume():
    """A device is known by the product's link: where that is gone, a device of the same kernel name is not taken for the volume."""
    node, info = _powerflex(), _info("scaleio")
    node.show()
    node.attached(VOLUME, info)
    node.becomes_another()
    message = node.refused(VOLUME, info)
    assert "ScaleIO volume 3bd1f78800000019 not found" in message, message
    node.detached(VOLUME)
    assert "blockdev --flushbufs /dev/scinia" not in node.commands


@relied_on(*USERS)
def a_powerflex_volume_of_the_earlier_form_is_mapped_and_unmapped_by_the_node():
    """By SCALEIO in the earlier form os-brick maps and unmaps through the product's REST interface; the detach sees that the device is gone."""
    from os_brick.initiator.connectors import scaleio

    node, info = _powerflex(), _info("scaleio_earlier")
    node.path = "/dev/disk/by-id/emc-vol-1234567812345678-" + info["data"]["scaleIO_volume_id"]
    asked, left = [], []

    def post(request, **_options):
        asked.append(request.rpartition("/")[2])
        if asked[-1] == "addMappedSdc":
            node.show()
        elif asked[-1] == "removeMappedSdc" and not left:
            node.hide()
        return types.SimpleNamespace(status_code=200, json=dict)

    scaleio.requests = types.SimpleNamespace(post=post)
    node.attached(VOLUME, info)
    left.append("it stays")
    result = node.ask("absent", VOLUME)
    assert result["failed"] and "/dev/scinia" in result["msg"] and node.node.records.get(VOLUME) is not None, result
    left.clear()
    node.detached(VOLUME)
    assert asked[0] == "addMappedSdc" and asked[-1] == "removeMappedSdc" and not node.shown, asked


def _storpool():
    """A node with StorPool's client, which shows a volume under its global id."""
    from os_brick.initiator import storpool_utils

    node = _Client("sp-0", "/dev/storpool-byid/abc.b.c")
    node.asked = []

    class Api:
        """What os-brick asks of StorPool's API."""

        def __init__(self, *_where):
            pass

        def volumes_reassign_wait(self, request):
            """Attach or detach."""
            (wish,) = request["reassign"]
            node.asked.append(wish)
            if "detach" in wish:
                node.hide()
            else:
                node.show()

        def volume_get_info(self, _volume):
            """Name it."""
            return {"globalId": "abc.b.c"}

    storpool_utils.StorPoolAPI = Api
    storpool_utils.get_conf = lambda *_section: {"SP_API_HTTP_HOST": "192.0.2.90", "SP_API_HTTP_PORT": "81", "SP_AUTH_TOKEN": "1", "SP_OURID": "7"}
    return node


@relied_on(*USERS)
def a_storpool_volume_is_attached_and_detached_by_its_global_id():
    """By STORPOOL the volume is detached by the path that os-brick gave it, which names it, and not by the kernel's name."""
    node, info = _storpool(), _info("storpool")
    told = node.attached(VOLUME, info)
    assert told["path"] == node.path and told["device"] == "/dev/sp-0", told
    node.commands.clear()
    node.detached(VOLUME)
    assert node.asked[-1] == {"volume": "~abc.b.c", "detach": ["7"], "force": False} and not node.shown, node.asked
    assert node.commands[0] == "blockdev --flushbufs /dev/sp-0", node.commands


def _huawei():
    """A node with Huawei's sds_cli."""
    os.environ["HUAWEISDSHYPERVISORCLI_PATH"] = "/run/sds_cli"
    node = _Client("vbs1", "/dev/disk/by-id/huawei-1")
    node.write("/run/sds_cli", "")

    def sds_cli(_c, method, _v, _volume):
        if method == "attach":
            node.show()
        elif method == "detach":
            node.hide()
        return "ret_code=%d\ndev_addr=/dev/vbs1\n" % (0 if node.shown or method == "detach" else 1)

    node.answers["sds_cli"] = sds_cli
    return node


@relied_on(*USERS)
def a_huawei_volume_is_attached_and_detached_by_the_products_command():
    """By HUAWEISDSHYPERVISOR sds_cli attaches and detaches; where it fails, the record is kept."""
    node, info = _huawei(), _info("huaweisdshypervisor")
    assert node.attached(VOLUME, info)["path"] == "/dev/vbs1"
    node.failing = ["/run/sds_cli -c detach"]
    result = node.ask("absent", VOLUME)
    assert result["failed"] and node.node.records.get(VOLUME) is not None, result
    node.failing = []
    node.detached(VOLUME)
    assert not node.shown


def _lightbits(data, *others):
    """A node with a fake of Lightbits' discovery-client: it connects the cluster's subsystem while a file names it."""
    portals = [(each["target_portal"], "4420") for each in data["lightos_nodes"].values()]
    namespaces = {1: Namespace(data["uuid"]), **{number + 2: Namespace(uuid) for number, uuid in enumerate(others)}}
    node, folder = FakeNvme({data["subsysnqn"]: namespaces}, portals), "/etc/discovery-client/discovery.d"
    os.makedirs(folder)

    def look():
        wanted = any(data["subsysnqn"] in node.read(os.path.join(folder, name)) for name in os.listdir(folder))
        if wanted and not node.controllers():
            for address, port in portals:
                node.answers["nvme"]("connect", "-a", address, "-s", port, "-t", "tcp", "-n", data["subsysnqn"])
        for name in () if wanted else node.controllers():
            node.answers["nvme"]("disconnect", "-d", name)

    node.ticking.append(look)
    return node


@relied_on(*USERS)
def a_lightos_volume_is_found_by_its_uuid_and_goes_with_its_cluster():
    """By LIGHTOS the discovery-client is told of the volume; it is the kernel's one device with a path to each server, and gone when it is told so."""
    info = _info("lightos")
    node = _lightbits(info["data"])
    told = node.attached(VOLUME, info, multipath="required")
    assert told["device"] == "/dev/nvme70n1" and node.link(VOLUME) == "nvme70n1" and len(told["paths"]) == 2 and not node.warned, (told, node.warned)
    node.detached(VOLUME)
    assert node.controllers() == {} and os.listdir("/etc/discovery-client/discovery.d") == []


@relied_on(*USERS)
def a_lightos_volume_beside_another_one_stays_until_the_cluster_takes_it_back():
    """By LIGHTOS a cluster is one subsystem: detaching one of two volumes fails, with the reason, until it is taken back; the other one keeps its paths."""
    info = _info("lightos")
    node, other = _lightbits(info["data"], OTHER), {"driver_volume_type": "lightos", "data": dict(info["data"], uuid=OTHER)}
    node.attached(VOLUME, info)
    node.attached(OTHER, other)
    result = node.ask("absent", VOLUME)
    assert result["failed"] and "its controllers have other namespaces" in result["msg"] and node.link(VOLUME) is None, result
    del node.subsystems[info["data"]["subsysnqn"]][1]
    for controller in node.controllers():
        node.scan(controller)
    node.detached(VOLUME)
    assert node.link(OTHER) == "nvme70n2" and len(node.namespaces()["nvme70n2"]) == 2
    assert not node.ask("present", OTHER, other)["changed"]
