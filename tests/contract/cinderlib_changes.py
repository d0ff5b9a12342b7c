# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What engine/compat.py relies on where it changes cinderlib, cinder and what they stand on: the change works there, and is still needed."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import os
import sys
import tempfile

from engine_here import COLLECTION, ID, _volume, ours, set_up
from relied_on import begins_with, relied_on, takes

FIRST = COLLECTION + "engine"
COMPAT = "plugins/controller/engine/compat.py"


@relied_on(COMPAT)
def lio_runs_all_of_rtstool_through_one_function():
    """LioAdm runs cinder-rtstool by its static _execute; our change keeps the CHAP password out of the argument list, and the same code runs."""
    import pathlib

    from cinder import exception
    from cinder.volume.targets import lio

    folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ["CONTRACT_DIR"]))
    set_up()
    out, _err = lio.LioAdm._execute("cinder-rtstool", "verify")
    assert out == "", out
    python = folder / "python"
    python.write_text('#!/bin/sh\necho "$@" >> %s/arguments\ncat >> %s/told\n' % (folder, folder))
    python.chmod(0o755)
    real, sys.executable = sys.executable, str(python)
    try:
        target = object.__new__(lio.LioAdm)
        target.iscsi_target_prefix, target._get_target, target._persist_configuration = "iqn.x:", lambda iqn: iqn, lambda volume_id: None
        type(target).iscsi_protocol = "iscsi"
        target.create_iscsi_target("iqn.x:v", 0, 0, "/dev/x", ("user", "canary-chap"), portals_ips=["192.0.2.1"], portals_port=3260)
        volume = {"id": "v", "provider_location": "192.0.2.1:3260,1 iqn.x:v 0", "provider_auth": "CHAP user canary-chap"}
        try:
            target.initialize_connection(volume, {"initiator": "iqn.y"})
        except (AttributeError, exception.CinderException):
            pass  # what its base class goes on to do is no matter of ours
    finally:
        sys.executable = real
    arguments, told = (folder / "arguments").read_text(), (folder / "told").read_text()
    assert "canary-chap" not in arguments, arguments
    create, add = (json.loads(line) for line in told.replace("][", "]\n[").splitlines())
    assert create == ["cinder-rtstool", "create", "/dev/x", "iqn.x:v", "user", "canary-chap", "False", "-p3260", "-a192.0.2.1"], create
    assert add == ["cinder-rtstool", "add-initiator", "iqn.x:v", "user", "canary-chap", "iqn.y"], add


@relied_on(COMPAT)
def rtstool_takes_a_list_of_arguments():
    """cinder.cmd.rtstool.main takes what sys.argv would be, and refuses what it does not know."""
    from cinder.cmd import rtstool

    takes(rtstool.main, "argv")
    assert rtstool.main(["cinder-rtstool", "verify"]) == 0


@relied_on(COMPAT)
def drivers_reach_eventlets_threads_by_this_name():
    """Cinder and its drivers call ``tpool.execute(function, ...)`` through the module, or through a Proxy, which does; ours calls in the same thread."""
    import pathlib
    import threading

    import cinder
    from eventlet import tpool

    set_up()
    assert tpool.execute(threading.current_thread) is threading.current_thread()
    begins_with(tpool.Proxy.__init__, "obj", "autowrap")
    seen = []
    proxy = tpool.Proxy(_Noting(seen))
    proxy.note("here")
    assert seen == [("here", threading.current_thread())], seen
    by_hand = [path for path in pathlib.Path(cinder.__file__).parent.glob("**/*.py") if "from eventlet.tpool import" in path.read_text(encoding="utf-8")]
    assert not by_hand, by_hand


class _Noting:
    """What a driver's library may be: notes in which thread it is called."""

    def __init__(self, seen):
        self._seen = seen

    def note(self, what):
        """Note it."""
        import threading

        self._seen.append((what, threading.current_thread()))


