# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is on an array, as far as its driver can tell. Nothing is changed."""

from __future__ import annotations

import cinderlib
from cinder import exception as cinder_exception

_ALL = 1000000
_GONE = (cinder_exception.NotFound, cinder_exception.ManageExistingInvalidReference)


def take_inventory(engine, backend_name):
    """Return the parts of an ArrayView as a dict: ``volumes``, ``snapshots`` and ``sizes``. Raises StorageError ``backend``."""
    engine.start(backend_name)
    driver = cinderlib.Backend.backends[backend_name].driver
    volumes = [volume._ovo for volume in engine.persistence.get_volumes(backend_name=backend_name)]
    snapshots = [item._ovo for item in engine.persistence.get_snapshots() if item.backend.id == backend_name]
    with engine.speaking_of(backend_name):
        listed = _listed(driver.get_manageable_volumes, volumes)
        seen = {item["id"] for item in listed or ()} - {None}
        sizes = {volume.id: _size(driver, volume) for volume in volumes if volume.id not in seen}
        if not seen and not any(isinstance(size, int) for size in sizes.values()):
            sizes = {}  # it refuses every one: more likely the question is not understood than everything gone
        return {"volumes": listed, "snapshots": _listed(driver.get_manageable_snapshots, snapshots), "sizes": sizes}


def _listed(question, known):
    """Ask a driver for its list. None where it offers none."""
    ids = {thing.id for thing in known}
    names = {thing.name: thing.id for thing in known}
    try:
        found = question(known, None, _ALL, 0, ["size"], ["asc"])
    except (NotImplementedError, AttributeError, TypeError, KeyError):  # not offered, or not offered to what cinderlib has no database for
        return None
    result = []
    for item in found or ():
        reference = item.get("reference") or {}
        name = reference.get("source-name") or reference.get("source-id") or next(iter(reference.values()), None)
        ours = item.get("cinder_id") if item.get("cinder_id") in ids else names.get(str(name).rpartition("/")[2])
        result.append({"id": ours, "name": str(name), "size": _whole(item.get("size"))})
    return result


def _size(driver, volume):
    """Ask for one volume: its size in GiB, "missing", or None where the driver cannot tell."""
    try:
        return _whole(driver.manage_existing_get_size(volume, {"source-name": volume.name}))
    except _GONE:
        return "missing"
    except Exception:  # asked in passing, of drivers that may not know the question in any form
        return None


def _whole(size):
    try:
        return int(size)
    except (TypeError, ValueError):
        return None
