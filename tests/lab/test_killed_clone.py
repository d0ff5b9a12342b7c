# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clone on NFS whose worker is killed while the data is copied: nodes get the source with its data, and the clone is made by the next run."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.test_failures import WORKER

SHARE = "/srv/legacy-storage-nfs"
CLONE = {"name": "twin", "source_volume": "origin"}


@pytest.fixture(name="nfs")
def fixture_nfs(lab):
    """A function: run a task of the NFS backend on a host, which must end well. Its volumes go in the end, and nothing else may be on the share."""
    backend = lab.prepare_backend("nfs")
    listing = "ls %s | grep -v '[.]info$' || true" % SHARE
    before = lab.sh("controller1", listing)

    def run(host, module, **parameters):
        result = lab.run(host, module, backend=backend, **parameters)
        assert not result.get("failed"), result["msg"]
        return result

    run.backend = backend
    yield run
    for name in ("twin", "origin"):
        lab.run("node1", "legacy_attachment", controller="controller1", backend=backend, volume=name, multipath="no", state="absent")
        run("controller1", "legacy_volume", name=name, state="absent")
    assert not lab.run("controller1", "legacy_backend", name=backend, state="absent").get("failed")
    assert lab.sh("controller1", listing) == before


@pytest.mark.extra
def test_a_clone_that_is_killed_while_it_is_copied_leaves_its_source_with_its_data_to_nodes(lab, nfs):
    attachment = {"controller": "controller1", "multipath": "no"}
    origin = nfs("controller1", "legacy_volume", name="origin", size=2)["volume"]

    def checksum(name):
        path = nfs("node1", "legacy_attachment", volume=name, **attachment)["attachment"]["path"]
        told = lab.sh("node1", "sha256sum < %s" % path)
        nfs("node1", "legacy_attachment", volume=name, state="absent", **attachment)
        return told

    path = nfs("node1", "legacy_attachment", volume="origin", **attachment)["attachment"]["path"]
    lab.sh("node1", "dd if=/dev/urandom of=%s bs=1M count=1024 oflag=direct status=none" % path)
    nfs("node1", "legacy_attachment", volume="origin", state="absent", **attachment)
    before = checksum("origin")

    process = lab.begin("controller1", "legacy_volume", dict(CLONE, backend=nfs.backend))
    copied = "grep -qs '\"active\": \"volume-%s[.]' %s/*.info && pgrep -x qemu-img >/dev/null" % (origin["id"], SHARE)
    assert lab.kill_when("controller1", copied, WORKER) == "killed"
    assert lab.end(process)["failed"]
    lab.wait("controller1", "pgrep -x qemu-img >/dev/null || echo none", 120)  # it outlives the worker, and holds the file as long as it reads
    assert checksum("origin") == before
    nfs("controller1", "legacy_volume", **CLONE)
    assert checksum("twin") == before
