# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DRBD resources: what the kernel's netlink family tells of them, and what is done with them. Messages as Linux 6.1 sends them."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import devices, drbd, facts, genetlink
from ansible_collections.baremetal.legacy_storage.plugins.host.connectors import drbd as connector
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.attachment import AttachmentRecord, Export
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.model.errors import StorageError

SECRET = "canary-of-drbd"  # noqa: S105
CONFIG = 'resource vol-1 { net { shared-secret "%(shared-secret)s"; } }'
DATA = {"name": "vol-1", "device": "/dev/drbd17", "config": CONFIG, "provider_auth": SECRET}
PRIMARY, SECONDARY, CONNECTED, WAITS, ALONE, DISKLESS, INCONSISTENT, UNKNOWN, GOOD = 1, 2, 10, 8, 0, 0, 4, 6, 8
RECORDED = (  # the beginning of what Linux 6.1 answered to DRBD_ADM_GET_STATUS for a new resource with one minor
    "b10000006500000014000200080001400000000007000240747400001400048005000100000000000800020000000000ac00080008000140010000000800020002c00000"
)
STEPS = """drbdsetup-84 new-resource vol-1
drbdsetup-84 new-minor vol-1 17 0
drbdmeta 17 v08 none internal apply-al
drbdsetup-84 attach 17 none none internal
drbdsetup-84 connect vol-1 ipv4:192.0.2.2:7017 ipv4:192.0.2.1:7017 --protocol=C --ping-timeout=20 --cram-hmac-alg=sha1 --shared-secret=bls-placeholder
"""


def status(role, connection, disk, peer_disk, resource="vol-1", minor=17):
    """One answer of DRBD_ADM_GET_STATUS."""
    state = role | SECONDARY << 2 | connection << 4 | disk << 9 | peer_disk << 13
    attributes = {2: {1: struct.pack("=I", 0), 2: resource.encode() + b"\0"}, 8: {1: struct.pack("=I", 5), 2: struct.pack("=I", state)}}
    return struct.pack("=II", minor, 101) + genetlink.pack(attributes)


class Host:
    """DRBD as far as the connector sees it: programs are noted, and bring the resource up."""

    def __init__(self, kernel, monkeypatch):
        self.system, self.ran, self.net, self.answers, self.lower = kernel.system, [], [], [], "none\n"
        self.after = status(SECONDARY, CONNECTED, DISKLESS, GOOD)
        kernel.write("sys/module/drbd/refcnt", "0\n")
        kernel.write("proc/drbd", "version: 8.4.11 (api:1/proto:86-101)\n")
        monkeypatch.setattr(drbd, "_status", lambda system: self.answers)
        monkeypatch.setattr(connector.Drbd, "_run", staticmethod(self.run))
        monkeypatch.setattr(drbd, "connect", lambda *arguments: self.net.append(("connect", *arguments)))
        monkeypatch.setattr(drbd, "change_secret", lambda *arguments: self.net.append(("change", *arguments)))
        monkeypatch.setattr(connector, "_PEER_WAIT", 0)

    def run(self, command, text=None):
        self.ran.append((command, text))
        if "sh-ll-dev" in command:
            return self.lower
        if "adjust" in command:
            self.answers = [self.after]
            return STEPS
        if "down" in command:
            self.answers = []
        return ""

    def done(self):
        return [" ".join(command) for command, _text in self.ran if command[0] != "drbdadm"]


@pytest.fixture(name="host")
def fixture_host(kernel, monkeypatch):
    """A host with DRBD 8.4 and no resource."""
    return Host(kernel, monkeypatch)


def test_the_kernels_answer_is_read_in_the_words_of_proc_drbd():
    assert drbd.parse(status(PRIMARY, CONNECTED, DISKLESS, GOOD)) == drbd.Volume("vol-1", 0, 17, "Primary", "Connected", "Diskless", "UpToDate")
    assert drbd.parse(struct.pack("=II", 0xFFFFFFFF, 101) + genetlink.pack({2: {2: b"empty\0"}})) is None


