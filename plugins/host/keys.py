# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys: from a task, a root-only file, or a command of the node. They live in memory and in pipes, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess

from ..module_utils.model.encryption import LARGEST_KEY, PARAMETER
from ..module_utils.model.errors import StorageError

_COMMAND_WAIT = 60  # seconds


def read(source, open_sealed, parameter=PARAMETER):
    """Return a key as bytes, exactly as it is: as ``cryptsetup --key-file`` takes it, a newline at the end is part of it.

    :param source: a KeySource. :param open_sealed: the function that opens what is sealed to this node.
    :raises StorageError: ``invalid`` or ``host``, naming the source and never the key.
    """
    if source.kind == "key":
        key = source.value.encode("utf-8")
    elif source.kind == "sealed_key":
        key = open_sealed(source.value)["key"].encode("utf-8")
    elif source.kind == "key_file":
        key = _from_file(source.value, parameter)
    else:
        key = _from_command(source.value, parameter)
    if not key:
        raise StorageError("invalid", "%s: the %s is empty." % (parameter, source.told), parameter)
    if len(key) > LARGEST_KEY:
        raise StorageError("invalid", "%s: the %s is longer than %d bytes." % (parameter, source.told, LARGEST_KEY), parameter)
    return key


def _from_file(path, parameter):
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_CLOEXEC)) as stream:
            state = os.fstat(stream.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise OSError("it is no regular file")
            if state.st_uid not in (0, os.geteuid()) or state.st_mode & 0o077:
                raise OSError("others than root may read or change it: chown root and chmod 0400")
            return stream.read(LARGEST_KEY + 1)
    except OSError as error:
        raise StorageError("host", "%s: key_file %r cannot be used: %s." % (parameter, path, error.strerror or error), parameter) from error


def _from_command(words, parameter):
    """Run a command; what it prints to stderr may quote a key, so only its exit code is told."""
    try:
        done = subprocess.run(
            list(words), check=False, timeout=_COMMAND_WAIT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/"
        )
    except subprocess.TimeoutExpired:
        raise StorageError("host", "%s: key_command %s did not end within %d s." % (parameter, words[0], _COMMAND_WAIT), parameter) from None
    except OSError as error:
        raise StorageError("host", "%s: key_command %s cannot be run: %s." % (parameter, words[0], error.strerror), parameter) from error
    if done.returncode:
        raise StorageError("host", "%s: key_command %s ended with %d. Run it by hand to see why." % (parameter, words[0], done.returncode), parameter)
    return done.stdout


@contextlib.contextmanager
def handed(*secrets):
    """Give keys to a child: yield ``(paths, descriptors)``, one pipe each, which hold the keys and are gone afterwards."""
    ends = []
    try:
        for secret in secrets:
            end, start = os.pipe()
            ends.append(end)
            try:
                os.write(start, secret)  # a pipe holds 64 KiB, a key is shorter
            finally:
                os.close(start)
        yield ["/dev/fd/%d" % end for end in ends], ends
    finally:
        for end in ends:
            os.close(end)
