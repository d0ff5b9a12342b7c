# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a volume must be to be formatted without being told: whatever may be data keeps it from that."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import emptiness, reading
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from hypothesis import given
from hypothesis import strategies as st

MIB, GIB = 1 << 20, 1 << 30


@pytest.fixture(name="device")
def fixture_device(tmp_path):
    """Make a file of zeros, with ``{offset: bytes}`` in it."""

    def make(size, pieces=()):
        path = tmp_path / "device"
        with open(path, "wb") as stream:
            stream.truncate(size)
            for offset, piece in dict(pieces).items():
                stream.seek(offset)
                stream.write(piece)
        return str(path)

    return make


def refused(path, skip=0):
    """The code and the words of the refusal."""
    with pytest.raises(StorageError) as caught:
        emptiness.prove(path, "vendor-a/data", skip)
    return caught.value.code, caught.value.message


def test_zeros_are_empty(device):
    emptiness.prove(device(100 * MIB + 512), "vendor-a/data")


@pytest.mark.parametrize("offset", [0, 4095, 16 * MIB, 70 * MIB + 1, 100 * MIB + 511])
def test_one_byte_anywhere_in_a_small_volume_is_data(device, offset):
    code, told = refused(device(100 * MIB + 512, {offset: b"\1"}))
    assert code == "conflict" and "holds data" in told and "vendor-a/data" in told


@pytest.mark.parametrize("offset", [0, 31 * MIB, 64 * MIB, 3 * 128 * MIB, 25 * 128 * MIB, 49 * 128 * MIB, 256 * GIB, 250 * GIB, 1000 * GIB - 1])
def test_a_large_volume_is_read_where_file_systems_keep_copies_and_at_both_ends(device, monkeypatch, offset):
    monkeypatch.setattr(emptiness, "EDGE", 32 * MIB)
    assert "holds data" in refused(device(1000 * GIB, {offset: b"\1"}))[1]


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (["mkfs.ext4", "-q", "-F"], "ext4"),
        (["mkfs.ext4", "-q", "-F", "-b", "1024"], "ext4"),
        (["mkswap", "-q"], "swap"),
    ],
)
def test_what_others_made_is_named(device, command, word):
    path = device(64 * MIB)
    subprocess.run([*command, path], check=True, capture_output=True)
    assert word in refused(path)[1]


def test_a_partition_table_is_seen_and_so_is_one_of_which_only_the_backup_is_left(device):
    table = bytes(446) + bytes.fromhex("00 000000 83 000000 00080000 00800000") + bytes(48) + b"\x55\xaa"
    assert "carries dos" in refused(device(64 * MIB, {0: table}))[1]
    assert "holds data" in refused(device(8 * GIB, {8 * GIB - 512: b"EFI PART"}))[1]


def test_a_file_system_that_lost_its_beginning_is_seen_by_its_copies(device):
    path = device(8 * GIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", path], check=True, capture_output=True)
    with open(path, "r+b") as stream:
        for _piece in range(300):
            stream.write(bytes(MIB))
    assert refused(path)[0] == "conflict"


def test_what_cannot_be_read_is_not_empty(device, monkeypatch):
    path = device(4 * MIB)

    def broken(handle, buffers, offset):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(reading.os, "preadv", broken)
    code, told = refused(path)
    assert code == "host" and "Input/output error" in told


def test_what_ends_before_its_size_is_not_empty(device, monkeypatch):
    path = device(4 * MIB)
    monkeypatch.setattr(reading.os, "preadv", lambda handle, buffers, offset: 0)
    assert "ended at byte 0" in refused(path)[1]


def test_where_nobody_can_look_for_signatures_the_device_is_not_empty(device, monkeypatch, tmp_path):
    path = device(4 * MIB)
    tool = tmp_path / "wipefs"
    tool.write_text("#!/bin/sh\nexit 2\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert refused(path)[0] == "host"
    assert refused(str(tmp_path / "nothing"))[0] == "host"
    assert refused(device(0))[0] == "host"


@given(st.integers(1, 1 << 46), st.sampled_from([0, 16 * MIB]))
def test_what_is_read_lies_within_the_device_and_is_at_most_about_a_gigabyte_of_a_large_one(size, skip):
    places = emptiness.places(size, skip)
    assert places == sorted(set(places)) and all(skip <= place < size for place in places)
    if size <= emptiness.WHOLE:
        assert len(places) == max(-(-size // MIB) - skip // MIB, 0)
    else:
        assert len(places) <= 2 * emptiness.EDGE // MIB + emptiness.SAMPLES + 64
        assert places[-1] + MIB >= size
