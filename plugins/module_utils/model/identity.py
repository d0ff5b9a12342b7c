# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ids that can be computed again, so that a second run finds what half a run left on the array."""

from __future__ import annotations

import uuid

NAMESPACE = "6d0cbd5c-3a3c-5a86-9f9e-6f0a8d1d7f01"  # of stores without one of their own, and of what has its id from elsewhere than a store
GENERATIONS = 1000  # how often a name that was given again is traced back; ids are given beyond that, too


def derive_id(noun, backend, name, generation=0, namespace=None):
    """Return the uuid5 (str) for a noun called ``name`` on ``backend``.

    ``generation`` counts up when a name is given again while the earlier owner of the id still exists
    under another name. ``namespace`` is the store's own, so that two stores never mean one object of an array; None for NAMESPACE.
    """
    key = "%s/%s/%s" % (noun, backend, name)
    if generation:
        key += "/%d" % generation
    return str(uuid.uuid5(uuid.UUID(namespace or NAMESPACE), key))


def clone_snapshot_id(clone_id):
    """Return the id of the snapshot of its source by which a driver makes the clone with this id, where it makes one as other snapshots are made."""
    return derive_id("snapshot", "clone", clone_id)


def derived_from(noun, backend, name, identity, namespace=None):
    """Tell whether ``identity`` is what a noun called ``name`` got when it was made, whatever it is called now."""
    return any(derive_id(noun, backend, name, generation, namespace) == identity for generation in range(GENERATIONS))


def is_id(value):
    """Tell whether ``value`` has the form of a UUID, so that it may name a thing by id."""
    try:
        return str(uuid.UUID(str(value))) == str(value).lower()
    except ValueError:
        return False
