# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/attachments.md promises of an attachment, on two real nodes: dead nodes that come back, several nodes at once, cloned nodes, read-only."""

from __future__ import annotations

import contextlib
import time

import pytest

from .hosts import ATTACHMENT, BACKEND

pytestmark = pytest.mark.extra

NODES = ("node1", "node2")
STORAGE = ("storage-a", "storage-b")
SHARED = {"multiattach": "<is> True"}


@pytest.fixture(name="shared")
def fixture_shared(lab):
    """A volume of 1 GiB that several nodes may attach at once; afterwards nothing is left of it anywhere."""
    name = "shared-%d" % int(time.time())
    assert lab.run("controller1", "legacy_volume", backend=BACKEND, name=name, size=1, extra_specs=SHARED)["changed"]
    yield name
    for node in NODES:
        good(lab.attach(node, name, "absent"))
        assert lab.leftovers(node) == {}
    assert lab.exports() == []
    good(lab.run("controller1", "legacy_volume", backend=BACKEND, name=name, state="absent"))


@pytest.fixture(name="both")
def fixture_both(lab, volume):
    """A volume for either node; afterwards it is detached from both."""
    yield volume
    for network in STORAGE:
        lab.cable("node1", network, "up")
    good(lab.attach("node2", volume, "absent"))
    assert lab.leftovers("node2") == {}


def good(result):
    """Return the result of a task that did not fail."""
    assert not result.get("failed"), result["msg"]
    return result


def write(lab, node, path, words):
    """Write a block past every cache."""
    lab.sh(node, "printf '%%-4096s' '%s' | dd of=%s bs=4096 count=1 oflag=direct iflag=fullblock status=none" % (words, path))


def read(lab, node, path):
    """Read the block past every cache."""
    return lab.sh(node, "dd if=%s bs=4096 count=1 iflag=direct status=none" % path).strip()


def info(lab, node, **parameters):
    """Return the node's attachments."""
    return good(lab.run(node, "legacy_attachment_info", **parameters))["attachments"]


def test_a_dead_nodes_volume_is_attached_elsewhere_and_the_node_that_comes_back_gets_nothing_and_is_cleaned_by_a_detach(lab, both):
    path = good(lab.attach("node1", both))["attachment"]["path"]
    write(lab, "node1", path, "written before the power went")
    lab.power("node1", "cut")
    taken = good(lab.run("node1", "legacy_attachment", volume=both, state="absent", fenced=True, **ATTACHMENT))
    assert ([operation["action"] for operation in taken["operations"]], lab.exports()) == (["delete"], [])
    assert good(lab.attach("node2", both))["attachment"]["path"] == path
    assert read(lab, "node2", path) == "written before the power went"
    lab.power("node1", "on")
    assert lab.told_at_boot("node1", "not connected yet", 240)
    found = lab.leftovers("node1")
    assert not set(found) - {"records", "iscsi records"}, found  # it goes on trying, and open-iscsi wants a record for that
    refused = lab.attach("node1", both)
    assert refused["failed"] and "is attached to node2" in refused["msg"], refused["msg"]
    cleaned = good(lab.attach("node1", both, "absent"))
    assert [operation["action"] for operation in cleaned["operations"]] == ["disconnect"]
    assert lab.leftovers("node1") == {}
    assert not good(lab.attach("node1", both, "absent"))["changed"]
    write(lab, "node2", path, "written by the other")
    assert read(lab, "node2", path) == "written by the other"


def test_a_node_that_was_cut_off_and_taken_back_from_cannot_write_when_its_cables_are_back_and_is_cleaned_by_a_detach(lab, both):
    path = good(lab.attach("node1", both))["attachment"]["path"]
    write(lab, "node1", path, "of node1")
    for network in STORAGE:
        lab.cable("node1", network, "down")
    good(lab.run("node1", "legacy_attachment", volume=both, state="absent", fenced=True, **ATTACHMENT))
    good(lab.attach("node2", both))
    write(lab, "node2", path, "of node2")
    for network in STORAGE:
        lab.cable("node1", network, "up")
    time.sleep(30)  # for iscsid of node1 to try again
    lab.sh("node1", "timeout 60 dd if=/dev/zero of=%s bs=4096 count=1 oflag=direct conv=notrunc 2>/dev/null || :" % path)
    assert read(lab, "node2", path) == "of node2"
    good(lab.run("node1", "legacy_attachment", volume=both, state="absent", force=True, **ATTACHMENT))
    assert lab.leftovers("node1") == {}
    assert read(lab, "node2", path) == "of node2"


