# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller does with data itself, on real devices: it reaches its own targets through iSCSI with CHAP, as a node would.

One volume's content goes from an image into a volume, into a snapshot, to another backend, back, into a backup and out of it again, and
into an image; what comes out is what went in. Afterwards nothing is left on the controller.
"""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.hosts import BACKEND

OTHER = "lab-thick"
GROUP = "moved-data"
WORK = "/var/tmp/moved-data"


@pytest.fixture(name="controller")
def fixture_controller(lab):
    """Run tasks on the controller, which has a second backend (thick LVM in a volume group of its own) for the test; swept afterwards."""

    def run(module, **parameters):
        result = lab.run("controller1", module, **parameters)
        assert not result.get("failed"), result["msg"]
        return result

    lab.sh("controller1", "mkdir -p %s && truncate -s 4G %s/disk" % (WORK, WORK))
    lab.sh("controller1", "modprobe loop; vgcreate -q %s $(losetup --show -f %s/disk)" % (GROUP, WORK))
    (first,) = run("legacy_backend_info", name=BACKEND)["backends"]
    options = dict(first["options"], volume_group=GROUP, lvm_type="default", target_prefix="iqn.2026-01.example.thick:")
    run("legacy_backend", name=OTHER, driver=first["driver"], options=options)
    yield run
    for backend in (BACKEND, OTHER):
        names = [item["name"] for item in run("legacy_volume_info", backend=backend)["volumes"] if item["name"].startswith("moved")]
        if names:
            run("legacy_volume", backend=backend, volumes=[{"name": name, "state": "absent", "force": ["snapshots"]} for name in names])
    run("legacy_backup_repository", name="moved", state="absent")
    run("legacy_backend", name=OTHER, state="absent")
    lab.sh("controller1", "vgremove -qf %s; losetup -D; rm -rf %s" % (GROUP, WORK))
    assert lab.exports() == []
    assert lab.sh("controller1", "iscsiadm -m session 2>/dev/null; iscsiadm -m node 2>/dev/null; ls /dev/sd* 2>/dev/null; true") == ""


@pytest.mark.extra
def test_what_went_into_a_volume_comes_out_of_migration_backup_revert_and_image(lab, controller):
    lab.sh("controller1", "dd if=/dev/urandom of=%s/content bs=1M count=48 status=none && truncate -s 1G %s/content" % (WORK, WORK))
    lab.sh("controller1", "qemu-img convert -O qcow2 %s/content %s/content.qcow2" % (WORK, WORK))
    wanted = lab.sh("controller1", "sha256sum < %s/content | cut -d' ' -f1" % WORK)

    def content(name, backend=BACKEND):
        path = "%s/%s-%s.qcow2" % (WORK, backend, name)
        controller("legacy_image", path=path, backend=backend, volume=name)
        return lab.sh("controller1", "qemu-img convert -O raw %s %s.raw && sha256sum < %s.raw | cut -d' ' -f1" % (path, path, path))

    controller("legacy_volume", backend=BACKEND, name="moved", source_image=WORK + "/content.qcow2")
    controller("legacy_backup_repository", name="moved", location=WORK + "/backups", password="lab-canary-password")
    saved = controller("legacy_backup", repository="moved", name="first", backend=BACKEND, volume="moved")
    assert saved["changed"] and not controller("legacy_backup", repository="moved", name="first", backend=BACKEND, volume="moved")["changed"]

    moved = controller("legacy_volume", backend=BACKEND, name="moved", migrate_to={"backend": OTHER})
    assert moved["volume"]["backend"] == OTHER
    assert not controller("legacy_volume", backend=BACKEND, name="moved", migrate_to={"backend": OTHER})["changed"]
    assert content("moved", OTHER) == wanted

    controller("legacy_volume", backend=BACKEND, name="moved-restored", source_backup="first", source_repository="moved")
    assert content("moved-restored") == wanted

    controller("legacy_snapshot", backend=BACKEND, name="moved-before", volume="moved-restored")
    controller("legacy_volume", backend=BACKEND, name="moved-restored", revert_to="moved-before")
    controller("legacy_image", path=WORK + "/snapshot.raw", format="raw", backend=BACKEND, snapshot="moved-before")
    assert lab.sh("controller1", "sha256sum < %s/snapshot.raw | cut -d' ' -f1" % WORK) == wanted
