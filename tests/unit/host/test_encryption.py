# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypted volumes with the real cryptsetup on files: formatting, keys, refusals, killed runs.

What opens and closes a device is a fake, for this needs device-mapper in the kernel; tests/lab/test_encryption.py has the real one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import config, cryptsetup, encryption, facts, keys, luks_header
from ansible_collections.baremetal.legacy_storage.plugins.host.node import Node
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.encryption import EncryptionRecord, EncryptionWish, KeySource, mapping_name
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan.connections import Wanted

MIB = 1 << 20
VOLUME = "11111111-1111-5111-8111-111111111111"
KEY, NEXT = "canary-first-key", "canary-second-key"
EXPORT = Export("e", "vendor-a", VOLUME, "data", "node1", 1, "local", {"data": {}})


QUICK = ["--pbkdf-force-iterations", "1000"]


class Killed(BaseException):
    """The process ends here."""


def wish(key=KEY, **more):
    """What a task asks, with a pbkdf that costs nothing."""
    return EncryptionWish.from_dict(dict({"key": key, "pbkdf": "pbkdf2", "iterations": 1000}, **more))


class Volume:
    """A volume that is connected to a node as the block device ``sdx`` of a kernel of files."""

    def __init__(self, kernel, folder):
        self.kernel = kernel
        kernel.block("sdx", 32 * MIB)
        self.path = Path(kernel.system.node("sdx"))
        os.truncate(self.path, 32 * MIB)
        self.node = Node(config.Settings(str(folder / "state"), str(folder / "locks"), "node1"), print, kernel.system)
        self.node.prepare()
        identity = {"kind": "node", "serial": "sdx", "key": None}
        device = {"path": str(self.path)}
        self.start = AttachmentRecord(EXPORT, "connecting", "now", "no", device, None, identity, encryption=EncryptionRecord())

    @property
    def record(self):
        """What the node remembers."""
        return self.node.records.get(VOLUME) or self.start

    def unlock(self, **more):
        """Run what a task runs."""
        return encryption.unlock(self.node, self.record, wish(**more))

    def tested(self, **more):
        """What the plan is told of the key."""
        wanted = Wanted(VOLUME, "present", "no", export=EXPORT, encryption=wish(**more))
        return encryption.tested(self.node, self.record, facts.look(self.kernel.system, self.record), wanted)

    def refusal(self, **more):
        """Return the words of a refusal, which leaves every byte of the device as it was and opens nothing."""
        before = self.content()
        with pytest.raises(StorageError) as caught:
            self.unlock(**more)
        assert self.content() == before and self.opened() is None
        assert KEY not in caught.value.message and NEXT not in caught.value.message
        return caught.value.message

    def content(self):
        """A digest of the device."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def opened(self):
        """What is open, or ``None``."""
        return facts.look(self.kernel.system, self.record).inner

    def write(self, offset, piece):
        """Write to the device behind everybody's back."""
        with open(self.path, "r+b") as stream:
            stream.seek(offset)
            stream.write(piece)

    def plain(self):
        """Return a volume's record of which nothing is known."""
        self.node.records.put(self.start)


@pytest.fixture(name="volume")
def fixture_volume(kernel, tmp_path, monkeypatch):
    """A volume of zeros, in memory; opening adds a dm device to the fake kernel."""
    made = Volume(kernel, tmp_path)

    def open_as(path, name, key):
        assert cryptsetup.opens(path, key)
        kernel.block("dm-9", 16 * MIB, uuid="CRYPT-LUKS2-%s-%s" % (luks_header.read(path).uuid.replace("-", ""), name), below=("sdx",))
        kernel.write("sys/class/block/dm-9/dm/name", name + "\n")

    monkeypatch.setattr(cryptsetup, "open_as", open_as)
    return made


def dump(volume):
    """Return what cryptsetup itself reads of the header."""
    return subprocess.run(["cryptsetup", "luksDump", "--dump-json-metadata", str(volume.path)], check=True, capture_output=True, text=True).stdout


