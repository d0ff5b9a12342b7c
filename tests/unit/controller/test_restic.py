# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A repository that is not there is told from one that could not be looked at: only in the place of the first one a new one is made."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.controller.backup import restic
from ansible_collections.baremetal.legacy_storage.plugins.controller.backup.restic import is_absent
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.backups import Repository
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

LOCATION = "\nIs there a repository at the following location?\n%s\n"


@pytest.mark.parametrize(
    "words",
    [
        "Fatal: unable to open config file: stat /srv/backup/config: no such file or directory",
        "Fatal: unable to open config file: Lstat: file does not exist",
        "Fatal: unable to open config file: Stat: The specified bucket does not exist.",
        "Fatal: unable to open config file: Stat: The specified key does not exist.",
        "Fatal: unable to open config file: <config/> does not exist",
        "Fatal: unable to open config file: storage: object doesn't exist",
        "Fatal: unable to open config file: Object Not Found",
        "Fatal: unable to open config file: b2_download_file_by_name: 404: ",
        "Fatal: unable to open config file: Stat: storage: service returned error: StatusCode=404, ErrorCode=404 The specified blob does not exist.",
        "Fatal: repository does not exist: unable to open config file: Stat: what a server says that nobody knows yet",
    ],
)
def test_nothing_there_is_known_in_the_words_of_every_server(words):
    assert is_absent(words + LOCATION % "s3:https://host/bucket")


@pytest.mark.parametrize(
    "words",
    [
        'Fatal: unable to open config file: Stat: Get "http://192.0.2.1:404/x/?location=": dial tcp 192.0.2.1:404: connect: connection refused',
        "Fatal: unable to open config file: Stat: The access key ID you provided does not exist in our records.",
        "Fatal: unable to open config file: Stat: The request signature we calculated does not match the signature you provided.",
        "Fatal: unable to open config file: Stat: Access Denied.",
        'Fatal: unable to open config file: client.Head: Head "https://host/x/config": dial tcp: lookup host: no such host',
        "Fatal: unable to open config file: stat /srv/404/config: permission denied",
        "Fatal: wrong password or no key found",
        "file does not exist",
        "",
    ],
)
def test_what_could_not_be_looked_at_is_not_taken_for_absent(words):
    assert not is_absent(words + LOCATION % "s3:https://host/not found, 404, no such file")


def test_a_server_that_takes_a_call_and_says_nothing_is_not_waited_for_without_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(restic, "_ANSWER", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        location = "rest:http://127.0.0.1:%d/backups" % mute.getsockname()[1]
        opened = restic.Restic(Repository("offsite", location, password="secret"), str(tmp_path), 120)
        for ask in (opened.ready, opened.snapshots_once_free):
            with pytest.raises(StorageError, match="offsite: does not answer within 1 s") as told:
                ask()
            assert told.value.code == "busy"


def test_a_server_that_falls_silent_amid_a_copy_is_not_waited_for_without_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(restic, "_SILENCE", 2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        location = "rest:http://127.0.0.1:%d/backups" % mute.getsockname()[1]
        opened = restic.Restic(Repository("offsite", location, password="secret"), str(tmp_path), 120)
        with pytest.raises(StorageError, match="offsite: its server took or gave nothing for 0 minutes"):
            with opened.saving("x", ["tag"]) as saving:
                while True:
                    saving.write(bytes(1 << 20))
        with pytest.raises(StorageError, match="offsite: its server took or gave nothing"):
            with opened.saving("x", ["tag"]) as saving:
                saving.write(b"all of it")
        with pytest.raises(StorageError, match="offsite: its server took or gave nothing"):
            with opened.reading("snapshot", "x") as stream:
                assert stream.read(1 << 20) == b""
