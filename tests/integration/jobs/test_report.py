# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ``report`` by real ansible-playbook runs, on file-backed storage."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from ansible_collections.baremetal.legacy_storage.tests.integration.conftest import PASSWORD

pytestmark = pytest.mark.extra  # whole playbooks

EMPTY = {"meta", "br"}  # elements without an end


class Balanced(HTMLParser):
    """Fails on an element that is not closed where it should be; collects the words that people see."""

    def __init__(self):
        super().__init__()
        self.open, self.words, self.names = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def read(path):
    """Return the words of a page that is whole HTML."""
    page = Balanced()
    text = path.read_text(encoding="utf-8")
    page.feed(text)
    page.close()
    assert page.open == []
    assert not page.names & {"script", "img", "link", "iframe"} and not re.search(r"https?://|url\(", text)
    return " ".join(" ".join(page.words).split())


def test_a_report_shows_what_there_is_and_what_needs_attention_and_changes_nothing(rack):
    hostile = "<script>alert(1)</script> & {{ 7 * 7 }}"
    rack.controller.ensure("volume", backend="one", name="data", description=hostile)
    rack.controller.ensure("snapshot", backend="one", volume="data", name="night")
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    before = rack.controller.dump()
    page = rack.root / "storage.html"
    foretold = rack.run("report", check=True, report_path=str(page))
    assert (foretold.code, foretold.changed, page.exists()) == (0, ["Write it"], False), foretold.output
    assert rack.done("report", report_path=str(page), report_title="Hall <2>").changed == ["Write it"]
    assert rack.controller.dump() == before
    assert page.stat().st_mode & 0o777 == 0o640
    words, text = read(page), page.read_text(encoding="utf-8")
    for shown in ("Hall <2>", "told by controller1", "data", "node1", "night", "in order", hostile):
        assert shown in words, shown
    assert html.escape(hostile) in text and hostile not in text
    assert PASSWORD not in text


def test_who_does_not_answer_is_in_the_report_with_the_reason(rack):
    rack.attach(hosts="node1", controller="controller1", backend="one", volume="data")
    (rack.root / "node1" / "node.json").unlink()
    rack.inventory["all"]["children"]["storage_nodes"]["hosts"]["node3"].update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=9)
    page = rack.root / "storage.html"
    with rack.controller.fault("check_for_setup_error", "the array is on fire"):
        rack.done("report", report_path=str(page))
    words = read(page)
    assert "backend one" in words and "the array is on fire" in words
    assert "node node1 did not answer" in words and "Apply the role baremetal.legacy_storage.node" in words
    assert "mapped, as the controller knows" in words
    assert "node node3 did not answer" in words

    rack.controller.config.unlink()
    rack.done("report", report_path=str(page))
    assert "controller controller1 did not answer" in read(page)


def test_figures_that_make_no_sense_are_refused_and_nothing_is_written(rack):
    for figures in ({"report_pool_warning": 99}, {"report_pool_warning": "many"}, {"report_pool_error": 101}, {"report_timeout": "abc"}, {"report_timeout": 0}):
        refused = rack.run("report", report_path=str(rack.root / "storage.html"), **figures)
        ((name, value),) = figures.items()
        assert "%s: %s" % (name, value) in refused.failure and refused.code, refused.output
    assert not (rack.root / "storage.html").exists()
