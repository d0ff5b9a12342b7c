# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/reliability.md tells was measured, and is of the suite as it is; and the suite would see what is lost or left."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.baremetal.legacy_storage.tests.lab import sweep
from ansible_collections.baremetal.legacy_storage.tests.lab.faults import content, record, table

SURVIVED = record.read()


def test_the_page_is_made_of_the_record():
    assert (record.ROOT / "docs/reliability.md").read_text(encoding="utf-8") == table.render(SURVIVED, record.cases()), "run make reliability"


def test_what_is_in_the_record_is_of_the_suite_and_what_is_not_is_named_as_unmeasured():
    suite, page = record.cases(), table.render(SURVIVED, record.cases())
    for name, case in SURVIVED["lab"]["cases"].items():
        assert suite[name] == {key: case[key] for key in ("what", "during")}, "run tools/reliability lab %s, then make reliability" % name
    _measured, _heading, unmeasured = page.partition("### Not measured yet")
    for name in suite:
        assert (name.removeprefix("test_").replace("_", " ") in unmeasured) == (name not in SURVIVED["lab"]["cases"]), name


def test_nothing_in_the_record_was_lost_or_left_over_and_all_of_it_was_compared():
    for name, case in SURVIVED["lab"]["cases"].items():
        assert (case["lost"], case["left"]) == (0, 0), name
        assert case["bytes"] >= case["times"] * content.KEPT * content.BLOCK, name


def test_times_of_a_case_add_up_and_the_longest_wait_counts(tmp_path):
    path = tmp_path / "survived.json"
    for seconds in (5.0, 3.0):
        record.add(path, "test_it", {"what": "it", "during": "this"}, {"seconds": seconds, "bytes": 7, "lost": 0, "left": 0}, "2026-01-01")
    assert record.read(path)["lab"]["cases"]["test_it"] == {
        "what": "it", "during": "this", "times": 2, "seconds": 5.0, "bytes": 14, "lost": 0, "left": 0, "date": "2026-01-01",
    }


@pytest.fixture(name="device")
def fixture_device(tmp_path, monkeypatch):
    """A file in place of a device, which is small and need not take direct I/O."""
    monkeypatch.setattr(content, "KEPT", 256)
    monkeypatch.setattr(content, "SLOTS", 256)
    monkeypatch.setattr(content.os, "O_DIRECT", 0)
    path = tmp_path / "device"
    path.touch()
    content.fill(path)
    with open(path, "r+b") as stream:
        stream.truncate(512 * content.BLOCK)
        for number in range(300):
            stream.seek((256 + number % 256) * content.BLOCK)
            stream.write(content.block("run", number))
    return path


def _harm(path, place, data):
    with open(path, "r+b") as stream:
        stream.seek(place * content.BLOCK)
        stream.write(data)


def test_content_that_is_all_there_is_found_to_be(device, capsys):
    assert content.compare(device, "run", 299) == 0
    assert capsys.readouterr().out == "compared %d lost 0 \n" % (512 * content.BLOCK)


def test_a_write_whose_telling_was_cut_off_is_no_loss(device):
    assert content.compare(device, "run", 297) == 0


@pytest.mark.parametrize(
    "place, data",
    [
        pytest.param(17, b"x", id="the head of a block that stays"),
        pytest.param(17, b"kept 17\n" + b"\0" * 4088, id="its tail"),
        pytest.param(256 + 43, content.block("run", 43), id="what was overwritten is old again"),
        pytest.param(256 + 100, b"\0" * 4096, id="what was told is not there"),
        pytest.param(256 + 100, content.block("other", 100), id="it is another program's"),
        pytest.param(256 + 100, content.block("run", 101), id="it stands in another's place"),
    ],
)
def test_content_that_was_harmed_is_found_to_be(device, capsys, place, data):
    _harm(device, place, data)
    assert content.compare(device, "run", 299) == 1
    assert " lost 4096 block %d " % place in capsys.readouterr().out


def test_a_sweep_tells_what_was_found_under_its_name_and_nothing_else():
    script = sweep.script({"disks": "echo sda; echo sdb", "maps": "false", "links": "echo 1 | grep 2", "records": "ls /does/not/exist; echo x >&2"})
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=10)
    assert sweep.parse(done.stdout) == {"disks": "sda\nsdb"}
