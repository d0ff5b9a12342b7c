# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verbs about the whole store: what it is, into a file and out of one, to another database."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import uuid

from ..module_utils.model.errors import StorageError
from ..module_utils.model.resources import AT_REST
from ..secrets import keyfile
from ..secrets.sealing import SealingKey
from ..secrets.vault import read_keyring
from .store import contents, database, exportfile, marks

_LEAST_PASSPHRASE = 12  # characters
_FORMER = 16  # namespaces that are remembered: a driver is asked about each of them before it makes something new


def show_store(session, arguments, check, warn):
    """Return what the store is and how much it holds; the parts of a controller that is not ready yet are null."""
    config = session.config
    url = database.parse(config.store_url, config.store_password)
    found = {
        "changed": False,
        "store_url": database.named(url),
        "shared": url.get_backend_name() == "postgresql",
        "sealing_key": _sealing_key(config, check).public,
        "key_fingerprints": read_keyring(config.key_file).fingerprints if os.path.exists(config.key_file) else [],
        "store_id": None,
        "schema": None,
        "rows": None,
    }
    engine = database.connect(config.store_url, config.store_password)
    found["schema"] = database.revision(engine)
    if found["schema"] == database.SCHEMA:
        with database.speaking(engine), engine.begin() as connection:  # a further controller may have no key yet
            found["rows"] = contents.digest(contents.rows(connection))[0]
            check_token = contents.mark(connection, marks.KEY_CHECK) or ""
        found["store_id"] = hashlib.sha256(check_token.encode("ascii")).hexdigest()[:16]
    return found


def _sealing_key(config, check):
    path = sealing_file(config)
    return SealingKey.temporary() if check and not os.path.exists(path) else SealingKey.load_or_create(path)


def sealing_file(config):
    """Return the path of the key with which other controllers seal things to this one."""
    return os.path.join(os.path.dirname(config.key_file), "controller.sealing")


def export_store(session, arguments, check, warn):
    """Write the store to a file: {"path", "passphrase"}. One that holds the same already is left as it is."""
    path, passphrase = arguments["path"], arguments.get("passphrase")
    _check_passphrase(passphrase)
    store = session.store()
    with store.reading() as reader:
        rows, namespaces = list(contents.rows(reader.connection)), reader.namespaces()
    counts = contents.digest(rows)[0]
    try:
        old = exportfile.read(path, store.vault, passphrase)
    except StorageError as error:
        if error.parameter != "passphrase":
            raise
        old = None  # it was written with another passphrase
    same = old is not None and (old.passphrase, old.namespaces) == (passphrase is not None, namespaces)
    same = same and _opened(old.rows, old.vault) == _opened(rows, store.vault)
    if not same and not check:
        exportfile.write(path, rows, store.vault, passphrase, namespaces)
    return _answer(not same, None if old is None else contents.digest(old.rows)[0], counts, path=path)


def import_store(session, arguments, check, warn):
    """Fill the store from a file: {"path", "passphrase", "replace"}. A store that holds the same already is left as it is."""
    path = arguments["path"]
    store = session.store()
    new = exportfile.read(path, store.vault, arguments.get("passphrase"))
    if new is None:
        raise StorageError("invalid", "path: %r does not exist on the controller." % path, "path")
    new, interrupted = _at_rest(new)
    if interrupted:
        warn(
            "When the export was made, these were being worked on: %s. What became of them is not known here, so nothing of that is finished or taken "
            "back; they are marked (error_interrupted), and only a task that deletes or releases one by name touches it." % ", ".join(interrupted)
        )
    with contextlib.ExitStack() as stack:
        if not check:
            stack.enter_context(session.locks().alone())
        with store.reading() as reader:
            old, namespaces = list(contents.rows(reader.connection)), reader.namespaces()
        before, after = contents.digest(old)[0], contents.digest(new.rows)[0]
        if new.namespaces[0] in namespaces and _opened(old, store.vault) == _opened(new.rows, new.vault):
            return _answer(False, before, after, path=path)
        if old and not arguments.get("replace"):
            raise _not_empty("the store of this controller", before)
        if not check:
            rows = new.rows
            if new.passphrase:
                rows = [
                    (name, contents.with_tokens(row, lambda token: store.vault.encrypt(new.vault.decrypt(token)))) for name, row in rows
                ]
            with store.writing() as writer:
                contents.replace(writer.connection, rows)
                _give_namespace(writer.connection, new.namespaces, namespaces if old else ())
                _verify(writer.connection, rows)
        return _answer(True, before, after, path=path)


