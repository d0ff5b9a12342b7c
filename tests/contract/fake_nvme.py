# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fake NVMe over fabrics: subsystems behind portals, the kernel's controllers and namespaces, nvme-cli, in the tree of a FakeNode.

The layout is that of Linux' nvme_core with its multipath on: a namespace is one device with a hidden one at each controller. As there, only controllers
that are live are scanned, each knows a size of its own, and the storage system's notice of a change (AEN) may not come.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil

from fake_node import GIB, FakeNode

_CONTROLLERS = "/sys/class/nvme-fabrics/ctl"


@dataclasses.dataclass
class Namespace:
    """:param uuid: with dashes. :param ana: {portal: state} where it is not ``optimized``."""

    uuid: str
    size: int = 1
    ana: dict = dataclasses.field(default_factory=dict)

    @property
    def nguid(self):
        """Return an NGUID that is not the UUID."""
        return "f" + self.uuid[1:]


class FakeNvme(FakeNode):
    """A node and a storage system.

    :param subsystems: {NQN: {number: Namespace}}. :param portals: [(address, port)] where all of them are. :ivar away: portals that do not answer.
    :ivar refusing: portals that answer and let nobody in.
    """

    def __init__(self, subsystems, portals):
        super().__init__()
        self.subsystems, self.portals, self.away, self.refusing = subsystems, portals, set(), set()
        self._heads = {}
        for path in (_CONTROLLERS, "/sys/class/nvme"):
            os.makedirs(path)
        self.answers.update(nvme=self._nvme, blockdev=self._blockdev)
        self.ticking.append(self._kernel)
        from ansible_collections.baremetal.legacy_storage.plugins.host import portals as asked

        asked.answers = lambda portal: portal in self.portals and portal not in self.away

    def controllers(self):
        """Return {controller: (NQN, portal)}."""
        return {name: (self._of(name, "subsysnqn"), self._portal(name)) for name in sorted(os.listdir(_CONTROLLERS))}

    def namespaces(self):
        """Return {kernel name: [its controllers]}."""
        found = {}
        for controller in self.controllers():
            for path in self._paths(controller):
                found.setdefault(self._head(path), []).append(controller)
        return found

    def change(self, controller, state):
        """Let a controller be in another state, as when its portal went away."""
        self.write("%s/%s/state" % (_CONTROLLERS, controller), state + "\n")

    def scan(self, controller):
        """Do what the kernel does when it looks at a controller's namespaces."""
        nqn, portal = self.controllers()[controller]
        if self._of(controller, "state") != "live":
            return
        wanted = self.subsystems[nqn]
        for path in self._paths(controller):
            number = int(path.rpartition("n")[2])
            if number not in wanted or self._of(controller, path + "/uuid") != wanted[number].uuid:  # the kernel drops one that calls itself otherwise
                self._lose(controller, path)
        for number, namespace in wanted.items():
            self._show(controller, nqn, portal, number, namespace)

    def _show(self, controller, nqn, portal, number, namespace):
        subsystem = sorted(self.subsystems).index(nqn) + 70
        path, head = "nvme%dc%sn%d" % (subsystem, controller[4:], number), "nvme%dn%d" % (subsystem, number)
        sectors = "%d\n" % (namespace.size * GIB // 512)
        names = (("uuid", namespace.uuid), ("nguid", namespace.nguid), ("nsid", number), ("wwid", "uuid." + namespace.uuid))
        for key, text in (*names, ("ana_state", namespace.ana.get(portal, "optimized"))):
            self.write("%s/%s/%s/%s" % (_CONTROLLERS, controller, path, key), "%s\n" % text)
        self.write("%s/%s/%s/size" % (_CONTROLLERS, controller, path), sectors)
        if not os.path.exists("/sys/class/block/" + head):
            self.block(head, "/sys/devices/virtual/nvme-subsystem/nvme-subsys%d/%s" % (subsystem, head), namespace.size * GIB, **dict(names))
        self.write("/sys/class/block/%s/size" % head, sectors)

    def _lose(self, controller, path):
        shutil.rmtree("%s/%s/%s" % (_CONTROLLERS, controller, path))
        if self._head(path) not in self.namespaces():
            self.gone(self._head(path))

    def _disconnect(self, controller):
        for path in self._paths(controller):
            self._lose(controller, path)
        os.unlink("/sys/class/nvme/" + controller)
        os.unlink("/dev/" + controller)
        shutil.rmtree("%s/%s" % (_CONTROLLERS, controller))

    def _kernel(self):
        """See to what somebody has written into sysfs."""
        for controller in list(self.controllers()):
            if self._of(controller, "rescan_controller") == "1":
                self.write("%s/%s/rescan_controller" % (_CONTROLLERS, controller), "")
                self.scan(controller)
            if self._of(controller, "delete_controller") == "1":
                self._disconnect(controller)

    def _of(self, controller, key):
        return self.read("%s/%s/%s" % (_CONTROLLERS, controller, key))

    def _portal(self, controller):
        parts = dict(part.split("=") for part in self._of(controller, "address").split(","))
        return parts["traddr"], parts["trsvcid"]

    def _paths(self, controller):
        return sorted(name for name in os.listdir("%s/%s" % (_CONTROLLERS, controller)) if name.startswith("nvme"))

    @staticmethod
    def _head(path):
        subsystem, _c, rest = path.partition("c")
        return "%sn%s" % (subsystem, rest.partition("n")[2])

    # nvme-cli, and blockdev

    def _nvme(self, what, *arguments):
        if what == "connect":
            options = dict(zip(arguments[::2], arguments[1::2]))
            nqn, portal = options["-n"], (options["-a"], options["-s"])
            if portal in self.away | self.refusing or portal not in self.portals or nqn not in self.subsystems:
                raise OSError("could not add new controller: connection refused")
            assert (nqn, portal) not in self.controllers().values(), "already connected"
            name = "nvme%d" % next(number for number in range(30, 60) if not os.path.exists("%s/nvme%d" % (_CONTROLLERS, number)))
            for key, text in (
                ("subsysnqn", nqn), ("address", "traddr=%s,trsvcid=%s,src_addr=192.0.2.5" % portal), ("transport", options["-t"]), ("state", "live"),
                ("hostnqn", self.read("/etc/nvme/hostnqn")), ("rescan_controller", ""), ("delete_controller", ""),
            ):
                self.write("%s/%s/%s" % (_CONTROLLERS, name, key), text + "\n")
            self.write("/dev/" + name, "")
            self.to("/sys/class/nvme/" + name, "%s/%s" % (_CONTROLLERS, name))
            self.scan(name)
        elif what == "disconnect":
            self._disconnect(os.path.basename(arguments[1]))
        elif what == "ns-rescan":
            self.scan(os.path.basename(arguments[0]))
        else:
            assert what == "id-ns", what
            name = os.path.basename(arguments[-1])
            nqn = self.controllers()[self.namespaces()[name][0]][0]
            size = self.subsystems[nqn][int(name.rpartition("n")[2])].size
            return json.dumps({"nsze": size * GIB // 512, "lbafs": [{"ms": 0, "ds": 9, "rp": 0}]})
        return ""

    def _blockdev(self, what, path):
        name = os.path.basename(os.path.realpath(path))
        assert os.path.exists("/dev/" + name), path
        return "%d\n" % (int(self.read("/sys/class/block/%s/size" % name)) * 512) if what == "--getsize64" else ""
