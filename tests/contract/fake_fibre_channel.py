# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake fabric: host bus adapters, a storage system's ports, disks and multipathd, in the tree of a FakeNode.

The layout of the tree is that of Linux' scsi_transport_fc, the names of links udev's, multipathd is one with ``find_multipaths strict``, as the role sets it
up. multipathd takes a disk whose name it was told of, or that it is told to add, into a map, and nothing else.
"""

from __future__ import annotations

import os
import re
import shutil

from fake_node import GIB, FakeNode

_VENDOR, _MODEL = "FAKE", "VOLUME"


class Volume:
    """A volume of the fake storage system. :param naa: 32 digits."""

    def __init__(self, naa, size=1):
        self.naa, self.size = naa, size

    @property
    def serial(self):
        """Return what udev and multipath call it."""
        return "3" + self.naa

    def page(self):
        """Return the device identification page."""
        body = bytes((1, 3, 0, 16)) + bytes.fromhex(self.naa)
        return b"\x00\x83" + len(body).to_bytes(2, "big") + body


class FakeFibreChannel(FakeNode):
    """A node with adapters on a fabric.

    :param adapters: {number of the host: WWPN}. :param zones: {number: [WWPN of the storage system's ports that it sees]}.
    :ivar mapped: {(port, LUN as the kernel counts): Volume}. :ivar hidden: {(host, port)}: where the storage system does not show anything yet.
    :ivar in_use: kernel names of maps that somebody holds.
    """

    def __init__(self, adapters, zones):
        super().__init__()
        self.mapped, self.hidden, self.in_use = {}, set(), set()
        self._zones, self._letters, self._wwids, self._watched = zones, 0, set(), set()
        for number, wwpn in adapters.items():
            base = self._host(number)
            for key, text in (("port_name", "0x" + wwpn), ("node_name", "0x20" + wwpn[2:]), ("port_state", "Online")):
                self.write("%s/fc_host/host%d/%s" % (base, number, key), text + "\n")
            self.write("%s/scsi_host/host%d/scan" % (base, number), "")
            self.to("/sys/class/fc_host/host%d" % number, "%s/fc_host/host%d" % (base, number))
            self.to("/sys/class/scsi_host/host%d" % number, "%s/scsi_host/host%d" % (base, number))
            for target, port in enumerate(zones[number]):
                self.logs_in(number, target, port)
        for name in ("tee", "scsi_id", "multipath", "multipathd", "dd", "blockdev", "lsscsi", "lsblk"):
            self.answers[name] = getattr(self, "_" + name)

    def logs_in(self, number, target, port):
        """Let an adapter log in to a port of the storage system."""
        folder = "%s/rport-%d:0-%d" % (self._host(number), number, target)
        for key, text in (("port_name", "0x" + port), ("port_state", "Online"), ("roles", "FCP Target"), ("scsi_target_id", str(target))):
            self.write("%s/fc_remote_ports/rport-%d:0-%d/%s" % (folder, number, target, key), text + "\n")
        name = "target%d:0:%d" % (number, target)
        self.write("%s/%s/fc_transport/%s/port_name" % (folder, name, name), "0x%s\n" % port)
        self.to("%s/%s/fc_transport/%s/device" % (folder, name, name), "%s/%s" % (folder, name))
        self.to("/sys/class/fc_transport/" + name, "%s/%s/fc_transport/%s" % (folder, name, name))
        self.to("/sys/class/fc_remote_ports/rport-%d:0-%d" % (number, target), "%s/fc_remote_ports/rport-%d:0-%d" % (folder, number, target))

    @staticmethod
    def _host(number):
        return "/sys/devices/pci0000:00/0000:00:03.0/0000:05:00.%d/host%d" % (number, number)

    def disks(self):
        """Return the kernel names of all disks."""
        return sorted(name for name in os.listdir("/sys/class/block") if name.startswith("sd"))

    def maps(self):
        """Return {kernel name: [disks]} of all maps."""
        return {name: sorted(os.listdir("/sys/class/block/%s/slaves" % name)) for name in os.listdir("/sys/class/block") if name.startswith("dm-")}

    # The kernel

    def _tee(self, _append, path, content):
        what = os.path.basename(path)
        if what == "scan":
            number = int(re.search(r"host(\d+)/scan$", path).group(1))
            channel, target, lun = content.split()
            assert channel in ("0", "-"), content
            for each, port in enumerate(self._zones[number]):
                if target in (str(each), "-") and (port, int(lun)) in self.mapped and (number, port) not in self.hidden:
                    self.show(number, each, int(lun))
        elif what == "delete":
            self.take_away(path.split("/")[3])
        else:
            assert what == "rescan", path
            (name,) = os.listdir(os.path.join(os.path.dirname(path), "block"))
            volume = self._volume(name)
            self.write("/sys/class/block/%s/size" % name, "%d\n" % (volume.size * GIB // 512))
            self.write("/sys/class/block/%s/device/vpd_pg83" % name, volume.page())

    def show(self, number, target, lun):
        """Make a disk, unless it is there."""
        port, address = self._zones[number][target], "%d:0:%d:%d" % (number, target, lun)
        folder = "%s/rport-%d:0-%d/target%d:0:%d/%s" % (self._host(number), number, target, number, target, address)
        if os.path.isdir(folder):
            return
        volume, name = self.mapped[port, lun], "sdf" + chr(ord("a") + self._letters)
        self._letters += 1
        for key, text in (
            ("state", "running\n"), ("wwid", "naa.%s\n" % volume.naa), ("vpd_pg83", volume.page()), ("vendor", _VENDOR + "\n"), ("model", _MODEL + "\n"),
            ("rescan", ""), ("delete", ""),
        ):
            self.write("%s/%s" % (folder, key), text)
        self.to("/sys/bus/scsi/drivers/sd/" + address, folder)
        self.block(name, "%s/block/%s" % (folder, name), volume.size * GIB)
        self.to("%s/block/%s/device" % (folder, name), folder)
        self.write("/run/udev/data/b" + self.read("/sys/class/block/%s/dev" % name), "E:ID_SERIAL=%s\n" % volume.serial)
        self.pages[name] = lambda: self._tells(name)
        told = lun if lun < 256 else "0x%04x%04x00000000" % (lun & 0xFFFF, lun >> 16)
        self.udev_link("/dev/disk/by-path/pci-0000:05:00.%d-fc-0x%s-lun-%s" % (number, port, told), name)
        self.udev_link("/dev/disk/by-id/scsi-" + volume.serial, name)
        if self.multipathd:
            self._watch(name)

    def take_away(self, name):
        """Let the kernel remove a disk; multipathd sees it."""
        holders = os.listdir("/sys/class/block/%s/holders" % name)
        for holder in holders:
            os.unlink("/sys/class/block/%s/slaves/%s" % (holder, name))
            os.unlink("/sys/class/block/%s/holders/%s" % (name, holder))
        folder = os.path.realpath("/sys/class/block/%s/device" % name)
        os.unlink("/sys/bus/scsi/drivers/sd/" + os.path.basename(folder))
        self.gone(name)
        shutil.rmtree(folder)
        self._watched.discard(name)
        del self.pages[name]
        for holder in holders:
            if self.multipathd and not self.maps()[holder] and holder not in self.in_use:
                self._multipath("-f", "/dev/" + holder)  # as multipathd does itself

    def _place(self, name):
        number, _channel, target, lun = map(int, os.path.basename(os.path.realpath("/sys/class/block/%s/device" % name)).split(":"))
        return number, self._zones[number][target], lun

    def _volume(self, name):
        number, port, lun = self._place(name)
        return None if (number, port) in self.hidden else self.mapped.get((port, lun))

    def _tells(self, name):
        volume = self._volume(name)
        return volume.page() if volume else None

    # multipathd

    def _watch(self, name):
        serial = self._serial(name)
        self._watched.add(name)
        if serial in self._wwids and not os.listdir("/sys/class/block/%s/holders" % name):
            there = [each for each, _disks in self.maps().items() if self.read("/sys/class/block/%s/dm/name" % each) == serial]
            mapped = there[0] if there else self._map(serial, int(self.read("/sys/class/block/%s/size" % name)) * 512)
            self.to("/sys/class/block/%s/slaves/%s" % (mapped, name), "/sys/class/block/" + name)
            self.to("/sys/class/block/%s/holders/%s" % (name, mapped), "/sys/class/block/" + mapped)

    def _map(self, serial, size):
        name = "dm-%d" % next(number for number in range(70, 99) if not os.path.exists("/sys/class/block/dm-%d" % number))
        self.block(name, "/sys/devices/virtual/block/" + name, size, **{"dm/name": serial, "dm/uuid": "mpath-" + serial})
        self.to("/dev/mapper/" + serial, "/dev/" + name)
        for link in ("dm-uuid-mpath-" + serial, "scsi-" + serial):
            self.udev_link("/dev/disk/by-id/" + link, name)
        return name

    def _multipath(self, what, argument=None):
        if what == "-a":
            self._wwids.add(argument)
            return "wwid '%s' added\n" % argument
        if what == "-f":
            name = os.path.basename(os.path.realpath(argument if "/" in argument else "/dev/mapper/" + argument))
            if name in self.in_use:
                raise OSError("map in use")
            for disk in self.maps()[name]:
                os.unlink("/sys/class/block/%s/slaves/%s" % (name, disk))
                os.unlink("/sys/class/block/%s/holders/%s" % (disk, name))
            os.unlink("/dev/mapper/" + self.read("/sys/class/block/%s/dm/name" % name))
            self.gone(name)
        else:
            assert what in ("-C", "-l"), what  # whether a map can be used, which it can; what map there is, which os-brick asks where there is none
        return ""

    def _multipathd(self, *words):
        if not self.multipathd:
            raise OSError("no daemon")
        if words[:2] == ("add", "path"):
            name = os.path.basename(os.path.realpath("/dev/" + os.path.basename(words[2])))
            self._watch(name)
            return "ok\n"
        if words[:2] == ("show", "paths"):
            lines = ["%s|%s" % (name, "active" if self._tells(name) else "failed") if "|" in words[-1] else name for name in sorted(self._watched)]
            return "\n".join(lines) + "\n"
        if words[:2] == ("resize", "map"):
            name = os.path.basename(words[2])
            sizes = [int(self.read("/sys/class/block/%s/size" % disk)) for disk in self.maps()[name]]
            assert len(set(sizes)) == 1, "multipathd refuses: the paths differ in size"
            self.write("/sys/class/block/%s/size" % name, "%d\n" % sizes[0])
            return "ok\n"
        assert words in (("show", "status"), ("reconfigure",)), words
        return "ok\n"

    # Other programs

    def _serial(self, name):
        return self.read("/run/udev/data/b" + self.read("/sys/class/block/%s/dev" % name)).partition("=")[2]

    def _scsi_id(self, *arguments):
        name = os.path.basename(os.path.realpath(arguments[-1]))
        if not self._volume(name):
            raise OSError("does not answer")
        return self._volume(name).serial + "\n"

    def _dd(self, source, *_rest):
        name = os.path.basename(os.path.realpath(source.partition("=")[2]))
        if not os.path.exists("/dev/" + name) or name.startswith("sd") and not self._volume(name):
            raise OSError("Input/output error")

    def _blockdev(self, what, path):
        name = os.path.basename(os.path.realpath(path))
        assert os.path.exists("/dev/" + name), path
        return "%d\n" % (int(self.read("/sys/class/block/%s/size" % name)) * 512) if what == "--getsize64" else ""

    def _lsscsi(self):
        places = {name: os.path.basename(os.path.realpath("/sys/class/block/%s/device" % name)) for name in self.disks()}
        return "".join("[%s] disk FAKE VOLUME 1 /dev/%s\n" % (place, name) for name, place in places.items())

    def _lsblk(self, *_options):
        return "".join("%s %s\n" % (name, self.read("/sys/class/block/%s/ro" % name)) for name in sorted(os.listdir("/sys/class/block")))