def test_an_answer_of_a_real_kernel_is_read():
    assert drbd.parse(bytes.fromhex(RECORDED)) == drbd.Volume("tt", 0, 177, "Secondary", "StandAlone", "Diskless", "DUnknown")
    assert drbd.resource_of(bytes.fromhex(RECORDED)) == "tt"


def test_attributes_come_out_as_they_went_in():
    assert genetlink.unpack(genetlink.pack({1: b"abc", 5: {2: b"x"}})) == {1: b"abc", 5: genetlink.pack({2: b"x"})}
    assert genetlink.pack({5: {}})[3] & 0x80  # Linux 6.1 refuses a nested attribute that does not say that it is one
    assert genetlink.unpack(b"\x01\0\0\0") == {}


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("ipv4:192.0.2.1:7017", struct.pack("=H", socket.AF_INET) + struct.pack("!H", 7017) + bytes([192, 0, 2, 1]) + bytes(8)),
        (
            "ipv6:[2001:db8::1]:7017",
            struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", 7017, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8::1") + bytes(4),
        ),
    ],
)
def test_addresses_are_those_of_the_socket_layer(text, packed):
    assert drbd.pack_address(text) == packed


@pytest.mark.parametrize("text", ["ipv4:192.0.2.1:x", "ipv4:host:7017", "sdp:192.0.2.1:7017"])
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(StorageError):
        drbd.pack_address(text)


def test_connecting_without_a_disk_leaves_out_what_is_for_disks_and_tells_the_secret_to_the_kernel_only(host):
    assert connector.Drbd(host.system, DATA).connect() == {"type": "block", "path": "/dev/drbd17"}
    assert host.done() == [
        "drbdsetup new-resource vol-1",
        "drbdsetup new-minor vol-1 17 0",
        "drbdsetup net-options ipv4:192.0.2.2:7017 ipv4:192.0.2.1:7017 --ping-timeout=20",
        "drbdsetup primary 17",
    ]
    assert host.net == [("connect", "vol-1", "ipv4:192.0.2.2:7017", "ipv4:192.0.2.1:7017", "C", "sha1", SECRET)]
    assert SECRET not in str(host.ran)


def test_a_disk_of_its_own_is_attached(host):
    host.lower, host.after = "/dev/vg/vol-1\n", status(SECONDARY, WAITS, GOOD, UNKNOWN)
    mine = connector.Drbd(host.system, DATA)
    mine.connect()
    assert "drbdmeta 17 v08 none internal apply-al" in host.done()
    assert "drbdsetup attach 17 none none internal" in host.done()
    assert "it gets what is written now when it is back" in mine.login_failures()[0]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (status(SECONDARY, ALONE, DISKLESS, UNKNOWN), "refused this host"),
        (status(SECONDARY, WAITS, DISKLESS, UNKNOWN), "no peer of DRBD resource vol-1 answers"),
        (status(SECONDARY, CONNECTED, DISKLESS, INCONSISTENT), "has the whole volume (Diskless here, Inconsistent there)"),
    ],
)
def test_a_volume_whose_data_cannot_be_reached_is_not_connected(host, after, words):
    host.after = after
    with pytest.raises(StorageError) as caught:
        connector.Drbd(host.system, DATA).connect()
    assert words in caught.value.message
    assert "drbdsetup primary 17" not in host.done()


def test_a_minor_that_another_resource_has_is_left_alone(host):
    host.answers = [status(PRIMARY, CONNECTED, DISKLESS, GOOD, "other")]
    with pytest.raises(StorageError) as caught:
        connector.Drbd(host.system, DATA).connect()
    assert caught.value.code == "conflict"
    assert host.ran == []


def test_another_drbd_than_the_kernels_own_is_refused(host, kernel):
    kernel.write("proc/drbd", "version: 9.1.4 (api:2/proto:110-121)\n")
    with pytest.raises(StorageError, match="is 9.1.4, and only 8.4 is supported"):
        connector.Drbd(host.system, DATA).connect()


def test_disconnecting_makes_it_secondary_and_takes_it_down(host):
    host.answers = [status(PRIMARY, CONNECTED, DISKLESS, GOOD)]
    mine = connector.Drbd(host.system, DATA)
    assert mine.stays() == ["device /dev/drbd17"]
    mine.disconnect({})
    assert host.done() == ["drbdsetup secondary 17", "drbdsetup down vol-1"]
    assert mine.stays() == []
    mine.disconnect({})
    assert len(host.ran) == 2


