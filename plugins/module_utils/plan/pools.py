# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools of a backend: which there are, and which one is meant where a task names none. Pure."""

from __future__ import annotations

import dataclasses

from ..model.errors import StorageError, invalid


def first_pool(backend):
    """Return the pool of a Backend (its name) that new volumes go to by default, or None where none is known."""
    return backend.pools[0] if backend.pools else None


def refuse_unknown_pool(backend, pool, parameter):
    """Refuse a pool that a Backend does not have, as far as its pools are known; ``None`` for a pool is none in particular.

    :raises StorageError: ``invalid`` with the detail ``pools_of``, the backend's name: whoever can ask its array may plan again with the answer.
    """
    if pool and backend.pools and pool not in backend.pools:
        error = invalid(parameter, pool, "is no pool of backend %s (pools: %s)." % (backend.name, ", ".join(backend.pools)))
        raise StorageError(error.code, error.message, error.parameter, {"pools_of": backend.name})


def learn_pools(backend, told):
    """Return a Backend with the pools that its array has by now, ``told`` (their names); as it is where the array tells none.

    Those known already come first and in their order, so that the default stays the same as long as it is there.
    """
    known = [pool for pool in backend.pools if pool in told]
    return dataclasses.replace(backend, pools=(*known, *(pool for pool in told if pool not in known))) if told else backend
