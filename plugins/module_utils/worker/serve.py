# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worker process: ``python -m ...worker.serve``, one conversation on stdin and stdout.

Drivers print; so what they print goes to stderr, and only the protocol has the real stdout.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback

from ..model.errors import StorageError
from . import protocol

_HALVES = {
    "controller": "ansible_collections.baremetal.legacy_storage.plugins.controller.verbs",
    "host": "ansible_collections.baremetal.legacy_storage.plugins.host.verbs",
}


def main(arguments=()):
    """Serve one request and leave. Exit status 0 whenever an answer was given, also when it is an error.

    :param arguments: nothing, or a half and its settings file. sudo's rule names them for users who may start just that, so nothing that such a
        user says about either counts.
    """
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if arguments:
        os.chdir("/")  # some programs look for their configuration where they are started
    serve(sys.stdin.buffer, output, dict(zip(("half", "config"), arguments)))
    sys.stderr.flush()
    os._exit(0)  # not waiting for threads whose storage system does not answer


def serve(requests, answers, pinned=None):
    """Serve one conversation on two binary streams.

    :param pinned: {"half", "config"} that count instead of what the client says; its environment does not count then either,
        and the half does nothing by which who asks could become root.
    """
    hello = (protocol.receive(requests) or {}).get("hello", {})
    if pinned:
        hello = pinned
    if hello.get("environment") is not None:  # a warm worker's own is nobody's
        os.environ.clear()
        os.environ.update(hello["environment"])
    protocol.send(answers, {"hello": {"protocol": protocol.PROTOCOL, "version": protocol.VERSION}})
    message = protocol.receive(requests)
    if message is None:
        return
    request = message["request"]
    try:
        verbs = importlib.import_module(_HALVES[hello["half"]])
        limits = {"by_user": True} if pinned else {}
        result = verbs.run(
            hello["config"], request["verb"], request["arguments"], request["check"], lambda text: protocol.send(answers, {"warning": text}), **limits
        )
        protocol.send(answers, {"result": result})
    except StorageError as error:
        protocol.send(answers, {"error": error.to_dict()})
    except Exception as error:  # the boundary of the process: whatever happened must reach the task
        traceback.print_exc()
        where = traceback.extract_tb(error.__traceback__)[-1]
        fault = StorageError(
            "internal",
            "Unexpected %s in the %s half (%s line %s): %s. Please report it."
            % (type(error).__name__, hello.get("half"), os.path.basename(where.filename), where.lineno, error),
        )
        protocol.send(answers, {"error": fault.to_dict()})


if __name__ == "__main__":
    main(sys.argv[1:])
