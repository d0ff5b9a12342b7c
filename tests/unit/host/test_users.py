# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account that may start the node's worker, and no more, cannot become root by what it asks of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import config, node
from ansible_collections.baremetal.legacy_storage.plugins.host.connectors import by_users
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


def test_nothing_is_overwritten_for_a_user(settings):
    answer = asked(settings, {"volume_id": VOLUME, "state": "present", "encryption": {"key": "k", "format": "overwrite"}})
    assert "encryption.format: 'overwrite' is for root alone" in answer["error"]["message"]


def test_what_a_user_says_of_half_settings_and_environment_does_not_count(settings, tmp_path):
    other = tmp_path / "other.json"
    answer = asked(settings, {"volume_id": VOLUME, "state": "absent"}, {"half": "controller", "config": str(other), "environment": {"PATH": "/nowhere"}})
    (connection,) = answer["result"]["connections"]
    assert connection["volume_id"] == VOLUME and not connection["changed"]


def connecting(settings, protocol, data):
    """Ask the node, as such an account may, for the connector of a volume by a connection_info of its own making."""
    mine = node.Node(config.load(str(settings)), print, by_user=True)
    info = {"driver_volume_type": protocol, "data": data}
    return mine.connector_for(Export("e", "vendor-a", VOLUME, "database", "node1", 1, "iscsi", {}, seal(mine.sealing_key().public, info)), False)


@pytest.mark.parametrize("protocol", ["drbd", "glusterfs", "quobyte", "scality", "vzstorage", "huaweisdshypervisor", "scaleio", "storpool", "lightos"])
def test_what_can_make_root_run_programs_or_write_files_is_not_connected_for_a_user(settings, protocol):
    with pytest.raises(StorageError, match="not attached by %s without becoming root" % protocol.upper()):
        connecting(settings, protocol, {"name": "r0", "config": "handlers { fence-peer /tmp/x; }"})


ISCSI = {"target_portal": "10.0.1.1:3260", "target_iqn": "iqn.2026-01.org.example:v", "target_lun": 1}
RBD = {"name": "volumes/v", "hosts": ["192.0.2.70"], "ports": ["6789"], "cluster_name": "ceph", "auth_username": "cinder"}
NFS = {"export": "192.0.2.40:/srv", "name": "volume-1"}
KEYRING = "[client.cinder]\n\tkey = canary==\n"


@pytest.mark.parametrize(
    ("protocol", "data", "told"),
    [
        ("iscsi", dict(ISCSI, target_iqn="../../sudoers.d"), "target_iqn"),
        ("iscsi", dict(ISCSI, target_portals=["a:3260", "b:3260"], target_iqns=[ISCSI["target_iqn"], "/etc/sudoers.d"]), "target_iqns"),
        ("iscsi", dict(ISCSI, auth_password="canary\nporter ALL=(ALL) NOPASSWD: ALL"), "auth_password"),
        ("iscsi", dict(ISCSI, target_portal="--logoutall=all"), "target_portal"),
        ("rbd", dict(RBD, keyring=KEYRING + "[global]\nlog_file = /etc/cron.d/x\n"), "keyring"),
        ("rbd", dict(RBD, keyring=KEYRING + "log_file = /etc/cron.d/x\n"), "keyring"),
        ("rbd", dict(RBD, hosts=["192.0.2.70\nlog_file = /etc/cron.d/x"]), "hosts"),
        ("rbd", dict(RBD, name="volumes/--log-file=x"), "name"),
        ("rbd", dict(RBD, name="--conf=x/v"), "name"),
        ("nfs", dict(NFS, options="-a -T /tmp/fstab"), "options"),
        ("nfs", dict(NFS, options="-o vers=4.2,bind"), "options"),
        ("nfs", dict(NFS, name="../../../etc/shadow"), "name"),
        ("local", {"device_path": "/dev/../etc/shadow"}, "device_path"),
        ("nvmeof", {"target_nqn": "nqn.x", "portals": [["192.0.2.1", "4420", "tcp\n"]]}, "portals"),
        ("aoe", {"target_shelf": 1, "target_lun": 1, "x\ny": "z"}, "a key"),
    ],
)
def test_what_is_more_than_a_name_or_an_address_is_not_taken_from_a_user(settings, protocol, data, told):
    with pytest.raises(StorageError, match="connection_info: %s is not taken" % told) as refused:
        connecting(settings, protocol, data)
    assert "canary" not in refused.value.message


def test_what_drivers_hand_out_is_taken_from_a_user():
    for path in sorted((Path(__file__).parents[2] / "contract/connections").glob("*.json")):
        info = json.loads(path.read_text())["connection_info"]
        if info["driver_volume_type"] in by_users.PROTOCOLS:
            by_users.refuse(info["driver_volume_type"], info["data"])
    by_users.refuse("iscsi", dict(ISCSI, auth_method="CHAP", auth_username="u", auth_password="-canary !", qos_specs=None, encrypted=False))


def test_the_worker_stands_where_nobody_but_root_lays_files(settings, tmp_path):
    """Ceph's programs read ceph.conf of the directory that they are started in."""
    command = [sys.executable, "-m", serve.__name__, "host", str(settings)]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        worker.stdin.write(b'{"hello": {"protocol": 1}}\n')
        worker.stdin.flush()
        assert "hello" in json.loads(worker.stdout.readline())
        assert os.readlink("/proc/%d/cwd" % worker.pid) == "/"
        worker.stdin.close()
