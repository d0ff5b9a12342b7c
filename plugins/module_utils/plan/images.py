# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning image files. Pure: (what is, what is wanted) -> operations."""

from __future__ import annotations

from ..model.errors import StorageError, missing_parent
from ..model.identity import derive_id
from ..model.resources import AT_REST
from ..model.sizes import GIB
from .operations import Operation

_USABLE = {"volume": AT_REST, "snapshot": ("available",)}


def plan_image(landscape, wanted):
    """Return the operations that make ``wanted`` (a WantedImage) true.

    :raises StorageError: what cannot or must not be done, naming the parameter; then nothing is planned.
    """
    if wanted.path in landscape.offers:
        raise landscape.offers[wanted.path].error
    current = landscape.images.get(wanted.path)
    if wanted.state == "absent":
        return [] if current is None else [_plan_delete(landscape, current, wanted)]
    landscape.backend(wanted.backend)
    kind, name = ("volume", wanted.volume) if wanted.volume is not None else ("snapshot", wanted.snapshot)
    source = getattr(landscape, kind)(wanted.backend, name)
    if source is None:
        if _is_image_of(current, kind, wanted.backend, name) and not _differs(current, wanted):
            return []  # what it is an image of is gone since, as it may
        raise missing_parent(kind, "there is no %s %r on backend %s." % (kind, name, wanted.backend))
    if current is not None:
        same = _is_image_of(current, kind, wanted.backend, source.id) and not current.outdated and not _differs(current, wanted)
        if same and (kind == "snapshot" or "existing" not in wanted.force):
            return []
        if "existing" not in wanted.force:
            raise _refuse_existing(current, wanted, kind, source)
    if source.status not in _USABLE[kind]:
        raise StorageError("conflict", "%s: %s %r is in status %s; it must be available." % (kind, kind, source.name, source.status), kind)
    if kind == "volume" and source.attached_to:
        raise StorageError(
            "in_use",
            "volume: volume %r is attached to %s, which may write while it is copied. Take a snapshot with legacy_snapshot and make the image of "
            "that, or detach the volume." % (source.name, ", ".join(source.attached_to)),
            "volume",
        )
    return [_plan_create(current, wanted, kind, source)]


def image_id(backend, path):
    """Return the id under which the journal knows an image."""
    return derive_id("image", backend, path)


def _plan_create(current, wanted, kind, source):
    arguments = {
        "id": image_id(wanted.backend, wanted.path),
        "format": wanted.format or "qcow2",
        "compressed": bool(wanted.compressed),
        "virtual_size": source.size * GIB,
        "source": {"kind": kind, "backend": wanted.backend, "id": source.id, "name": source.name, "size": source.size},
    }
    return Operation("create" if current is None else "replace", "image", wanted.backend, wanted.path, arguments)


def _plan_delete(landscape, current, wanted):
    if "existing" not in wanted.force:
        _refuse_another(landscape, current, wanted)
    if current.status != "available" and "existing" not in wanted.force:
        raise StorageError(
            "conflict",
            "state: %s is not deleted: %s. To delete it all the same, say force: [existing]." % (wanted.path, _strange(current)),
            "state",
        )
    return Operation("delete", "image", wanted.backend, wanted.path, {"id": image_id(wanted.backend, wanted.path)})


def _refuse_another(landscape, current, wanted):
    """Whoever names a volume or a snapshot means an image of that, also when it is to go."""
    for kind in ("volume", "snapshot"):
        name = getattr(wanted, kind)
        if name is None or current.status != "available":
            continue
        source = getattr(landscape, kind)(wanted.backend, name)  # it may have been renamed since
        if not _is_image_of(current, kind, wanted.backend, source.id if source else name):
            raise StorageError(
                "conflict",
                "%s: %s is an image of %s %r on backend %s, not of %s %r. It was not deleted; force: [existing] deletes it all the same."
                % (kind, wanted.path, current.source["kind"], current.source["name"], current.source["backend"], kind, name),
                kind,
            )


def _is_image_of(image, kind, backend, name_or_id):
    if image is None or image.status != "available":
        return False
    source = image.source
    return (source["kind"], source["backend"]) == (kind, backend) and name_or_id in (source["id"], source["name"])


def _differs(image, wanted):
    return wanted.format not in (None, image.format) or wanted.compressed not in (None, image.compressed)


def _strange(image):
    if image.status == "changed":
        return "it is not what %s.legacy-image.json says that was written there" % image.path
    return "it is no image that this collection made (there is no %s.legacy-image.json that says so)" % image.path


def _refuse_existing(current, wanted, kind, source):
    if current.status != "available":
        why = "exists, and %s" % _strange(current)
    elif current.outdated and _is_image_of(current, kind, wanted.backend, source.id):
        why = "is an image of an earlier %s %r, which was deleted since" % (kind, source.name)
    elif _is_image_of(current, kind, wanted.backend, source.id):
        why = "is an image of %s %r, but %s%s" % (
            kind,
            source.name,
            current.format,
            ", compressed" if current.compressed else ", not compressed",
        )
    else:
        why = "is an image of %(kind)s %(name)r on backend %(backend)s" % current.source
    return StorageError(
        "conflict", "path: %s %s. Choose another path, or say force: [existing] to replace it." % (wanted.path, why), "path"
    )
