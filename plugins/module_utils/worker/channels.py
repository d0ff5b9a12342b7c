# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two ways to a worker: a child of this process, or the warm one behind a socket. Standard library only."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile

from ..model.errors import StorageError

_PACKAGE = "ansible_collections.baremetal.legacy_storage.plugins"
_STDERR_TAIL = 2000
_GRACE = 60  # seconds for a worker that said something unexpected
_GREETING = 60  # seconds in which a warm worker must greet; it may have to start first, on a busy machine


class Cold(Exception):
    """There is no warm worker to talk to; the text says why."""


class Channel:
    """An open way to a worker.

    :param incoming: binary stream of its messages. :param outgoing: binary stream to it.
    :param environment: what to tell it of this process's environment, or None where it has that already.
    :param end: a function that waits for the worker's end and says how it ended.
    """

    def __init__(self, incoming, outgoing, errors, environment, end, greeted=lambda: None):
        self.incoming = incoming
        self.outgoing = outgoing
        self.environment = environment
        self.end = end
        self.greeted = greeted
        self._errors = errors

    def last_words(self):
        """Return the end of what the worker wrote to stderr."""
        self._errors.seek(0)
        return self._errors.read()[-_STDERR_TAIL:].decode("utf-8", "replace").strip()


def environment_of(python, python_path):
    """Return the environment variables that a worker runs with."""
    found = dict(os.environ, PYTHONPATH=os.pathsep.join(python_path), PYTHONDONTWRITEBYTECODE="1")
    found["PATH"] = os.pathsep.join([os.path.dirname(python), found.get("PATH", ""), "/usr/sbin", "/sbin"])
    return found


@contextlib.contextmanager
def spawned(python, python_path, command=None):
    """Start a worker for one conversation. Raises StorageError ``not_installed`` when it cannot be started.

    :param command: what starts it instead of ``python``, as where sudo lets a user start just that.
    """
    command = command or [python, "-m", _PACKAGE + ".module_utils.worker.serve"]
    with tempfile.TemporaryFile() as errors:
        try:
            worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment_of(python, python_path), cwd="/"
            )
        except OSError as error:
            raise StorageError("not_installed", "The worker %r cannot be started: %s. Apply the role again." % (command[0], error)) from error

        def end():
            with contextlib.suppress(OSError):  # what it was not sent yet still waits in the buffer, and its pipe is gone
                worker.stdin.close()
            try:
                return "exit %s" % worker.wait(timeout=_GRACE)
            except subprocess.TimeoutExpired:
                worker.kill()
                return "exit %s" % worker.wait()

        with worker:
            yield Channel(worker.stdout, worker.stdin, errors, None, end)


class _Sender:
    """A stream to a socket that keeps nothing back, so that closing it cannot fail."""

    def __init__(self, connection):
        self.write = connection.sendall

    def flush(self):
        """Nothing waits."""


@contextlib.contextmanager
def warm(path, python, python_path):
    """Open a conversation with the warm worker behind a Unix socket. Raises Cold when it does not take it."""
    with tempfile.TemporaryFile() as errors, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_GREETING)
        try:
            connection.connect(path)
            socket.send_fds(connection, [b"\n"], [errors.fileno()])  # its stderr: nothing of this task belongs in the service's log
        except OSError as error:
            raise Cold("does not answer at %s (%s)" % (path, error.strerror or error)) from error
        with connection.makefile("rb") as incoming:
            yield Channel(
                incoming,
                _Sender(connection),
                errors,
                environment_of(python, python_path),
                lambda: "the warm worker closed the connection",
                lambda: connection.settimeout(None),
            )
