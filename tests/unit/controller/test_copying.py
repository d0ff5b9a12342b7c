# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying and comparing by the real qemu-img, on files."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.engine import copying
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

MIB = 1024**2


class File:
    """What copying wants of a Device."""

    def __init__(self, path, kind="raw"):
        self.path, self.format, self.direct = str(path), kind, False


@pytest.fixture(name="source")
def fixture_source(tmp_path):
    """8 MiB: data, a hole, data."""
    path = tmp_path / "source"
    with open(path, "wb") as stream:
        stream.write(os.urandom(MIB))
        stream.seek(7 * MIB)
        stream.write(os.urandom(MIB))
    return File(path)


def filled(path, size, byte=b"x"):
    """Make a file that is no fresh one: whoever skips zeros leaves what was there."""
    path.write_bytes(byte * size)
    return File(path)


def test_old_data_does_not_show_through_holes(source, tmp_path):
    target = filled(tmp_path / "target", 8 * MIB)
    copying.copy(source, target, 8 * MIB)
    copying.compare(source, target, 8 * MIB)
    assert (tmp_path / "target").read_bytes() == (tmp_path / "source").read_bytes()


def test_only_the_volumes_size_is_copied_where_an_array_rounds_up(source, tmp_path):
    target = filled(tmp_path / "target", 9 * MIB)
    copying.copy(source, target, 4 * MIB)
    copying.compare(source, target, 4 * MIB)
    assert (tmp_path / "target").read_bytes() == (tmp_path / "source").read_bytes()[: 4 * MIB] + b"x" * 5 * MIB
    with pytest.raises(StorageError, match="Content mismatch at offset 4194304"):
        copying.compare(source, target, 5 * MIB)


def test_one_byte_is_found(source, tmp_path):
    target = filled(tmp_path / "target", 8 * MIB)
    copying.copy(source, target, 8 * MIB)
    with open(target.path, "r+b") as stream:
        stream.seek(5 * MIB)
        stream.write(b"y")
    with pytest.raises(StorageError, match="qemu-img compare failed.*Content mismatch"):
        copying.compare(source, target, 8 * MIB)


def test_formats_that_drivers_of_file_systems_keep(source, tmp_path):
    copying.qemu_img("create", "-q", "-f", "qcow2", str(tmp_path / "volume, with a comma"), "8M")
    target = File(tmp_path / "volume, with a comma", "qcow2")
    copying.copy(source, target, 8 * MIB)
    copying.compare(target, source, 8 * MIB)


def test_a_smaller_target_is_refused(source, tmp_path):
    with pytest.raises(StorageError, match="qemu-img convert failed"):
        copying.copy(source, filled(tmp_path / "target", 4 * MIB), 8 * MIB)


def test_the_progress_is_told(source, tmp_path, monkeypatch):
    monkeypatch.setattr(copying, "_TELL_EVERY", 0)
    told = []
    copying.copy(source, filled(tmp_path / "target", 8 * MIB), 8 * MIB, told.append)
    assert told == sorted(told) and told[-1] == 100


def test_it_dies_with_the_worker(source, tmp_path):
    program = (
        "import sys; sys.path[:0] = %r.split(':')\n"
        "from ansible_collections.baremetal.legacy_storage.plugins.controller.engine import copying\n"
        "copying.qemu_img('convert', '-r', '100K', '-O', 'raw', %r, %r)" % (os.environ["PYTHONPATH"], source.path, str(tmp_path / "target"))
    )
    worker = subprocess.Popen([sys.executable, "-c", program])
    try:
        _wait(lambda: _at_work(tmp_path))
    finally:
        worker.kill()
        worker.wait()
    _wait(lambda: not _at_work(tmp_path))


def _wait(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _at_work(folder):
    """Tell whether a qemu-img works in a folder."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % name, "rb") as stream:
                words = stream.read().split(b"\0")
        except OSError:
            continue
        if words[0] == b"qemu-img" and any(str(folder).encode() in word for word in words):
            return True
    return False