def _give_namespace(connection, imported, replaced):
    """Let new ids come from a namespace of their own, and remember those before: what the array has under their ids may be data that this store lost sight of.

    A driver that cannot look for it would be asked to make it anew, fail, and be asked to take back what it had not made.
    """
    former = dict.fromkeys((*imported, *replaced))
    contents.set_mark(connection, marks.NAMESPACE, str(uuid.uuid4()))
    contents.set_mark(connection, marks.FORMER, json.dumps(list(former)[:_FORMER]))


def _at_rest(new):
    """Return the file's content without what was under way when it was written, and the names of that.

    The array has gone on since: to finish or to take back what was begun then could delete what was made since. What the controller had open
    stays in the journal, since closing it harms nothing, and so does a fail over, which only its own task ends.
    """
    rows, interrupted = [], []
    for name, row in new.rows:
        if name == "operations" and row["noun"] not in ("access", "backend"):
            interrupted.append("%s %s/%s" % (row["noun"], row["backend"], row["name"]))
            continue
        if name == "exports" and row["status"] == "exporting":
            continue
        if name in ("volumes", "snapshots", "group_snapshots") and row["status"] not in AT_REST and not row["status"].startswith("error"):
            row = dict(row, status="error_interrupted")
        rows.append((name, row))
    return dataclasses.replace(new, rows=rows), sorted(interrupted)


def move_store(session, arguments, check, warn):
    """Copy the store to another database and work with that from now on: {"url", "password", "replace"}.

    The steps, each a transaction: the copy, which nobody may use yet; the old store is closed, with a mark where it went; the copy is opened.
    Then the settings name it. A run that was killed in between is finished by the next one, and there is never more than one open store.
    """
    config, replace = session.config, bool(arguments.get("replace"))
    source = database.connect(config.store_url, config.store_password)
    target_config = dataclasses.replace(config, store_url=arguments["url"], store_password=arguments.get("password"), lock_url=None)
    target_url = database.parse(arguments["url"], arguments.get("password"), "url")
    target = database.connect(arguments["url"], arguments.get("password"))
    name = database.named(target_url)
    stays = name == database.named(source.url)
    if not stays and database.share_file(source, target):
        raise StorageError("invalid", "url: %s is the file of the store itself under another name. Name another one, or leave it where it is." % name, "url")
    try:
        mark, _schema = database.split(database.revision(source))
        if stays or mark != database.MOVED:
            database.require_schema(source)
    except StorageError as error:  # not as one that was never prepared: settings name it, so it may know something
        raise StorageError("store", error.message, error.parameter, dict(error.details, **_between(source, name))) from error
    if stays:
        return _moved(False, source, None, name)
    if check:
        before, rows = None, _counted(source)
        if mark != database.MOVED:
            try:
                before = _look_at_target(source, target, name, replace)
            except StorageError as error:
                raise StorageError(error.code, error.message, error.parameter, dict(error.details, **_between(source, name, rows))) from error
        return _moved(True, source, before, name)
    from .locks import open_locks

    locks, target_locks = session.locks(), open_locks(target_config)
    with locks.alone(), target_locks.alone():
        mark, _schema = database.split(database.revision(source))  # again, now that nobody else is at it
        before = None
        if mark != database.MOVED:
            database.require_schema(source)
            before = _look_at_target(source, target, name, replace)
            _copy(source, target)
            locks.check()
            target_locks.check()
            _close(source, name)
        _open(source, target, name, replace)
        _switch(session.config_path, arguments)
    return _moved(True, source, before, name)


def _look_at_target(source, target, name, replace):
    """Return how many rows the target holds, or None where it is no store yet. Raises StorageError unless it may be written."""
    mark, schema = database.split(database.revision(target))
    if schema is None:
        return None
    if schema != database.SCHEMA:
        raise StorageError(
            "conflict",
            "url: the store in %s has schema %s, this one has %s. Name an empty database." % (name, schema, database.SCHEMA),
            "url",
        )
    before = _counted(target)
    if mark == database.COPYING and not replace and _namespace(target) != _namespace(source):
        raise StorageError(
            "conflict",
            "url: %s holds what the move of another store left when it was interrupted. Run that move again and name another database here, or say "
            "replace=true to lose that." % name,
            "replace",
        )
    if mark == database.MOVED and not replace:
        raise StorageError(
            "conflict",
            "url: %s was the store until it was moved from there, and holds what was true then. Name the store of today, or say replace=true to move "
            "it back there." % name,
            "url",
            {"outdated": True},
        )
    if mark != database.COPYING and any(before.values()) and not replace:
        raise _not_empty("url: the store in %s" % name, before)
    return before


