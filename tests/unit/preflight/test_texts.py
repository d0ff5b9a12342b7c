# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts' files say is read as the programs read them that they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.baremetal.legacy_storage.plugins.module_utils.preflight import multipath_conf, texts
from hypothesis import given
from hypothesis import strategies as st

RECORDED = Path(__file__).parent / "recorded"
WORD = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
VALUE = st.text(st.characters(codec="ascii", exclude_categories=("C",), exclude_characters='"'), max_size=12)


def recorded(name):
    return (RECORDED / name).read_text(encoding="utf-8")


def blocks(text=None):
    return multipath_conf.read([("/etc/multipath.conf", recorded("multipath.conf") if text is None else text)])


def test_iscsid_conf_is_read_past_comments_and_the_last_of_several_settings_counts():
    known = texts.settings(recorded("iscsid.conf"))
    assert (known["node.startup"], known["node.session.scan"]) == ("manual", "auto")
    assert texts.settings("node.startup = manual\n  node.startup=automatic \n#node.startup = manual") == {"node.startup": "automatic"}


def test_an_initiator_name_is_read_past_comments_and_aliases():
    assert texts.initiator_names(recorded("initiatorname.iscsi")) == ["iqn.1993-08.org.debian:01:ff7a786e4f1"]
    assert texts.initiator_names("GenerateName=yes\n") == []
    assert texts.initiator_names("InitiatorName = iqn.2026-01.test:a \nInitiatorName=iqn.2026-01.test:b") == ["iqn.2026-01.test:a", "iqn.2026-01.test:b"]


def test_mounts_tell_where_they_are_and_whether_others_see_what_is_mounted_below():
    found = texts.mounts(recorded("mountinfo"))
    by_point = {mount.point: mount for mount in found}
    assert by_point["/"].shared and by_point["/"].device == "253:0" and by_point["/"].source == "/dev/mapper/vg-root"
    assert not by_point["/var/lib/kubelet"].shared, "a slave receives, and passes nothing on"
    assert "/var/lib/kube let" in by_point
    assert texts.mount_of(found, "/var/lib/kubelet/plugins").point == "/var/lib/kubelet"
    assert texts.mount_of(found, "/var/lib/kubelets").point == "/"
    assert texts.mount_of([], "/") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', ("Debian GNU/Linux 12 (bookworm)", "Debian")),
        ("ID=ubuntu\nID_LIKE=debian", ("ubuntu", "Debian")),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9.5"', ("Rocky Linux 9.5", "RedHat")),
        ('ID="sles"\nID_LIKE="suse"', ("sles", "")),
        ("", ("an unknown system", "")),
    ],
)
def test_a_distribution_is_known_by_its_relatives(text, expected):
    assert texts.platform(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", 3260)),
        ("192.0.2.1:3261,1", ("192.0.2.1", 3261)),
        ("[2001:DB8::1]:3260", ("2001:db8::1", 3260)),
        ("2001:db8::1", ("2001:db8::1", 3260)),
        ("[2001:db8::1]", ("2001:db8::1", 3260)),
        ("array.example.com:2049", ("array.example.com", 2049)),
    ],
)
def test_a_portal_is_an_address_with_or_without_a_port(text, expected):
    assert texts.portal(text) == expected


@pytest.mark.parametrize("text", ["", ":3260", "192.0.2.1:port", "192.0.2.1:70000", "a b", "-x;y"])
def test_what_is_no_portal_is_refused_by_its_value(text):
    with pytest.raises(ValueError, match="is no portal"):
        texts.portal(text)


@given(st.text())
def test_whatever_a_file_holds_reading_it_ends(text):
    texts.settings(text)
    texts.initiator_names(text)
    texts.mounts(text)
    texts.platform(text)
    found = multipath_conf.parse(text)
    multipath_conf.hides(found, {"devnode": "sda", "protocol": "scsi:iscsi", "vendor": "IET", "wwid": "36001"})


def test_multipath_conf_is_read_with_its_comments_quotes_and_sections():
    found = blocks()
    assert multipath_conf.last(found, "find_multipaths") == ("greedy", "/etc/multipath.conf")
    assert multipath_conf.last(found, "polling_interval")[0] == "5"
    assert multipath_conf.last(found, "no_path_retry", "overrides")[0] == "queue"
    assert multipath_conf.last(found, "no_path_retry") == (None, None), "that of one product is none of all"


def test_a_drop_in_that_is_read_later_has_the_last_word():
    found = multipath_conf.read(
        [("/etc/multipath.conf", "defaults {\nfind_multipaths greedy\n}"), ("/etc/multipath/conf.d/a.conf", "defaults {\nfind_multipaths strict\n}")]
    )
    assert multipath_conf.last(found, "find_multipaths") == ("strict", "/etc/multipath/conf.d/a.conf")


@pytest.mark.parametrize(
    ("disk", "by"),
    [
        ({"devnode": "loop0"}, "devnode"),
        ({"devnode": "sda", "wwid": "3600508b400105e210000900000490000"}, "wwid"),
        ({"devnode": "sda", "vendor": "IET", "product": "VIRTUAL-DISK"}, "device"),
        ({"devnode": "sda", "protocol": "scsi:ata"}, "protocol"),
        ({"devnode": "sda", "vendor": "IET", "product": "other", "protocol": "scsi:iscsi"}, None),
        ({"devnode": "sda", "vendor": "LIO-ORG", "product": "x", "protocol": "scsi:iscsi"}, None),
    ],
)
def test_a_blacklist_hides_what_it_names(disk, by):
    hidden = multipath_conf.hides(blocks(), disk)
    assert hidden is None if by is None else hidden.startswith(by) and hidden.endswith("in /etc/multipath.conf")


def test_an_exception_counts_against_a_blacklist_of_its_own_kind_only():
    text = 'blacklist {\n devnode "*"\n}\nblacklist_exceptions {\n %s\n}'
    assert multipath_conf.hides(blocks(text % 'devnode "^sd"'), {"devnode": "sda"}) is None
    assert multipath_conf.hides(blocks(text % "wwid .*"), {"devnode": "sda", "wwid": "36"})


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("^sd", "sda", True), ("!^sd", "sda", False), ("!^sd", "vda", True), ("*", "sda", True), ("(", "sda", False), ("!(", "sda", False),
        ("^sd[[:alpha:]]$", "sda", True), ("^sd[^[:alpha:]]", "sda", False),
    ],
)
def test_patterns_match_as_multipath_has_them(pattern, value, expected):
    assert multipath_conf.matches(pattern, value) is expected


@given(st.lists(st.tuples(WORD, st.lists(st.tuples(WORD, VALUE), max_size=4)), max_size=4))
def test_what_is_written_into_sections_is_read_from_them(sections):
    text = "".join("%s {\n%s}\n" % (name, "".join('\t%s "%s"\n' % pair for pair in entries)) for name, entries in sections)
    found = multipath_conf.parse(text)
    assert [(block.path, list(block.entries)) for block in found] == [
        ((name.lower(),), [(key.lower(), value) for key, value in entries]) for name, entries in sections
    ]
