# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host as preflight sees it: files below a root, programs that only tell, the clock and the network. Changes nothing.

Everything that cannot be seen without root, or for another reason, is said in ``unseen``.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess

_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_TIME_ERROR = 5  # adjtimex(2)
_TIMEOUT = 20


class Machine:
    """This host, below ``root`` (``/`` but in tests).

    :param run: a function of an argument list that returns (exit code, standard output), or ``None`` where the program cannot be run.
    """

    def __init__(self, root="/", run=None):
        self.root = root
        self.run = run or run_program
        self.unseen = []
        self._hidden = set()

    def path(self, path):
        """Return where an absolute path of the host lies."""
        return os.path.join(self.root, path.lstrip("/"))

    def read(self, path):
        """Return a file's text, ``None`` when it is not there or may not be read; the latter is put into ``unseen``."""
        try:
            with open(self.path(path), encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._hidden.add(path)
            self.cannot_see("%s (%s)" % (path, error.strerror))
            return None

    def is_hidden(self, path):
        """Tell whether a file that was asked for could not be read although it may be there."""
        return path in self._hidden

    def text(self, path):
        """Return a small file of sysfs or procfs without blanks around it, ``""`` when it cannot be read."""
        try:
            with open(self.path(path), encoding="utf-8", errors="replace") as stream:
                return stream.read().strip()
        except OSError:
            return ""

    def names(self, path):
        """Return a directory's entries, sorted; none when it is not there."""
        try:
            return sorted(os.listdir(self.path(path)))
        except OSError:
            return []

    def resolved(self, path):
        """Return a path of the host past all symbolic links."""
        real = os.path.realpath(self.path(path))
        root = os.path.realpath(self.root)
        return real if root == "/" else "/" + os.path.relpath(real, root)

    def is_there(self, path):
        """Tell whether a path is there."""
        return os.path.exists(self.path(path))

    def program(self, name):
        """Return where a program is, or ``None``."""
        places = [name] if name.startswith("/") else [os.path.join(folder, name) for folder in _FOLDERS]
        return next((place for place in places if os.access(self.path(place), os.X_OK)), None)

    def cannot_see(self, what):
        """Remember what could not be seen."""
        if what not in self.unseen:
            self.unseen.append(what)


def run_program(argv):
    """Return (exit code, standard output) of a program that only tells, ``None`` where it cannot be run or does not end."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *_FOLDERS])
    program = shutil.which(argv[0], path=path)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, LC_ALL="C"),
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stdout.decode("utf-8", "replace")


def clock_is_synchronised():
    """Tell whether the kernel's clock is kept by somebody, by adjtimex(2), which anybody may ask; ``None`` where it does not say."""
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(1024))  # zeros: nothing is set
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else answer != _TIME_ERROR


def connects(address, port, timeout):
    """Return why no TCP connection comes about, ``None`` when one does; it is closed at once, with nothing sent."""
    try:
        socket.create_connection((address, port), timeout).close()
    except socket.timeout:
        return "no answer within %g s" % timeout
    except OSError as error:
        return error.strerror or str(error)
    except UnicodeError as error:  # a name that is none, as with two dots
        return "%s is no name of a host (%s)" % (address, error)
    return None
