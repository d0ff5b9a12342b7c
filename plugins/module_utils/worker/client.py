# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module's side of the worker: reach it, ask one thing, read the answer. Standard library only."""

from __future__ import annotations

import contextlib
import json

from ..model.errors import StorageError
from . import channels, protocol


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


def ask(half, config_path, verb, arguments, check=False, spawn=False):
    """Ask a worker one thing and return its :class:`Answer`: the warm one that the settings name, otherwise one of our own.

    :param half: ``controller`` or ``host``.
    :param config_path: the settings file of that half on this machine.
    :param spawn: leave the warm worker alone.
    :raises StorageError: what the worker refused, or ``interrupted`` when it ended without an answer.
    """
    settings = read_config(half, config_path)
    program = (settings["python"], settings.get("python_path", []))
    hello = {"protocol": protocol.PROTOCOL, "half": half, "config": config_path}
    request = {"verb": verb, "arguments": arguments, "check": bool(check)}
    told = []
    if settings.get("socket") and not spawn:
        try:
            with channels.warm(settings["socket"], *program) as channel:
                _greet_warm(channel, hello)
                return _converse(channel, request)
        except channels.Cold as cold:
            told = ["The warm worker %s. A worker was spawned for this task, which takes longer." % cold]
    with channels.spawned(*program, command=settings.get("command")) as channel:
        with _told_if_interrupted(channel):
            _greet(channel, hello)
        answer = _converse(channel, request)
    return Answer(answer.result, told + answer.warnings)


def _greet(channel, hello):
    protocol.send(channel.outgoing, {"hello": hello})
    theirs = _next(channel).get("hello", {})
    if theirs.get("protocol") != protocol.PROTOCOL:
        raise StorageError(
            "not_installed",
            "The code installed on this host speaks protocol %s, this module speaks %s (collection %s). Apply the role again."
            % (theirs.get("protocol"), protocol.PROTOCOL, protocol.VERSION),
        )
    return theirs


def _greet_warm(channel, hello):
    """Greet a warm worker. Raises Cold unless it is of this very version; nothing was asked of it then."""
    try:
        theirs = _greet(channel, dict(hello, environment=channel.environment))
    except StorageError as error:
        raise channels.Cold("speaks another protocol") from error
    except (OSError, EOFError, ValueError) as error:
        raise channels.Cold("did not greet (%s)" % error) from error
    if theirs.get("version") != protocol.VERSION:
        raise channels.Cold("is of version %s, this module of %s" % (theirs.get("version"), protocol.VERSION))
    channel.greeted()


def _converse(channel, request):
    with _told_if_interrupted(channel):
        protocol.send(channel.outgoing, {"request": request})
        warnings = []
        while True:
            message = _next(channel)
            if "warning" in message:
                warnings.append(message["warning"])
            elif "error" in message:
                raise StorageError.from_dict(message["error"])
            else:
                return Answer(message["result"], warnings)


@contextlib.contextmanager
def _told_if_interrupted(channel):
    """Turn the end of a conversation that has no answer into a StorageError ``interrupted`` with the worker's last words."""
    try:
        yield
    except (OSError, EOFError, ValueError) as error:
        how = channel.end()
        raise StorageError(
            "interrupted",
            "The worker ended without an answer (%s: %s). Run the task again: what was begun is settled first."
            % (how, error or "no reason"),
            details={"stderr": channel.last_words()},
        ) from error


def _next(channel):
    message = protocol.receive(channel.incoming)
    if message is None:
        raise EOFError("its output ended")
    return message