def test_what_only_this_host_has_is_not_taken_away(host):
    host.answers = [status(PRIMARY, WAITS, GOOD, UNKNOWN)]
    with pytest.raises(StorageError, match="only this host has what was written last"):
        connector.Drbd(host.system, DATA).disconnect({})
    assert host.ran == []
    connector.Drbd(host.system, DATA).disconnect({}, force=True)
    assert host.done() == ["drbdsetup secondary 17", "drbdsetup down vol-1"]


def test_a_resource_that_a_killed_run_left_without_a_volume_stays_to_be_seen(host):
    host.answers = [struct.pack("=II", 0xFFFFFFFF, 101) + genetlink.pack({2: {2: b"vol-1\0"}})]
    mine = connector.Drbd(host.system, DATA)
    assert mine.stays() == ["DRBD resource vol-1"]
    mine.disconnect({})
    assert host.done() == ["drbdsetup down vol-1"]


def test_a_secret_that_changed_is_told_to_the_kernel_only(host, monkeypatch):
    mine = connector.Drbd(host.system, DATA)
    mine._take(["drbdsetup-84", "net-options", "ipv4:192.0.2.2:7017", "ipv4:192.0.2.1:7017", "--shared-secret=bls-placeholder"])
    assert host.net == [("change", "vol-1", "ipv4:192.0.2.2:7017", "ipv4:192.0.2.1:7017", "", SECRET)]
    assert host.ran == []


def test_only_a_disk_of_its_own_is_resized(host):
    host.answers = [status(PRIMARY, CONNECTED, DISKLESS, GOOD)]
    connector.Drbd(host.system, DATA).extend()
    assert host.ran == []
    host.answers = [status(PRIMARY, CONNECTED, GOOD, GOOD)]
    connector.Drbd(host.system, DATA).extend()
    assert host.done() == ["drbdsetup resize 17"]


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "--force"}, {"name": "a b"}, {"device": "/dev/sda"}, {"device": "/dev/drbd1/../sda"}],
)
def test_names_that_are_none_are_refused(host, wrong):
    with pytest.raises(StorageError):
        connector.Drbd(host.system, dict(DATA, **wrong))


@pytest.mark.parametrize("wrong", [{"config": "resource %(other)s {}"}, {"config": "100 %"}, {"provider_auth": ""}])
def test_a_resource_file_that_cannot_be_filled_in_is_refused_before_anything_is_done(host, wrong):
    with pytest.raises(StorageError):
        connector.Drbd(host.system, dict(DATA, **wrong)).connect()
    assert host.ran == []


@pytest.mark.parametrize(
    ("answers", "identity"),
    [
        ([status(PRIMARY, CONNECTED, DISKLESS, GOOD)], "right"),
        ([status(PRIMARY, WAITS, DISKLESS, UNKNOWN)], "unknown"),
        ([status(PRIMARY, WAITS, GOOD, UNKNOWN)], "right"),
        ([status(PRIMARY, CONNECTED, DISKLESS, GOOD, "other")], "none"),
        ([], "none"),
    ],
)
def test_a_device_is_right_while_it_is_the_resource_and_its_data_is_there(host, kernel, answers, identity):
    kernel.block("drbd17")
    kernel.write("sys/class/block/drbd17/diskseq", "12\n")
    host.answers = answers
    known = {"kind": "drbd", "serial": "drbd-vol-1/0", "key": "appearance-12"}
    export = Export("e", "b", "v", "database", "node1", 1, "drbd", {"data": DATA})
    mine = AttachmentRecord(export, "connected", "boot-1", "no", {"path": kernel.system.node("drbd17")}, "/dev/disk/by-id/x", known)
    assert facts.look(kernel.system, mine).identity == identity
    if identity == "right":
        assert devices.identify(kernel.system, kernel.system.node("drbd17")) == known


def test_a_host_without_the_module_has_no_resources(kernel):
    assert drbd.volumes(kernel.system) == []