def test_two_nodes_share_a_volume_and_the_first_that_leaves_takes_nothing_from_the_other(lab, shared):
    paths = {node: good(lab.attach(node, shared))["attachment"]["path"] for node in NODES}
    assert len(lab.exports()) == 2
    write(lab, "node1", paths["node1"], "from node1")
    assert read(lab, "node2", paths["node2"]) == "from node1"
    lab.sh("node2", "systemd-run --unit=reader sh -c 'while dd if=%s of=/dev/null bs=1M count=64 iflag=direct 2>/dev/null; do :; done'" % paths["node2"])
    try:
        good(lab.attach("node1", shared, "absent"))
        assert lab.leftovers("node1") == {}
        write(lab, "node2", paths["node2"], "from node2")
        assert read(lab, "node2", paths["node2"]) == "from node2"
        assert lab.sh("node2", "systemctl is-active reader") == "active", "the other node's reading was interrupted"
    finally:
        lab.sh("node2", "systemctl stop reader || :")
    good(lab.attach("node2", shared, "absent"))
    assert lab.exports() == []
    assert lab.sh("controller1", "ls -d /sys/kernel/config/target/iscsi/iqn* 2>/dev/null || :") == "", "the target went with the last node"


def test_every_node_of_a_shared_volume_sees_it_grow_while_it_is_in_use(lab, shared):
    paths = {node: good(lab.attach(node, shared))["attachment"]["path"] for node in NODES}
    grown = lab.run("controller1", "legacy_volume", backend=BACKEND, name=shared, size=2, extra_specs=SHARED)
    good(grown)
    for node in NODES:
        with holding(lab, node, paths[node]):
            told = good(lab.attach(node, shared))["attachment"]
        assert told["size"] == 2
        sizes = lab.sh(node, "for d in %s %s; do blockdev --getsize64 $d; done" % (paths[node], " ".join(each["device"] for each in told["paths"])))
        assert sizes.split() == [str(2 * 1024**3)] * 3, "map and both paths"
        assert not good(lab.attach(node, shared))["changed"]


def test_a_volume_for_one_node_is_refused_to_a_second_with_what_to_do(lab, both):
    good(lab.attach("node1", both))
    refused = lab.attach("node2", both)
    assert refused["failed"] and "is attached to node1" in refused["msg"] and "multiattach" in refused["msg"], refused["msg"]
    assert lab.leftovers("node2") == {}


def test_a_node_cloned_with_its_initiator_name_is_refused_before_it_shares_a_session(lab, both, one_volume):
    good(lab.attach("node1", both))
    other = one_volume + "-clone"
    good(lab.run("controller1", "legacy_volume", backend=BACKEND, name=other, size=1))
    names = "/etc/iscsi/initiatorname.iscsi"
    text = lab.sh("node1", "cat " + names)
    lab.sh("node2", "cp -p {0} /root/own-name && cat > {0} <<'E'\n{1}\nE\nsystemctl restart iscsid".format(names, text))
    try:
        refused = lab.attach("node2", other)
        assert refused["failed"] and "'node1' and 'node2' have the same iSCSI initiator name" in refused["msg"], refused["msg"]
        assert lab.leftovers("node2") == {}
        assert len(lab.exports()) == 1
    finally:
        lab.sh("node2", "mv /root/own-name %s && systemctl restart iscsid" % names)
        good(lab.run("controller1", "legacy_volume", backend=BACKEND, name=other, state="absent"))


@contextlib.contextmanager
def holding(lab, node, path):
    """A process on the node has the device open."""
    lab.sh(node, "systemd-run --quiet --unit=holder sh -c 'exec sleep 600 < %s'; sleep 1" % path)
    try:
        yield
    finally:
        lab.sh(node, "systemctl stop holder || :")


def read_only(lab, path, paths):
    """Return what blockdev says of the device and its paths: 1 for read-only."""
    return lab.sh("node1", "for d in %s %s; do blockdev --getro $d; done" % (path, " ".join(each["device"] for each in paths))).split()