def test_an_empty_volume_is_formatted_and_opened_and_found_so_by_the_next_run(volume):
    record = volume.unlock()
    assert volume.opened() == "dm-9"
    header = luks_header.read(str(volume.path))
    assert (header.version, header.uuid, header.subsystem, header.offset) == (2, record.encryption.uuid, "baremetal.legacy_storage", 16 * MIB)
    told = json.loads(dump(volume))
    assert (header.cipher, header.keyslots) == (told["segments"]["0"]["encryption"], len(told["keyslots"]))
    assert volume.tested() == "right"
    before = volume.content()
    assert volume.unlock() == record and volume.content() == before
    assert record.encryption.formatting is None


def test_what_is_open_under_its_name_on_another_device_is_not_taken_for_the_volume(volume):
    volume.kernel.block("sdy", 32 * MIB)
    volume.kernel.block("dm-8", 16 * MIB, uuid="CRYPT-LUKS2-0123-other", below=("sdy",))
    volume.kernel.write("sys/class/block/dm-8/dm/name", mapping_name(VOLUME) + "\n")
    with pytest.raises(StorageError, match="is there already, but does not stand on volume vendor-a/data"):
        volume.unlock()
    assert volume.opened() == "dm-8"


def test_a_volume_that_is_open_and_has_grown_lags(volume):
    record = volume.unlock()
    assert not facts.lags(volume.kernel.system, facts.look(volume.kernel.system, record))
    volume.kernel.write("sys/class/block/sdx/size", str(48 * MIB // 512))
    assert facts.lags(volume.kernel.system, facts.look(volume.kernel.system, record))


@pytest.mark.parametrize("offset", [0, 20 * MIB, 32 * MIB - 1])
def test_a_volume_with_data_is_formatted_only_when_the_task_says_overwrite(volume, offset):
    volume.write(offset, b"x")
    assert "holds data" in volume.refusal()
    assert "format: never" in volume.refusal(format="never")
    assert volume.unlock(format="overwrite").encryption.uuid


def test_an_empty_volume_is_not_formatted_where_the_task_says_never(volume):
    assert "format: never" in volume.refusal(format="never")


@pytest.mark.parametrize("chosen", ["never", "empty", "overwrite"])
def test_what_is_encrypted_already_is_never_formatted_whatever_the_key(volume, chosen):
    cryptsetup.make(str(volume.path), NEXT.encode(), "22222222-2222-4222-8222-222222222222", wish())
    assert "key does not open" in volume.refusal(format=chosen)
    assert volume.tested() == "wrong"
    assert volume.unlock(key=NEXT, format=chosen).encryption.uuid.startswith("2222")


@pytest.mark.parametrize("chosen", ["empty", "overwrite"])
def test_a_header_whose_beginning_is_damaged_is_not_overwritten(volume, chosen):
    cryptsetup.make(str(volume.path), KEY.encode(), "22222222-2222-4222-8222-222222222222", wish())
    volume.write(0, bytes(4096))
    assert "LUKS" in volume.refusal(format=chosen)


@pytest.mark.parametrize("chosen", ["empty", "overwrite"])
def test_a_volume_that_lost_its_header_is_not_formatted_again(volume, chosen):
    record = volume.unlock()
    volume.kernel.gone("dm-9")
    volume.write(0, bytes(32 * MIB))
    assert record.encryption.uuid in volume.refusal(format=chosen)


def test_luks1_another_header_and_another_cipher_are_told(volume):
    subprocess.run(["cryptsetup", "-q", "luksFormat", "--type", "luks1", *QUICK, volume.path], input=KEY, text=True, check=True)
    assert "LUKS1" in volume.refusal()
    volume.write(0, bytes(16 * MIB))
    volume.unlock()
    volume.kernel.gone("dm-9")
    assert "aes-xts-plain64, not aes-cbc-essiv:sha256" in volume.refusal(cipher="aes-cbc-essiv:sha256")
    assert "512, not 256" in volume.refusal(key_size=256)
    cryptsetup.make(str(volume.path), KEY.encode(), "22222222-2222-4222-8222-222222222222", wish())
    assert "another LUKS header" in volume.refusal()


def test_a_cipher_that_there_is_not_leaves_the_volume_as_it_was(volume):
    assert "luksFormat failed" in volume.refusal(cipher="rot13-plain")
    assert volume.record.encryption == EncryptionRecord()
    volume.unlock()


def test_killed_before_and_after_formatting_the_next_run_finishes(volume, monkeypatch):
    make = cryptsetup.make

    def before(*arguments):
        raise Killed

    def after(*arguments):
        make(*arguments)
        raise Killed

    for step in (before, after):
        monkeypatch.setattr(cryptsetup, "make", step)
        with pytest.raises(Killed):
            volume.unlock()
        assert volume.record.encryption.formatting == "sdx", "on the disk before anything was written"
    monkeypatch.setattr(cryptsetup, "make", before)
    assert volume.unlock().encryption.uuid == luks_header.read(str(volume.path)).uuid, "the header is ours, so it is not made again"
    assert volume.opened()


def half_written(volume):
    """What a killed luksFormat leaves: it wipes its area, writes random bytes where keys will be, and then the header."""
    planned = dataclasses.replace(volume.start.encryption, uuid="33333333-3333-4333-8333-333333333333", formatting="sdx")
    volume.node.records.put(dataclasses.replace(volume.start, encryption=planned))
    volume.write(32768, os.urandom(4 * MIB))


def test_a_half_written_header_is_ours_only_where_the_record_says_so_and_only_while_nothing_else_is_there(volume):
    half_written(volume)
    volume.write(24 * MIB, b"x")
    assert "holds data" in volume.refusal()
    volume.write(24 * MIB, b"\0")
    record = volume.record
    volume.plain()
    assert "holds data" in volume.refusal()
    volume.node.records.put(dataclasses.replace(record, encryption=dataclasses.replace(record.encryption, formatting="sdy")))
    assert "holds data" in volume.refusal()
    volume.node.records.put(record)
    assert volume.unlock().encryption.uuid == record.encryption.uuid


@pytest.mark.parametrize("chosen", ["empty", "overwrite"])
def test_a_header_of_ours_without_a_key_is_made_again(volume, chosen):
    half_written(volume)
    cryptsetup.make(str(volume.path), KEY.encode(), volume.record.encryption.uuid, wish())
    cryptsetup.remove_key(str(volume.path), KEY.encode())
    assert luks_header.read(str(volume.path)).keyslots == 0
    volume.unlock(format=chosen)
    assert volume.opened()


def detached(volume, record):
    """Detach as far as encryption goes, and forget; return the volume's first bytes of before and after."""
    before = volume.path.read_bytes()[: 16 * MIB]
    encryption.take_back(volume.node, record, facts.look(volume.node.system, record, ask=False))
    volume.node.records.remove(VOLUME)
    return before, volume.path.read_bytes()[: 16 * MIB]


def test_a_header_without_a_key_goes_when_the_volume_is_detached_so_that_it_can_be_attached_anywhere(volume):
    half_written(volume)
    record = volume.record
    cryptsetup.make(str(volume.path), KEY.encode(), record.encryption.uuid, wish())
    cryptsetup.remove_key(str(volume.path), KEY.encode())
    _before, after = detached(volume, record)
    assert after == bytes(16 * MIB)
    assert volume.unlock(key=NEXT).encryption.uuid != record.encryption.uuid and volume.opened()


@pytest.mark.parametrize("case", ["a key", "no header", "another header", "another device", "never begun"])
def test_whatever_else_begins_a_volume_stays_when_it_is_detached(volume, case):
    half_written(volume)
    record = volume.record
    if case != "no header":
        planned = "22222222-2222-4222-8222-222222222222" if case == "another header" else record.encryption.uuid
        cryptsetup.make(str(volume.path), KEY.encode(), planned, wish())
        if case != "a key":
            cryptsetup.remove_key(str(volume.path), KEY.encode())
    mark = {"another device": "sdy", "never begun": None}.get(case, "sdx")
    before, after = detached(volume, dataclasses.replace(record, encryption=dataclasses.replace(record.encryption, formatting=mark)))
    assert before == after


@pytest.mark.parametrize("step", ["add_key", "remove_key"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_change_of_keys_that_is_killed_leaves_a_key_that_opens_and_can_be_done_again(volume, monkeypatch, step, when):
    record = volume.unlock()
    real = getattr(cryptsetup, step)

    def killed(*arguments):
        if when == "after":
            real(*arguments)
        raise Killed

    changed = wish(NEXT, previous_key=KEY)
    with monkeypatch.context() as patch:
        patch.setattr(cryptsetup, step, killed)
        with pytest.raises(Killed):
            encryption.rekey(volume.node, record, changed)
    assert cryptsetup.opens(str(volume.path), KEY.encode()) or cryptsetup.opens(str(volume.path), NEXT.encode())
    encryption.rekey(volume.node, record, changed)
    assert (volume.tested(key=NEXT, previous_key=KEY), volume.tested(key=KEY)) == ("right", "wrong")
    assert luks_header.read(str(volume.path)).keyslots == 1


def test_a_change_of_keys_leaves_other_keys_alone_and_needs_one_that_opens(volume):
    record = volume.unlock()
    cryptsetup.add_key(str(volume.path), KEY.encode(), b"recovery", wish())
    assert volume.tested(key=NEXT, previous_key=KEY) == "previous"
    assert volume.tested(key=NEXT, previous_key="neither") == "wrong"
    with pytest.raises(StorageError, match="nor does the previous"):
        encryption.rekey(volume.node, record, wish(NEXT, previous_key="neither"))
    assert volume.tested() == "right"
    encryption.rekey(volume.node, record, wish(NEXT, previous_key=KEY))
    assert cryptsetup.opens(str(volume.path), b"recovery")


def test_a_key_is_changed_when_the_volume_is_attached(volume):
    volume.unlock()
    volume.kernel.gone("dm-9")
    volume.unlock(key=NEXT, previous_key=KEY)
    assert volume.opened() and volume.tested(key=NEXT) == "right"


def test_a_volume_of_ours_is_not_handed_out_as_it_is(volume):
    volume.unlock()
    with pytest.raises(StorageError, match="does not say encryption"):
        encryption.refuse_plain(volume.record, str(volume.path))
    subprocess.run(["cryptsetup", "-q", "luksFormat", "--pbkdf", "pbkdf2", *QUICK, volume.path], input=KEY, text=True, check=True)
    encryption.refuse_plain(volume.record, str(volume.path))  # a user's own encryption is the user's


def test_no_key_is_an_argument_or_in_the_environment_or_on_disk(volume, monkeypatch, tmp_path):
    seen = []
    real = subprocess.run

    def watched(command, **options):
        seen.append((command, options["env"]))
        return real(command, **options)  # pylint: disable=subprocess-run-check

    monkeypatch.setattr(cryptsetup.subprocess, "run", watched)
    volume.unlock()
    volume.unlock(key=NEXT, previous_key=KEY)
    assert {command[1] for command, _environment in seen} >= {"luksFormat", "open", "luksAddKey", "luksRemoveKey"}
    assert "canary" not in repr(seen)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"canary-" in path.read_bytes()]
    assert "canary" not in repr(wish()), "not even where a traceback shows it"


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o420])
def test_a_key_file_that_others_may_read_or_change_is_refused(tmp_path, mode):
    path = tmp_path / "key"
    path.write_bytes(b"secret")
    path.chmod(mode)
    with pytest.raises(StorageError, match="chmod 0400"):
        keys.read(KeySource("key_file", str(path)), None)


def test_keys_are_taken_as_they_are(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"\0binary\n")
    path.chmod(0o400)
    assert keys.read(KeySource("key_file", str(path)), None) == b"\0binary\n"
    assert keys.read(KeySource("key_command", ("/bin/cat", str(path))), None) == b"\0binary\n"
    assert keys.read(KeySource("key", "schl\u00fcssel"), None) == "schl\u00fcssel".encode()
    assert keys.read(KeySource("sealed_key", "box"), lambda box: {"key": box}) == b"box"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (KeySource("key_file", "/nowhere"), "No such file"),
        (KeySource("key_file", "/tmp"), "directory"),
        (KeySource("key_file", "/dev/null"), "no regular file"),
        (KeySource("key_command", ("/bin/false",)), "ended with 1"),
        (KeySource("key_command", ("/nowhere",)), "cannot be run"),
        (KeySource("key_command", ("/bin/true",)), "is empty"),
        (KeySource("key", "x" * 8193), "longer than 8192"),
    ],
)
def test_keys_that_cannot_be_used_are_told(source, words):
    with pytest.raises(StorageError) as caught:
        keys.read(source, None)
    assert words in caught.value.message and "xxxx" not in caught.value.message


def test_a_command_that_fails_does_not_show_what_it_said(tmp_path):
    with pytest.raises(StorageError) as caught:
        keys.read(KeySource("key_command", ("/bin/sh", "-c", "echo canary-key; echo canary-key >&2; exit 3")), None)
    assert "ended with 3" in caught.value.message and "canary" not in caught.value.message
