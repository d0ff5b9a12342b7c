# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verbs that read: volumes, snapshots and backends as the store knows them. No cinder, unless an array is to be asked."""

from __future__ import annotations

import difflib
import importlib
import os

from ..module_utils.model.capabilities import pool_details
from ..module_utils.model.errors import StorageError, invalid
from ..module_utils.model.images import ImageSource
from ..module_utils.model.redaction import redact_connection
from ..module_utils.model.replication import targets_of
from .apart import ask_apart
from .backup.catalogue import catalogue_of
from .images import files
from .images.looking import dated, offer_of
from .session import Session

_PATIENCE = 60  # seconds for each array


def list_volumes(session, arguments, check, warn):
    """Return {"volumes": [...]}, filtered by backend and names (or ids)."""
    with session.store().reading() as reader:
        found = _named(reader.driven_volumes, arguments)
        snapshots = {}
        for item in reader.driven_snapshots(volume_ids=[item.resource.id for item in found]):
            snapshots.setdefault(item.resource.volume_id, []).append(item.resource.name)
        unsettled = reader.unsettled(keys=(), resource_ids={item.resource.id for item in found})
        exported_at = reader.exported_at([item.resource.id for item in found if item.resource.attached_to])
    return {
        "changed": False,
        "volumes": [
            dict(
                item.resource.to_public(),
                exported_at=exported_at.get(item.resource.id, {}),
                snapshots=snapshots.get(item.resource.id, []),
                created_at=item.created_at.isoformat() + "Z",
                name_id=item.data.get("_name_id") or item.resource.id,
                in_progress=_in_progress(item.resource, unsettled),
            )
            for item in found
        ],
    }


def _in_progress(volume, unsettled):
    return [
        _told(record)
        for record in unsettled
        if (record.resource_id, record.backend) == (volume.id, volume.backend) and record.noun != "access"
        or record.saved_volume == ("volume", volume.backend, volume.id)
    ]


def _told(record):
    """``action``: ``backup`` where a volume is being backed up; else the operation's."""
    action = "backup" if record.saved_volume else record.action
    return {"action": action, "step": record.step, "started_at": record.started_at.isoformat() + "Z"}


def list_snapshots(session, arguments, check, warn):
    """Return {"snapshots": [...]}, filtered by backend, volume and names (or ids)."""
    with session.store().reading() as reader:
        found = _named(reader.driven_snapshots, arguments)
    volume = arguments.get("volume")
    return {
        "changed": False,
        "snapshots": [
            dict(item.resource.to_public(), created_at=item.created_at.isoformat() + "Z")
            for item in found
            if volume is None or volume in (item.resource.volume_name, item.resource.volume_id)
        ],
    }


def list_group_snapshots(session, arguments, check, warn):
    """Return {"group_snapshots": [...]}, filtered by backend, volume and names (or ids)."""
    with session.store().reading() as reader:
        found = _named(reader.driven_group_snapshots, arguments)
    volume = arguments.get("volume")
    return {
        "changed": False,
        "group_snapshots": [
            dict(item.resource.to_public(), created_at=item.created_at.isoformat() + "Z")
            for item in found
            if volume is None or any(volume in (member.volume_name, member.volume_id) for member in item.resource.members)
        ],
    }


def list_exports(session, arguments, check, warn):
    """Return {"exports": [...]}, filtered by backend, volume (name or id) and host; without what opens them."""
    with session.store().reading() as reader:
        found = reader.driven_exports(host=arguments.get("host"))
        sizes = {item.resource.id: item.resource.size for item in reader.driven_volumes(ids=list({item.resource.volume_id for item in found}))}
    backend, volume = arguments.get("backend"), arguments.get("volume")
    shown = [
        dict(
            item.resource.to_public(),
            size=sizes[item.resource.volume_id],
            protocol=item.data.get("driver_volume_type", ""),
            connection_info=redact_connection(item.data),
            exported_at=item.resource.exported_at,
        )
        for item in found
        if backend in (None, item.resource.backend) and volume in (None, item.resource.volume_name, item.resource.volume_id)
    ]
    return {"changed": False, "exports": sorted(shown, key=lambda item: (item["backend"], item["volume_name"], item["host"]))}


