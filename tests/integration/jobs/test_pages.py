# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays that pages tell their readers to write, taken from the pages and run as they say: first with --check, then, then again."""

from __future__ import annotations

import os
import re

import pytest
import yaml

pytestmark = [pytest.mark.extra, pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")]

BACKENDS = {"array": "one", "lvm": "one"}  # the pages' own, and the rack's


def from_page(rack, path, place):
    """Return the one play of a page that mounts something; only the backend, the mount point and where settings lie are the rack's own."""
    found = re.findall(r"^```yaml\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)
    ((play,),) = [yaml.safe_load(text) for text in found if "ansible.posix.mount" in text]
    for task in [task for item in play["tasks"] for task in (item, *item.get("block", ()))]:
        for name, arguments in task.items():
            if name.startswith("baremetal."):
                arguments["backend"] = BACKENDS[arguments["backend"]]
                arguments["controller_config"] = str(rack.controller.config)
            if name == "baremetal.legacy_storage.legacy_attachment":
                arguments["node_config"] = "{{ node_config }}"
            if name == "ansible.posix.mount":
                arguments["path"] = str(place)
    return play


@pytest.mark.parametrize("page", ["tutorial", "attachments"])
def test_a_play_that_a_page_shows_is_foretold_before_anything_is_there_and_finds_nothing_to_do_again(rack, mounts, tmp_path, collection_root, page):
    _fstab, mounted = mounts
    place = tmp_path / "srv"
    play = from_page(rack, collection_root / "docs" / (page + ".md"), place)
    play["vars"] = dict(play.get("vars", {}), size="1GiB")
    foretold = rack.run_play(play, check=True, diff=True)
    assert (foretold.code, mounted(place), rack.attached_to("data")) == (0, False, []), foretold.output
    done = rack.run_play(play)
    assert (done.code, mounted(place)) == (0, True), done.output
    again = rack.run_play(play)
    assert (again.code, again.changed) == (0, []), again.output
