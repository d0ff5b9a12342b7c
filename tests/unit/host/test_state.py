# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records, locks, links and settings: what is kept in files."""

from __future__ import annotations

import errno
import json
import stat
import subprocess
import sys

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import config, links, locks, multipathd, records
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

VOLUME = "11111111-1111-5111-8111-111111111111"
RECORD = AttachmentRecord(
    Export("e", "vendor-a", VOLUME, "database", "node1", 1, "iscsi", {"data": {"auth_password": "(hidden)"}}, "sealed"), "connected", "boot-1", "no",
    {"path": "/dev/sda"}, "/dev/disk/by-id/x", {"kind": "scsi", "serial": "3600", "key": "3600"},
)


def test_a_record_comes_back_as_it_was_and_is_root_only(tmp_path):
    kept = records.Records(str(tmp_path))
    assert kept.get(VOLUME) is None
    assert kept.ids() == []
    kept.put(RECORD)
    path = tmp_path / "attachments" / (VOLUME + ".json")
    assert kept.get(VOLUME) == RECORD
    assert kept.ids() == [VOLUME]
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    kept.remove(VOLUME)
    kept.remove(VOLUME)
    assert kept.ids() == []


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[1]", '{"state": "connected"}', '{"state": "connected", "export": {"id": "e"}, "boot_id": "b", "multipath": "no"}']
)
def test_a_record_that_cannot_be_read_is_told_with_its_path(tmp_path, text):
    kept = records.Records(str(tmp_path))
    kept.put(RECORD)
    (tmp_path / "attachments" / (VOLUME + ".json")).write_text(text)
    with pytest.raises(StorageError, match="%s.json" % VOLUME):
        kept.get(VOLUME)


def test_a_half_written_record_is_never_seen(tmp_path, monkeypatch):
    kept = records.Records(str(tmp_path))
    kept.put(RECORD)

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(StorageError, match="%s.json cannot be written on this host: No space left on device" % VOLUME):
        kept.put(AttachmentRecord(RECORD.export, "disconnecting", "boot-1", "no"))
    assert kept.get(VOLUME) == RECORD
    assert [entry.name for entry in (tmp_path / "attachments").iterdir()] == [VOLUME + ".json"]


def test_what_udev_reads(tmp_path):
    links.remember(str(tmp_path), "mpath-3600", VOLUME)
    path = tmp_path / "links" / "mpath-3600"
    assert path.read_text() == "LEGACY_STORAGE_LINK=legacy-storage-%s\n" % VOLUME
    links.forget(str(tmp_path), "mpath-3600", "another")
    assert path.exists()
    links.forget(str(tmp_path), "mpath-3600", VOLUME)
    links.forget(str(tmp_path), "mpath-3600", VOLUME)
    assert not path.exists()


@pytest.mark.parametrize("key", ["../x", "a b", "", "..", "a/../b", "a//b", "/a", "a\nb"])
def test_an_identity_that_cannot_name_a_file_is_refused(tmp_path, key):
    with pytest.raises(StorageError):
        links.remember(str(tmp_path), key, VOLUME)


def test_a_file_is_named_by_its_whole_path_and_leaves_no_folder_behind(tmp_path):
    links.remember(str(tmp_path), "loop/mounts/a/volume-1", VOLUME)
    links.remember(str(tmp_path), "loop/mounts/b/volume-1", "another")
    assert (tmp_path / "links/loop/mounts/a/volume-1").read_text() == "LEGACY_STORAGE_LINK=legacy-storage-%s\n" % VOLUME
    links.forget(str(tmp_path), "loop/mounts/a/volume-1", VOLUME)
    assert [path.name for path in (tmp_path / "links/loop/mounts").iterdir()] == ["b"]
    links.forget(str(tmp_path), "loop/mounts/b/volume-1", "another")
    assert list((tmp_path / "links").iterdir()) == []


def test_where_the_stable_path_leads(kernel):
    kernel.block("dm-0")
    kernel.block("dm-1")
    assert not links.leads_to(kernel.system, VOLUME, "dm-0")
    link = kernel.root / "dev/disk/by-id" / ("legacy-storage-" + VOLUME)
    link.parent.mkdir(parents=True)
    link.symlink_to("../../dm-0")
    assert links.leads_to(kernel.system, VOLUME, "dm-0")
    assert not links.leads_to(kernel.system, VOLUME, "dm-1")


def test_settings(tmp_path):
    path = tmp_path / "node.json"
    path.write_text(json.dumps({"python": "/x", "state_dir": "/s", "lock_dir": "/l", "host": "node1", "my_ip": ""}))
    assert config.load(str(path)) == config.Settings("/s", "/l", "node1", True, None)
    path.write_text(json.dumps({"python": "/x"}))
    with pytest.raises(StorageError, match="state_dir"):
        config.load(str(path))


def test_a_lock_that_is_held_is_answered_with_busy(tmp_path):
    code = "import sys, fcntl; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    path = str(tmp_path / "volume-x.lock")
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StorageError) as caught, locks.locked(str(tmp_path), "volume-x", wait=0.2):
            pytest.fail("two hold one lock")
        assert caught.value.code == "busy"
        holder.stdin.close()
        holder.wait(10)
    with locks.locked(str(tmp_path), "volume-x", wait=5):
        pass


def test_multipathds_answer():
    assert multipathd.parse_paths("sda|active\nsdb|failed\n\n") == {"sda": "active", "sdb": "failed"}
    assert multipathd.parse_paths("") == {}