def list_images(session, arguments, check, warn):
    """Return {"images": [...]}: what the files at ``paths`` are; with ``verify`` each is read whole and compared with its checksum."""
    with session.store().reading() as reader:
        unsettled = [record for record in reader.unsettled() if record.noun == "image"]
    return {"changed": False, "images": [_image(session, path, arguments.get("verify"), unsettled) for path in arguments["paths"]]}


def _image(session, path, verify, unsettled):
    if not path.startswith("/"):
        raise invalid("path", path, "must be an absolute path on the controller.")
    image, doing = files.read_image(path), [_told(record) for record in unsettled if record.name == path]
    if image is None:
        return {"path": path, "exists": False, "problem": None, "in_progress": doing}
    image = dated(session.store(), image)
    shown = dict(image.to_record(), exists=True, problem=None, in_progress=doing)
    if image.status != "available":  # nobody wrote down what it is: its own bytes tell
        try:
            offer = offer_of(ImageSource(path))
            shown.update(format=offer.format, virtual_size=offer.virtual_size)
        except (StorageError, OSError) as error:
            shown["problem"] = str(error)
    if verify and os.path.isfile(path):
        found = "sha256:" + files.digest(path)
        if image.checksum not in (None, found):
            shown.update(status="changed")
        shown["checksum"] = found
    return shown


def list_backends(session, arguments, check, warn):
    """Return {"backends": [...]}; with ``refresh`` and ``candidates`` each array is asked, and one that does not tell has an ``error``."""
    with session.store().reading() as reader:
        found = [backend for backend in reader.backends() if arguments.get("name") in (None, backend.name)]
        shown = [
            dict(
                backend.to_public(),
                pools=list(backend.pools),
                volume_count=reader.count_volumes(backend.name),
                failed_over_to=backend.failed_over_to,
                replication={"targets": list(targets_of(backend)), "enabled": None},
            )
            for backend in found
        ]
    asked = [key for key in ("refresh", "candidates") if arguments.get(key)]
    if asked and found:
        session.store().engine.dispose()  # the forks must not share its connections
        said = _ask_backends(session.config, {backend.name: backend for backend in found}, asked, arguments.get("timeout") or _PATIENCE)
        shown = [dict(item, **said[item["name"]]) for item in shown]
    for item in shown:
        if item.get("pool_details") is not None:
            item["replication"]["enabled"] = any(pool["capabilities"]["replication"] for pool in item["pool_details"])
    return {"changed": False, "backends": shown}


def _ask_backends(config, backends, asked, timeout):
    """Return {backend's name: what its array says}; one that does not answer in time holds nobody else up."""
    importlib.import_module(".engine.engine", __package__)  # once, for all forks

    def question(name):
        session, said = Session(config), {}
        if "refresh" in asked:
            said["stats"] = plain_stats(session.engine().probe(backends[name], fresh=True))
            said["pool_details"] = pool_details(said["stats"], session.engine().groups.offers(backends[name]))
        if "candidates" in asked:
            said["candidates"] = _candidates(session, backends[name])
        return said

    keys = (("stats", "pool_details") if "refresh" in asked else ()) + (("candidates",) if "candidates" in asked else ())
    nothing, told = dict.fromkeys(keys), {}
    for name, (kind, found) in ask_apart(list(backends), question, timeout).items():
        if kind == "answer":
            told[name] = dict(found, error=None)
        else:
            told[name] = dict(nothing, error=found.message if kind == "error" else "It did not answer within %d s." % timeout)
    return told


def _candidates(session, backend):
    """Return what a backend's array holds, with the name of what of it is managed already."""
    engine = session.engine()
    engine.started(backend)  # cinderlib's objects want a backend that runs
    volumes = engine.persistence.get_volumes(backend_name=backend.name)
    snapshots = [snapshot for volume in volumes for snapshot in engine.persistence.get_snapshots(volume_id=volume.id)]
    names = {thing.id: thing.name for thing in volumes + snapshots}
    found = plain_stats(engine.adopting.candidates(backend, {"volumes": volumes, "snapshots": snapshots}))
    return {
        plural: entries and [dict(entry, managed_as=names.get(entry.get("cinder_id"))) for entry in entries]
        for plural, entries in found.items()
    }


def list_repositories(session, arguments, check, warn):
    """Return {"repositories": [...]}; nothing is asked of them."""
    with session.store().reading() as reader:
        found = reader.repositories()
    return {
        "changed": False,
        "repositories": [item.to_public() for item in found if arguments.get("names") is None or item.name in arguments["names"]],
    }


