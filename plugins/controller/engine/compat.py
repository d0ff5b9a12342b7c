# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every change that we make to cinderlib 5.2.0, to cinder and to what they stand on, each with its reason and the versions that need it.

cinderlib is no longer maintained, and it was written for cinder 22. A change is made where what it mends is found, so that one
code runs on every cinder of the contract tests (tests/contract). Three stand beside what they hand out: persistence.py answers what
Cinder's objects look up, from the store; ceph.py what the RBD driver lacks; module_utils/worker/children.py starts commands by vfork,
which os-brick on a node needs, too.
What is wrong in cinderlib and needs no change, because we do not use it, is listed here as well, for whoever is tempted:

- ``cinderlib.persistence.dbms``: loses volume types and QoS, matches backends with LIKE, migrates at every start; cinder 29 has no
  ``cinder.db.sqlalchemy``, which it imports. We have a persistence of our own (persistence.py).
- ``Volume.create``, ``connect``, ``extend``, ``delete`` and their like: save after the array has changed, guard nothing, take the
  export from hosts that still use it. We call the drivers (engine.py).
- ``Backend``: keeps its state in its class and is not safe for threads. One engine a process, backends started under a lock.
- ``list_supported_drivers``: a process of its own, without the options that drivers declare late (drivers.py).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import json
import sys
import threading
import types

import cinderlib
from cinder import coordination
from cinder.db import api as db_api
from cinder.volume.targets import lio
from cinderlib import serialization
from eventlet import tpool
from oslo_concurrency import lockutils, processutils
from oslo_utils import importutils

from ...module_utils.worker.children import start_quickly
from . import ceph

CONFIGURING = threading.Lock()  # cinderlib writes a backend's options into those of the process and reads them there
_STARTING = threading.local()  # what the driver that this thread starts has to know
_RTSTOOL = "import json, sys; from cinder.cmd import rtstool; sys.exit(rtstool.main(json.load(sys.stdin)))"


def setup(**settings):
    """Call ``cinderlib.setup`` with what it needs on the installed versions."""
    pluggable = hasattr(db_api, "IMPL")  # cinder up to 28 asks this object, which cinderlib replaces
    serialization.wrap_to_primitive = wrap_to_primitive
    cinderlib.cinderlib.importutils = types.SimpleNamespace(import_object=_make_driver)
    lio.LioAdm._execute = staticmethod(_tell_rtstool(lio.LioAdm._execute))
    tpool.execute = _call_directly
    start_quickly(processutils)
    cinderlib.setup(**settings)
    if not pluggable:
        _replace_database_functions(db_api, cinderlib.Backend.persistence.db)


class Backend(cinderlib.Backend):
    """cinderlib's, but backends may log in to their arrays side by side: only their options must be set one after the other."""

    def _get_backend_config(self, driver_cfg):
        with CONFIGURING:
            return super()._get_backend_config(driver_cfg)


def _call_directly(function, *args, **keywords):
    """Let drivers call their libraries in the thread they run in; takes the place of ``eventlet.tpool.execute``.

    Ceph's and Cinder's own copying go through eventlet's pool of threads, whose answers reach only the thread that asked first: with several
    volumes at once, all others would wait for ever. Our threads are real ones, so the pool is of no use either.
    """
    return function(*args, **keywords)


def share_locks(coordinator):
    """Hold the locks that drivers take over all controllers of a store, instead of on one host.

    These are Cinder's coordination, and oslo's locks that drivers declare to hold over processes; both are files of one host otherwise.

    :param coordinator: a started one of tooz.
    """
    coordination.COORDINATOR.coordinator = coordinator
    on_this_host = lockutils.external_lock

    def external_lock(name, lock_file_prefix=None, lock_path=None):
        if not (lock_file_prefix or "").startswith("cinder"):
            return on_this_host(name, lock_file_prefix, lock_path)
        digest = hashlib.sha256(("%s%s" % (lock_file_prefix, name)).encode("utf-8")).hexdigest()
        return _External(coordinator.get_lock(b"external-" + digest.encode("ascii")))

    lockutils.external_lock = external_lock


class _External:
    """A coordinator's lock with the signature that lockutils expects."""

    def __init__(self, lock):
        self._lock = lock

    def acquire(self, blocking=True, **_how):
        """Take it; tell whether that worked."""
        return self._lock.acquire(blocking=blocking)

    def release(self):
        """Give it back."""
        self._lock.release()


@contextlib.contextmanager
def starting(active_backend_id, problems=None):
    """Let the driver that this thread starts meanwhile serve from a replication target; None for the array that its options name.

    cinderlib 5.2.0: ``Backend`` hands every driver ``active_backend_id=None``.

    :param problems: a list; the driver then counts as started whatever its array says, and what it raised is put there.
    """
    _STARTING.target, _STARTING.problems = active_backend_id, problems
    try:
        yield
    finally:
        _STARTING.target = _STARTING.problems = None


def _make_driver(path, *arguments, **settings):
    if "active_backend_id" in settings:
        settings["active_backend_id"] = getattr(_STARTING, "target", None)
    driver = importutils.import_object(path, *arguments, **settings)
    ceph.mend(driver)
    problems = getattr(_STARTING, "problems", None)
    if problems is not None:
        for name in ("do_setup", "check_for_setup_error", "init_capabilities"):
            setattr(driver, name, _borne(driver, name, problems))
    return driver


def _borne(driver, name, problems):
    """Return a step of a driver's start that may fail, as it does where the array is dead that must be failed over from.

    Cinder asks a driver to fail over that failed to start, too. As there, nothing more is asked of it once a step has failed: each would wait for
    the dead array anew, Ceph's for half a minute at best.
    """

    method = getattr(driver, name)

    def call(*arguments, **settings):
        try:
            if not problems:
                method(*arguments, **settings)
        except Exception as error:  # drivers raise anything
            problems.append(error)
        if name == "init_capabilities" and not (driver.capabilities or {}).get("pools"):
            driver.capabilities = dict(driver.capabilities or {}, pools=[])

    return call


def _tell_rtstool(execute):
    """Return LioAdm's ``_execute`` with the arguments of cinder-rtstool in a pipe, to the same code in a child of its own.

    cinder 28 and 29: ``cinder-rtstool create`` and ``add-initiator`` take the CHAP password as an argument, which every user of the host
    can read in /proc.
    """

    @functools.wraps(execute)
    def run(*command, **options):
        if command[0] == "cinder-rtstool":
            options["process_input"] = json.dumps([str(part) for part in command])
            command = (sys.executable, "-I", "-c", _RTSTOOL)
        return execute(*command, **options)

    return run


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
