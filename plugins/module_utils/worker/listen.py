# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The warm worker: everything imported once, then a fork of it for each conversation.

    python -m ...worker.listen HALF SECONDS

Its stdin is the listening socket: systemd starts it so when somebody connects (StandardInput=socket), and it leaves when nobody has
for so many seconds. A fork, not a thread: conversations share nothing but the imports, so each works exactly as in a spawned worker, a slow
array holds nobody up, and one that dies takes no other with it. When the installed code has changed, it starts itself anew.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
import traceback

from . import serve

_HELLO = 20  # seconds in which a client must say something
_PRELOADED = {
    "controller": ("controller.verbs", "controller.locks", "controller.advisory", "controller.engine.engine"),
    "host": ("host.verbs", "host.brick"),
}


def main(half, seconds):
    """Serve until nobody has asked for so many seconds."""
    code = _stamp()  # before the imports: code that is replaced while they last must not count as this one
    package = serve.__name__.rpartition(".module_utils.")[0]
    for name in _PRELOADED[half]:
        importlib.import_module("%s.%s" % (package, name))
    gc.collect()
    gc.freeze()  # or each fork would copy what it only looks at
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    listener = socket.socket(fileno=0)
    while select.select([listener], [], [], float(seconds))[0]:
        if _stamp() != code:
            os.execv(sys.executable, sys.orig_argv)  # whoever connects waits until then
        try:
            connection = listener.accept()[0]
        except OSError:
            continue  # it has gone again
        if os.fork() == 0:
            listener.close()
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: stdin
            _answer(connection)
        connection.close()


def _stamp():
    """Return what changes when this code, or what the role installed beside it, is replaced."""
    found = []
    for path in (serve.__file__, os.path.join(sys.prefix, "requirements.txt"), os.path.join(sys.prefix, "pyvenv.cfg")):
        try:
            state = os.stat(path)
            found.append((state.st_ino, state.st_ctime_ns))
        except OSError:
            found.append(None)
    return found


def _answer(connection):
    """Be a worker on this connection; never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if uid != os.geteuid():
            os._exit(1)  # the socket is root's alone; whoever opened it to others did not mean this
        connection.settimeout(_HELLO)
        _byte, errors, _flags, _address = socket.recv_fds(connection, 1, 1)
        if not errors:
            os._exit(1)
        for descriptor in (1, 2):
            os.dup2(errors[0], descriptor)
        connection.settimeout(None)
        os.chdir("/")
        with connection.makefile("rb") as requests, connection.makefile("wb") as answers:
            serve.serve(requests, answers)
        sys.stderr.flush()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
