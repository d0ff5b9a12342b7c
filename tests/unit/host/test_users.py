# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account that may start the node's worker, and no more, cannot become root by what it asks of it."""

from __future__ import annotations

import io
import json

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import config, node
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import Export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker import serve
from ansible_collections.baremetal.legacy_storage.plugins.secrets.sealing import seal

VOLUME = "11111111-1111-5111-8111-111111111111"


@pytest.fixture(name="settings")
def fixture_settings(tmp_path):
    """The node's settings file, as the role writes it."""
    path = tmp_path / "node.json"
    path.write_text(json.dumps({"state_dir": str(tmp_path / "state"), "lock_dir": str(tmp_path / "locks"), "host": "node1"}))
    return path


def asked(settings, request, hello=None):
    """What the worker that sudo's rule starts answers to a request."""
    lines = [{"hello": dict(hello or {}, protocol=1)}, {"request": {"verb": "connection.ensure", "arguments": {"connections": [request]}, "check": False}}]
    output = io.BytesIO()
    serve.serve(io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)), output, {"half": "host", "config": str(settings)})
    return [json.loads(line) for line in output.getvalue().splitlines()][-1]


@pytest.mark.parametrize("word", ["key_file", "key_command", "previous_key_file", "previous_key_command"])
def test_no_file_is_read_and_no_command_run_as_root_for_a_user(settings, tmp_path, word):
    ran = tmp_path / "ran"
    value = ["/usr/bin/touch", str(ran)] if word.endswith("command") else "/etc/shadow"
    request = {"volume_id": VOLUME, "state": "present", "encryption": {"key": "k", word: value}}
    answer = asked(settings, request)
    assert "encryption.%s: is for root alone" % word in answer["error"]["message"]
    assert not ran.exists() and not (tmp_path / "state").exists(), "nothing is remembered that a boot would run"


def test_what_a_user_says_of_half_settings_and_environment_does_not_count(settings, tmp_path):
    other = tmp_path / "other.json"
    answer = asked(settings, {"volume_id": VOLUME, "state": "absent"}, {"half": "controller", "config": str(other), "environment": {"PATH": "/nowhere"}})
    (connection,) = answer["result"]["connections"]
    assert connection["volume_id"] == VOLUME and not connection["changed"]


def test_a_configuration_that_can_name_programs_is_not_taken_from_a_user(settings):
    mine = node.Node(config.load(str(settings)), print, by_user=True)
    info = {"driver_volume_type": "drbd", "data": {"name": "r0", "config": "handlers { fence-peer /tmp/x; }"}}
    export = Export("e", "vendor-a", VOLUME, "database", "node1", 1, "iscsi", {}, seal(mine.sealing_key().public, info))
    with pytest.raises(StorageError, match="not attached by DRBD without becoming root"):
        mine.connector_for(export, False)
