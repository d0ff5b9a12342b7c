# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a contract is made of: checks that run in a controller's or a node's own environment, each in a process of its own.

Runs there as ``python relied_on.py CONTRACT``, the name of a module beside it, and prints {check: what was found instead, or null}.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import signal
import sys
import traceback

CHECKS = {}


def relied_on(*users):
    """Make a function a check. Its docstring says what is relied on, ``users`` name the files that do."""

    def add(function):
        CHECKS.setdefault(function.__module__, {})[function.__name__] = (function, users)
        return function

    return add


def takes(function, *names):
    """Assert that a function can be called with these names as keywords."""
    parameters = inspect.signature(function).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    missing = [name for name in names if name not in parameters and not open_ended]
    assert not missing, "%s%s does not take %s" % (function.__qualname__, inspect.signature(function), ", ".join(missing))


def begins_with(function, *names):
    """Assert that a function's first parameters, which are given by position, are these."""
    found = [name for name in inspect.signature(function).parameters if name != "self"][: len(names)]
    assert found == list(names), "%s%s does not begin with %s" % (function.__qualname__, inspect.signature(function), ", ".join(names))


def has(thing, *names):
    """Assert that an object has these attributes."""
    missing = [name for name in names if not hasattr(thing, name)]
    assert not missing, "%r has no %s" % (thing, ", ".join(missing))


def _outcome(function):
    """Run one check in a child, so that none sees what another has changed; return None or what was found instead."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        found = ""
        signal.alarm(60)
        try:
            function()
        except BaseException as error:  # drivers' modules may raise anything
            where = traceback.extract_tb(error.__traceback__)[-1]
            found = "%s: %s (%s line %s)" % (type(error).__name__, str(error)[:500], where.filename, where.lineno)
        with os.fdopen(writing, "w") as stream:
            stream.write(found)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        found = stream.read()
    _pid, status = os.waitpid(child, 0)
    return found or ("the check died (status %s)" % status if status else None)


def run(contract):
    """Return {check: None or what was found instead} of a contract."""
    importlib.import_module(importlib.import_module(contract).FIRST)  # once, not in each child
    return {name: _outcome(function) for name, (function, _users) in CHECKS[contract].items()}


if __name__ == "__main__":
    sys.modules["relied_on"] = sys.modules["__main__"]
    json.dump(run(sys.argv[1]), sys.stdout)
