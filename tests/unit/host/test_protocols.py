# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node tells which protocols it can speak, and what it lacks for the others."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.host import protocols

EVERYTHING = set(protocols.NEEDS)


def program(kernel, path):
    kernel.write(path, "#!/bin/sh\n")
    (kernel.root / path).chmod(0o755)


@pytest.fixture(name="prepared")
def fixture_prepared(kernel):
    """A host as the role leaves it for iSCSI."""
    program(kernel, "usr/sbin/iscsiadm")
    kernel.write("etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:a\n")
    kernel.write("sys/module/iscsi_tcp/refcnt", "0\n")
    kernel.write("proc/net/unix", "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 0001 0001 01 7 @ISCSIADM_ABSTRACT_NAMESPACE\n")
    kernel.write("proc/sys/kernel/osrelease", "6.1.0\n")
    return kernel


def test_a_prepared_node_speaks_iscsi(prepared):
    assert protocols.ready(prepared.system, EVERYTHING, "x86_64")["iscsi"] == {"ready": True, "missing": []}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("usr/sbin/iscsiadm", "program iscsiadm (package open-iscsi or iscsi-initiator-utils)"),
        ("etc/iscsi/initiatorname.iscsi", "file /etc/iscsi/initiatorname.iscsi (the role node writes it)"),
        ("proc/net/unix", "service iscsid (it does not run)"),
    ],
)
def test_what_is_missing_for_iscsi_is_named(prepared, path, told):
    (prepared.root / path).unlink()
    assert protocols.ready(prepared.system, EVERYTHING, "x86_64")["iscsi"] == {"ready": False, "missing": [told]}


@pytest.mark.parametrize(
    ("file", "line"),
    [("modules.dep", "kernel/drivers/block/rbd.ko.xz: kernel/net/ceph/libceph.ko.xz\n"), ("modules.builtin", "kernel/drivers/block/rbd.ko\n")],
)
def test_a_module_that_can_be_loaded_or_is_built_in_is_enough(prepared, file, line):
    program(prepared, "usr/bin/rbd")
    assert protocols.ready(prepared.system, EVERYTHING, "x86_64")["rbd"]["missing"] == ["kernel module rbd"]
    prepared.write("lib/modules/6.1.0/" + file, line)
    assert protocols.ready(prepared.system, EVERYTHING, "x86_64")["rbd"] == {"ready": True, "missing": []}


def test_module_names_with_dashes_are_those_with_underscores(prepared):
    prepared.write("lib/modules/6.1.0/modules.dep", "kernel/drivers/nvme/host/nvme-fabrics.ko:\nkernel/drivers/nvme/host/nvme-rdma.ko:\n")
    assert not any("module" in text for text in protocols.ready(prepared.system, EVERYTHING, "x86_64")["nvmeof"]["missing"])


def test_one_transport_of_nvme_is_enough_and_all_are_named_where_there_is_none(prepared):
    prepared.write("sys/module/nvme_fabrics/refcnt", "0\n")
    missing = protocols.ready(prepared.system, EVERYTHING, "x86_64")["nvmeof"]["missing"]
    assert "kernel module nvme_tcp or kernel module nvme_rdma" in missing
    prepared.write("sys/module/nvme_tcp/refcnt", "0\n")
    assert not any("module" in text for text in protocols.lacks(prepared.system, "nvme"))


def test_volumes_that_are_files_need_the_loop_driver(prepared):
    program(prepared, "usr/sbin/mount.nfs")
    prepared.write("lib/modules/6.1.0/modules.builtin", "kernel/fs/nfs/nfs.ko\n")
    told = protocols.ready(prepared.system, EVERYTHING, "x86_64")["nfs"]
    assert told == {"ready": False, "missing": ["program losetup (package util-linux)", "kernel module loop"]}


def test_fibre_channel_wants_its_adapter(prepared):
    program(prepared, "lib/udev/scsi_id")
    assert protocols.ready(prepared.system, EVERYTHING, "x86_64")["fibre_channel"]["missing"] == ["hardware: a Fibre Channel host bus adapter, with its driver"]
    prepared.write("sys/class/fc_host/host3/port_name", "0x5001438001234567\n")
    assert protocols.ready(prepared.system, EVERYTHING, "x86_64")["fibre_channel"]["ready"]


def test_what_os_brick_has_no_connector_for_on_this_architecture_is_told(prepared):
    told = protocols.ready(prepared.system, {"local"}, "s390x")
    assert told["iscsi"] == {"ready": False, "missing": ["a connector: os-brick has none for it on s390x"]}
    assert told["local"]["ready"]


def test_nothing_is_said_of_a_protocol_that_nobody_knows(prepared):
    assert protocols.lacks(prepared.system, "carrier_pigeon") == []


@pytest.mark.parametrize("protocol", ["hgst", "disco"])
def test_what_ended_is_never_ready_and_the_release_is_named(prepared, protocol):
    told = protocols.ready(prepared.system, EVERYTHING, "x86_64")[protocol]
    assert not told["ready"]
    assert "4.0.0" in told["missing"][0]
    assert "ended" in protocols.ended(protocol)


def test_aoe_needs_its_kernel_module_and_drbd_its_programs_too(prepared):
    told = protocols.ready(prepared.system, EVERYTHING, "x86_64")
    assert told["aoe"]["missing"] == ["kernel module aoe"]
    assert told["drbd"]["missing"] == ["kernel module drbd", "program drbdadm (package drbd-utils)", "program drbdsetup (package drbd-utils)"]
    prepared.write("sys/module/aoe/refcnt", "0\n")
    assert protocols.ready(prepared.system, EVERYTHING, "x86_64")["aoe"]["ready"]
    assert protocols.ended("aoe") is None


def test_encryption_wants_its_program_and_its_module(prepared):
    assert protocols.encryption(prepared.system) == {
        "ready": False, "missing": ["program cryptsetup (package cryptsetup-bin or cryptsetup)", "kernel module dm_crypt"],
    }
    program(prepared, "usr/sbin/cryptsetup")
    prepared.write("lib/modules/6.1.0/modules.dep", "kernel/drivers/md/dm-crypt.ko:\n")
    assert protocols.encryption(prepared.system) == {"ready": True, "missing": []}


@pytest.mark.parametrize(("text", "ready"), [("1B4E28BA-2fa1-11d2-883f-0016d3cca427\n", True), ("", True), ("Not Settable\n", False)])
def test_a_host_id_that_is_no_uuid_as_of_a_board_without_one_is_told(prepared, text, ready):
    prepared.write("etc/nvme/hostid", text)
    told = [line for line in protocols.lacks(prepared.system, "nvmeof") if "hostid" in line]
    assert not told if ready else "Not Settable" in told[0]
