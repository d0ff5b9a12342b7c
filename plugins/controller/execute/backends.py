# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backends: what each operation does to the array and the store."""

from __future__ import annotations

import dataclasses

from ...module_utils.model.resources import Backend


def _register(work, operation, arguments):
    backend = Backend(**arguments)
    if backend.name not in work.unprobed:
        pools = work.engine().probe(backend).get("pools", ())
        backend = dataclasses.replace(backend, pools=tuple(pool["pool_name"] for pool in pools))
    with work.store.writing() as writer:
        writer.put_backend(backend)


_update = _register


def _delete(work, operation, arguments):
    with work.store.writing() as writer:
        writer.drop_backend(operation.name)


ACTIONS = {
    "register": _register,
    "update": _update,
    "delete": _delete,
}