def list_backups_in_repositories(session, arguments, check, warn):
    """Return {"backups": [...]} as the repositories tell of them, and {"in_progress": [...]}, filtered by repository, backend, volume and names."""
    with session.store().reading() as reader:
        known, doing = [item.name for item in reader.repositories()], reader.unsettled()
    if arguments.get("repository") is not None and arguments["repository"] not in known:
        raise invalid(
            "repository", arguments["repository"], "is not registered on this controller (registered: %s)." % (", ".join(known) or "none")
        )
    found = []
    for name in known if arguments.get("repository") is None else [arguments["repository"]]:
        found += catalogue_of(session.store(), session.restic, name).backups()
    wanted = {
        "backend": lambda item, value: item.volume["backend"] == value,
        "volume": lambda item, value: value in (item.volume["name"], item.volume["id"]),
        "names": lambda item, value: item.name in value or item.id in value,
    }
    for key, fits in wanted.items():
        if arguments.get(key) is not None:
            found = [item for item in found if fits(item, arguments[key])]
    return {
        "changed": False,
        "backups": [item.to_public() for item in sorted(found, key=lambda item: (item.repository, item.created_at))],
        "in_progress": _backups_in_progress(doing, arguments),
    }


def _backups_in_progress(unsettled, arguments):
    """Return what is being saved, or was by a killed run, filtered as the backups are; no repository knows of it yet."""
    wanted = {
        "repository": lambda record, value: record.backend == value,
        "backend": lambda record, value: record.arguments["volume"]["backend"] == value,
        "volume": lambda record, value: value in (record.arguments["volume"]["name"], record.arguments["volume"]["id"]),
        "names": lambda record, value: record.name in value,
    }
    return [
        dict(_told(record), repository=record.backend, name=record.name, volume={key: record.arguments["volume"][key] for key in ("id", "backend", "name")})
        for record in unsettled
        if record.saved_volume and all(fits(record, arguments[key]) for key, fits in wanted.items() if arguments.get(key) is not None)
    ]


def list_drivers(session, arguments, check, warn):
    """Return {"drivers": [...]}: those named by dotted path or by a part of it, with their options, or a short list of all."""
    from .engine import drivers  # imports every driver there is

    found, broken = drivers.catalogue()
    names = arguments.get("names")
    options = bool(names) if arguments.get("options") is None else arguments["options"]
    wanted = sorted(found) if names is None else _matching(names, found)
    return {
        "changed": False,
        "drivers": [drivers.describe(name, options) for name in wanted],
        "common_options": drivers.common_options() if options else [],
        "broken": [{"module": name, "reason": reason} for name, reason in sorted(broken.items())],
    }


def _matching(names, found):
    """Return the dotted paths that names stand for: whole ones as they are, others found by any part of it, as in "NetApp"."""
    wanted = []
    for name in names:
        near = [name] if name in found else sorted(path for path in found if name.lower() in path.lower())
        if not near and "." not in name:
            classes = {path.rpartition(".")[2].lower(): path.rpartition(".")[2] for path in found}
            close = difflib.get_close_matches(name.lower(), classes, n=1, cutoff=0.5)
            hint = "Did you mean %r?" % classes[close[0]] if close else "Leave names out to see them all."
            raise invalid("names", name, "is part of no driver's dotted path. %s" % hint)
        wanted += [path for path in near or [name] if path not in wanted]
    return wanted


def plain_stats(stats):
    """Return a driver's stats as JSON-ready data; capacities in GiB, or the words Cinder allows (infinite, unknown)."""
    if isinstance(stats, dict):
        return {str(key): plain_stats(value) for key, value in stats.items() if key not in ("filter_function", "goodness_function")}
    if isinstance(stats, (list, tuple, set)):
        return [plain_stats(value) for value in stats]
    if isinstance(stats, (str, int, float, bool)) or stats is None:
        return stats
    return str(stats)


def _named(listing, arguments):
    names, backend = arguments.get("names"), arguments.get("backend")
    if names is None:
        return listing(backend=backend)
    found = {}
    for name in names:
        for item in listing(ids=[name], backend=backend) or listing(name=name, backend=backend):
            found[item.resource.id] = item
    return list(found.values())
