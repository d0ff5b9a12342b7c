# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking several storage systems side by side, each in a process of its own that can be ended when it does not answer.

Threads would not do: nothing ends a thread that waits for an array, and drivers share locks and settings within a process. Only
for questions: a process that changes an array must not be ended so.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
import traceback

from ..module_utils.model.errors import StorageError

_MOST = 8  # processes at a time; each is a copy of this one


def ask_apart(names, question, timeout):
    """Return {name: ("answer", data), ("error", StorageError) or ("silent", None)}, asking ``question(name)`` for each in a fork.

    Call it before this process has opened connections or made threads that the forks would share.

    :param question: a function that returns JSON-ready data; what it raises as StorageError comes back.
    :param timeout: seconds for each.
    """
    waiting, running, answers = list(names), {}, {}
    try:
        while waiting or running:
            while waiting and len(running) < _MOST:
                name = waiting.pop(0)
                pid, stream = _start(lambda name=name: question(name))
                running[stream] = _Asked(name, pid, time.monotonic() + timeout)
            left = min(asked.deadline for asked in running.values()) - time.monotonic()
            ready, _writable, _broken = select.select(list(running), [], [], max(0, left))
            for stream in ready:
                text = os.read(stream, 1 << 20)
                running[stream].text += text
                if not text:
                    asked = running.pop(stream)
                    answers[asked.name] = _end(stream, asked)
            for stream, asked in list(running.items()):
                if time.monotonic() >= asked.deadline:
                    del running[stream]
                    os.kill(asked.pid, signal.SIGKILL)
                    _end(stream, asked)
                    answers[asked.name] = ("silent", None)
    finally:
        for stream, asked in running.items():
            os.kill(asked.pid, signal.SIGKILL)
            _end(stream, asked)
    return answers


class _Asked:
    def __init__(self, name, pid, deadline):
        self.name = name
        self.pid = pid
        self.deadline = deadline
        self.text = b""


def _start(question):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        try:
            answer = {"answer": question()}
        except StorageError as error:
            answer = {"error": error.to_dict()}
        with os.fdopen(writing, "wb") as stream:
            stream.write(json.dumps(answer).encode("utf-8"))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _end(stream, asked):
    os.close(stream)
    os.waitpid(asked.pid, 0)
    try:
        answer = json.loads(asked.text)
    except ValueError:
        return "error", StorageError("internal", "The process that asked it ended without an answer. Please report it.")
    if "error" in answer:
        return "error", StorageError.from_dict(answer["error"])
    return "answer", answer["answer"]
