# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend with two arrays, of which one mirrors the other (drivers/replicated_files.py), and what tests of replication and fail over ask of it."""

from __future__ import annotations

import os

from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import node_connector

REPLICATED = {"replication_enabled": "<is> True"}
SECRET = "canary-target-password"
GOLD = b"gold" * 1024
FAILED_OVER = {"name": "pair", "state": "failed_over", "target": "beta"}
FAILED_BACK = {"name": "pair", "state": "failed_back"}


class Pair:
    """A controller whose backend ``pair`` has two arrays: ``array`` and ``beta``."""

    def __init__(self, controller):
        self.controller = controller
        self.beta = controller.root / "beta"
        self.beta.mkdir()
        self.register()

    def parameters(self, targets=("beta",), **changes):
        """Return the backend's parameters."""
        devices = [{"backend_id": name, "directory": str(self.controller.root / name), "password": SECRET} for name in targets]
        parameters = {
            "name": "pair",
            "driver": "replicated_files.ReplicatedFileDriver",
            "options": {"sparse_files_dir": str(self.controller.array)},
            "secret_options": {"replication_device": devices} if devices else {},
        }
        return dict(parameters, **changes)

    def register(self, **changes):
        """Register the backend."""
        result = self.controller.ensure("backend", **self.parameters(**changes))
        assert not result.get("failed"), result

    def volume(self, name, content=None, **parameters):
        """Make a volume and write to it as a host would; return its record."""
        result = self.controller.ensure("volume", backend="pair", name=name, size=1, **parameters)
        assert not result.get("failed"), result
        volume = result["volumes"][0]["volume"]
        if content:
            with open(self.controller.path_of("volume", volume["id"]), "r+b") as stream:
                stream.write(content)
        return volume

    def attach(self, volume, host="node1", **parameters):
        """Map a volume to a host; return the result."""
        return self.controller.ensure("export", backend="pair", volume=volume, connector=node_connector(host), **parameters)

    def turn(self, check=False, **parameters):
        """Fail over or back, and return the result."""
        return self.controller.ask("failover.ensure", {"backends": [parameters]}, check)

    def volumes(self):
        """Return {name: (status, replication_status)}."""
        return {item["name"]: (item["status"], item["replication_status"]) for item in self.controller.ask("volume.list", {})["volumes"]}

    def die(self):
        """Let the first array die."""
        os.rename(self.controller.array, self.controller.root / "dead")

    def live(self):
        """Let it come back as it was."""
        os.rename(self.controller.root / "dead", self.controller.array)

    def read(self, place, volume):
        """Return what an array has at the front of a volume."""
        with open(place / ("volume-" + volume["id"]), "rb") as stream:
            return stream.read(len(GOLD))


def told(result):
    return result["backends"][0]["backend"]
