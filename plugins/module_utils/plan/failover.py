# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Failing a backend over to a replication target, and back. Pure.

A fail over that a killed run left, or that its driver did not confirm, is never settled by another task: only whoever runs the same task
again, or looks at the arrays and says so, knows what is meant.
"""

from __future__ import annotations

import dataclasses

from ..model.errors import StorageError, invalid
from ..model.identity import derive_id
from ..model.replication import ELSEWHERE, IN_ERROR, OPTION, PRIMARY, Failover, targets_of, turned, wants_replication
from .operations import Operation

NOT_ON_BACKENDS = ("backup", "file", "repository", "store")  # nouns in whose keys the second part is no backend's name
ACTIONS = {"failed_over": "fail_over", "failed_back": "fail_back"}


def find_failover(landscape, wanted):
    """Return the Failover of a backend, or None where it is not registered."""
    backend = landscape.backends.get(wanted.name)
    if backend is None:
        return None
    volumes = sorted((item for item in landscape.volumes.values() if item.backend == backend.name), key=lambda item: item.name)
    stale = {}
    for mapping in landscape.mappings.values():
        if mapping.backend == backend.name and mapping.status == ELSEWHERE:
            stale.setdefault((mapping.volume_name, mapping.volume_id), []).append(mapping.host)
    return Failover(
        backend.name,
        backend.failed_over_to,
        targets_of(backend),
        tuple(item.name for item in volumes if item.replicated and item.replication != IN_ERROR),
        tuple(item.name for item in volumes if item.unreachable),
        tuple(item.name for item in volumes if item.replication == IN_ERROR),
        tuple({"volume": name, "volume_id": key, "hosts": sorted(hosts)} for (name, key), hosts in sorted(stale.items())),
    )


def plan_failover(landscape, wanted):
    """Return the operations that make ``wanted`` (a WantedFailover) true.

    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    backend = landscape.backend(wanted.name)
    target = _target(backend, wanted)
    arguments = {"id": derive_id("backend", backend.name, backend.name), "replication_target": target}
    begun = begun_on(landscape, backend.name)
    if begun is not None:
        return [_end(backend, wanted, begun, arguments)]
    if _is_there(backend, target):
        lost = any(item.backend == backend.name and item.replication == IN_ERROR for item in landscape.volumes.values())
        confirms = lost and "unconfirmed" in wanted.force
        return [Operation("confirm_" + ACTIONS[wanted.state], "backend", backend.name, backend.name, arguments)] if confirms else []
    if "unconfirmed" in wanted.force:
        raise invalid(
            "force", "unconfirmed", "is for a fail over that was begun and did not end well; there is none of backend %s." % backend.name
        )
    if backend.failed_over_to is not None and wanted.state == "failed_over":
        raise StorageError(
            "conflict",
            "target: backend %s is failed over to %s. Fail it back first (state: failed_back), then over to %s."
            % (backend.name, backend.failed_over_to, target),
            "target",
        )
    return [Operation(ACTIONS[wanted.state], "backend", backend.name, backend.name, arguments)]


def _target(backend, wanted):
    """Return the id of the target a task means."""
    if wanted.state == "failed_back":
        return PRIMARY
    targets = targets_of(backend)
    if not targets:
        raise StorageError(
            "unsupported",
            "name: backend %s has no replication target: register it with secret_options.%s as its driver documents it."
            % (backend.name, OPTION),
            "name",
        )
    if wanted.target is None:
        if len(targets) > 1:
            raise StorageError(
                "invalid", "target: is required, as backend %s has several: %s." % (backend.name, ", ".join(targets)), "target"
            )
        return targets[0]
    if wanted.target not in targets:
        raise StorageError(
            "not_found",
            "target: %r is no replication target of backend %s (targets: %s)." % (wanted.target, backend.name, ", ".join(targets)),
            "target",
        )
    return wanted.target


def _is_there(backend, target):
    """Tell whether a backend is served from where it should be. A few drivers give their target another word than its id."""
    if target == PRIMARY:
        return backend.failed_over_to is None
    return backend.failed_over_to is not None and (backend.failed_over_to == target or backend.failed_over_to not in targets_of(backend))


def _end(backend, wanted, begun, arguments):
    """Return the operation that ends one that was begun: the driver is asked again, or a person has looked."""
    action, target = ACTIONS[wanted.state], arguments["replication_target"]
    same = (begun.action, begun.arguments.get("replication_target")) == (action, target)
    if "unconfirmed" in wanted.force:
        if same:
            return Operation("record_" + action, "backend", backend.name, backend.name, arguments, settles=begun.operation_id)
        if _is_there(backend, target):
            return Operation("forget", "backend", backend.name, backend.name, arguments, settles=begun.operation_id)
    if not same:
        raise unconfirmed(begun)
    return Operation("finish_" + action, "backend", backend.name, backend.name, arguments, settles=begun.operation_id)


