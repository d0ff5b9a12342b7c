# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rack with an array that tells of iSCSI targets, and a fake cluster behind a fake kubernetes.core (fake/k8s.py says what it is good for)."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.attachment.conftest import Rack

FAKE = Path(__file__).resolve().parent / "fake"


class Cluster:
    """The file that stands for a cluster."""

    def __init__(self, path):
        self.path = path
        self.write({"objects": {}, "calls": []})

    def write(self, content):
        """Replace it."""
        self.path.write_text(json.dumps(content))

    @property
    def content(self):
        """All of it."""
        return json.loads(self.path.read_text())

    @property
    def objects(self):
        """Its objects, by ``kind/namespace/name``."""
        return self.content["objects"]

    def calls(self):
        """Return what was changed since the last time this was asked: ``create kind/name``, in order."""
        content = self.content
        self.write(dict(content, calls=[]))
        return content["calls"]

    def put(self, kind, name, namespace=None, **more):
        """Put an object in, as somebody else would."""
        content = self.content
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        content["objects"]["/".join(filter(None, [kind, namespace, name]))] = dict({"kind": kind, "metadata": metadata}, **more)
        self.write(content)

    def drop(self, key):
        """Take an object out."""
        content = self.content
        del content["objects"][key]
        self.write(content)

    def secret(self, key):
        """Return what a Secret holds."""
        return {name: base64.b64decode(value).decode() for name, value in self.objects["Secret/" + key]["data"].items()}


def make_fake(folder):
    """Put the fake collection into a folder; return what ANSIBLE_COLLECTIONS_PATH is then, with the fake before the real one."""
    modules = folder / "ansible_collections" / "kubernetes" / "core" / "plugins" / "modules"
    modules.mkdir(parents=True)
    for path in FAKE.glob("*.py"):
        (modules / path.name).write_text("#!/usr/bin/python\n" + path.read_text())
    return "%s:%s" % (folder, os.environ["ANSIBLE_COLLECTIONS_PATH"])


@pytest.fixture(name="cluster")
def fixture_cluster(tmp_path, monkeypatch):
    """An empty fake cluster."""
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", make_fake(tmp_path / "fake"))
    return Cluster(tmp_path / "cluster.json")


@pytest.fixture(name="rack")
def fixture_rack(tmp_path, controller):
    """A rack whose backend ``san`` tells of iSCSI targets."""
    controller.register("san", driver="told_iscsi.ToldIscsiDriver")
    return Rack(tmp_path / "rack", controller, nodes=("node1", "node2"))
