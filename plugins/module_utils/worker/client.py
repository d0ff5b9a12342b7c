# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module's side of the worker: spawn it, ask one thing, read the answer. Standard library only."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile

from ..model.errors import StorageError
from . import protocol

_PACKAGE = "ansible_collections.baremetal.legacy_storage.plugins"
_STDERR_TAIL = 2000
_GRACE = 60  # seconds for a worker that said something unexpected


class Answer:
    """A worker's result (a dict) and the warnings that came before it."""

    def __init__(self, result, warnings):
        self.result = result
        self.warnings = warnings


def read_config(half, path):
    """Return the JSON settings that the role wrote for ``controller`` or ``host``.

    :raises StorageError: code ``not_installed`` when the file is not there, ``invalid`` when it cannot be read.
    """
    role = "controller" if half == "controller" else "node"
    try:
        with open(path, encoding="utf-8") as stream:
            settings = json.load(stream)
        settings["python"]
    except FileNotFoundError as error:
        raise StorageError(
            "not_installed",
            "%s_config: %r does not exist on this host. Apply the role baremetal.legacy_storage.%s to it first." % (role, path, role),
            "%s_config" % role,
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            "invalid",
            "%s_config: %r cannot be used: %s. Does the task run with become? If it does, apply the role "
            "baremetal.legacy_storage.%s again." % (role, path, error, role),
            "%s_config" % role,
        ) from error
    return settings


def ask(half, config_path, verb, arguments, check=False):
    """Spawn a worker for one request and return its :class:`Answer`.

    :param half: ``controller`` or ``host``.
    :param config_path: the settings file of that half on this machine.
    :raises StorageError: what the worker refused, or ``interrupted`` when it ended without an answer.
    """
    settings = read_config(half, config_path)
    command = [settings["python"], "-m", _PACKAGE + ".module_utils.worker.serve"]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(settings.get("python_path", [])), PYTHONDONTWRITEBYTECODE="1")
    environment["PATH"] = os.pathsep.join([os.path.dirname(settings["python"]), environment.get("PATH", ""), "/usr/sbin", "/sbin"])
    with tempfile.TemporaryFile() as errors:
        try:
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, cwd="/")
        except OSError as error:
            raise StorageError("not_installed", "The worker %r cannot be started: %s. Apply the role again." % (settings["python"], error)) from error
        with worker:
            try:
                return _converse(worker, half, config_path, verb, arguments, check)
            except (BrokenPipeError, EOFError, ValueError) as error:
                with contextlib.suppress(OSError):  # what it was not sent yet still waits in the buffer, and its pipe is gone
                    worker.stdin.close()
                code = _end(worker)
                errors.seek(0)
                tail = errors.read()[-_STDERR_TAIL:].decode("utf-8", "replace").strip()
                raise StorageError(
                    "interrupted",
                    "The worker ended without an answer (exit %s: %s). Run the task again: what was begun is settled first."
                    % (code, error or "no reason"),
                    details={"stderr": tail},
                ) from error


def _end(worker):
    """Wait until the worker has ended, or end it; return its exit status."""
    try:
        return worker.wait(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        worker.kill()
        return worker.wait()


def _converse(worker, half, config_path, verb, arguments, check):
    protocol.send(worker.stdin, {"hello": {"protocol": protocol.PROTOCOL, "half": half, "config": config_path}})
    greeting = _next(worker)
    theirs = greeting.get("hello", {})
    if theirs.get("protocol") != protocol.PROTOCOL:
        raise StorageError(
            "not_installed",
            "The code installed on this host speaks protocol %s, this module speaks %s (collection %s). Apply the role again."
            % (theirs.get("protocol"), protocol.PROTOCOL, protocol.VERSION),
        )
    protocol.send(worker.stdin, {"request": {"verb": verb, "arguments": arguments, "check": bool(check)}})
    warnings = []
    while True:
        message = _next(worker)
        if "warning" in message:
            warnings.append(message["warning"])
        elif "error" in message:
            raise StorageError.from_dict(message["error"])
        else:
            return Answer(message["result"], warnings)


def _next(worker):
    message = protocol.receive(worker.stdout)
    if message is None:
        raise EOFError("its output ended")
    return message