def begun_on(landscape, name):
    """Return the Unsettled fail over or fail back of a backend, or None."""
    return next((record for record in landscape.unsettled.values() if _is_failover(record) and record.backend == name), None)


def _is_failover(record):
    return record.noun == "backend" and record.action in ACTIONS.values()


def unconfirmed(begun):
    """Return the error that whoever meets an unsettled fail over gets."""
    state = next(state for state, action in ACTIONS.items() if action == begun.action)
    back = begun.action == "fail_back"
    return StorageError(
        "interrupted",
        "backend: %s was being failed %s when its run was killed or its driver failed, or it is just under way; which array serves it is not "
        "known. Run legacy_backend_failover with name: %s, state: %s%s again, which finishes that. Until then nothing is done on this backend."
        % (
            begun.backend,
            "back" if back else "over to %s" % begun.arguments.get("replication_target"),
            begun.backend,
            state,
            "" if back else ", target: %s" % begun.arguments.get("replication_target"),
        ),
        "backend",
    )


def refuse_stranded(landscape, keys):
    """Refuse what concerns a backend of which nobody knows where it is, or a volume that lies on the array that was left.

    :param keys: the (noun, backend, name or id) that a task names.
    """
    for backend in sorted({backend for noun, backend, _name in keys if noun not in NOT_ON_BACKENDS}):
        begun = begun_on(landscape, backend)
        if begun is not None:
            raise unconfirmed(begun)
    for noun, backend, name in sorted(keys):
        for volume in _volumes_of(landscape, noun, backend, name):
            if volume.unreachable:
                raise StorageError(
                    "conflict",
                    "name: volume %r is not replicated: it lies on the array that backend %s was failed over from. It comes back with that array "
                    "(legacy_backend_failover, state: failed_back); nothing was done." % (volume.name, backend),
                    "name",
                )


def _volumes_of(landscape, noun, backend, name):
    """Return the volumes that a volume, snapshot or group snapshot lies in."""
    if noun == "volume":
        found = [landscape.volume(backend, name)]
    elif noun == "snapshot":
        snapshot = landscape.snapshot(backend, name)
        found = [landscape.volumes.get(snapshot.volume_id)] if snapshot else []
    elif noun == "group_snapshot":
        group = landscape.group_snapshot(backend, name)
        found = [landscape.volumes.get(member.volume_id) for member in group.members] if group else []
    else:
        found = []
    return [volume for volume in found if volume is not None]


def refuse_unreplicable(landscape, operations):
    """Refuse operations on volumes that a backend's replication cannot do. Return the names of backends that must be able to replicate."""
    asked = []
    for operation in operations:
        if operation.noun != "volume" or operation.action not in ("create", "adopt", "retype", "migrate"):
            continue
        backend = landscape.backend(operation.arguments.get("to_backend") or operation.backend)
        before = landscape.volumes.get(operation.arguments["id"])
        moves = before is None or backend.name != before.backend
        if moves and backend.failed_over_to is not None:
            raise StorageError(
                "conflict",
                "backend: %s is failed over to %s. A new volume would not be there after the fail back; make it on another backend, or fail back first."
                % (backend.name, backend.failed_over_to),
                "backend",
            )
        specs = operation.arguments.get("extra_specs", before.extra_specs if before else {})
        if not wants_replication(specs) or not (moves or not wants_replication(before.extra_specs)):
            continue
        if not targets_of(backend):
            raise StorageError(
                "unsupported",
                "extra_specs: volume %r cannot be replicated: backend %s has no replication target. Register it with secret_options.%s as its "
                "driver documents it." % (operation.name, backend.name, OPTION),
                "extra_specs",
            )
        asked.append(backend.name)
    return asked


def backend_effect(landscape, operation):
    """Change a landscape as an operation of this module will, if the driver reports no error."""
    if operation.action == "forget":
        return
    back, target = operation.action.endswith("fail_back"), operation.arguments["replication_target"]
    name = operation.name
    if operation.action.startswith("confirm_"):
        lost = {key: item for key, item in landscape.volumes.items() if item.backend == name and item.replication == IN_ERROR}
        landscape.volumes.update({key: turned(volume, back) for key, volume in lost.items()})
        return
    landscape.backends[name] = dataclasses.replace(landscape.backends[name], failed_over_to=None if back else target)
    ours = {key: volume for key, volume in landscape.volumes.items() if volume.backend == name}
    for key, mapping in landscape.mappings.items():
        if mapping.volume_id in ours and ours[mapping.volume_id].replicated:
            landscape.mappings[key] = dataclasses.replace(mapping, status=ELSEWHERE)
    landscape.volumes.update({key: turned(volume, back) for key, volume in ours.items()})
