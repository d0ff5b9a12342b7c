# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One repository of backups, through the program restic. Its password and keys travel in the environment, never in arguments."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse

from ...module_utils.model.errors import StorageError
from ..patience import uncounted
from .watching import Watch

# What a process needs to find programs, ssh's and rclone's own settings, and the way through a proxy. The rest is the repository's own.
_INHERITED = ("PATH", "HOME", "TMPDIR", "SSH_AUTH_SOCK", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
LOCKED = "locked"  # the detail of a ``busy`` that a lock is the cause of
_LOCKED = ("already locked",)
_UNOPENED = ("unable to open config file: ", "unable to open repository at ")
# How the servers and the kernel put it that there is nothing.
_NOTHING_THERE = re.compile(
    r"specified \w+ does not exist|(file|/>) does not exist|doesn't exist|no such file|not ?found|(?<![:./\d])404\b", re.IGNORECASE
)
_WRONG_PASSWORD = ("wrong password", "no key found")
_RETRY = 2  # seconds
_ANSWER = 1200  # seconds; restic itself tries a server that refuses for 900, and waits for one that is mute without an end
_SILENCE = 1800  # seconds for which restic may neither take nor give a block, or be at the last of what it took


class Restic:
    """restic on one Repository.

    :param cache_dir: where restic keeps what it need not fetch again. :param lock_timeout: seconds to wait for others' locks.
    :param limit: seconds that a command may take. Without it all but those that move data may take twenty minutes.
    """

    def __init__(self, repository, cache_dir, lock_timeout, limit=None):
        self._repository = repository
        self._limit = limit
        self._cache_dir = cache_dir
        self._lock_timeout = lock_timeout

    def ready(self):
        """Open the repository, which proves its password; tell whether there is one."""
        done = self._run(["cat", "config", "--no-lock"])
        if done.returncode and is_absent(done.stderr):
            return False
        self._check(done)
        return True

    def create(self):
        """Make the repository."""
        self._check(self._run(["init"]))

    def snapshots(self, *tags):
        """Return restic's snapshots (dicts) that bear one of ``tags``. Writes nothing, and waits for nobody."""
        return self._listed(self._run(["snapshots", "--json", "--no-lock", *_tagged(tags)]))

    def snapshots_once_free(self, *tags):
        """Return the same when nobody has the repository for himself any more, so that it can be written to."""
        return self._listed(self._unlocked(["snapshots", "--json", *_tagged(tags)]))

    def _listed(self, done):
        return json.loads(self._check(done)) or []

    def wait_until_free(self):
        """Wait as long as somebody has the repository for himself. A dead one's lock is no lock after half an hour."""
        self._check(self._unlocked(["snapshots", "--json", "--latest", "1"], for_ever=True))

    def forget(self, ids):
        """Delete snapshots. Nobody else may write to the repository meanwhile."""
        if ids:
            self._check(self._unlocked(["forget", *ids]))

    def prune(self):
        """Free what only deleted snapshots used. Nobody else may write to the repository meanwhile."""
        self._check(self._unlocked(["prune"]))

    @contextlib.contextmanager
    def saving(self, filename, tags):
        """Yield a Saving, to whose ``write`` the content goes; its ``summary`` (restic's dict) stands at the end.

        If the block raises, restic is killed before it can take what it got for the whole.
        """
        command = ["backup", "--json", "--quiet", "--stdin", "--stdin-filename", filename, *_tagged(tags)]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            child = self._start(command, stdin=subprocess.PIPE, stdout=output, stderr=errors)
            watch = Watch(child, _SILENCE)
            saving = Saving(child, watch)
            try:
                yield saving
                with watch.waiting():
                    child.stdin.close()
                    child.wait()
            except BrokenPipeError:
                child.wait()  # why restic left stands in its own words
            finally:
                watch.end()
                _end(child)
            self._refuse_silent(watch)
            summary = _text(output).strip().splitlines()
            self._check(subprocess.CompletedProcess(command, child.returncode, "", _text(errors)))
            saving.summary = json.loads(summary[-1])

    @contextlib.contextmanager
    def reading(self, snapshot, filename):
        """Yield a stream of a file in a snapshot. Raises StorageError at the end unless restic gave all of it, undamaged."""
        command = ["dump", snapshot, "/" + filename]
        with tempfile.TemporaryFile() as errors:
            child = self._start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
            watch = Watch(child, _SILENCE)
            try:
                yield Reading(child, watch)
                with watch.waiting():
                    child.wait()
            finally:
                watch.end()
                child.stdout.close()
                _end(child)
            self._refuse_silent(watch)
            self._check(subprocess.CompletedProcess(command, child.returncode, "", _text(errors)))

    def _refuse_silent(self, watch):
        if watch.silent:
            raise StorageError(
                "backend",
                "repository %s: its server took or gave nothing for %d minutes, so restic was ended. Look at the server and the way to it, and run the task "
                "again." % (self._repository.name, _SILENCE // 60),
            )

    @uncounted()
    def _unlocked(self, arguments, for_ever=False):
        """Run a command that takes a lock; remove the locks of those that are dead, and wait for the others."""
        deadline = math.inf if for_ever else time.monotonic() + min(self._lock_timeout, self._limit or self._lock_timeout)
        wait = 0
        while True:
            done = self._run(arguments)
            if not done.returncode or not any(words in done.stderr for words in _LOCKED) or time.monotonic() > deadline:
                return done
            self._run(["unlock"])  # only locks whose process on this host is gone, and those that nobody renewed for half an hour
            time.sleep(wait)
            wait = _RETRY

    @uncounted()
    def _run(self, arguments):
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            child = self._start(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
            limit = self._limit or (None if arguments[0] == "prune" else _ANSWER)
            try:
                child.wait(limit)
            except subprocess.TimeoutExpired as error:
                raise StorageError("busy", "repository %s: does not answer within %d s." % (self._repository.name, limit)) from error
            finally:
                _end(child)
            return subprocess.CompletedProcess(arguments, child.returncode, _text(output), _text(errors))

    def _start(self, arguments, **streams):
        environment = {key: os.environ[key] for key in _INHERITED if key in os.environ}
        program = shutil.which("restic", path=environment.get("PATH"))
        if program is None:
            raise StorageError(
                "not_installed",
                "repository %s: the program restic is not on this controller. Apply the role "
                "baremetal.legacy_storage.controller, or install the package restic." % self._repository.name,
            )
        os.makedirs(self._cache_dir, mode=0o700, exist_ok=True)
        own = dict(self._repository.environment, **self._repository.secret_environment)
        environment.update(own, LC_ALL="C", RESTIC_PASSWORD=self._repository.password, RESTIC_CACHE_DIR=self._cache_dir)
        environment["RESTIC_REPOSITORY"] = _with_login(self._repository.location, own)
        # setpriv: restic ends with this worker, however that ends. What it was doing it can do again; a lock it leaves is stale.
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", program, *arguments], env=environment, cwd="/", **streams)

    def _check(self, done):
        """Return what a command printed. Raises StorageError with restic's words when it failed."""
        if not done.returncode:
            return done.stdout
        place = "repository %s: " % self._repository.name
        remote = not self._repository.location.startswith(("/", "local:"))
        if is_absent(done.stderr):
            mounted = "" if remote else "Is its file system mounted? "
            raise StorageError(
                "not_found",
                place + "there is no repository at %s. %slegacy_backup_repository makes a new one." % (self._repository.location, mounted),
            )
        if any(words in done.stderr for words in _WRONG_PASSWORD):
            raise StorageError(
                "invalid", place + "the password does not open the repository at %s." % self._repository.location, "password"
            )
        if any(words in done.stderr for words in _LOCKED):
            raise StorageError(
                "busy",
                place
                + "another run of restic holds it for more than %d s. Run this task again when that one has ended." % self._lock_timeout,
                details={LOCKED: True},
            )
        text = done.stderr.strip() or "exit %d without a word" % done.returncode
        advice = ""
        if any(words in text for words in _UNOPENED):
            text = _why(text)
            advice = " Look at the server, the way to it, and the keys in environment and secret_environment." if remote else ""
        for secret in sorted([self._repository.password, *self._repository.secret_environment.values()], key=len, reverse=True):
            for written in (secret, urllib.parse.quote(secret, safe="")):
                text = text.replace(written, "(hidden)") if len(written) >= 4 else text
        raise StorageError("backend", place + "restic %s says: %s%s" % (done.args[0], text[-2000:], advice))


class Saving:
    """A backup on its way. ``write`` takes bytes; ``summary`` is None until it is whole."""

    def __init__(self, child, watch):
        self._child, self._watch = child, watch
        self.summary = None

    def write(self, block):
        """Hand bytes to restic."""
        with self._watch.waiting():
            self._child.stdin.write(block)


class Reading:
    """A file on its way out of a repository."""

    def __init__(self, child, watch):
        self._child, self._watch = child, watch

    def read(self, size):
        """Return at most ``size`` bytes; none at the end, which is where restic ended."""
        with self._watch.waiting():
            return self._child.stdout.read(size)


def is_absent(errors):
    """Tell from what restic printed whether it found that there is no repository, which is not so when it could not look.

    From 0.17 on it says so; before, only why it could not open one, in the words of whoever it asked.
    """
    if "repository does not exist" in errors:
        return True
    return _UNOPENED[0] in errors and bool(_NOTHING_THERE.search(_why(errors).partition(_UNOPENED[0])[2]))


def _why(errors):
    """Return what restic printed without its question whether there is a repository at the location, and the location."""
    return errors.partition("Is there a repository at the following location?")[0].strip()


def _tagged(tags):
    return [word for tag in tags for word in ("--tag", tag)]


def _end(child):
    """Kill a child that still runs, and wait for it."""
    if child.poll() is None:
        child.kill()
        child.wait()
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()


def _text(stream):
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")


def _with_login(location, environment):
    """Return the location with the REST server's login, which restic older than 0.17 does not take from the environment."""
    user, password = environment.get("RESTIC_REST_USERNAME"), environment.get("RESTIC_REST_PASSWORD")
    if not location.startswith("rest:") or not (user and password):
        return location
    scheme, _slashes, rest = location.partition("//")
    return "%s//%s:%s@%s" % (scheme, urllib.parse.quote(user, safe=""), urllib.parse.quote(password, safe=""), rest)
