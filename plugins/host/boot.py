# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a boot: connecting again what was connected when the host went down. systemd starts it before remote file systems are mounted.

    python -m ansible_collections.baremetal.legacy_storage.plugins.host.boot CONFIG SECONDS

It needs neither the controller nor Ansible: a record holds the export, sealed to this node. On another machine, which got them with a copied disk, it
connects nothing.
"""

from __future__ import annotations

import dataclasses
import random
import sys
import time

from ..module_utils.model.encryption import LOCKED
from ..module_utils.model.errors import StorageError
from . import config, connections, machine
from .locks import locked
from .node import Node

_PAUSE = 5  # seconds between two rounds: networks and arrays may come later than this host


def reconnect(node, patience, say):
    """Connect every volume again that was attached, and return how many are not connected.

    What was being attached or detached when the host went down is left to the task that is run again: only its user knows what is wanted.

    :param patience: seconds for which those that fail are tried again. :param say: called with each sentence for the journal.
    """
    waiting, unreadable = _recorded(node, say)
    deadline = time.monotonic() + patience
    while waiting:
        silent = set()  # backends that failed in this round: their other volumes wait for the next, and nobody waits for them
        for volume_id in list(waiting):
            record = node.records.get(volume_id)
            if record is None or not record.attached:
                say("Volume %s was detached meanwhile." % _title(waiting.pop(volume_id)))
                continue
            backend = record.export.backend
            if backend in silent:
                continue
            result = _connect(node, record)
            if not result.get("failed"):
                del waiting[volume_id]
                say("Volume %s is connected again: %s." % (_title(record), _told(result["attachment"])))
            else:
                silent.add(backend)
                waiting[volume_id] = waiting.pop(volume_id)  # last: it may be this one alone that fails, and the others shall have their turn
                say("Volume %s is not connected yet: %s" % (_title(record), result["msg"]))
        if not waiting or time.monotonic() + _PAUSE > deadline:
            break
        time.sleep(_PAUSE)
    for record in waiting.values():
        say("Volume %s stays disconnected for now." % _title(record))
    return len(waiting) + unreadable


def _title(record):
    return "%s/%s" % (record.export.backend, record.export.volume_name)


def _recorded(node, say):
    """Return {volume id: record} of what was connected, and how many records cannot be read.

    In any order: where this is started again and again, each comes to its turn.
    """
    found, unreadable = {}, 0
    ids = node.records.ids()
    for volume_id in random.sample(ids, len(ids)):
        try:
            record = node.records.get(volume_id)
        except StorageError as error:
            say(error.message)
            unreadable += 1
            continue
        if record.attached:
            found[volume_id] = record
        else:
            say("Volume %s was %s when this host went down; run that task again." % (_title(record), record.state))
    return found, unreadable


def _connect(node, record):
    """Connect one volume; return what ``connections.ensure`` tells of it.

    One path must do after a power cut, also where a task asked for two: the rest of the path's network may come later. The next task that asks
    for two adds it.
    """
    multipath = "preferred" if record.multipath == "required" else record.multipath
    request = {"export": record.export.to_dict(), "multipath": multipath}
    source = record.encryption.source() if record.encryption is not None else None
    if record.encryption is not None:
        request["encryption"] = LOCKED
    (result,) = connections.ensure(node, [request], False, again=True)["connections"]
    if source is not None and not result.get("failed"):  # a key that cannot be had now must not take the volume's paths away again
        (result,) = connections.ensure(node, [dict(request, encryption={source.kind: source.value})], False, again=True)["connections"]
    if multipath != record.multipath:
        _go_on_asking(node, record.export.volume_id, record.multipath)
    return result


def _told(attachment):
    encryption = attachment["encryption"]
    if encryption and not encryption["opened"]:
        return "locked, since its key comes from a task; the next task that attaches it opens it"
    return attachment["path"]


def _go_on_asking(node, volume_id, multipath):
    with locked(node.settings.lock_dir, "volume-" + volume_id):
        record = node.records.get(volume_id)
        if record is not None and record.attached:  # no task detached it meanwhile
            node.records.put(dataclasses.replace(record, multipath=multipath))


def _say(sentence):
    print(sentence, flush=True)


def main(arguments):
    """Run as a program; exit code 1 while a volume is not connected, so that systemd tries again: also where adapters come later, or a person decides."""
    path, patience = arguments
    node = Node(config.load(path), _say)
    try:
        machine.admit(node)
    except StorageError as error:
        _say("No volume is connected: %s" % error.message)
        return 1
    return 1 if reconnect(node, float(patience), _say) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
