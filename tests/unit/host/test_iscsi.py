# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iSCSI: addresses, sessions, open-iscsi's records, the words for its exit codes."""

from __future__ import annotations

import socket
import stat
import threading

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import iscsi, portals
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

IQN = "iqn.2026-01.org.example:v1"
PORTAL = ("10.0.1.1", "3260")


@pytest.mark.parametrize(
    ("text", "portal"),
    [
        ("10.0.1.1:3260", PORTAL), ("10.0.1.1:3260,1", PORTAL), ("10.0.1.1", PORTAL), ("[FD00::1]:3261", ("fd00::1", "3261")),
        ("fd00::1", ("fd00::1", "3260")),
    ],
)
def test_portals(text, portal):
    assert iscsi.parse_portal(text) == portal


def test_targets_of_connection_info():
    many = {"target_portals": ["10.0.1.1:3260", "10.0.2.1:3260"], "target_iqns": [IQN, IQN], "target_luns": [4, 5], "target_portal": "x", "target_iqn": "y"}
    assert iscsi.targets(many) == [(PORTAL, IQN, 4), (("10.0.2.1", "3260"), IQN, 5)]
    assert iscsi.targets({"target_portal": "10.0.1.1:3260", "target_iqn": IQN}) == [(PORTAL, IQN, 0)]
    assert iscsi.targets({"device_path": "/x"}) == []


def test_disks_at_an_address_and_what_stays(kernel):
    data = {"target_portal": "10.0.1.1:3260", "target_iqn": IQN, "target_lun": 4}
    kernel.session("1", PORTAL, IQN, {"sda": 4, "sdb": 5})
    kernel.session("2", ("10.0.9.9", "3260"), IQN, {"sdc": 4})
    assert iscsi.disks_at(kernel.system, data) == ["sda"]
    assert iscsi.empty_sessions(kernel.system, data) == []


def test_what_is_there_at_each_portal_is_told(kernel):
    portals = ["10.0.1.1:3260", "10.0.2.1:3260", "[fd00::3]:3260"]
    kernel.session("1", PORTAL, IQN, {"sda": 4, "sdb": 5})
    kernel.session("2", ("10.0.2.1", "3260"), IQN, {"sdc": 5})
    assert iscsi.at_portals(kernel.system, {"target_portals": portals, "target_iqns": [IQN] * 3, "target_luns": [4] * 3}) == [
        "10.0.1.1:3260 has disk sda", "10.0.2.1:3260 has a session without LUN 4", "[fd00::3]:3260 has no session",
    ]


def test_a_portal_without_a_session_is_told_and_is_back_when_it_takes_connections(kernel):
    with socket.create_server(("127.0.0.1", 0)) as portal:
        its = ("127.0.0.1", str(portal.getsockname()[1]))
        data = {"target_portals": ["10.0.1.1:3260", "127.0.0.1:%s" % its[1]], "target_iqns": [IQN] * 2, "target_luns": [4] * 2}
        kernel.session("1", PORTAL, IQN, {"sda": 4})
        assert iscsi.without_session(kernel.system, data) == iscsi.back_again(kernel.system, data) == [its]
    portals.forget()
    assert (iscsi.without_session(kernel.system, data), iscsi.back_again(kernel.system, data)) == ([its], [])
    kernel.session("2", its, IQN, {})
    assert iscsi.without_session(kernel.system, data) == []


def test_portals_that_are_away_are_waited_for_together_and_by_a_list_of_volumes_but_once(kernel, monkeypatch):
    waited = []
    gate = threading.Barrier(3, timeout=30)  # nobody passes alone

    def answers(portal):
        waited.append(portal)
        return bool(gate.wait()) and False

    monkeypatch.setattr(portals, "answers", answers)
    portals.forget()
    data = {"target_portals": ["10.0.1.%d:3260" % number for number in range(3)], "target_iqns": [IQN] * 3, "target_luns": [4] * 3}
    assert [iscsi.back_again(kernel.system, data) for _volume in range(20)] == [[]] * 20
    assert len(waited) == 3
    portals.forget()


def test_an_empty_session_and_a_record_are_left_over(kernel):
    kernel.session("1", PORTAL, IQN, {})
    kernel.write("etc/iscsi/nodes/%s/10.0.1.1,3260,1/default" % IQN, "x")
    left = iscsi.empty_sessions(kernel.system, {"target_portal": "10.0.1.1:3260", "target_iqn": IQN})
    assert left == ["session 1 to %s at 10.0.1.1:3260" % IQN, "node record %s/etc/iscsi/nodes/%s/10.0.1.1,3260,1/default" % (kernel.root, IQN)]