def test_a_read_only_attachment_cannot_be_written_to_by_any_path_also_by_those_that_come_later_and_after_a_boot(lab, volume):
    path = good(lab.attach("node1", volume))["attachment"]["path"]
    lab.sh("node1", "mkfs.ext4 -q -F %s && mkdir -p /mnt/ro && mount %s /mnt/ro && echo kept > /mnt/ro/file" % (path, path))
    read_only_too = dict(ATTACHMENT, volume=volume, access_mode="ro")
    try:
        refused = lab.run("node1", "legacy_attachment", **read_only_too)
        assert refused["failed"] and "mounted at /mnt/ro" in refused["msg"] and not refused["changed"], refused["msg"]
    finally:
        lab.sh("node1", "umount /mnt/ro")
    done = good(lab.run("node1", "legacy_attachment", **read_only_too))
    assert [(operation["action"], operation["noun"]) for operation in done["operations"]] == [("update", "export"), ("access", "connection")]
    assert (done["attachment"]["access_mode"], read_only(lab, path, done["attachment"]["paths"])) == ("ro", ["1"] * 3)
    assert done["attachment"]["connection_info"]["access_mode"] == "ro"
    assert not good(lab.run("node1", "legacy_attachment", **read_only_too))["changed"]

    assert lab.sh("node1", "dd if=/dev/zero of=%s bs=4096 count=1 oflag=direct conv=notrunc 2>&1 || :" % path).count("not permitted") == 1
    assert lab.sh("node1", "mount -o rw %s /mnt/ro 2>&1 && ! touch /mnt/ro/new 2>/dev/null && echo refused; umount /mnt/ro || :" % path).endswith("refused")
    assert lab.sh("node1", "mount -o ro %s /mnt/ro && cat /mnt/ro/file; umount /mnt/ro" % path) == "kept"

    lab.sh("node1", "iscsiadm -m session --rescan >/dev/null; udevadm trigger --action=change --settle; udevadm settle")
    assert read_only(lab, path, done["attachment"]["paths"]) == ["1"] * 3, "after a rescan and events"
    lost = done["attachment"]["paths"][0]["device"]
    lab.sh("node1", "echo 1 > /sys/block/%s/device/delete; sleep 2" % lost.rpartition("/")[2])
    back = good(lab.run("node1", "legacy_attachment", **read_only_too))["attachment"]
    assert (len(back["paths"]), read_only(lab, path, back["paths"])) == (2, ["1"] * 3), "a path that came later"

    lab.cut_and_boot("node1")
    lab.wait("node1", "readlink -e " + path, 240)
    lab.boot_service_is_done("node1", 120)
    again = good(lab.run("node1", "legacy_attachment", **read_only_too))
    assert (again["operations"], read_only(lab, path, again["attachment"]["paths"])) == ([], ["1"] * 3), "after a boot"

    opened = good(lab.attach("node1", volume))
    assert (opened["attachment"]["access_mode"], read_only(lab, path, opened["attachment"]["paths"])) == ("rw", ["0"] * 3)
    write(lab, "node1", path, "writable again")
    assert read(lab, "node1", path) == "writable again"


STATE = {
    "sessions": "iscsiadm -m session 2>/dev/null || :",
    "iscsi database": "find /etc/iscsi/nodes /etc/iscsi/send_targets -type f 2>/dev/null | sort",
    "block devices": "ls /sys/class/block | sort",
    "scsi hosts": "ls /sys/class/scsi_host /sys/class/scsi_device 2>/dev/null | sort",
    "device-mapper": "dmsetup ls | sort; dmsetup table",
    "wwids of multipath": "cat /etc/multipath/wwids 2>/dev/null || :",
    "bindings of multipath": "cat /etc/multipath/bindings 2>/dev/null || :",
    "mounts": "sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo | sort",
    "swaps": "cat /proc/swaps",
    "loop devices": "losetup -a",
    "links": "ls -l /dev/disk/by-* | grep -v ^total",
    "what the collection keeps": "find /var/lib/baremetal.legacy_storage/node -type f -not -path '*/sealing.key' | sort",
    "processes": "ps -eo comm= | grep -E '^(iscsi|dd|blockdev|multipath$)' | sort | uniq || :",
}


def state(lab, node):
    """Return all that an attachment could leave on a node."""
    return {name: lab.sh(node, command) for name, command in STATE.items()}


def test_after_a_detach_the_node_is_what_it_was_before(lab, volume):
    good(lab.attach("node1", volume))
    good(lab.attach("node1", volume, "absent"))  # the first starts what stays for good, as iscsid's thread in the kernel
    before = state(lab, "node1")
    good(lab.attach("node1", volume))
    assert state(lab, "node1") != before
    good(lab.attach("node1", volume, "absent"))
    after = state(lab, "node1")
    assert {name: (before[name], after[name]) for name in before if before[name] != after[name]} == {}


