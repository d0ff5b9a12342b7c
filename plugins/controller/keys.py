# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verbs about the key that encrypts the store's secrets: its rotation, step by step, and the way to the other controllers of a store.

A rotation makes the new key known to every controller before any of them uses it, encrypts everything anew in one transaction, and forgets the
old key when nothing needs it. Between any two steps every controller can read everything, and so it may be killed anywhere and run again.
"""

from __future__ import annotations

import os

from cryptography.fernet import Fernet

from ..module_utils.model.errors import StorageError
from ..secrets import keyfile
from ..secrets.keyring import Keyring
from ..secrets.sealing import SealingKey, seal
from ..secrets.vault import Vault, read_keyring
from .moving import sealing_file
from .store import contents, database


def change_key(session, arguments, check, warn):
    """Take a step: {"step", "sealed_keys", "recipient"}. Return what the key file holds then, and sealed to ``recipient`` if there is one."""
    config = session.config
    old = read_keyring(config.key_file) if os.path.exists(config.key_file) else None
    reencrypted = 0
    if arguments.get("sealed_keys") is not None:
        new = _install(session, old, arguments["sealed_keys"], check, warn)
    elif arguments.get("step") is not None:
        new, reencrypted = _step(session, arguments["step"], check)
    else:
        new = read_keyring(config.key_file)
    changed = old is None or old != new or bool(reencrypted)
    shown = {"before": {"key_fingerprints": old.fingerprints if old else []}, "after": {"key_fingerprints": new.fingerprints}}
    recipient = arguments.get("recipient")
    return {
        "changed": changed,
        "key_fingerprints": new.fingerprints,
        "reencrypted": reencrypted,
        "sealed_keys": seal(recipient, {"keys": new.render()}) if recipient else None,
        "diff": shown,
    }


def _step(session, step, check):
    path = session.config.key_file
    with session.locks().alone():
        old = read_keyring(path)
        if step == "reencrypt":
            return old, _reencrypt(session.store(), check)
        new = {"add": lambda: old.add(Fernet.generate_key().decode("ascii")), "use": old.use, "drop": old.drop}[step]()
        if old != new:
            _require_all_open(session, new)
            if not check:
                keyfile.replace(path, new.render().encode("ascii"))
        return new, 0


def _reencrypt(store, check):
    if check:
        with store.reading() as reader:
            return sum(not store.vault.made(token) for token in contents.tokens(reader.connection))
    with store.writing() as writer:
        return contents.encrypt_anew(writer.connection, store.vault)


def _install(session, old, sealed, check, warn):
    """Put the keys of another controller in this one's place."""
    config = session.config
    if check and not os.path.exists(sealing_file(config)):
        warn("Check mode: this controller has no key yet to which something could have been sealed, so what it would take over is unknown.")
        return old or Keyring([])
    try:
        new = Keyring.parse(SealingKey.load_or_create(sealing_file(config)).open(sealed)["keys"])
    except StorageError as error:
        raise StorageError(
            "invalid",
            "sealed_keys: were sealed to another controller. Seal them to what legacy_store_info tells of this one.",
            "sealed_keys",
        ) from error
    if old is not None and old == new:
        return new
    with session.locks().alone():
        _require_all_open(session, new)
        if not check:
            keyfile.replace(config.key_file, new.render().encode("ascii"))
    return new


def _require_all_open(session, keyring):
    """Raise StorageError unless these keys open every secret there is: ``conflict``, or what keeps the store from being looked through."""
    config = session.config
    engine = database.connect(config.store_url, config.store_password)
    found = database.revision(engine)
    if found is None:  # a further controller may be given the key before there is a store
        return
    database.require(found, engine.url)
    vault = Vault(keyring.keys)
    with database.speaking(engine), engine.begin() as connection:
        lost = sum(not vault.opens(token) for token in contents.tokens(connection))
    if lost:
        raise StorageError(
            "conflict",
            "%d secrets in the store cannot be read with the keys that would be left. Nothing was changed. Take the step reencrypt first."
            % lost,
        )
