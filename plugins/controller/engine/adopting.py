# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the array has already: measuring it, taking it over, letting it go, and listing what there is to take. No data is touched."""

from __future__ import annotations

import contextlib
import math

from cinder import exception as cinder_exception

from ...module_utils.model.errors import StorageError
from ...module_utils.model.resources import Snapshot, Volume
from ...module_utils.plan.pools import first_pool, learn_pools
from ..store.reading import Driven
from .options import load_driver
from .persistence import SNAPSHOT_FIELDS, VOLUME_FIELDS

_NOBODY = "00000000-0000-0000-0000-000000000000"
_FIELDS = {"volume": VOLUME_FIELDS, "snapshot": SNAPSHOT_FIELDS}
_MANAGE = {"volume": "manage_existing", "snapshot": "manage_existing_snapshot"}
_RELEASE = {"volume": "unmanage", "snapshot": "unmanage_snapshot"}
_MOST = 10000  # candidates; a listing is for people


class Adopting:
    """What the array has already.

    :param engine: the Engine whose drivers do it.
    """

    def __init__(self, engine):
        self._engine = engine

    def measure(self, noun, backend, wanted, owner=None):
        """Return the size in GiB of what ``wanted.adopt`` names.

        :param backend: a Backend record; ``owner`` the Volume that a snapshot is of.
        :raises StorageError: the driver knows nothing by that reference, or cannot adopt at all.
        """
        started = self._engine.started(backend)
        persistence = self._engine.persistence
        if noun == "snapshot":
            (volume,) = persistence.get_volumes(volume_id=owner.id)
            thing = persistence.bare_snapshot(
                volume, Driven(Snapshot(_NOBODY, backend.name, wanted.name, owner.id, owner.name, owner.size))
            )
        else:
            pool = wanted.pool or first_pool(learn_pools(backend, started.pool_names))
            thing = persistence.bare_volume(
                Driven(Volume(_NOBODY, backend.name, wanted.name, 1, extra_specs=wanted.extra_specs or {}, pool=pool))
            )
        try:
            with self._engine.speaking_of(backend.name):
                return max(1, math.ceil(self._ask(started, noun, "%s_get_size", thing, wanted.adopt)))
        except StorageError as error:
            raise StorageError(error.code, "adopt: %r: %s" % (wanted.adopt, error.message), "adopt", error.details) from error

    def take(self, noun, identity, reference):
        """Let the driver take over what it knows by ``reference`` as the recorded volume or snapshot. Return a volume's pool.

        Where it says no, the thing may stand under its new name all the same: a killed run got that far, or the driver's answer was lost.

        :raises StorageError: ``store``: what the array did by then is not known; any other code: it has not taken the thing over.
        """
        try:
            return self._take(noun, identity, reference)
        except StorageError as error:
            refused = _told_by_driver(error)
        with self._thing(noun, identity) as (backend, thing):
            own, host = {"source-name": thing._ovo.name}, thing._ovo.host if noun == "volume" else ""
        try:
            return self._take(noun, identity, own)
        except StorageError as error:
            _told_by_driver(error)
        try:
            with self._thing(noun, identity) as (backend, thing):
                self._ask(backend, noun, "%s_get_size", thing, own)
        except StorageError as error:
            _told_by_driver(error)
            raise refused from None
        return host.partition("#")[2] or None

    def _take(self, noun, identity, reference):
        with self._thing(noun, identity) as (backend, thing):
            updates = self._ask(backend, noun, "%s", thing, reference)
            self._engine.keep(noun, thing, _FIELDS[noun], updates)
            return thing._ovo.host.partition("#")[2] if noun == "volume" else None

    def let_go(self, noun, identity):
        """Tell the driver that a volume or snapshot is no longer ours; it stays on the array."""
        with self._thing(noun, identity) as (backend, thing):
            with contextlib.suppress(cinder_exception.NotFound, NotImplementedError):
                getattr(backend.driver, _RELEASE[noun])(thing._ovo)

    @staticmethod
    def require_release(noun, backend):
        """Raise StorageError ``unsupported`` unless the driver of a Backend record knows how to let go of things of this kind.

        Cinder's remotefs drivers (NFS and more) cannot do so with snapshots. Theirs are files that a volume's present file builds on: whoever
        adopted that volume by its name later would get what it had before the snapshot.
        """
        if not hasattr(load_driver(backend.driver), _RELEASE[noun]):
            raise StorageError(
                "unsupported",
                "state: the driver of backend %s (%s) cannot let go of %ss. Delete it (state: absent) or keep it." % (backend.name, backend.driver, noun),
                "state",
            )

    def candidates(self, backend, known):
        """Return {"volumes": [...], "snapshots": [...]} of what a backend has, as its driver tells it; None where it cannot tell.

        :param known: {"volumes": cinderlib volumes, "snapshots": cinderlib snapshots} that are managed.
        """
        driver = self._engine.started(backend).driver
        found = {}
        for plural, things in known.items():
            with self._engine.speaking_of(backend.name):
                try:
                    found[plural] = getattr(driver, "get_manageable_" + plural)(
                        [thing._ovo for thing in things], None, _MOST, 0, ["reference"], ["asc"]
                    )
                except (NotImplementedError, AttributeError, TypeError, KeyError):  # not offered, or not without a database of Cinder's
                    found[plural] = None
        return found

    @contextlib.contextmanager
    def _thing(self, noun, identity):
        with getattr(self._engine, noun)(identity) as (backend, thing, *_record):
            yield backend, thing

    def _ask(self, backend, noun, template, thing, reference):
        method = getattr(backend.driver, template % _MANAGE[noun], None)
        if method is not None:
            with contextlib.suppress(NotImplementedError):
                return method(thing._ovo, dict(reference))
        raise StorageError("unsupported", "the driver of this backend cannot adopt %ss." % noun, "adopt")


def _told_by_driver(error):
    """Return a StorageError, but raise one that the store is the cause of: the array may have done what it was asked for, so it is not asked again."""
    if error.code == "store":
        raise error
    return error
