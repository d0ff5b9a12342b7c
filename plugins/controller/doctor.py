# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor: compares store, arrays and nodes, tells what is wrong and what would mend it, and mends only when told."""

from __future__ import annotations

import dataclasses
import importlib
import os
import shutil
import socket
import stat

import sqlalchemy as sa

from ..host.devices import System
from ..module_utils.model.errors import StorageError, invalid
from ..module_utils.plan.diagnosis import diagnose, in_order
from ..module_utils.plan.diagnosis_picture import ArrayView, Finding, NodeView, Picture, RepositoryView
from ..module_utils.plan.failover import refuse_stranded
from ..module_utils.plan.settlement import plan_settlement
from .apart import ask_apart
from .backup.catalogue import catalogue_of
from .changing import ensure_exports
from .ensure import lock_keys, touched
from .execute.executor import Executor
from .session import Session
from .store import database

_LEAST_FREE = 100 * 1024**2
_NO_FREE = 10 * 1024**2


def examine(session, arguments, check, warn):
    """Examine everything: {"mend": bool, "fenced": [host], "nodes": [what each said] or None, "backends": [name] or None,
    "repositories": [name] or None, "timeout": seconds}.

    Returns {"findings": [...], "healthy": bool, "counts": {...}}. A store that cannot be opened is a finding, too.
    """
    session = Session(dataclasses.replace(session.config, lock_timeout=0))  # what another task works on is not ill
    findings = _files(session.config)
    try:
        picture = _picture(session, arguments)
        findings += _database(session) + diagnose(picture)
    except StorageError as error:
        if error.code == "invalid":
            raise
        picture = Picture()
        findings.append(
            Finding(
                "error", "store", "the metadata store", error.message, "Mend that first; nothing else could be examined without the store."
            )
        )
    shown = [finding.to_public() for finding in in_order(findings)]
    wanted = [(finding, item) for finding, item in zip(in_order(findings), shown) if finding.mend and arguments.get("mend")]
    if not check:
        for finding, item in wanted:
            _mend(session, picture, finding.mend, item, warn)
    return {
        "changed": any(check or item["mended"] for _finding, item in wanted),
        "findings": shown,
        "healthy": not [item for item in shown if item["severity"] != "note" and not item["mended"]],
        "counts": {
            "backends": len(picture.backends),
            "volumes": len(picture.volumes),
            "snapshots": len(picture.snapshots),
            "exports": len(picture.mappings),
            "repositories": len(picture.repositories),
            "nodes": len(picture.nodes or ()),
        },
    }


def _picture(session, arguments):
    with session.store().reading() as reader:
        names = [backend.name for backend in reader.backends()]
        unsettled = reader.unsettled()
        started = reader.started()
        repositories = [item.name for item in reader.repositories()]
        picture = Picture(
            backends=names,
            volumes=[item.resource for item in reader.driven_volumes()],
            snapshots=[item.resource for item in reader.driven_snapshots()],
            group_snapshots=[item.resource for item in reader.driven_group_snapshots()],
            mappings=[item.resource for item in reader.driven_exports()],
            unsettled=unsettled,
            released=reader.released(),
            ages={key: (database.now() - moment).total_seconds() for key, moment in started.items()},
            nodes=None if arguments.get("nodes") is None else [_node(item) for item in arguments["nodes"]],
            fenced=tuple(arguments.get("fenced") or ()),
            host=socket.gethostname(),
            boot=System().boot_id(),
        )
    asked = _asked(arguments, "backends", names)
    asked_repositories = _asked(arguments, "repositories", repositories)
    session.store().engine.dispose()  # the forks must not share its connections
    return dataclasses.replace(
        picture,
        arrays=_ask_arrays(session.config, asked, arguments["timeout"]),
        repositories=_ask_repositories(session.config, asked_repositories, arguments["timeout"]),
    )


def _asked(arguments, parameter, known):
    """Return the names that ``parameter`` lists, or all."""
    asked = known if arguments.get(parameter) is None else arguments[parameter]
    for name in asked:
        if name not in known:
            raise invalid(parameter, name, "is not registered on this controller (registered: %s)." % (", ".join(known) or "none"))
    return asked


def _node(said):
    connector = said.get("connector") or {}
    return NodeView(
        said["name"],
        connector.get("host"),
        (connector.get("properties") or {}).get("initiator"),
        said.get("error"),
        said.get("attachments") or [],
    )


def _ask_arrays(config, names, timeout):
    """Return {backend: ArrayView}; one that does not answer in time holds nobody else up."""
    if not names:
        return {}
    importlib.import_module(".engine.inventory", __package__)  # once, for all forks

    def question(name):
        from .engine.inventory import take_inventory

        session = Session(config)
        return take_inventory(session.engine(), name)

    return _views(ArrayView, ask_apart(names, question, timeout), timeout)


def _ask_repositories(config, names, timeout):
    """Return {repository: RepositoryView}."""

    def question(name):
        session = Session(config)
        return {"unfinished": catalogue_of(session.store(), session.restic, name).unfinished()}

    return _views(RepositoryView, ask_apart(names, question, timeout), timeout)


