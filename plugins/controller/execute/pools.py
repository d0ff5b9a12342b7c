# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools: which one a new volume goes to. Arrays get and lose them; the store only remembers what was told last."""

from __future__ import annotations

from ...module_utils.plan.pools import first_pool, learn_pools, refuse_unknown_pool


def find_pool(work, backend_name, pool, parameter="pool"):
    """Return the pool (its name) that a new volume on a backend goes to: ``pool``, or where that is None the first one that the array has now.

    The driver was started for what comes next, so nothing more is asked of the array. What it told is remembered.

    :raises StorageError: ``invalid`` naming ``parameter`` where the array has pools and not this one.
    """
    with work.store.reading() as reader:
        known = reader.backend(backend_name)
    backend = learn_pools(known, work.engine().pools(known))
    if backend.pools != known.pools:
        with work.store.writing() as writer:
            writer.set_pools(backend_name, backend.pools)
    refuse_unknown_pool(backend, pool, parameter)
    return pool or first_pool(backend)
