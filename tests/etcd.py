# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd server for tests, of one member, in a temporary directory and on loopback."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

_LOCKS = b"/tooz/locks"  # where tooz's driver keeps them


class Server:
    """One server. What it was told outlives it."""

    def __init__(self, folder):
        self.folder = folder
        self.port, self._peers = _free_ports(2)
        self._process = None

    def url(self, lease):
        """Return what to name as ``lock_url``; a lock ends when its holder is not heard of for ``lease`` seconds."""
        return "etcd3+http://127.0.0.1:%d?lock_timeout=%d&membership_timeout=%d" % (self.port, lease, lease)

    def start(self):
        """Start it and wait until it answers. It ends with this process, also when that is killed."""
        program = shutil.which("etcd")
        assert program, "etcd is not installed: run tools/setup"
        clients, peers = ("http://127.0.0.1:%d" % port for port in (self.port, self._peers))
        words = {"data-dir": self.folder / "data", "listen-client-urls": clients, "advertise-client-urls": clients, "listen-peer-urls": peers}
        words.update({"initial-advertise-peer-urls": peers, "initial-cluster": "default=" + peers, "log-level": "error"})
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, *("--%s=%s" % item for item in words.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.locks()
                return
            except (urllib.error.URLError, ConnectionError):
                assert self._process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)

    def running(self):
        """Tell whether it was started and not killed."""
        return self._process is not None

    def kill(self):
        """Kill it, and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def locks(self):
        """Return how many locks are held."""
        return int(self._ask("kv/range", dict(_every_lock(), count_only=True)).get("count", 0))

    def take_locks(self):
        """Take every lock away, as happens when nobody heard of the holders for too long."""
        self._ask("kv/deleterange", _every_lock())

    def _ask(self, what, request):
        with urllib.request.urlopen("http://127.0.0.1:%d/v3/%s" % (self.port, what), json.dumps(request).encode(), timeout=10) as answer:
            return json.load(answer)


@contextlib.contextmanager
def running(folder):
    """Yield a Server; whatever happens, it is killed."""
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _every_lock():
    return {"key": base64.b64encode(_LOCKS).decode(), "range_end": base64.b64encode(_LOCKS[:-1] + bytes([_LOCKS[-1] + 1])).decode()}


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _number in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
