# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No old figures stay, whatever goes wrong."""

from __future__ import annotations

from ansible_collections.baremetal.legacy_storage.plugins.metrics import textfile


def test_a_half_that_answers_what_nobody_understands_leaves_no_old_figures(tmp_path, monkeypatch):
    monkeypatch.setitem(textfile._HALVES, "node", lambda config, patience: {}["of another release"])
    path, said = tmp_path / "node.prom", []
    path.write_text("legacy_storage_attachments 7\n")
    assert not textfile.write("node", "node.json", str(path), 1, said.append)
    assert "legacy_storage_attachments" not in path.read_text()
    assert 'legacy_storage_scrape_success{half="node"} 0.0' in path.read_text()
    assert said == ["KeyError: 'of another release'"]
