# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backends: what each operation does to the array and the store."""

from __future__ import annotations

import dataclasses

from ...module_utils.model.errors import StorageError
from ...module_utils.model.resources import AT_REST, Backend
from ...module_utils.plan.backends import changed_options, left_elsewhere, refuse_made_meanwhile, refuse_other_driver, untold_place

_SAMPLE = 5  # volumes to look for, each a question to the array


def _register(work, operation, arguments):
    backend = _probed(work, Backend(**arguments))
    with work.store.writing() as writer:
        writer.put_backend(backend)


def _probed(work, backend):
    """Return a Backend with the pools that its array tells of, or as it is where the task says that it is not to be asked."""
    if backend.name in work.unprobed:
        return backend
    return dataclasses.replace(backend, pools=work.engine().pools(backend))


def _update(work, operation, arguments):
    with work.store.reading() as reader:
        current = reader.backend(operation.name)
        driven = reader.driven_volumes(backend=operation.name)
    backend = _probed(work, Backend(**arguments))
    moves = backend.name not in work.unprobed and changed_options(current, backend)
    if moves and driven:
        _look_for_volumes(work, current, backend, driven)
    with work.store.writing() as writer:
        count = writer.count_volumes(backend.name)  # others may have made some since this was planned
        refuse_other_driver(current, backend, count)
        if moves and not driven:
            refuse_made_meanwhile(backend, count)
        writer.put_backend(backend)


def _look_for_volumes(work, current, backend, driven):
    """Refuse options that lead to a place without the backend's volumes while they are still where ``current`` leads; warn where nobody can tell.

    :param backend: the Backend as it is to be, whose driver was started by the probe.
    :param driven: its volumes, Driven.
    """
    sample = sorted(driven, key=lambda item: item.resource.status not in AT_REST)[:_SAMPLE]
    engine = work.engine()
    if engine.volumes.first_there(backend, sample) is not None:
        return
    engine.forget(backend.name)
    try:
        left = engine.volumes.first_there(current, sample)
    except StorageError:  # the old place is away
        left = None
    finally:
        engine.forget(backend.name)
    if left is not None:
        raise left_elsewhere(current, backend, left.name)
    text = untold_place(current, backend, len(driven))
    if text is not None:
        work.warn(text)


def _delete(work, operation, arguments):
    with work.store.writing() as writer:
        writer.drop_backend(operation.name)


ACTIONS = {
    "register": _register,
    "update": _update,
    "delete": _delete,
}
