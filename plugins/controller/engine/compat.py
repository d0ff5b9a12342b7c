# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every change that we make to cinderlib 5.2.0, each with its reason and the versions that need it.

cinderlib is no longer maintained, and it was written for cinder 22. A change is made where what it mends is found, so that one
code runs on every cinder of the contract tests (tests/contract). What is wrong in cinderlib and needs no change, because we do
not use it, is listed here as well, for whoever is tempted:

- ``cinderlib.persistence.dbms``: loses volume types and QoS, matches backends with LIKE, migrates at every start; cinder 29 has no
  ``cinder.db.sqlalchemy``, which it imports. We have a persistence of our own (persistence.py).
- ``Volume.create``, ``connect``, ``extend``, ``delete`` and their like: save after the array has changed, guard nothing, take the
  export from hosts that still use it. We call the drivers (engine.py).
- ``Backend``: keeps its state in its class and is not safe for threads. One engine a process, backends started under a lock.
- ``Backend(active_backend_id=None)``: hard coded, so a failed-over backend cannot be told to its driver.
- ``list_supported_drivers``: a process of its own, without the options that drivers declare late (drivers.py).
"""

from __future__ import annotations

import functools
import inspect

import cinderlib
from cinder.db import api as db_api
from cinderlib import serialization


def setup(**settings):
    """Call ``cinderlib.setup`` with what it needs on the installed versions."""
    pluggable = hasattr(db_api, "IMPL")  # cinder up to 28 asks this object, which cinderlib replaces
    serialization.wrap_to_primitive = wrap_to_primitive
    cinderlib.setup(**settings)
    if not pluggable:
        _replace_database_functions(db_api, cinderlib.Backend.persistence.db)


def wrap_to_primitive(cls):
    """Let a field type's ``to_primitive`` take cinderlib's additional argument ``visited``.

    oslo.versionedobjects 3.10 and later (cinder 29): ``to_primitive`` became an ordinary method; cinderlib installs a static one
    that drops ``self``, and each look at a volume type's extra specs ends in a TypeError.
    """
    method = inspect.getattr_static(cls, "to_primitive")
    if isinstance(method, staticmethod):
        function = method.__func__

        @functools.wraps(function)
        def to_primitive(obj, attr, value, visited=None):
            return function(obj, attr, value)

        cls.to_primitive = staticmethod(to_primitive)
    else:

        @functools.wraps(method)
        def to_primitive(self, obj, attr, value, visited=None):
            return method(self, obj, attr, value)

        cls.to_primitive = to_primitive


def _replace_database_functions(module, database):
    """Let Cinder's objects and drivers find our store behind ``cinder.db.api``.

    cinder 29 and later: its functions are called directly. Those that cinderlib has no answer to would open, and so make, an SQLite
    file; they raise AttributeError, as a missing one of ``IMPL`` does on cinder 28.
    """
    for name, function in list(vars(module).items()):
        if name.startswith("_") or not inspect.isfunction(function) or next(iter(inspect.signature(function).parameters), "") != "context":
            continue
        setattr(module, name, getattr(database, name, None) or _missing(name))


def _missing(name):
    def refuse(*_arguments, **_options):
        raise AttributeError("cinderlib has no database, so no cinder.db.api.%s" % name)

    return refuse
