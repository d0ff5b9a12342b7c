# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole store as one file: a line that says what it is, a line for each row, a line that says it is complete.

Secrets stay encrypted, with the controller's key or with one made of a passphrase.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os

import sqlalchemy as sa

from ...module_utils.model.errors import StorageError, invalid
from ...module_utils.model.identity import NAMESPACE
from ...module_utils.worker.protocol import VERSION as COLLECTION
from ...secrets import keyfile
from ...secrets.vault import Vault
from . import contents, database

_FORMAT = "baremetal.legacy_storage store"
_VERSION = 1
_FIRST = "0001"  # the earliest schema that migrations begin with
_COST = 2**15  # scrypt's; a tenth of a second and 32 MB


@dataclasses.dataclass(frozen=True)
class Export:
    """A file's content. ``rows`` is a list of (table's name, row); ``vault`` opens its tokens; ``namespaces`` as Reader.namespaces has them."""

    rows: list
    vault: Vault
    passphrase: bool
    namespaces: tuple


def write(path, rows, vault, passphrase, namespaces):
    """Write rows, whose tokens ``vault`` made, and the namespaces of their ids to a file for its owner only."""
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "schema": database.SCHEMA,
        "collection": COLLECTION,
        "created_at": database.now().isoformat() + "Z",
        "namespace": namespaces[0],
        "former_namespaces": list(namespaces[1:]),
    }
    if passphrase is not None:
        salt = os.urandom(16)
        header["passphrase"] = {"salt": base64.b64encode(salt).decode("ascii"), "cost": _COST}
        inner = Vault.from_passphrase(passphrase, salt, _COST)
        rows = [(name, contents.with_tokens(row, lambda token: inner.encrypt(vault.decrypt(token)))) for name, row in rows]
    lines = [json.dumps(item, sort_keys=True, separators=(",", ":")) for item in [header] + [list(row) for row in rows]]
    text = "".join(line + "\n" for line in lines).encode("utf-8")
    end = {"end": {"rows": contents.digest(rows)[0], "sha256": hashlib.sha256(text).hexdigest()}}
    try:
        keyfile.replace(path, text + json.dumps(end, sort_keys=True).encode("utf-8") + b"\n")
    except OSError as error:
        raise invalid("path", path, "cannot be written: %s. Name a file in a directory that is there." % error.strerror) from error


def read(path, vault, passphrase):
    """Return the Export in a file, or None where there is no file. Raises StorageError ``invalid`` for one that is not whole and readable.

    :param vault: the controller's, for files without a passphrase.
    """
    try:
        with open(path, "rb") as stream:
            text = stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise invalid("path", path, "cannot be read: %s" % error.strerror) from error
    header, rows = _parse(path, text)
    if header["schema"] != database.SCHEMA:
        rows = _migrated(header["schema"], rows)
    made = header.get("passphrase")
    if made and passphrase is None:
        raise StorageError("invalid", "passphrase: %r was written with one, so it is needed to read it." % path, "passphrase")
    inner = Vault.from_passphrase(passphrase, base64.b64decode(made["salt"]), made["cost"]) if made else vault
    for _name, row in rows:
        contents.with_tokens(row, lambda token: _check(inner, token, path, made))
    return Export(rows, inner, bool(made), (header.get("namespace") or NAMESPACE, *header.get("former_namespaces", ())))


def _parse(path, text):
    lines = text.splitlines(keepends=True)
    try:
        header = json.loads(lines[0])
        known = header["format"] == _FORMAT
    except (IndexError, ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise invalid("path", path, "is no export of a store. It is left as it is.")
    if header["version"] != _VERSION or not _FIRST <= header["schema"] <= database.SCHEMA:
        raise invalid(
            "path",
            path,
            "is of format %s and schema %s; this collection reads format %s and schemas up to %s. Import it with collection %s, which wrote it."
            % (header["version"], header["schema"], _VERSION, database.SCHEMA, header.get("collection")),
        )
    try:
        end = json.loads(lines[-1])["end"]
        rows = [tuple(json.loads(line)) for line in lines[1:-1]]
        whole = end["sha256"] == hashlib.sha256(b"".join(lines[:-1])).hexdigest() and sum(end["rows"].values()) == len(rows)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise invalid("path", path, "is damaged or not complete. Nothing of it was used.")
    return header, rows


def _migrated(schema, rows):
    """Return rows of an earlier schema as they are after the migrations, which run on a database in memory; secrets stay the tokens that they are."""
    engine = database.connect("sqlite://")
    try:
        database.migrate(engine, schema)
        with database.writing(engine) as connection:
            known = sa.MetaData()
            known.reflect(connection)
            contents.insert(connection, rows, known.tables)
        database.migrate(engine)
        with database.speaking(engine), engine.begin() as connection:
            return list(contents.rows(connection))
    finally:
        engine.dispose()


def _check(vault, token, path, with_passphrase):
    if vault.opens(token):
        return token
    if with_passphrase:
        raise StorageError("invalid", "passphrase: is not the one that %r was written with." % path, "passphrase")
    raise invalid("path", path, "was written by a controller with another key. Restore that key, or export with a passphrase.")