def test_the_record_of_a_session_with_other_volumes_is_theirs(kernel):
    kernel.session("1", PORTAL, IQN, {"sdb": 5})
    kernel.write("etc/iscsi/nodes/%s/10.0.1.1,3260,1/default" % IQN, "x")
    assert iscsi.empty_sessions(kernel.system, {"target_portal": "10.0.1.1:3260", "target_iqn": IQN, "target_lun": 4}) == []


@pytest.mark.parametrize("place", ["etc/iscsi/nodes/%s/10.0.1.1,3260", "var/lib/iscsi/nodes/%s/10.0.1.1,3260,1/default"])
def test_records_of_either_form_are_found(kernel, place):
    kernel.write(place % IQN, "x")
    kernel.write("etc/iscsi/nodes/%s/10.0.1.99,3260,1/default" % IQN, "x")
    assert iscsi.node_records(kernel.system, PORTAL, IQN) == [str(kernel.root / (place % IQN))]


def test_a_password_goes_into_the_record_and_nowhere_else(kernel):
    place = "etc/iscsi/nodes/%s/10.0.1.1,3260,1/default" % IQN
    kernel.write(place, "# BEGIN RECORD\nnode.session.scan = auto\nnode.startup = automatic\n# END RECORD\n")
    path = kernel.root / place
    iscsi.edit_record(str(path), {"node.session.auth.password": "s3cret=1", "node.startup": "manual"})
    assert path.read_text() == "# BEGIN RECORD\nnode.session.scan = auto\nnode.startup = manual\nnode.session.auth.password = s3cret=1\n# END RECORD\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["default"]


def test_a_setting_that_open_iscsi_does_not_know_is_left_out(tmp_path):
    path = tmp_path / "target" / "default"
    path.parent.mkdir()
    path.write_text("# BEGIN RECORD\n# END RECORD\n")
    iscsi.edit_record(str(path), {"node.session.scan": "manual"}, only_known=True)
    assert "scan" not in path.read_text()


def test_commands_are_recognised():
    base = ["iscsiadm", "-m", "node", "-T", IQN, "-p", "10.0.1.1:3260"]
    assert iscsi.parse_command([*base, "--login"]) == iscsi.Step("login", PORTAL, IQN, {})
    update = iscsi.parse_command([*base, "--op", "update", "-n", "node.session.auth.password", "-v", "s"])
    assert update == iscsi.Step("update", PORTAL, IQN, {"node.session.auth.password": "s"})
    discovery = ["iscsiadm", "-m", "discoverydb", "-t", "sendtargets", "-p", "10.0.1.1:3260", "--op", "update", "-n", "a", "-v", "1", "-n", "b", "-v", "2"]
    assert iscsi.parse_command(discovery) == iscsi.Step("update_discovery", PORTAL, "", {"a": "1", "b": "2"})
    assert iscsi.parse_command([*base, "--logout"]) is None
    assert iscsi.parse_command(["multipath", "-f", "x"]) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [(24, "CHAP user or secret is wrong"), (8, "cannot be reached"), (20, "Start iscsid"), (19, "refused the login for good"), (7, "exit 7: odd")],
)
def test_a_failed_login_is_told_with_its_portal(code, words):
    sentence = iscsi.login_failure(PORTAL, IQN, code, "odd")
    assert words in sentence
    assert "10.0.1.1:3260" in sentence


def test_what_a_login_needs(kernel):
    with pytest.raises(StorageError, match="iscsiadm is not installed"):
        iscsi.prepared(kernel.system, lambda _name: None)
    with pytest.raises(StorageError, match="no iSCSI initiator name"):
        iscsi.prepared(kernel.system, lambda name: "/sbin/" + name)
    kernel.write("etc/iscsi/initiatorname.iscsi", "## comment\nInitiatorName=iqn.x:1\n")
    iscsi.prepared(kernel.system, lambda name: "/sbin/" + name)


@pytest.mark.parametrize("iqn", ["../../sudoers.d", "/etc/sudoers.d"])
def test_a_target_whose_name_leads_out_of_the_records_has_none(kernel, iqn):
    kernel.write("etc/sudoers.d/readme", "x")
    kernel.write("etc/iscsi/nodes/%s/10.0.1.1,3260" % IQN, "x")
    assert iscsi.node_records(kernel.system, ("readme", "3260"), iqn) == []


def test_a_password_with_a_line_break_becomes_no_further_line_of_a_record(tmp_path):
    record = tmp_path / "node" / "default"
    record.parent.mkdir()
    record.write_text("node.startup = manual\n")
    with pytest.raises(StorageError, match="node.session.auth.password holds a line break") as refused:
        iscsi.edit_record(str(record), {"node.session.auth.password": "canary\nnode.startup = automatic"})
    assert "canary" not in refused.value.message and record.read_text() == "node.startup = manual\n"
