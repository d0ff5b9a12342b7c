# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user may rely on of preflight on one host: it finds what is wrong, and says nothing where all is well."""

from __future__ import annotations

import os
import socket

import jinja2
import pytest
import yaml
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.plan import preflight
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.preflight import machine as machines

LONGHORN = "iqn.2019-10.io.longhorn:pvc-1"
OURS = "iqn.2010-10.org.openstack:volume-1"
GREEDY = "defaults {\n find_multipaths greedy\n}\n"
DROP_IN = "/etc/multipath/conf.d/baremetal-legacy-storage.conf"


def one(findings, check):
    (found,) = [finding for finding in findings if finding.check == check]
    return found


def test_nothing_is_found_on_a_host_that_is_well(host):
    host.session(1, OURS, ["sdb", "sdc"])
    host.map("dm-0", "36001405", ["sdb", "sdc"])
    assert host.findings() == []
    facts = host.facts()
    assert facts["multipath"]["system"] == ["sda1", "sda"]
    assert facts["iscsi"]["sessions"][0]["disks"] == ["sdb", "sdc"] and facts["iscsi"]["sessions"][0]["portal"] == "192.0.2.10:3260"
    assert {disk["name"]: disk["protocol"] for disk in facts["multipath"]["disks"]} == {"sda": "scsi:ata", "sdb": "scsi:iscsi", "sdc": "scsi:iscsi"}
    assert facts["python"] == {"path": "/usr/bin/python3", "version": "3.11"}


def test_what_the_role_writes_by_default_is_found_to_be_good(host, collection_root):
    role = collection_root / "roles/node"
    template = jinja2.Template((role / "templates/multipath.conf.j2").read_text(), trim_blocks=True)
    host.write(DROP_IN, template.render(yaml.safe_load((role / "defaults/main.yml").read_text())))
    host.session(1, OURS, ["sdb", "sdc"])
    host.map("dm-0", "36001405", ["sdb", "sdc"])
    host.session(2, LONGHORN, ["sdd"], "IET", "VIRTUAL-DISK")
    assert host.findings() == []
    facts = host.facts()["multipath"]
    assert (facts["find_multipaths"]["value"], facts["no_path_retry"]["value"]) == ("strict", "12")
    assert {disk["name"]: bool(disk["hidden_by"]) for disk in facts["disks"]} == {"sda": True, "sdb": False, "sdc": False, "sdd": False}


def test_what_the_role_sets_right_is_a_note_until_it_has_been_applied(host):
    host.units = {"iscsid.socket": ("inactive", "disabled"), "multipathd.service": ("inactive", "disabled")}
    host.gone("/usr/sbin/lsscsi")
    host.write("/etc/iscsi/iscsid.conf", "")
    host.write("/etc/iscsi/initiatorname.iscsi", "GenerateName=yes\n")
    applied = host.findings()
    assert {finding.check for finding in applied} == {"iscsid", "multipathd", "programs", "iscsid_conf", "initiator"}
    assert all(finding.by_role and finding.severity in ("error", "warning") for finding in applied)
    host.gone("/etc/baremetal.legacy_storage/node.json")
    before = host.findings()
    assert {finding.severity for finding in before} == {"note"} and len(before) == len(applied)


def test_other_platforms_and_hosts_without_systemd_are_refused_by_name(host):
    (host.root / "run/systemd/system/x").unlink()
    (host.root / "run/systemd/system").rmdir()
    assert "without systemd" in one(host.findings(), "platform").problem
    host.write("/etc/os-release", "ID=sles\nPRETTY_NAME=SLES 15\n")
    assert "this is SLES 15" in one(host.findings(), "platform").problem


@pytest.mark.parametrize(("name", "severity"), [("python3.9", "error"), ("python3.10", "error"), ("python3.13", None), ("python3.14", "warning")])
def test_pythons_that_the_worker_does_not_run_on_are_told(host, name, severity):
    host.gone("/usr/bin/python3")
    host.write("/usr/bin/" + name, "", 0o755)
    (host.root / "usr/bin/python3").symlink_to(name)
    assert host.told() == ([] if severity is None else [(severity, "python")])