def _copy(source, target):
    if database.revision(target) is None:
        database.migrate(target)
    with database.speaking(source), source.begin() as connection:
        rows = list(contents.rows(connection))
        own = {key: contents.mark(connection, key) for key in (marks.KEY_CHECK, marks.NAMESPACE, marks.FORMER)}
    with database.writing(target) as connection:
        contents.replace(connection, rows)
        for key, value in own.items():
            contents.set_mark(connection, key, value)
        contents.set_mark(connection, marks.MOVED_TO, None)
        database.set_revision(connection, database.join(database.COPYING))
    with database.speaking(target), target.begin() as connection:
        _verify(connection, rows)


def _close(source, name):
    with database.writing(source) as connection:
        contents.set_mark(connection, marks.MOVED_TO, name)
        database.set_revision(connection, database.join(database.MOVED))


def _open(source, target, name, replace):
    """Open the copy, if this source was moved there. One that is open is taken for what it is, unless it is another store."""
    with database.speaking(source), source.begin() as connection:
        moved_to = contents.mark(connection, marks.MOVED_TO)
        rows = list(contents.rows(connection))
    if str(moved_to).replace(":***@", "@") != name:  # as earlier releases wrote a URL that held a password
        raise StorageError("conflict", "url: the store was moved to %s, not to %s. Name that one." % (moved_to, name), "url")
    mark, _schema = database.split(database.revision(target))
    if mark == database.COPYING:
        with database.writing(target) as connection:
            _verify(connection, rows)
            database.set_revision(connection, database.SCHEMA)
    database.require_schema(target)
    if not replace and _namespace(target) != _namespace(source):
        raise StorageError(
            "conflict",
            "url: %s is another store than the one that was moved there, which was replaced since. %s still holds what was moved, and takes no writes. Say "
            "replace=true only if that other store is the one to work with." % (name, database.named(source.url)),
            "replace",
        )


def _namespace(engine):
    """Return what tells stores apart that know different objects of arrays; None for old ones."""
    with database.speaking(engine), engine.begin() as connection:
        return contents.mark(connection, marks.NAMESPACE)


def _switch(path, arguments):
    """Name the new store in the settings file, as the role writes it."""
    with open(path, encoding="utf-8") as stream:
        settings = json.load(stream)
    settings.pop("store_password", None)
    settings["store_url"] = arguments["url"]
    if arguments.get("password") is not None:
        settings["store_password"] = arguments["password"]
    keyfile.replace(path, (json.dumps(settings, indent=4, sort_keys=True) + "\n").encode("utf-8"))


def _moved(changed, source, before, name):
    between = _between(source, name, _counted(source))
    return _answer(changed, before, between.pop("rows"), **between)


def _between(source, name, rows=None):
    """Return what is said of a move, also of one that is refused: the role asks what another URL would leave behind. No ``rows``: not known."""
    return {"store_url": name, "previous_store_url": database.named(source.url), "rows": rows}


def _counted(engine):
    with database.speaking(engine), engine.begin() as connection:
        return contents.digest(contents.rows(connection))[0]


def _answer(changed, before, after, **more):
    return dict(
        more, changed=changed, rows=after, diff={"before": {"rows": before} if changed else {"rows": after}, "after": {"rows": after}}
    )


def _opened(rows, vault):
    """Return what tells whether two stores hold the same, whatever keys their secrets are encrypted with."""
    return contents.digest((name, contents.with_tokens(row, vault.decrypt)) for name, row in rows)[1]


def _verify(connection, rows):
    if contents.digest(contents.rows(connection)) != contents.digest(rows):
        raise StorageError(
            "store", "What was written to the database reads differently from what it was made of. Nothing was changed over to it."
        )


def _not_empty(what, counts):
    held = ", ".join("%d %s" % (number, name.replace("_", " ")) for name, number in sorted(counts.items()) if number)
    return StorageError("conflict", "%s is not empty: it holds %s. Say replace=true to lose that." % (what, held), "replace")


def _check_passphrase(passphrase):
    if passphrase is not None and len(passphrase) < _LEAST_PASSPHRASE:
        raise StorageError("invalid", "passphrase: is shorter than %d characters." % _LEAST_PASSPHRASE, "passphrase")
