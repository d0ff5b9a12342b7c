# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on about secrets: sealed ones open on one node only, kept ones survive a change of keys."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey, seal
from ansible_collections.baremetal.legacy_storage.plugins.secrets.vault import Vault
from cryptography.fernet import Fernet

SECRET = {"driver_volume_type": "iscsi", "data": {"auth_password": "canary-ü", "target_lun": 1, "targets": ["a", "b"]}}


def test_only_the_node_that_a_secret_was_sealed_to_opens_it():
    node, other = SealingKey.temporary(), SealingKey.temporary()
    sealed = seal(node.public, SECRET)
    assert node.open(sealed) == SECRET
    with pytest.raises(StorageError, match="made for another node") as caught:
        other.open(sealed)
    assert caught.value.code == "invalid"


def test_what_is_sealed_shows_nothing_and_is_never_the_same_twice():
    node = SealingKey.temporary()
    one, other = seal(node.public, SECRET), seal(node.public, SECRET)
    assert one != other
    assert b"canary" not in base64.b64decode(one)


def test_every_single_changed_byte_is_noticed():
    node = SealingKey.temporary()
    raw = base64.b64decode(seal(node.public, {"a": "b"}))
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1
        with pytest.raises(StorageError):
            node.open(base64.b64encode(bytes(changed)).decode())


@pytest.mark.parametrize("sealed", ["", "AAAA", "not base64!", "ü", base64.b64encode(b"x" * 43).decode(), base64.b64encode(b"\0" * 100).decode()])
def test_what_was_never_sealed_is_refused(sealed):
    with pytest.raises(StorageError) as caught:
        SealingKey.temporary().open(sealed)
    assert (caught.value.code, caught.value.parameter) == ("invalid", "sealed_connection_info")


@pytest.mark.parametrize("key", ["", "AAAA", "not base64!", base64.b64encode(b"x" * 33).decode()])
def test_nothing_is_sealed_to_what_is_no_key(key):
    with pytest.raises(StorageError) as caught:
        seal(key, SECRET)
    assert (caught.value.code, caught.value.parameter) == ("invalid", "connector")


def test_a_node_keeps_its_key_and_nobody_else_may_read_it(tmp_path):
    path = str(tmp_path / "key")
    before = os.umask(0)
    try:
        first = SealingKey.load_or_create(path)
    finally:
        os.umask(before)
    assert SealingKey.load_or_create(path).public == first.public
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.stat(path).st_size == 32
    assert os.listdir(tmp_path) == ["key"]


def test_processes_that_make_the_key_at_once_end_with_one_key(tmp_path):
    code = (
        "import sys, time\nfrom ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import SealingKey\n"
        "print('ready', flush=True)\nsys.stdin.readline()\nprint(SealingKey.load_or_create(sys.argv[1]).public)"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "key")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _number in range(4)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    keys = {child.communicate(timeout=60)[0] for child in children}
    assert len(keys) == 1 and keys != {""}
    assert os.listdir(tmp_path) == ["key"]


def test_what_is_kept_shows_nothing_and_comes_back_whole(tmp_path):
    assert Vault.create_file(str(tmp_path / "key"))
    vault = Vault.from_file(str(tmp_path / "key"))
    token = vault.encrypt(SECRET)
    assert "canary" not in token
    assert vault.decrypt(token) == SECRET


def test_the_key_file_is_root_only_and_never_made_twice(tmp_path):
    path = tmp_path / "key"
    before = os.umask(0)
    try:
        assert Vault.create_file(str(path)) is True
    finally:
        os.umask(before)
    key = path.read_bytes()
    assert Vault.create_file(str(path)) is False
    assert path.read_bytes() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_new_first_key_encrypts_and_the_old_one_still_opens(tmp_path):
    path = tmp_path / "key"
    old, new = Fernet.generate_key(), Fernet.generate_key()
    path.write_bytes(old)
    token = Vault.from_file(str(path)).encrypt(SECRET)
    path.write_bytes(new + b"\n" + old + b"\n")
    rotated = Vault.from_file(str(path))
    assert rotated.decrypt(token) == SECRET
    again = rotated.encrypt(SECRET)
    path.write_bytes(new)
    assert Vault.from_file(str(path)).decrypt(again) == SECRET
    with pytest.raises(StorageError, match="key file is not the one"):
        Vault.from_file(str(path)).decrypt(token)


def test_a_wrong_key_is_told_and_opens_nothing():
    token = Vault([Fernet.generate_key()]).encrypt(SECRET)
    with pytest.raises(StorageError, match="Restore that key") as caught:
        Vault([Fernet.generate_key()]).decrypt(token)
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("content", [None, b"", b"\n", b"no key", b"\xff\xfe"])
def test_a_missing_or_broken_key_file_is_told_with_what_to_do(tmp_path, content):
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageError, match="restore it from your backup") as caught:
        Vault.from_file(str(path))
    assert caught.value.code == "not_installed"


def test_a_token_says_nothing_about_the_order_in_which_a_dictionary_was_written():
    vault = Vault([Fernet.generate_key()])
    assert json.dumps(vault.decrypt(vault.encrypt({"b": 1, "a": 2}))) == '{"a": 2, "b": 1}'
