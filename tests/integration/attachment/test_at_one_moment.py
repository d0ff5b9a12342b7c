# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task that attaches a volume to a node, and one that detaches it there, at the same moment: no device is left whose volume is not mapped."""

from __future__ import annotations

import concurrent.futures
import contextlib
import copy
import json
import time

from .test_attachment import DATA, actions

# A worker's ``python`` that lets the call of that number, and later ones, wait.
HOLDING = """#!/bin/sh
echo >> "{folder}/calls"
if [ "$(wc -l < "{folder}/calls")" -ge {call} ]; then
    : > "{folder}/waits"
    while [ ! -e "{folder}/go" ]; do sleep 0.05; done
fi
exec "{python}" "$@"
"""


@contextlib.contextmanager
def holding(rack, name, half, call, **parameters):
    """Run legacy_attachment beside others and hold it before its call of that number to ``half``.

    Yield a function that lets it go on and returns its result.
    """
    folder = rack.root / name
    folder.mkdir()
    config = rack.controller.config if half == "controller" else rack.root / "node1" / "node.json"
    settings = json.loads(config.read_text())
    (folder / "python").write_text(HOLDING.format(folder=folder, call=call, python=settings["python"]))
    (folder / "python").chmod(0o700)
    held = folder / "settings.json"
    held.write_text(json.dumps(dict(settings, python=str(folder / "python"))))
    held.chmod(0o600)
    beside = copy.copy(rack)
    beside.root = folder
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        run = pool.submit(beside.attach, **dict(DATA, **{half + "_config": str(held)}, **parameters))
        try:
            deadline = time.monotonic() + 240
            while not (folder / "waits").exists():
                assert not run.done() and time.monotonic() < deadline, run.result(0).output
                time.sleep(0.05)

            def go_on():
                (folder / "go").touch()
                return run.result().only()

            yield go_on
        finally:
            (folder / "go").touch()


def recorded(rack):
    """Return the times of the exports that the node has recorded as attached."""
    records = [json.loads(path.read_text()) for path in rack.records()]
    return [record["export"]["exported_at"] for record in records if record["state"] == "connected"]


def exported(rack):
    """Return the times of the exports that the controller has."""
    return [export["exported_at"] for export in rack.controller.ask("export.list", {"host": "node1"})["exports"]]


def test_a_volume_attached_while_a_task_is_about_to_unmap_it_stays_mapped_and_that_task_says_so(rack):
    rack.attach(**DATA)
    before = exported(rack)
    with holding(rack, "detaching", "controller", 2, state="absent") as go_on:
        assert recorded(rack) == [], "it has disconnected the node, and is about to unmap"
        attached = rack.attach(**DATA).only()
        assert not attached["failed"] and len(recorded(rack)) == 1
        detached = go_on()
    assert len(list((rack.controller.array / "exports").rglob("node1"))) == 1, "the array lets the node in, whose device is new"
    assert recorded(rack) == exported(rack) != before
    assert actions(attached) == [("renew", "export"), ("connect", "connection")]
    assert (detached["failed"], detached["changed"], actions(detached)) == (True, True, [("disconnect", "connection")])
    assert "another task exported volume 'data' to node1 meanwhile" in detached["msg"] and "It was left mapped" in detached["msg"]


def test_an_export_unmapped_before_the_node_has_connected_it_is_not_connected_and_the_attaching_task_says_so(rack):
    with holding(rack, "attaching", "node", 2) as go_on:
        assert len(exported(rack)) == 1, "it has exported, and is about to connect"
        detached = rack.attach(state="absent", **DATA).only()
        assert (detached["failed"], actions(detached)) == (False, [("delete", "export")])
        attached = go_on()
    assert (rack.records(), exported(rack)) == ([], [])
    assert (attached["failed"], attached["changed"], attached["operations"]) == (True, False, [])
    assert "another task detached volume one/data from this host meanwhile" in attached["msg"] and "Nothing was connected" in attached["msg"]