@pytest.mark.parametrize(
    ("release", "own"),
    [
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "python3.9"),
        ('ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n', "python3.10"),
    ],
)
def test_where_the_platforms_own_interpreter_is_too_old_the_one_that_the_role_installs_beside_it_counts(host, release, own):
    host.write("/etc/os-release", release)
    host.write("/etc/multipath.conf", "")
    host.gone("/usr/bin/python3")
    host.write("/usr/bin/" + own, "", 0o755)
    (host.root / "usr/bin/python3").symlink_to(own)
    assert host.findings() == []
    host.gone("/usr/bin/python3.11")
    found = one(host.findings(), "python")
    assert found.by_role and found.problem == "/usr/bin/python3.11 is not there."


def test_a_python_whose_name_tells_nothing_is_asked(host):
    host.gone("/usr/bin/python3")
    host.write("/usr/bin/python3", "", 0o755)
    host.answers["import sys; print('%d.%d' % sys.version_info[:2])"] = (0, "3.12\n")
    assert host.facts()["python"]["version"] == "3.12"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((0, "insmod /lib/modules/6.1.0-40-amd64/kernel/drivers/scsi/iscsi_tcp.ko.xz\n"), "available"),
        ((1, ""), "missing"),
        ((0, "install /bin/false\n"), "disabled"),
        (None, "missing"),
    ],
)
def test_a_kernel_module_that_is_not_loaded_is_asked_of_modprobe(host, answer, state):
    host.gone("/sys/module/iscsi_tcp/refcnt")
    (host.root / "sys/module/iscsi_tcp").rmdir()
    host.answers["iscsi_tcp"] = answer
    assert host.facts()["kernel"]["iscsi_tcp"] == state
    assert host.told() == ([] if state == "available" else [("error", "kernel")])


def test_a_module_may_be_built_in_and_without_modprobe_its_list_is_read(host):
    for module in ("iscsi_tcp", "dm_crypt"):
        host.gone("/sys/module/%s/refcnt" % module)
        (host.root / "sys/module" / module).rmdir()
    host.write("/lib/modules/6.1.0-40-amd64/modules.builtin", "kernel/drivers/scsi/iscsi_tcp.ko\n")
    host.write("/lib/modules/6.1.0-40-amd64/modules.dep", "kernel/drivers/md/dm-crypt.ko.xz: kernel/x.ko\n")
    assert host.facts()["kernel"] == {"iscsi_tcp": "builtin", "dm_multipath": "loaded", "dm_crypt": "available"}


def test_what_is_not_wanted_is_not_missed(host):
    for program in ("iscsiadm", "iscsi-iname", "multipath", "multipathd", "cryptsetup"):
        host.gone("/usr/sbin/" + program)
    host.units = {}
    host.gone("/etc/iscsi/initiatorname.iscsi")
    host.gone("/etc/iscsi/iscsid.conf")
    assert host.findings(iscsi=False, multipath=False, encryption=False) == []
    assert host.findings(half="controller") == []
    assert "Not installed: nvme" in one(host.findings(half="controller", programs=["nvme"]), "programs").problem


def test_iscsid_may_be_started_by_its_socket_or_run_by_itself(host):
    host.units["iscsid.service"] = ("inactive", "disabled")
    assert host.findings() == []
    host.units["iscsid.service"], host.units["iscsid.socket"] = ("active", "enabled"), ("inactive", "disabled")
    assert host.findings() == []
    host.units["iscsid.service"] = ("inactive", "enabled")
    assert host.told() == [("error", "iscsid")]


def test_a_masked_unit_is_an_error_since_the_role_cannot_start_it_either(host):
    show = "Id=%s\nLoadState=%s\nActiveState=%s\nUnitFileState=%s\n"
    masked = ["iscsid.socket", "multipathd.service"]
    answer = "\n".join(show % ((unit, "masked", "inactive", "masked") if unit in masked else (unit, "loaded", "active", "enabled")) for unit in host.units)
    host.run = lambda argv: (0, answer) if argv[0] == "systemctl" else None
    host.write(DROP_IN, GREEDY)
    for prepared in (True, False):
        assert host.told() == [("error", "iscsid"), ("error", "multipathd")], "and a multipathd that cannot run takes nothing"
        assert "systemctl unmask multipathd.service." == one(host.findings(), "multipathd").remedy
        if prepared:
            host.gone("/etc/baremetal.legacy_storage/node.json")
    assert host.told(iscsi=False, multipath=False) == []


