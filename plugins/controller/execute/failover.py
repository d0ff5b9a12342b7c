# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failing a backend over and back: what each operation does to the array and the store.

The journal entry stands from before the driver is asked until the store knows what came of it. As long as it stands nobody touches the
backend, and only the same task ends it (plan/failover.py).
"""

from __future__ import annotations

import contextlib
import dataclasses

from ...module_utils.model.errors import StorageError
from ...module_utils.model.replication import ELSEWHERE, IN_ERROR, turned
from ...module_utils.plan.failover import unconfirmed


def _begin(work, operation, arguments):
    with work.store.writing() as writer:
        entry = writer.begin(operation, arguments["id"])
    try:
        _ask(work, entry, operation, arguments)
        _look_at_pools(work, operation.name)
    except StorageError as error:
        if not error.details.get("refused"):
            _tell(work, entry, error)
        with work.store.writing() as writer:  # the driver looks for the target before it does anything
            writer.settle(entry)
        raise


def _finish(work, operation, arguments):
    try:
        _ask(work, operation.settles, operation, arguments)
        _look_at_pools(work, operation.name)
    except StorageError as error:  # a target may be refused for the very reason that the first run had got that far
        _tell(work, operation.settles, error)


def _tell(work, entry, error):
    """Raise an error together with what is to be done about a fail over that has not ended."""
    if error.code == "store":
        raise error
    with work.store.reading() as reader:
        begun = reader.operation(entry)
    raise StorageError(
        error.code,
        "%s %s If you have seen on the arrays which of them serves the volumes, write that state down without asking the driver: force: [unconfirmed]."
        % (error.message, unconfirmed(begun).message),
        error.parameter,
    ) from error


def _ask(work, entry, operation, arguments):
    backend, driven = _now(work, operation.name)
    replicated = [item for item in driven if item.resource.replicated]
    place, taken = work.engine().replication.fail_over(backend, replicated, arguments["replication_target"])
    _record(work, entry, operation, place or arguments["replication_target"], driven, taken)


def _write_down(work, operation, arguments):
    _backend, driven = _now(work, operation.name)
    _record(work, operation.settles, operation, arguments["replication_target"], driven, {})


def _now(work, name):
    with work.store.reading() as reader:
        backend = next(item for item in reader.backends() if item.name == name)
        return backend, reader.driven_volumes(backend=name)


def _record(work, entry, operation, place, driven, taken):
    back = operation.action.endswith("fail_back")
    with work.store.writing() as writer:
        writer.set_failed_over(operation.name, None if back else place)
        for item in driven:
            _turn(writer, item, back, *taken.get(item.resource.id, (None, {})))
        writer.mark_exports([item.resource.id for item in driven if item.resource.replicated], ELSEWHERE)
        writer.settle(entry)


def _turn(writer, item, back, data=None, said=None):
    """Write down what became of a volume. ``data``: what its driver keeps of it now, None where it was not asked."""
    before = item.resource
    after = turned(before, back, said)
    if after != before or data is not None:
        writer.change_volume(before.id, status=after.status)
        kept = {"replication_status": after.replication_status, "previous_status": after.previous_status}
        kept = {key: value for key, value in dict(item.data if data is None else data, **kept).items() if value is not None}
        writer.set_driver_data("volume", before.id, kept)


def _confirm(work, operation, _arguments):
    """Take a person's word that the array in charge has the volumes that its driver gave up."""
    _backend, driven = _now(work, operation.name)
    with work.store.writing() as writer:
        for item in driven:
            if item.resource.replication == IN_ERROR:
                _turn(writer, item, operation.action.endswith("fail_back"))


def _look_at_pools(work, name):
    """Learn the target's pools, where new volumes will be; the fail over is done whether it tells them or not."""
    work.engine().forget(name)
    with contextlib.suppress(StorageError):
        backend, _driven = _now(work, name)
        pools = work.engine().pools(backend)
        if pools and pools != backend.pools:
            with work.store.writing() as writer:
                writer.put_backend(dataclasses.replace(backend, pools=pools))


def _forget(work, operation, arguments):
    with work.store.writing() as writer:
        writer.settle(operation.settles)


ACTIONS = {
    "fail_over": _begin,
    "fail_back": _begin,
    "finish_fail_over": _finish,
    "finish_fail_back": _finish,
    "record_fail_over": _write_down,
    "record_fail_back": _write_down,
    "confirm_fail_over": _confirm,
    "confirm_fail_back": _confirm,
    "forget": _forget,
}
