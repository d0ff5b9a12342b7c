# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A power cut amid multipath's list of volumes keeps no volume from its second path."""

from __future__ import annotations

from ansible_collections.baremetal.legacy_storage.plugins.host import wwids

LIST = "etc/multipath/wwids"


def test_what_a_power_cut_left_in_the_list_is_taken_out_and_every_whole_line_stays(kernel):
    kernel.write(LIST, b"# Valid WWIDs:\n/36001/\n" + b"\0" * 40 + b"/36002/\n\0\0")
    wwids.mend(kernel.system)
    assert (kernel.root / LIST).read_text() == "# Valid WWIDs:\n/36001/\n/36002/\n"
    assert (kernel.root / LIST).stat().st_mode & 0o777 == 0o600


def test_a_sound_list_is_not_written_and_none_is_made(kernel):
    wwids.mend(kernel.system)
    wwids.keep(kernel.system)
    assert not (kernel.root / LIST).exists()
    kernel.write(LIST, "/36001/\n")
    before = (kernel.root / LIST).stat()
    wwids.mend(kernel.system)
    wwids.keep(kernel.system)
    after = (kernel.root / LIST).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