@relied_on(COMPAT)
def drivers_locks_are_these_two():
    """Cinder's ``coordination.synchronized`` asks COORDINATOR.coordinator for its locks, and ``utils.synchronized(external=True)`` lockutils.external_lock."""
    from cinder import coordination, utils
    from oslo_concurrency import lockutils

    begins_with(lockutils.external_lock, "name", "lock_file_prefix", "lock_path")
    held = []
    set_up()
    on_this_host = lockutils.external_lock
    ours("compat").share_locks(_Coordinator(held))

    @coordination.synchronized("volume-{name}")
    def coordinated(name):
        return list(held)

    @utils.synchronized("clones", external=True)
    def external():
        return list(held)

    @utils.synchronized("clones")
    def of_this_process():
        return list(held)

    (name,) = coordinated("data")
    assert name.endswith(b"volume-data"), name
    (name,) = external()
    assert name.startswith(b"external-"), name
    assert of_this_process() == held == []
    with lockutils.lock("other", lock_file_prefix="os-brick-", external=True, lock_path=os.environ["CONTRACT_DIR"]):
        assert held == [], "a lock that is not Cinder's stays with this host"
    assert lockutils.external_lock is not on_this_host


class _Coordinator:
    """A stand-in for tooz's, which notes what is held."""

    def __init__(self, held):
        self._held = held

    def get_lock(self, name):
        """Return a lock; it can be used as one of tooz and of fasteners."""
        from tooz import locking

        held = self._held

        class Lock(locking.Lock):
            """One lock."""

            def acquire(self, blocking=True, shared=False, timeout=None):
                """Hold it."""
                held.append(self.name)
                return True

            def release(self):
                """Give it back."""
                held.remove(self.name)
                return True

        return Lock(name)


@relied_on(COMPAT)
def cinder_asks_our_store_and_no_database():
    """Cinder's functions for its database answer out of our store; those without an answer raise AttributeError and make no file."""
    from cinder import objects
    from cinder.db import api

    cinderlib = set_up()
    volume = _volume(cinderlib)
    context = cinderlib.objects.CONTEXT
    assert api.volume_get(context, ID) is volume._ovo
    assert objects.Volume.get_by_id(context, ID) is volume._ovo
    assert [item.id for item in api.volume_get_all_by_host(context, "here@one#pool")] == [ID]
    assert api.image_volume_cache_get_by_volume_id(context, ID) is None
    for name, arguments in (("volume_update", [ID, {}]), ("volume_type_get_all", []), ("service_get_all", [])):
        try:
            getattr(api, name)(context, *arguments)
        except AttributeError:
            continue
        raise AssertionError("cinder.db.api.%s found a database" % name)
    volume._ovo.save()


@relied_on(COMPAT)
def changes_to_cinderlib_are_where_they_work():
    """cinderlib installs its field types through serialization.wrap_to_primitive; Cinder's database is pluggable or it is not."""
    import cinderlib
    from cinder.db import api
    from cinderlib import serialization

    begins_with(serialization.wrap_to_primitive, "cls")
    assert "wrap_to_primitive" in serialization.setup.__code__.co_names
    if hasattr(api, "IMPL"):
        assert "IMPL" in api.volume_get.__code__.co_names
    else:
        assert list(inspect.signature(api.volume_get).parameters) == ["context", "volume_id"]
    assert importlib.metadata.version("cinderlib") == "5.2.0", "read what changed, and whether engine/compat.py still fits"
    assert "rbd_keyring_conf" in inspect.getsource(cinderlib.Backend._validate_and_set_options)


@relied_on(COMPAT)
def changes_to_cinderlib_are_still_needed():
    """Without engine/compat.py, cinderlib fails on cinder 29 and does not on 28: when that ends, so may the change."""
    import cinderlib
    from cinder.volume import volume_types

    set_up(cinderlib.setup)
    volume = _volume(cinderlib, extra_specs={"thin": "yes"})
    failures = []
    for ask in (volume.volume_type.obj_to_primitive, lambda: volume_types.get_volume_type(cinderlib.objects.CONTEXT, ID)):
        try:
            ask()
            failures.append(None)
        except Exception as error:  # whatever Cinder's database says when there is none
            failures.append(type(error).__name__)
    new = int(importlib.metadata.version("cinder").partition(".")[0]) >= 29
    assert all(failures) if new else not any(failures), failures
