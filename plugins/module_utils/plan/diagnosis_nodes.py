# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nodes hold, compared with what is mapped to them. Pure."""

from __future__ import annotations

from ..model.attachment import UNREADABLE
from .diagnosis_picture import Finding, busy_ids, titled


def nodes(picture):
    """Return the Findings about what nodes hold and what is mapped to them."""
    found, silent, by_host = [], {}, {}
    for node in picture.nodes:
        for name in node.names:
            by_host[name] = node
        if node.error is not None:
            silent[node.name] = node
    for item in sorted(picture.mappings, key=lambda mapping: (mapping.host, mapping.volume_name)):
        found += _export(picture, item, by_host.get(item.host))
    for name in sorted(silent):
        count = sum(item.host in silent[name].names for item in picture.mappings)
        found.append(
            Finding(
                "error" if count else "warning",
                "node",
                "node %s" % name,
                "did not answer (%s). Its %d export(s) could not be compared." % (silent[name].error.rstrip("."), count),
                "Mend the node, or its connection. Where it is dead for good, fence it and detach its volumes with fenced: true.",
            )
        )
    exported = {(item.volume_id, item.host) for item in picture.mappings}
    known = {item.id for item in picture.volumes} | {item.volume_id for item in picture.mappings} | picture.released | busy_ids(picture)
    for node in picture.nodes:
        for record in node.attachments:
            found += _record(picture, node, record, exported, known)
    return found


def _export(picture, item, node):
    where = titled("export", item.backend, "%s on %s" % (item.volume_name, item.host))
    if any(record.resource_id == item.id for record in picture.unsettled):
        return []
    if item.host in picture.fenced:
        return [
            Finding(
                "warning",
                "fenced",
                where,
                "The volume is mapped to a host that is said to be fenced.",
                "The doctor unmaps it when told to mend.",
                ("unexport", item.id),
            )
        ]
    if node is None:
        return [
            Finding(
                "warning",
                "unknown_host",
                where,
                "The volume is mapped to a host that none of the nodes in the inventory calls itself.",
                "Add the host to the inventory. Where it is dead for good, fence it and tell the doctor so (doctor_fenced: [%s])."
                % item.host,
            )
        ]
    if node.error is not None or any(record.get("volume_id") == item.volume_id for record in node.attachments):
        return []
    return [
        Finding(
            "note",
            "no_record",
            where,
            "The volume is mapped to the node, and the node has no record of it: a kubelet connects it there, attaching was interrupted, or the node was "
            "installed anew.",
            "Where it is a PersistentVolume, leave it. Otherwise run the task that attaches it again, or one that detaches it (legacy_attachment, "
            "state: absent).",
        )
    ]


def _record(picture, node, record, exported, known):
    backend, name, volume_id = record.get("backend"), record.get("volume_name"), record.get("volume_id")
    where = "node %s, volume %s/%s" % (node.name, backend, name)
    if record.get("state") == UNREADABLE:
        return [
            Finding(
                "error",
                "unreadable_record",
                "node %s, volume %s" % (node.name, volume_id),
                "The node says: %s" % " ".join(record["problems"]),
                "Do just that, on the node. No task touches this volume there until then; others are served.",
            )
        ]
    if backend not in picture.backends:
        return [
            Finding(
                "note",
                "not_compared",
                where,
                "is of a backend that is not registered on this controller.",
                "Ask the doctor of the controller that has it.",
            )
        ]
    found = []
    if volume_id not in known:  # ids are made with the store's own namespace, so it may well be another store's, whatever its backend is called
        found.append(
            Finding(
                "warning",
                "unknown_volume",
                where,
                "The node holds a device of the volume, which this store does not know, although a backend of that name is registered here. It is another "
                "controller's, whose backend is called alike, or was deleted here while the node could not be asked.",
                "Ask the doctor of every other controller that serves this node; where one of them knows the volume, all is well. Where none does, see on "
                "the node what it is and who uses it before anything is changed.",
            )
        )
    elif (volume_id, node.host) not in exported:
        found.append(
            Finding(
                "error",
                "no_export",
                where,
                "The node holds a device of the volume, but it is not mapped to it. The device does not work, or shows another volume by now.",
                "Stop who uses it and disconnect it there (legacy_connection, state: absent); then attach the volume again where it is wanted.",
            )
        )
    if record.get("problems"):
        found.append(
            Finding(
                "warning",
                "attachment",
                where,
                "The node says: %s" % " ".join(record["problems"]),
                "Run the task that attaches it again; it connects anew what is broken and not in use.",
            )
        )
    return found
