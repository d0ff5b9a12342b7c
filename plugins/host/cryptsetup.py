# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cryptsetup's commands. Keys reach it through pipes: never as arguments, never in a file."""

from __future__ import annotations

import os
import shutil
import subprocess

from ..module_utils.model.errors import StorageError
from . import keys, locks, luks_header

DATA_OFFSET = 16 << 20  # bytes; cryptsetup's own default, but where the device's alignment is stranger than that
_WAIT = 300  # seconds; deriving a key takes two, on a busy host some more
_NO_KEY = 2  # cryptsetup's exit code: no key slot opens with this key


def make(path, key, uuid, wish):
    """Write a LUKS2 header: what was on the device is lost."""
    options = ["--type", "luks2", "--uuid", uuid, "--subsystem", luks_header.SUBSYSTEM, "--offset", str(DATA_OFFSET // 512), *_slot(wish)]
    options += ["--cipher", wish.cipher] if wish.cipher else []
    options += ["--key-size", str(wish.key_size)] if wish.key_size else []
    _must("luksFormat", [*options, path], key)


def opens(path, key):
    """Tell whether a key opens the volume; nothing is opened."""
    done = _run("open", ["--test-passphrase", "--type", "luks2", path], key)
    if done.returncode not in (0, _NO_KEY):
        raise _failure("open --test-passphrase", done)
    return done.returncode == 0


def open_as(path, name, key):
    """Make ``/dev/mapper/<name>``. The key is known to open it."""
    _must("open", ["--type", "luks2", path, name], key)


def resize(name, key):
    """Let what is open reach to the end of its device; the kernel has the volume key where we cannot read it, so the key is needed again."""
    _must("resize", [name], key)


def add_key(path, key, new, wish):
    """Let ``new`` open the volume, too."""
    with keys.handed(key, new) as ((old_place, new_place), ends):
        done = _start(["luksAddKey", "--key-file", old_place, *_slot(wish), path, new_place], ends)
    if done.returncode:
        raise _failure("luksAddKey", done)


def remove_key(path, key):
    """Let ``key`` open the volume no more."""
    with keys.handed(key) as ((place,), ends):
        done = _start(["luksRemoveKey", path, place], ends)
    if done.returncode:
        raise _failure("luksRemoveKey", done)


def close(name):
    """Take ``/dev/mapper/<name>`` away; return what went wrong, or ``None``."""
    done = _start(["close", name], ())
    return None if done.returncode == 0 else "closing %s failed: %s." % (name, _words(done))


def _slot(wish):
    options = ["--pbkdf", wish.pbkdf] if wish.pbkdf else []
    return options + (["--pbkdf-force-iterations", str(wish.iterations)] if wish.iterations else [])


def _must(action, arguments, key):
    done = _run(action, arguments, key)
    if done.returncode:
        raise _failure(action, done)


def _run(action, arguments, key):
    with keys.handed(key) as ((place,), ends):
        return _start([action, "--key-file", place, *arguments], ends)


def _start(arguments, descriptors):
    program = shutil.which("cryptsetup")
    if program is None:
        raise StorageError(
            "host",
            "encryption: the program cryptsetup is not on this host. Apply the role baremetal.legacy_storage.node with node_encryption: true; it installs it.",
            "encryption",
        )
    inherited = (*descriptors, *locks.held())  # killed, we leave a command that goes on writing: nobody else begins before it ends
    command = [program, arguments[0], "--batch-mode", *arguments[1:]]
    environment = dict(os.environ, LC_ALL="C")
    try:
        return subprocess.run(
            command, check=False, timeout=_WAIT, stdin=subprocess.DEVNULL, capture_output=True, text=True, pass_fds=inherited, env=environment
        )
    except subprocess.TimeoutExpired:
        raise StorageError("host", "encryption: cryptsetup %s did not end within %d s." % (arguments[0], _WAIT)) from None


def _words(done):
    return " ".join((done.stderr or done.stdout or "it ended with %d" % done.returncode).split())[:500].rstrip(".")


def _failure(action, done):
    return StorageError("host", "encryption: cryptsetup %s failed (exit %d): %s." % (action, done.returncode, _words(done)), details={"exit": done.returncode})
