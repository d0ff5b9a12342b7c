# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real host that boots from a copy of what makes a node that node, while that node holds a volume."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.extra

FILES = "etc/baremetal.legacy_storage etc/iscsi/initiatorname.iscsi var/lib/baremetal.legacy_storage/node"


def _pack(lab, host):
    return lab.sh(host, "tar -C / -cz %s | base64 -w0" % FILES)


def _unpack(lab, host, packed):
    """Replace a host's files by those of an archive."""
    lab.sh(host, "rm -rf /var/lib/baremetal.legacy_storage/node && echo %s | base64 -d | tar -C / -xz && sync" % packed)


def test_a_copy_of_a_node_that_holds_a_volume_never_logs_in_and_takes_nothing_from_it(lab, volume):
    assert not lab.attach("node1", volume).get("failed")
    own = _pack(lab, "node2")
    before = lab.leftovers("node1")
    try:
        _unpack(lab, "node2", _pack(lab, "node1"))
        lab.cut_and_boot("node2")
        assert lab.told_at_boot("node2", "This is not the machine", 240)
        detached = lab.attach("node2", volume, "absent")
        assert detached["failed"] and "detach nothing" in detached["msg"]
        assert "sessions" not in lab.leftovers("node2")
        figures, output = lab.apply("node2", "node", node_machine="copied")
        assert figures["failures"] == 0, output
        assert lab.leftovers("node2") == {}
        names = {lab.sh(host, "cat /etc/iscsi/initiatorname.iscsi") for host in ("node1", "node2")}
        assert len(names) == 2
        assert lab.leftovers("node1") == before and lab.exports()
    finally:
        _unpack(lab, "node2", own)
        lab.sh("node2", "systemctl restart iscsid")
