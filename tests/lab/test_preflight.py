# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Preflight on real hosts: content with what site.yml made of them, and it sees what was spoilt since."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab.test_promises import good

pytestmark = pytest.mark.extra
SPOILT = "/etc/multipath/conf.d/zz-spoilt.conf"


LVM = "/etc/lvm/lvmlocal.conf"


@pytest.fixture(scope="module", autouse=True)
def fixture_lvm(lab):
    """node1 with an LVM that sees the host's own disks only, as docs/preflight.md wants it."""
    lab.sh("node1", "cp -p %s /root/own-lvmlocal.conf" % LVM)
    lab.sh("node1", "printf 'devices {\\n global_filter = [ \"a|^/dev/ubd.*|\", \"r|.*|\" ]\\n}\\n' > %s" % LVM)
    yield
    lab.sh("node1", "mv /root/own-lvmlocal.conf " + LVM)


def look(lab, **parameters):
    return good(lab.run("node1", "legacy_preflight_info", node_name="node1", **parameters))


def told(result):
    """Return what was found, but for the clock: the lab's hosts have no time servers."""
    return [(finding["severity"], finding["check"]) for finding in result["findings"] if finding["check"] != "clock"]


def test_a_node_that_site_made_is_fit_and_tells_its_sessions_and_maps(lab, volume):
    attachment = good(lab.attach("node1", volume))["attachment"]
    seen = look(lab)
    assert told(seen) == [], seen["findings"]
    assert len(seen["facts"]["iscsi"]["sessions"]) == 2
    (one,) = seen["facts"]["multipath"]["maps"]
    assert sorted("/dev/" + name for name in one["paths"]) == sorted(path["device"] for path in attachment["paths"])
    portals = [session["portal"] for session in seen["facts"]["iscsi"]["sessions"]]
    assert told(look(lab, portals=portals, only=["portals"])) == []
    lab.cable("node1", "storage-a", "down")
    assert ("error", "portal") in told(look(lab, portals=portals, only=["portals"]))


def test_what_was_spoilt_since_is_seen(lab):
    lab.sh("node1", "cp -p /etc/iscsi/iscsid.conf /root/own-iscsid.conf")
    try:
        lab.sh("node1", "sed -i 's/^node.session.scan.*/node.session.scan = auto/' /etc/iscsi/iscsid.conf")
        lab.sh("node1", "printf 'blacklist {\\n devnode \"^sd\"\\n}\\ndefaults {\\n find_multipaths greedy\\n}\\n' > %s" % SPOILT)
        assert {check for _severity, check in told(look(lab))} == {"iscsid_conf", "blacklist", "find_multipaths"}
    finally:
        lab.sh("node1", "mv /root/own-iscsid.conf /etc/iscsi/iscsid.conf; rm -f %s" % SPOILT)
    assert told(look(lab)) == []


def test_an_lvm_that_looks_into_volumes_is_seen_as_soon_as_it_holds_one(lab, volume):
    path = good(lab.attach("node1", volume))["attachment"]["path"]
    lab.sh("node1", "mv %s /root/filter" % LVM)
    try:
        assert told(look(lab, only=["lvm"])) == [("warning", "lvm")]
        lab.sh("node1", "vgcreate -qq guests $(realpath %s) && lvcreate -qq -n data -L 16M guests" % path)
        (finding,) = look(lab, only=["lvm"])["findings"]
        assert "guests-data on sd" in finding["problem"], finding
    finally:
        lab.sh("node1", "vgremove -qq -f guests; pvremove -qq $(realpath %s); mv /root/filter %s" % (path, LVM))
    assert told(look(lab, only=["lvm"])) == []
