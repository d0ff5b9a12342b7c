# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about a key file that changes: whoever works meanwhile reads everything, and writes with the key that counts."""

from __future__ import annotations

import os

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.secrets import keyfile
from ansible_collections.baremetal.legacy_storage.plugins.secrets.keyring import Keyring
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault, read_keyring
from cryptography.fernet import Fernet

OLD, NEW = (Fernet.generate_key().decode() for _number in range(2))


def write(path, keyring):
    keyfile.replace(str(path), keyring.render().encode())


def test_a_rotation_goes_from_one_key_to_another():
    ring = Keyring([(OLD, False)])
    assert ring.use() == ring == ring.drop()
    ring = ring.add(NEW)
    assert ring.keys == [OLD, NEW] and ring.add(Fernet.generate_key().decode()) == ring
    ring = ring.use()
    assert ring.keys == [NEW, OLD] and ring.use() == ring and ring.add(OLD) == ring
    assert ring.drop().keys == [NEW]
    assert Keyring.parse(ring.add(NEW).render()) == ring


@pytest.mark.parametrize("text", ["", "\n", "a b", "a next c"])
def test_what_is_no_key_file_is_refused(tmp_path, text):
    (tmp_path / "key").write_text(text)
    with pytest.raises(StorageError, match="cannot be used"):
        read_keyring(str(tmp_path / "key"))


def test_a_vault_in_use_follows_the_rotation_of_its_file(tmp_path):
    ring = Keyring([(OLD, False)])
    write(tmp_path / "key", ring)
    at_work, other = Vault.from_file(str(tmp_path / "key")), Vault([NEW])
    token = at_work.encrypt({"a": "b"})
    write(tmp_path / "key", ring.add(NEW).use())
    assert at_work.decrypt(token) == {"a": "b"} and other.decrypt(at_work.encrypt({"c": "d"})) == {"c": "d"}
    write(tmp_path / "key", ring.add(NEW).use().drop())
    assert other.opens(at_work.encrypt({})) and not Vault([OLD]).opens(at_work.encrypt({}))
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600 and [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_vault_that_does_not_know_a_key_yet_looks_for_it(tmp_path):
    write(tmp_path / "key", Keyring([(OLD, False)]))
    vault = Vault.from_file(str(tmp_path / "key"))
    write(tmp_path / "key", Keyring([(OLD, False)]).add(NEW))
    assert vault.decrypt(Vault([NEW]).encrypt({"a": "b"})) == {"a": "b"}


@pytest.mark.parametrize("make", [keyfile.replace, keyfile.create_once])
def test_what_others_leave_beside_a_key_file_is_not_written_to(tmp_path, make):
    precious = tmp_path / "precious"
    precious.write_text("data")
    (tmp_path / ("key.%d" % os.getpid())).symlink_to(precious)
    make(str(tmp_path / "key"), b"secret")
    assert precious.read_text() == "data"
    assert (tmp_path / "key").read_bytes() == b"secret" and (tmp_path / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("make", [keyfile.replace, keyfile.create_once])
def test_a_key_file_is_on_disk_under_its_name_before_anything_is_encrypted_with_it(tmp_path, make, monkeypatch):
    real, synced = os.fsync, []

    def fsync(handle):
        synced.append((os.readlink("/proc/self/fd/%d" % handle), sorted(path.name for path in tmp_path.iterdir())))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    make(str(tmp_path / "key"), b"secret")
    assert synced[-1] == (str(tmp_path), ["key"])


@pytest.mark.parametrize("make", [keyfile.replace, keyfile.create_once])
def test_a_full_disk_leaves_no_half_of_a_key(tmp_path, make, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        make(str(tmp_path / "key"), b"secret")
    assert list(tmp_path.iterdir()) == []