def _views(view, answers, timeout):
    views = {}
    for name, (kind, found) in answers.items():
        if kind == "answer":
            views[name] = view(**found)
        elif kind == "error":
            views[name] = view(error=found.message.rstrip(".") + ".")
        else:
            views[name] = view(error="It did not answer within %d s." % timeout)
    return views


def _files(config):
    """Look at what lies on the controller's disk."""
    found = []
    database_file = sa.engine.make_url(config.store_url).database if config.store_url.startswith("sqlite") else None
    for path, what in (
        (config.key_file, "key file"),
        (database_file, "store"),
        (config.state_dir, "state directory"),
        (config.lock_dir, "lock directory"),
    ):
        if not path or not os.path.exists(path):
            continue
        state = os.stat(path)
        if state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            found.append(
                Finding(
                    "error" if path == config.key_file else "warning",
                    "permissions",
                    "%s %s" % (what, path),
                    "can be reached by others than its owner (mode %04o)." % stat.S_IMODE(state.st_mode),
                    "chmod go= %s; the doctor does it when told to mend. If others may have read the key, make a new one." % path
                    if path == config.key_file
                    else "chmod go= %s; the doctor does it when told to mend." % path,
                    ("protect", path),
                )
            )
        if state.st_uid != os.geteuid():
            found.append(Finding("error", "permissions", "%s %s" % (what, path), "belongs to user %d." % state.st_uid, "chown it to root."))
    if os.path.isdir(config.state_dir):
        free = shutil.disk_usage(config.state_dir).free
        if free < _LEAST_FREE:
            found.append(
                Finding(
                    "error" if free < _NO_FREE else "warning",
                    "disk",
                    "state directory %s" % config.state_dir,
                    "has %d MiB left on its file system. A store that cannot grow refuses every change." % (free // 1024**2),
                    "Make room on that file system.",
                )
            )
    return found


def _database(session):
    """Let SQLite look through its file."""
    engine = session.store().engine
    if engine.url.get_backend_name() != "sqlite":
        return []
    with session.store().reading() as reader:
        said = reader.check()
    if said == "ok":
        return []
    return [
        Finding(
            "error",
            "store",
            "store %s" % engine.url.database,
            "SQLite finds damage in it: %s" % said,
            "Stop using it, keep a copy, and restore it from your backup.",
        )
    ]


def _mend(session, picture, mend, item, warn):
    """Mend one finding and write into ``item`` what came of it."""
    kind, target = mend
    try:
        if kind == "settle":
            _settle(session, next(record for record in picture.unsettled if record.operation_id == target), picture.fenced)
        elif kind == "unexport":
            _unexport(session, next(mapping for mapping in picture.mappings if mapping.id == target), warn)
        elif kind == "forget":
            _forget(session, *target)
        else:
            os.chmod(target, stat.S_IMODE(os.stat(target).st_mode) & ~(stat.S_IRWXG | stat.S_IRWXO))
        item["mended"] = True
    except StorageError as error:
        item["mend_error"] = "a task works on it now" if error.code == "busy" else error.message
    except OSError as error:
        item["mend_error"] = str(error)


class _Touched:
    """What a journal entry is about, as a task would name it."""

    def __init__(self, record):
        noun = record.noun if record.noun in ("snapshot", "group_snapshot", "image", "backup") else "volume"
        self._keys = {(noun, record.backend, record.name)}
        if record.saved_volume:
            self._keys.add(record.saved_volume)
        if noun == "image":
            self._keys.add(("file", "", record.name))
        if record.action == "migrate":
            self._keys |= {("volume", record.arguments[key], record.name) for key in ("from_backend", "to_backend")}

    def touches(self):
        """Return the (noun, backend, name) keys."""
        return self._keys


def _settle(session, record, fenced):
    """Settle a journal entry, and what else was left of the same thing, under the locks that a task would hold."""
    thing = _Touched(record)
    own = {(record.noun, record.backend, record.name), (record.noun, record.backend, record.resource_id)}
    store = session.store()
    executor = Executor(store, session.engine, session.restic, fenced=fenced)
    executor.prepare()
    with store.reading() as reader:
        keys = lock_keys(reader.landscape(thing.touches() | own), thing)
    with session.locks().hold(keys):
        with store.reading() as reader:
            landscape = reader.landscape(thing.touches() | own)
        refuse_stranded(landscape, thing.touches())
        for operation in plan_settlement(landscape, touched(landscape, thing) | own):
            executor.run(operation)


def _forget(session, repository, run):
    """Delete a content that nobody made a backup of. restic does so only while nobody else writes to the repository."""
    with session.store().reading() as reader:
        if run in reader.started():
            raise StorageError("busy", "Its task is at work.")
    catalogue_of(session.store(), session.restic, repository).delete(run=run, unfinished_only=True)


def _unexport(session, mapping, warn):
    wanted = {"backend": mapping.backend, "volume": mapping.volume_id, "host": mapping.host, "state": "absent", "fenced": True}
    result = ensure_exports(session, {"exports": [wanted]}, False, warn)
    if result.get("failed"):
        raise StorageError.from_dict(result["error"])