def test_sessions_without_iscsid_are_in_danger_whether_the_role_was_applied_or_not(host):
    host.session(1, OURS, ["sdb"])
    host.units.update({"iscsid.socket": ("inactive", "enabled"), "iscsid.service": ("inactive", "disabled")})
    host.gone("/etc/baremetal.legacy_storage/node.json")
    assert ("error", "iscsid") in host.told()


def test_a_session_that_is_broken_is_told_with_its_portal(host):
    host.session(1, OURS, ["sdb"], state="FAILED")
    assert one(host.findings(), "session").problem == "The session to %s at 192.0.2.10:3260 is FAILED." % OURS


def test_settings_that_log_in_or_scan_by_themselves_are_told(host):
    host.write("/etc/iscsi/iscsid.conf", "node.startup = automatic\nnode.session.scan = auto\n")
    assert host.told() == [("warning", "iscsid_conf")] * 2
    host.write("/etc/iscsi/iscsid.conf", "")
    assert [finding.problem.split()[0] for finding in host.findings()] == ["node.session.scan"], "open-iscsi scans unless told, and logs in only when told"


def test_a_map_over_the_systems_own_disk_is_an_error(host):
    host.map("dm-0", "mpatha", ["sda"])
    found = one(host.findings(), "root_disk")
    assert found.severity == "error" and "mpatha" in found.problem and "(sda)" in found.problem


def test_a_host_that_boots_from_its_storage_network_is_only_told_what_never_to_hide(host):
    for name, number in (("sdb", 3), ("sdc", 4)):
        host.disk(name, "pci0/host%d/rport-%d:0-1/target%d:0:0/%d:0:0:0" % (number, number, number, number), "NETAPP", "LUN")
    host.map("dm-0", "36001405", ["sdb", "sdc"])
    host.map("dm-1", "vg-root", ["dm-0"], uuid="LVM-x", number="253:1")
    host.write("/proc/self/mountinfo", "27 1 253:1 / / rw shared:1 - xfs /dev/mapper/vg-root rw\n")
    assert host.facts()["multipath"]["system"] == ["dm-1", "dm-0", "sdb", "sdc"]
    assert host.told() == [("note", "root_disk")]
    host.write("/etc/multipath.conf", 'blacklist {\n protocol "scsi:fcp"\n}\n')
    assert [finding.severity for finding in host.findings() if finding.check == "root_disk"] == ["error", "error", "note"]


def test_the_disk_of_a_host_that_boots_from_its_storage_network_is_not_taken_for_local_with_one_path_left(host):
    host.disk("sdb", "pci0/host3/rport-3:0-1/target3:0:0/3:0:0:0", "NETAPP", "LUN")
    host.map("dm-0", "36001405", ["sdb"], number="253:0")
    host.write("/proc/self/mountinfo", "27 1 253:0 / / rw shared:1 - xfs /dev/mapper/36001405 rw\n")
    assert host.told() == [("note", "root_disk")]


@pytest.mark.parametrize(("name", "owner"), [("pxd!pxd1", "Portworx"), ("rbd0", "Ceph"), ("drbd0", "DRBD")])
def test_a_map_over_another_products_device_is_an_error_that_names_the_product(host, name, owner):
    host.disk(name, "virtual/x")
    host.map("dm-0", "mpatha", [name])
    found = one(host.findings(), "foreign")
    assert found.severity == "error" and owner in found.problem and "multipath -f mpatha" in found.remedy


def test_longhorns_disks_are_known_by_their_target_since_others_have_its_vendor_too(host):
    host.session(1, LONGHORN, ["sdb"], "IET", "VIRTUAL-DISK")
    host.session(2, OURS, ["sdc", "sdd"], "IET", "VIRTUAL-DISK")
    host.map("dm-0", "ours", ["sdc", "sdd"])
    assert host.findings() == []
    host.map("dm-1", "mpathb", ["sdb"])
    assert "Longhorn" in one(host.findings(), "foreign").problem