@pytest.mark.parametrize(
    ("use", "stop", "words"),
    [
        (
            "pvcreate -qq -ff -y %s && vgcreate -qq used %s && lvcreate -qq -y -l 50%%FREE -n part used",
            "vgchange -qq -an used && vgremove -qq -y used",
            "logical volume used-part",
        ),
        ("mkswap -q %s && swapon %s", "swapoff %s", "swap on"),
        ("systemd-run --quiet --unit=user sh -c 'exec sleep 600 < %s'; sleep 1", "systemctl stop user", "is open in process"),
        (
            "mkfs.ext4 -q -F %s && mkdir -p /mnt/apart && "
            "systemd-run --quiet --unit=apart -p PrivateMounts=yes sh -c 'mount %s /mnt/apart && exec sleep 600'; sleep 3",
            "systemctl stop apart",
            "in the mount namespace of process",
        ),
        pytest.param(
            "mkfs.ext4 -q -F %s && mkdir -p /mnt/lazy && mount %s /mnt/lazy && touch /mnt/lazy/file && "
            "systemd-run --quiet --unit=lazy sh -c 'exec sleep 600 < /mnt/lazy/file'; sleep 2; umount -l /mnt/lazy",
            "systemctl stop lazy",
            "is held by the kernel",
            marks=pytest.mark.extra,
        ),
        pytest.param(  # as a container has it
            "mknod /run/other b $(lsblk -ndo MAJ:MIN %s | tr : ' ') && systemd-run --quiet --unit=other sh -c 'exec sleep 600 < /run/other'; sleep 2",
            "systemctl stop other; rm /run/other",
            "is open in process",
            marks=pytest.mark.extra,
        ),
    ],
    ids=["lvm", "swap", "open", "mounted elsewhere", "unmounted lazily", "open by another name"],
)
def test_a_volume_in_use_is_not_detached_and_who_uses_it_is_named(lab, volume, use, stop, words):
    path = good(lab.attach("node1", volume))["attachment"]["path"]
    exports = lab.exports()
    lab.sh("node1", use.replace("%%", "%").replace("%s", path))
    try:
        for forced in (False, True):
            refused = lab.run("node1", "legacy_attachment", volume=volume, state="absent", force=forced, **ATTACHMENT)
            assert refused["failed"] and words in refused["msg"] and not refused["changed"], refused["msg"]
        assert lab.exports() == exports
    finally:
        lab.sh("node1", stop.replace("%s", path) + "; sleep 1; wipefs -qa %s" % path)


def test_a_user_without_root_attaches_and_detaches_by_a_sudo_rule_that_allows_just_that(lab, volume):
    lab.sh("node1", "useradd -m porter 2>/dev/null; install -d -o porter -g porter -m 700 /home/porter/.ssh; "
                    "install -o porter -g porter -m 600 ~ops/.ssh/authorized_keys /home/porter/.ssh/authorized_keys")
    config = {"node_config": "/etc/baremetal.legacy_storage/node-user.json"}
    as_porter = {"hosts": "node1", "gather_facts": False, "become": False, "remote_user": "porter", "vars": {"ansible_user": "porter"}}
    role = {"hosts": "node1", "become": True, "tasks": [{"import_role": {"name": "baremetal.legacy_storage.node"}, "vars": {"node_users": ["porter"]}}]}
    nobody = {"hosts": "node1", "become": True, "tasks": [{"import_role": {"name": "baremetal.legacy_storage.node"}}]}

    controller_as_ever = {"add_host": {"name": "controller1", "ansible_become": True}}  # the task's become, which is off here, does not reach it

    def one(play):
        (result,) = lab.finish(lab.start([play]))["tasks"][-1]["hosts"].values()
        return result

    def attachment(**parameters):
        task = {"baremetal.legacy_storage.legacy_attachment": dict(ATTACHMENT, volume=volume, **config, **parameters)}
        return one(dict(as_porter, tasks=[controller_as_ever, task]))

    try:
        lab.finish(lab.start([role]))
        path = good(attachment())["attachment"]["path"]
        assert not good(attachment())["changed"]
        assert len(one(dict(as_porter, tasks=[{"baremetal.legacy_storage.legacy_attachment_info": config}]))["attachments"]) == 1
        sudo = "su porter -s /bin/sh -c 'sudo -n %s >/dev/null 2>&1 && echo allowed || echo refused'"
        worker = "/opt/baremetal.legacy_storage/node/bin/python -I -m ansible_collections.baremetal.legacy_storage.plugins.module_utils.worker.serve host"
        for command in (
            "id", "/bin/sh -c id", "/opt/baremetal.legacy_storage/node/bin/python -I -c 0", worker, worker + " /tmp/node.json",
            worker.replace(" host", " controller") + " /etc/baremetal.legacy_storage/node.json",
            "LD_PRELOAD=/tmp/x.so " + worker + " /etc/baremetal.legacy_storage/node.json",
        ):
            assert lab.sh("node1", sudo % command) == "refused", command
        assert lab.sh("node1", sudo % (worker + " /etc/baremetal.legacy_storage/node.json < /dev/null")) == "allowed"
        assert lab.sh("node1", "su porter -s /bin/sh -c 'cat /etc/baremetal.legacy_storage/node.json %s 2>/dev/null | wc -c'" % path) == "0"
        good(attachment(state="absent"))
        assert lab.leftovers("node1") == {}
    finally:
        lab.finish(lab.start([nobody]))
    assert one(dict(as_porter, tasks=[{"baremetal.legacy_storage.legacy_attachment_info": config}]))["failed"], "the rule is gone with the role's variable"
