# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What some drivers are known to refuse with a volume that a host uses. Pure."""

from __future__ import annotations

from ..model.errors import StorageError

# What is asked of the driver: the parameter to blame, and what follows "volume ... is attached to ..., and".
_TEXTS = {
    "snapshot": ("volume", "the driver of backend %s leaves snapshots of attached volumes to Nova, which is not here."),
    "backup": (
        "volume",
        "so has to be read from a snapshot. But the driver of backend %s leaves snapshots of attached volumes to Nova, which is not here.",
    ),
    "clone": ("source_volume", "the driver of backend %s clones no volume that is attached."),
    "extend": ("size", "the driver of backend %s extends no volume that is attached."),
}


def refuse_unable(landscape, operations, able):
    """Refuse to take a snapshot of, back up, clone or extend an attached volume where the driver is known to refuse that.

    :param able: tells of a Backend, and of ``snapshot``, ``clone`` or ``extend``, whether its driver may do that with a volume that a host uses.
    :raises StorageError: ``unsupported``.
    """
    for operation in operations:
        what, volume_id = _asked(operation)
        volume = landscape.volumes.get(volume_id)
        if volume is None or not volume.attached_to:
            continue
        backend = landscape.backend(volume.backend)
        if not able(backend, "snapshot" if what == "backup" else what):
            parameter, reason = _TEXTS[what]
            raise StorageError(
                "unsupported",
                "%s: volume %r is attached to %s, and %s Detach the volume first."
                % (parameter, volume.name, ", ".join(volume.attached_to), reason % backend.name),
                parameter,
            )


def _asked(operation):
    """Return (what an operation asks of the driver, the id of the volume it asks it for), or (None, None)."""
    kind, arguments = (operation.noun, operation.action), operation.arguments
    if kind == ("snapshot", "create"):
        return "snapshot", arguments["volume_id"]
    if kind == ("backup", "create") and arguments.get("temporary_snapshot"):
        return "backup", arguments["volume"]["id"]
    if kind == ("volume", "extend"):
        return "extend", arguments["id"]
    if kind == ("volume", "create") and (arguments.get("source") or {}).get("kind") == "volume":
        return "clone", arguments["source"]["id"]
    return None, None