def test_settings_that_let_multipathd_take_what_is_not_its_are_as_bad_as_what_is_there_to_take(host):
    host.write(DROP_IN, GREEDY)
    assert host.told() == [("error", "root_disk")]
    host.write("/etc/multipath.conf", 'blacklist {\n protocol "scsi:ata"\n}\n')
    assert host.told() == [("warning", "find_multipaths")]
    host.session(1, LONGHORN, ["sdb"], "IET", "VIRTUAL-DISK")
    assert host.told() == [("error", "foreign")]
    assert host.told(multipath=False) == [("error", "foreign")], "whoever wants no multipath must not have it take Longhorn's disks either"


def test_a_system_behind_a_raid_controller_may_be_taken_and_one_on_a_map_of_two_paths_belongs_there(host):
    for name in ("sdb", "sdc"):
        host.disk(name, "pci0/host2/target2:0:%d/2:0:%d:0" % (ord(name[-1]), ord(name[-1])), "DELL", "PERC", number="8:%d" % ord(name[-1]))
    host.write("/proc/self/mountinfo", "27 1 8:%d / / rw shared:1 - ext4 /dev/sdb rw\n" % ord("b"))
    host.write(DROP_IN, GREEDY)
    assert "(sdb)" in one(host.findings(), "root_disk").problem
    host.map("dm-0", "mpatha", ["sdb", "sdc"], number="253:0")
    host.write("/proc/self/mountinfo", "27 1 253:0 / / rw shared:1 - ext4 /dev/mapper/mpatha rw\n")
    assert host.told() == [("warning", "find_multipaths"), ("note", "root_disk")]


@pytest.mark.parametrize("name", ["vda", "rbd0", "pxd!pxd1", "drbd0"])
def test_devices_that_multipathd_leaves_alone_by_itself_are_not_said_to_be_in_danger(host, name):
    host.disk(name, "pci0/virtio1/x", number="252:0")
    host.write("/proc/self/mountinfo", "27 1 252:0 / / rw shared:1 - ext4 /dev/%s rw\n" % name)
    host.write(DROP_IN, GREEDY)
    assert host.told() == [("warning", "find_multipaths")]
    host.write("/etc/multipath.conf", 'blacklist_exceptions {\n devnode ".*"\n}\n')
    assert {severity for severity, _check in host.told()} == {"error"}


def test_settings_that_nobody_reads_grab_nothing(host):
    host.write(DROP_IN, GREEDY)
    del host.units["multipathd.service"]
    assert host.told(multipath=False) == []


def test_on_enterprise_linux_multipathd_wants_a_file_and_takes_everything_unless_told(host):
    host.write("/etc/os-release", 'ID="almalinux"\nID_LIKE="rhel centos fedora"\n')
    found = one(host.findings(), "multipathd")
    assert (found.severity, found.by_role) == ("warning", True)
    host.write("/etc/multipath.conf", "")
    assert host.told() == []
    host.gone(DROP_IN)
    assert host.told() == [("error", "root_disk")]


def test_a_later_file_of_the_user_is_not_said_to_be_set_right_by_the_role(host):
    host.write("/etc/multipath.conf", GREEDY + 'blacklist {\n protocol "scsi:ata"\n}\n')
    assert host.findings() == []
    host.write("/etc/multipath/conf.d/zz.conf", GREEDY)
    assert not one(host.findings(), "find_multipaths").by_role
    host.gone("/etc/multipath/conf.d/zz.conf")
    host.gone(DROP_IN)
    assert one(host.findings(), "find_multipaths").by_role


@pytest.mark.parametrize("line", ['devnode "^sd"', 'devnode "*"', "wwid .*", 'protocol "scsi:iscsi"', "devnode !^dasd"])
def test_a_blacklist_that_hides_every_volume_is_an_error(host, line):
    host.write("/etc/multipath.conf", "blacklist {\n %s\n}\n" % line)
    expected = [] if line == "devnode !^dasd" else [("error", "blacklist")]  # without quotes it is a comment
    assert host.told() == expected
    assert host.told(multipath=False) == []


