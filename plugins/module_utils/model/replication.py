# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replication: which volumes have a copy on another array, what targets a backend has, and what a fail over makes of volumes. Pure.

Words as in Cinder (cinder.objects.fields.ReplicationStatus).
"""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import StorageError

OPTION = "replication_device"
SPEC = "replication_enabled"
PRIMARY = "default"  # what drivers call the array that the backend is configured with
ENABLED, DISABLED, FAILED_OVER, IN_ERROR, NOT_CAPABLE = "enabled", "disabled", "failed-over", "failover-error", "not-capable"
ERROR = "error"  # Cinder's status of a volume that the active array cannot serve
ELSEWHERE = "failed-over"  # status of an export whose connection leads to the array that the backend was failed over from
_IDS = ("backend_id", "target_device_id")  # the second one is what Dell SC's driver calls it
_TRUTHS = {"<is> true": True, "<is> false": False}


def wants_replication(extra_specs):
    """Tell whether a type's extra specs ask for replication."""
    return _TRUTHS.get(str(extra_specs.get(SPEC, "")).lower(), False)


def check_spec(extra_specs):
    """Refuse a word that drivers would take for no."""
    value = (extra_specs or {}).get(SPEC)
    if value is not None and str(value).lower() not in _TRUTHS:
        raise StorageError(
            "invalid",
            "extra_specs.%s: %r: must be '<is> True' or '<is> False'; with other words drivers replicate nothing." % (SPEC, value),
            "extra_specs",
        )


def parse_devices(value, parameter):
    """Return a task's replication_device as Cinder reads it from its own file: a list of dicts of texts.

    :raises StorageError: ``invalid``; no value is shown, as any may be a secret.
    """
    label = "%s.%s" % (parameter, OPTION)
    devices = []
    for number, entry in enumerate(value if isinstance(value, list) else [value], 1):
        if isinstance(entry, str):
            pairs = [pair.partition(":") for pair in entry.split(",")]
            entry = {key.strip(): text.strip() for key, colon, text in pairs if colon}
        if not isinstance(entry, dict) or not entry:
            raise StorageError(
                "invalid",
                "%s: its item %d must be a dictionary with backend_id and what else the driver documents for a target." % (label, number),
                parameter,
            )
        devices.append({str(key): str(text) for key, text in entry.items()})
    names = [_id(device) for device in devices]
    for name in names:
        if not name or name == PRIMARY or names.count(name) > 1:
            raise StorageError(
                "invalid",
                "%s: every item needs a backend_id of its own, which names the target; %r means the array that is failed over from."
                % (label, PRIMARY),
                parameter,
            )
    return devices


def targets_of(backend):
    """Return the ids of a Backend's replication targets, as configured."""
    devices = backend.secret_options.get(OPTION) or backend.options.get(OPTION) or ()
    return (
        tuple(_id(device) for device in devices if isinstance(device, dict) and _id(device)) if isinstance(devices, (list, tuple)) else ()
    )


def _id(device):
    return next((device[key] for key in _IDS if device.get(key)), None)


def turned(volume, back, said=None):
    """Return a Volume as it is once its backend has failed over, or ``back``.

    :param said: what the driver returned for it (dict); only replicated volumes are shown to drivers.
    """
    if not volume.replicated:
        if not back:
            return dataclasses.replace(volume, status=ERROR, previous_status=volume.status, replication_status=NOT_CAPABLE)
        if not volume.unreachable:
            return volume
        return dataclasses.replace(volume, status=_resumed(volume), previous_status=None, replication_status=DISABLED)
    said = said or {}
    status = said.get("replication_status")
    if said.get("status") == ERROR or status in (IN_ERROR, ERROR):
        before = volume.previous_status if volume.status == ERROR else volume.status
        return dataclasses.replace(volume, status=ERROR, previous_status=before, replication_status=IN_ERROR)
    if status in (None, FAILED_OVER, ENABLED):
        status = ENABLED if back else FAILED_OVER
    volume = dataclasses.replace(volume, replication_status=status)
    if volume.status == ERROR and volume.previous_status:
        return dataclasses.replace(volume, status=_resumed(volume), previous_status=None)
    return volume


def _resumed(volume):
    """Return the status that a volume had before its array was left; its hosts may have gone meanwhile."""
    if volume.previous_status in (None, "available", "in-use"):
        return "in-use" if volume.attached_to else "available"
    return volume.previous_status


@dataclasses.dataclass(frozen=True)
class Failover:
    """Where a backend's volumes are served from, and what a person must know about them.

    :param reattach: of volumes whose exports lead to the other array: {"volume", "volume_id", "hosts"}.
    """

    name: str
    failed_over_to: t.Optional[str]
    targets: t.Tuple[str, ...] = ()
    replicated: t.Tuple[str, ...] = ()
    unreachable: t.Tuple[str, ...] = ()
    in_error: t.Tuple[str, ...] = ()
    reattach: t.Tuple[dict, ...] = ()

    def to_public(self):
        """Return what a task shows and returns."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}
