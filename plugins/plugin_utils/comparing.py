# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node and its controller say of its attachments, side by side. Pure: no I/O."""

from __future__ import annotations

from ..module_utils.model.attachment import UNREADABLE

_SETTLE, _CLEAN = "legacy_attachment, state: present", "legacy_attachment, state: absent"
_SHARED = ("backend", "volume_id", "volume_name", "host", "protocol", "size", "access_mode")


def side_by_side(attachments, exports, volumes=None):
    """Return the attachments with the controller's ``export`` of each (or ``None``), and an entry for each export that has no record.

    :param attachments: as the node lists them. :param exports: as the controller lists those to this node.
    :param volumes: names or ids that were asked for; all when ``None``.

    ``problems`` tells what differs, ``settled_by`` the task that settles it.
    """
    left = {(export["backend"], export["volume_id"]): export for export in exports}
    shown = []
    for attachment in attachments:
        if attachment["state"] == UNREADABLE:
            export = next((left.pop(key) for key in sorted(left) if key[1] == attachment["volume_id"]), None)
            shown.append(dict(attachment, export=export, **({key: export[key] for key in _SHARED} if export else {})))
            continue
        export = left.pop((attachment["backend"], attachment["volume_id"]), None)
        found, task = _compared(attachment, export)
        shown.append(
            dict(
                attachment,
                export=export,
                problems=attachment["problems"] + found,
                settled_by=task or attachment.get("settled_by"),
                verified=attachment["verified"] and not found,
            )
        )
    wanted = None if volumes is None else set(volumes)
    return shown + [_unrecorded(export) for export in left.values() if wanted is None or wanted & {export["volume_id"], export["volume_name"]}]


def _compared(attachment, export):
    """Return (what differs, the task that settles it or None)."""
    if export is None:
        told = "This controller does not map it to the node: it was taken back, the record is all that a run left, or another controller did map it."
        return [told], _CLEAN
    found = []
    if export["status"] != "exported":
        found.append("The controller calls its export %s: a run was interrupted, or its backend was failed over." % export["status"])
    if export["size"] > attachment["size"]:
        found.append("The volume has %d GiB, the device %d GiB." % (export["size"], attachment["size"]))
    if export["access_mode"] != attachment["access_mode"]:
        found.append("The controller says access_mode: %s, the node's record %s." % (export["access_mode"], attachment["access_mode"]))
    if attachment.get("exported_at") not in (None, export["exported_at"]):
        found.append("The controller has exported it anew since it was attached.")
    return found, _SETTLE if found else None


def _unrecorded(export):
    told = (
        "The controller maps it to this node, and the node has no record of it: a kubelet connects it, attaching was interrupted, or the node was installed "
        "anew."
    )
    entry = {key: export[key] for key in _SHARED}
    entry.update(dict.fromkeys(("exported_at", "state", "path", "link_target", "device", "identity", "multipath", "mapped", "multipath_id")))
    return dict(entry, paths=[], verified=False, stale=False, export=export, problems=[told], settled_by="%s or absent" % _SETTLE)