def test_a_blacklist_that_hides_one_products_volumes_is_told_where_they_are(host):
    host.write("/etc/multipath.conf", 'blacklist {\n device {\n  vendor "LIO-ORG"\n }\n}\n')
    assert host.findings() == []
    host.session(1, OURS, ["sdb"])
    assert "sdb of LIO-ORG volume" in one(host.findings(), "blacklist").problem


def test_queueing_for_ever_is_told(host):
    host.write(DROP_IN, "overrides {\n no_path_retry queue\n}\n")
    assert host.told() == [("warning", "no_path_retry")]


def test_a_kubelet_wants_shared_mounts_room_and_no_swap(host):
    host.write("/var/lib/kubelet/x", "")
    assert [told for told in host.told() if told[1] == "kubelet"] in ([], [("warning", "kubelet")]), "this machine's disk may be nearly full"
    host.write("/proc/self/mountinfo", "27 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    host.write("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n")
    problems = [finding.problem for finding in host.findings() if finding.check == "kubelet"]
    assert problems[0].startswith("/var/lib/kubelet lies on /, whose mounts are not shared")
    assert any("/dev/sda2" in problem for problem in problems)
    assert not [told for told in host.told(kubernetes=False) if told[1] == "kubelet"]


@pytest.mark.parametrize(
    ("node", "hostname", "expected"),
    [
        ("node1", "node1", []),
        ("node1", "node1.example.com", []),
        ("node1.example.com", "Node1.example.com", []),
        ("other", "node1", [("warning", "node_name")]),
        ("Node_1", "Node_1", [("error", "node_name")]),
        ("a" * 64, "a" * 64, [("error", "node_name")]),
    ],
)
def test_node_names_follow_kubernetes_rules_where_it_is_one_of_its_nodes(host, node, hostname, expected):
    host.write("/proc/sys/kernel/hostname", hostname + "\n")
    assert host.told(node_name=node) == []
    assert host.told(node_name=node, kubernetes=True) == expected


def test_room_is_added_up_for_directories_on_one_file_system(host):
    free = os.statvfs(host.root).f_bavail * os.statvfs(host.root).f_frsize // 2**20
    enough = {"/opt/one": free // 3, "/opt/two": free // 3}
    assert host.told(directories=enough) == []
    found = one(host.findings(directories=dict(enough, **{"/var/three": free // 2})), "space")
    assert "/opt/one, /opt/two, /var/three" in found.problem
    (host.root / "var/three").mkdir(parents=True)
    assert host.told(directories={"/var/three": 10 * free}) == [], "what is there already has what it needs"


@pytest.mark.parametrize("directories", [{"opt": 1}, {"/opt": "many"}, {"/opt": True}, {"/opt": -1}])
def test_sizes_that_are_none_are_refused_by_their_value(host, directories):
    with pytest.raises(ValueError, match="^directories: "):
        host.facts(directories=directories)


def test_portals_are_tried_at_once_and_told_by_name():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert machines.connects("127.0.0.1", port, 3) is None
    assert machines.connects("127.0.0.1", port, 3) == "Connection refused"
    assert "nas..example is no name of a host" in machines.connects("nas..example", port, 3)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e12])
def test_a_time_that_no_portal_could_have_is_refused_by_its_value(host, seconds):
    with pytest.raises(ValueError, match="^portal_timeout: "):
        host.facts(portal_timeout=seconds)


def test_an_unreachable_portal_is_an_error(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached = "127.0.0.1:%d" % server.getsockname()[1]
        assert host.findings(portals=[reached]) == []
    assert reached in one(host.findings(portals=[reached]), "portal").problem


def test_what_cannot_be_seen_is_said_and_never_taken_for_missing(host, monkeypatch):
    host.units = None
    real = open

    def refusing(path, *arguments, **keywords):
        if str(path).endswith(("initiatorname.iscsi", "iscsid.conf")):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **keywords)

    monkeypatch.setattr("builtins.open", refusing)
    found = host.findings()
    assert {(finding.severity, finding.check) for finding in found} == {("note", "unseen")} and len(found) == 3
    assert host.facts()["names"]["initiator"] is None


def test_a_multipath_conf_that_may_not_be_read_is_not_said_to_be_missing(host, monkeypatch):
    host.write("/etc/os-release", 'ID="almalinux"\nID_LIKE="rhel centos fedora"\n')
    host.write("/etc/multipath.conf", "")
    real = open

    def refusing(path, *arguments, **keywords):
        if str(path).endswith("/etc/multipath.conf"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **keywords)

    monkeypatch.setattr("builtins.open", refusing)
    assert host.told() == [("note", "unseen")]


def test_two_initiator_names_in_one_file_and_names_that_are_none_are_told(host):
    host.write("/etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.2026-01.test:a\nInitiatorName=iqn.2026-01.test:b\n")
    assert host.told() == [("warning", "initiator")]
    host.write("/etc/iscsi/initiatorname.iscsi", "InitiatorName=node1\n")
    assert host.told() == [("error", "initiator")]


def test_only_what_was_asked_for_is_looked_at(host):
    host.write(DROP_IN, GREEDY)
    facts = host.facts(only=["names"])
    assert set(facts) == {"names", "unseen"}
    assert host.findings(only=["names"]) == []


def test_the_clock_is_asked_of_the_kernel_which_tells_everybody():
    assert isinstance(machines.clock_is_synchronised(), bool)


def test_a_clock_that_nobody_keeps_is_told(host):
    facts = dict(host.facts(), clock={"synchronised": False, "now": 0})
    wanted = {"iscsi": True, "multipath": True, "kubernetes": None}
    assert [finding.check for finding in preflight.judge(facts, wanted)] == ["clock"]


def test_a_host_whose_lvm_looks_into_volumes_is_told_and_what_it_holds_by_then(host):
    host.lvm()
    assert host.told() == [("warning", "lvm")]
    assert "So it has now" not in one(host.findings(), "lvm").problem
    assert host.told(half="controller") == [], "its storage may be LVM's own"

    host.session(1, OURS, ["sdb", "sdc"])
    host.map("dm-3", "36001405", ["sdb", "sdc"])
    host.map("dm-4", "guest-root", ["dm-3"], uuid="LVM-abc")
    host.map("dm-5", "own-data", ["sda"], uuid="LVM-def")
    finding = one(host.findings(), "lvm")
    assert "guest-root on sdb, sdc" in finding.problem and "own-data" not in finding.problem
    assert "vgchange -an" in finding.remedy


OWN_ONLY = 'global_filter=["a|^/dev/disk/by-id/ata-.*|","r|.*|"]'
NOT_OURS = 'global_filter=["r|^/dev/disk/by-id/legacy-storage-.*|"]'


@pytest.mark.parametrize(
    ("line", "which"),
    [
        (OWN_ONLY, None),
        ('global_filter=["a/sda/","r/.*/"]', None),
        ('global_filter=["r{^/dev/(sd|dm-).*}"]', None),
        ('global_filter=["r|^/dev/sd.*|"]', "volumes with several paths"),
        ('global_filter=["r|/dev/mapper/.*|"]', "volumes with one path"),
        ('global_filter=["a|.*|","r|^/dev/sd.*|"]', "volumes:"),
        ('global_filter=["r|(|"]', "volumes:"),
        (NOT_OURS, None),
        ("auto_activation_volume_list=[]", None),
        ('auto_activation_volume_list=["own"]', None),
        ("use_devicesfile=1", "volumes:"),
    ],
)
def test_a_filter_of_lvm_is_judged_by_the_names_that_volumes_have(host, line, which):
    host.lvm(line)
    assert [which in finding.problem for finding in host.findings()] == ([] if which is None else [True]), host.findings()


def test_a_devices_file_of_lvm_keeps_it_from_volumes_where_there_is_one_and_it_is_used(host):
    host.write("/etc/lvm/devices/system.devices", "VERSION=1.1.1\n")
    host.lvm('use_devicesfile=1\ndevicesfile="system.devices"\n')
    assert host.told() == []
    host.lvm('use_devicesfile=0\ndevicesfile="system.devices"\n')
    assert host.told() == [("warning", "lvm")]


def test_a_filter_by_our_links_does_not_keep_lvm_from_what_the_kubelet_connects(host):
    host.lvm(NOT_OURS)
    host.write("/var/lib/kubelet/x", "")
    assert ("warning", "lvm") in host.told()
