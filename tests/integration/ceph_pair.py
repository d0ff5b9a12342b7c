# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller whose backend ``ceph`` has two real Ceph clusters (`lab mirror up`), and what an administrator of Ceph does to them."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path

PYTHON = "/usr/bin/python3"  # the distribution's has Ceph's bindings
MIB = 1024**2
FIRST, SECOND = "ceph", "mirror"  # the second one's name is its backend_id
USER, POOL = "cinder", "volumes"
IMAGE = POOL + "/volume-%s"
_ACCESS = """
import base64, rados, rbd, sys
conf, name, write = sys.argv[1:]
with rados.Rados(conffile=conf, rados_id="cinder") as cluster, cluster.open_ioctx("volumes") as pool:
    with rbd.Image(pool, name, read_only=not write) as image:
        if write:
            image.write(base64.b64decode(sys.stdin.read()), 0)
            image.flush()
        else:
            sys.stdout.write(base64.b64encode(image.read(0, 1048576)).decode())
"""


class Clusters:
    """The clusters, as their administrator sees them.

    :param lab: the program lab. :param folder: where clients' files are put.
    """

    def __init__(self, lab, folder):
        self.lab = lab
        self.folder = folder

    def up(self):
        """Start them, and write what the controller gets into /etc/ceph."""
        self.run("mirror", "up")
        for name, words in ((FIRST, ("ceph", "files")), (SECOND, ("mirror", "files"))):
            files = Path(self.run(*words).strip())
            text = (files / (name + ".conf")).read_text()
            self.keyring(name).write_text((files / self.keyring(name).name).read_text())
            self.keyring(name).chmod(0o600)
            self.conf(name).write_text(text + "keyring = %s\n" % self.keyring(name))

    def down(self):
        """End them."""
        self.run("mirror", "down")

    def conf(self, name):
        """Return a cluster's ceph.conf."""
        return self.folder / (name + ".conf")

    def keyring(self, name):
        """Return a cluster's keyring of the user."""
        return self.folder / ("%s.client.%s.keyring" % (name, USER))

    def run(self, *words, feed=""):
        """Run a command of the lab and return what it prints."""
        done = subprocess.run([self.lab, *words], capture_output=True, text=True, input=feed, timeout=600, check=False)
        assert done.returncode == 0, "%s: %s%s" % (words, done.stdout, done.stderr)
        return done.stdout

    def rbd(self, name, *words):
        """Run `rbd` on a cluster and return what it prints."""
        return self.run("exec", "rbd", "--conf", str(self.conf(name)), "--id", USER, *words)

    def asked(self, name, *words):
        """Return what `rbd` answers, as data."""
        return json.loads(self.rbd(name, *words, "--format", "json"))

    def images(self, name):
        """Return the names of a cluster's images."""
        return sorted(self.asked(name, "ls", POOL))

    def trash(self):
        """Return what was put aside to be deleted on both clusters."""
        return [item["name"] for name in (FIRST, SECOND) for item in self.asked(name, "trash", "ls", POOL)]

    def image(self, name, identity):
        """Return an image's `rbd info`."""
        return self.asked(name, "info", IMAGE % identity)

    def snapshots(self, name, identity):
        """Return the names of an image's snapshots."""
        return [item["name"] for item in self.asked(name, "snap", "ls", IMAGE % identity)]

    def write(self, name, identity, data):
        """Write to the front of an image as a client of librbd does."""
        self.run("exec", PYTHON, "-c", _ACCESS, str(self.conf(name)), "volume-" + identity, "write", feed=base64.b64encode(data).decode())

    def read(self, name, identity):
        """Return the first MiB of an image."""
        return base64.b64decode(self.run("exec", PYTHON, "-c", _ACCESS, str(self.conf(name)), "volume-" + identity, ""))

    def until(self, condition, seconds=120):
        """Wait until a condition holds; return how long that took."""
        begin = time.monotonic()
        while True:
            try:
                if condition():
                    return time.monotonic() - begin
            except AssertionError:  # an image that is not there yet
                pass
            assert time.monotonic() - begin < seconds, "after %d s: %s" % (seconds, self.rbd(SECOND, "mirror", "pool", "status", POOL, "--verbose"))
            time.sleep(1)

    def mirrored(self, name, identity, mode="journal"):
        """Wait until a cluster has all that the other one has of an image."""
        other = FIRST if name == SECOND else SECOND
        if mode == "snapshot":  # what a schedule does
            self.until(lambda: self.administer(other, "snapshot", identity))
        self.until(lambda: self.asked(name, "mirror", "image", "status", IMAGE % identity)["state"] == "up+replaying")
        self.until(lambda: self.read(name, identity) == self.read(other, identity))

    def administer(self, name, action, identity):
        """Run `rbd mirror image ACTION` on a cluster."""
        self.rbd(name, "mirror", "image", action, IMAGE % identity)
        return True

    def promote(self, name, identity):
        """Put a cluster in charge of an image, once it knows that the other one has given that up."""
        self.until(lambda: self.administer(name, "promote", identity))

    def copy_back(self, identity):
        """Let the first cluster, which was lost and is back, forget its own image and take the second one's, as before a fail back."""
        self.administer(FIRST, "demote", identity)
        self.administer(FIRST, "resync", identity)
