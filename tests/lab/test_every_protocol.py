# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an attachment promises over iSCSI (test_reboot.py, test_encryption.py) holds over NFS, RBD and LOCAL as well."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab import power_cut

pytestmark = pytest.mark.extra

KEY, NEXT = "lab-canary-first", "lab-canary-second"
QUICK = {"pbkdf": "pbkdf2", "iterations": 1000}  # the lab's keys protect nothing
# Which host attaches, which one afterwards (a LOCAL volume is only where it lies), its device, whether it may grow while it is attached (bug 1870367).
PROTOCOLS = {
    "nfs": ("node1", "node2", "/dev/loop", False),
    "rbd": ("node1", "node2", "/dev/rbd", True),
    "local": ("controller1", "controller1", "/dev/dm-", True),
}


@dataclasses.dataclass(frozen=True)
class Volume:
    """A volume of 1 GiB on a backend, and the hosts that attach it."""

    lab: object
    backend: str
    first: str
    second: str
    device: str
    grows: bool

    def attach(self, host, state="present", **encryption):
        """Attach or detach, encrypted where a key is said, and return the task's result."""
        more = {"encryption": dict(QUICK, **encryption)} if encryption else {}
        return self.lab.run(
            host, "legacy_attachment", controller="controller1", backend=self.backend, volume="promised", multipath="no", state=state, **more
        )

    def sized(self, size):
        """Have it with this size, in GiB, and return the task's result."""
        return self.lab.run("controller1", "legacy_volume", backend=self.backend, name="promised", size=size)


def done(result):
    """Return a result that is no failure."""
    assert not result.get("failed"), result["msg"]
    return result


def left(lab, host):
    """Return what an attachment could have left on a host; of maps the names alone, as their numbers change with each boot."""
    found = lab.leftovers(host)
    return dict(found, maps=sorted(line.split()[0] for line in found.get("maps", "").splitlines()))


@pytest.fixture(scope="module", name="backend", params=PROTOCOLS)
def fixture_backend(lab, prepared, request):
    """A backend, and how its volumes are used; afterwards it is forgotten."""
    name = lab.prepare_backend(request.param)
    prepared.discard("site")  # the roles were applied with other variables
    yield (name, *PROTOCOLS[request.param])
    done(lab.run("controller1", "legacy_backend", name=name, state="absent"))


@pytest.fixture(name="volume")
def fixture_volume(lab, backend):
    """A volume nobody has written to; afterwards it is gone, and nothing of it on its hosts."""
    volume = Volume(lab, *backend)
    before = {host: left(lab, host) for host in (volume.first, volume.second)}
    done(volume.sized(1))
    yield volume
    for host in before:
        lab.sh(host, "umount /data 2>/dev/null; rm -f /root/volume.key")
        done(volume.attach(host, "absent"))
    done(lab.run("controller1", "legacy_volume", backend=volume.backend, name="promised", state="absent"))
    assert {host: left(lab, host) for host in before} == before


def test_a_power_cut_under_a_busy_file_system_loses_nothing_that_was_synced(lab, volume):
    path = done(volume.attach(volume.first))["attachment"]["path"]
    power_cut.survive(lab, volume.first, path)
    again = done(volume.attach(volume.first))
    assert (again["operations"], again["attachment"]["path"]) == ([], path)
    assert again["attachment"]["device"].startswith(volume.device)


def test_an_encrypted_volume_survives_a_power_cut_is_read_elsewhere_with_its_key_alone_and_grows(lab, volume):
    lab.sh(volume.first, "umask 077; printf %s > /root/volume.key; sync" % KEY)
    path = done(volume.attach(volume.first, key_file="/root/volume.key"))["attachment"]["path"]
    power_cut.survive(lab, volume.first, path)
    again = done(volume.attach(volume.first, key_file="/root/volume.key"))
    assert (again["operations"], again["attachment"]["path"], again["attachment"]["encryption"]["opened"]) == ([], path, True)
    assert again["attachment"]["device"].startswith("/dev/dm-")
    done(volume.attach(volume.first, "absent"))
    for refused, told in ((volume.attach(volume.second, key=NEXT), "key does not open"), (volume.attach(volume.second), "does not say encryption")):
        assert refused["failed"] and told in refused["msg"], refused["msg"]
    moved = done(volume.attach(volume.second, key=NEXT, previous_key=KEY))
    assert moved["attachment"]["path"] == path
    assert lab.sh(volume.second, "mkdir -p /data && mount %s /data && head -1 /data/numbers" % path) == "1"
    if volume.grows:
        done(volume.sized(2))
        grown = done(volume.attach(volume.second, key=NEXT))
        assert grown["attachment"]["size"] == 2
        assert lab.sh(volume.second, "blockdev --getsize64 %s" % path) == str((2 << 30) - (16 << 20))
        lab.sh(volume.second, "resize2fs %s 2>&1" % path)
    assert not done(volume.attach(volume.second, key=NEXT))["changed"]
