# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stable path of an attachment, /dev/disk/by-id/legacy-storage-<volume id>.

udev makes it, so that it is there again after every event and every boot: its rule reads the file that is named after the
device's own identity in ``<state_dir>/links``, without starting a process. A multipath map is looked up by its dm uuid and
its paths by their serial, a loop device by the path of the file below it; only the file of the one that was attached exists, so that a path never takes
the map's link. A device that cannot tell udev its name is looked up by its appearance in this boot (``devices.appearance``), in ``<lock_dir>/links``,
once it has told us.
"""

from __future__ import annotations

import os
import re
import subprocess
import time

from ..module_utils.model.attachment import stable_link
from ..module_utils.model.errors import StorageError
from .devices import APPEARANCE
from .records import write_durably

_SAFE_KEY = re.compile(r"^[0-9A-Za-z#+.:=@_-]{1,200}(/[0-9A-Za-z#+.:=@_-]{1,200})*$")
_WAIT = 15  # seconds


def possible(system, key):
    """Tell whether udev can make a link for a device with this key."""
    return bool(key) and os.geteuid() == 0 and os.path.exists(system.path("run/udev/control"))


def base(settings, key):
    """Return the directory above the one in which the file for a key lies; a key that holds for one boot is gone with it."""
    return settings.lock_dir if key.startswith(APPEARANCE) else settings.state_dir


def safe_key(key):
    """Return the key. Raises StorageError ``host`` when it cannot name a file."""
    if not _SAFE_KEY.match(key) or {".", ".."} & set(key.split("/")):
        raise StorageError("host", "The device calls itself %r, which cannot name a file; please report it." % key)
    return key


def _path(state_dir, key):
    return os.path.join(state_dir, "links", safe_key(key))


def remember(state_dir, key, volume_id):
    """Write what udev's rule imports for the device with this key."""
    path = _path(state_dir, key)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write_durably(path, "LEGACY_STORAGE_LINK=%s\n" % os.path.basename(stable_link(volume_id)))


def forget(state_dir, key, volume_id):
    """Remove the file, unless it is another volume's by now."""
    path = _path(state_dir, key)
    try:
        with open(path, encoding="utf-8") as stream:
            mine = stream.read().strip().endswith("=" + os.path.basename(stable_link(volume_id)))
        if mine:
            os.unlink(path)
            _prune(os.path.dirname(path), os.path.join(state_dir, "links"))
    except FileNotFoundError:
        pass


def _prune(folder, top):
    while folder != top and not os.listdir(folder):
        os.rmdir(folder)
        folder = os.path.dirname(folder)


def leads_to(system, volume_id, name):
    """Tell whether the stable path leads to the kernel device ``name``."""
    link = system.path(stable_link(volume_id).lstrip("/"))
    return os.path.exists(link) and os.path.realpath(link) == os.path.realpath(system.node(name))


def make(system, volume_id, name):
    """Let udev look at the device again and wait until the link leads to it. Raises StorageError ``host`` when it never does."""
    deadline = time.monotonic() + _WAIT
    while True:
        trigger(system, name)
        if leads_to(system, volume_id, name):
            return
        if time.monotonic() > deadline:
            raise StorageError(
                "host",
                "udev did not make %s for %s. Apply the role baremetal.legacy_storage.node: it installs the rule; `udevadm test /sys/class/block/%s` "
                "shows what udev does." % (stable_link(volume_id), system.node(name), name),
            )
        time.sleep(0.5)


def settle():
    """Wait until udev has processed every event that it knows of."""
    subprocess.run(["udevadm", "settle", "--timeout=60"], check=False, timeout=90, stdin=subprocess.DEVNULL, capture_output=True)


def trigger(system, name):
    """Let udev process a device's rules again, and wait for it."""
    subprocess.run(
        ["udevadm", "trigger", "--action=change", "--settle", system.path("sys/class/block", name)],
        check=False, timeout=60, stdin=subprocess.DEVNULL, capture_output=True,
    )
