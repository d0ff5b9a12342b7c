# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A worker that starts in no time and can be killed at any step.

A test's settings name a small executable as ``python``. It hands its pipes to a server that has cinderlib imported
already; the server forks, and the fork runs the real worker. What is run is the real code; only where it stands
patched from outside, it can kill its own process with SIGKILL, which nothing can catch, or make something else go wrong:

    BLS_TEST_KILL_AT   the point to die at, such as "before commit 2" or "after create_volume"
    BLS_TEST_FAULT     what happens there instead: "raise" (the driver does), "hang" (the call never returns), "wait" (it returns once the file
                       BLS_TEST_DOOR is gone), "full" (from there on the kernel lets the store's files grow no more, as on a full disk); or with a
                       store in PostgreSQL "disconnect" (its connections break), "restart" (those that hold locks, too), "away" (and new ones are
                       refused). After a commit, its answer is lost.
    BLS_TEST_DATABASE  the server's folder and the database's name, for these
    BLS_TEST_POINTS    a file to which each point that was passed is written

With BLS_TEST_SPOIL_COPIES, what was copied is not what was read.

A volume of a GiB, the smallest there is, can be taken to be shorter when it is backed up:

    BLS_TEST_BACKUP_BYTES   how many bytes of a volume a backup reads
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path

_MOST = 1 << 20
DRIVER_METHODS = (
    "create_volume",
    "create_cloned_volume",
    "create_volume_from_snapshot",
    "delete_volume",
    "extend_volume",
    "retype",
    "manage_existing",
    "manage_existing_snapshot",
    "unmanage",
    "unmanage_snapshot",
    "revert_to_snapshot",
    "create_snapshot",
    "delete_snapshot",
    "create_export",
    "initialize_connection",
    "terminate_connection",
    "remove_export",
    "migrate_volume",
    "create_group",
    "update_group",
    "delete_group",
    "create_group_snapshot",
    "delete_group_snapshot",
)
FILE_STEPS = ("_do_create_volume", "_do_create_snapshot", "_img_commit", "_rebase_img", "_write_info_file")  # inside of Cinder's NFS driver
LOSSES = ("disconnect", "restart", "away")
# Steps of what is done with the whole store.
STORE_FUNCTIONS = (
    "controller.moving._copy",
    "controller.moving._close",
    "controller.moving._open",
    "controller.moving._switch",
    "controller.store.contents.replace",
    "controller.store.contents.encrypt_anew",
    "secrets.keyfile.replace",
)
# What happens to files and devices beside the array: module of the controller half, functions.
FUNCTIONS = (("engine.copying", ("copy", "compare", "write_file")), ("images.files", ("_write_record", "_rename_new")), ("images.download", ("download",)))


def shim(path):
    """Be the ``python`` of a test's settings: run the worker in the server's fork on this process's pipes, and end as it ends."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(path)
        socket.send_fds(client, [json.dumps(dict(os.environ)).encode()], [0, 1, 2])
        os.closerange(0, 3)  # the fork holds the pipes now
        status = int(client.recv(64) or b"1")
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)


def serve(path):
    """Import what the controller half imports, then run a worker for each connection."""
    package = "ansible_collections.baremetal.legacy_storage.plugins."
    for name in ("controller.verbs", "controller.advisory", "controller.engine.engine"):
        importlib.import_module(package + name)
    worker = importlib.import_module(package + "module_utils.worker.serve")
    driver = importlib.import_module("sparse_files").SparseFileDriver  # after cinderlib, as in a worker
    importlib.import_module("shared_files")
    accessing = importlib.import_module("accessing")
    importlib.import_module(package + "controller.verbs").VERBS[accessing.VERB] = accessing.run

    parent = os.getppid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path + ".new")
    listener.listen(64)
    listener.settimeout(1)
    os.rename(path + ".new", path)
    while os.getppid() == parent:
        try:
            connection, _address = listener.accept()
        except socket.timeout:
            continue
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _handle(connection, worker, driver)
        connection.close()


def _handle(connection, worker, driver):
    data, descriptors, _flags, _address = socket.recv_fds(connection, _MOST, 3)
    child = os.fork()
    if child:
        for descriptor in descriptors:
            os.close(descriptor)
        _pid, status = os.waitpid(child, 0)
        connection.send(b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    connection.close()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(json.loads(data))
    os.chdir("/")
    code = 1
    try:
        _shorten(os.environ.get("BLS_TEST_BACKUP_BYTES"))
        _watch(driver, os.environ.get("BLS_TEST_KILL_AT"), os.environ.get("BLS_TEST_POINTS"))
        if os.environ.get("BLS_TEST_SPOIL_COPIES"):
            _spoil()
        worker.main()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _shorten(count):
    """Make backups read so many bytes of a volume, and take its first ones for the whole."""
    from ansible_collections.baremetal.legacy_storage.plugins.controller.backup import content

    if count:
        content.length_of = lambda device, volume: int(count)


def _watch(driver, kill_at, log):
    """Make every transaction of the store and every call of the driver a point at which to die."""
    from ansible_collections.baremetal.legacy_storage.plugins.controller.store.store import Store
    from cinder.exception import VolumeBackendAPIException as driver_error

    if not kill_at and not log:
        return
    fault = os.environ.get("BLS_TEST_FAULT", "kill")
    seen = {}
    full = []

    def point(name):
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else "%s again" % name
        if log:
            with open(log, "a", encoding="utf-8") as stream:
                stream.write(label + "\n")
        if label != kill_at:
            return
        if fault == "raise":
            raise driver_error("the array broke %s" % label)
        elif fault == "hang":
            time.sleep(3600)
        elif fault == "wait":
            while os.path.exists(os.environ["BLS_TEST_DOOR"]):
                time.sleep(0.02)
        elif fault == "full":
            full.append(label)
        elif fault in LOSSES:
            _lose_connections(fault)
        else:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)

    writing = Store.writing
    commits = []

    @contextlib.contextmanager
    def watched_writing(self):
        # pylint: disable-next=contextmanager-generator-missing-cleanup
        with contextlib.ExitStack() as limited, writing(self) as writer:
            yield writer
            commits.append(None)
            number = len(commits)
            point("before commit %d" % number)
            if full:
                limits = resource.getrlimit(resource.RLIMIT_FSIZE)
                limited.callback(resource.setrlimit, resource.RLIMIT_FSIZE, limits)
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
            if fault in LOSSES and kill_at == "after commit %d" % number:
                _lose_answer(writer.connection.dialect, functools.partial(point, kill_at))
        point("after commit %d" % number)

    Store.writing = watched_writing
    _watch_backups(point)
    for name in STORE_FUNCTIONS:
        module, _dot, function = name.rpartition(".")
        module = importlib.import_module("ansible_collections.baremetal.legacy_storage.plugins." + module)
        setattr(module, function, _watched(name, getattr(module, function), point))
    mirrored = importlib.import_module("replicated_files").ReplicatedFileDriver
    mirrored.failover_host = _watched("failover_host", mirrored.failover_host, point)
    for cls in (driver, *(other for other in driver.__subclasses__() if other is not mirrored)):
        for name in DRIVER_METHODS:
            if name in vars(cls):
                setattr(cls, name, _watched(name, getattr(cls, name), point))
    _watch_files(point)
    for module, names in FUNCTIONS:
        module = importlib.import_module("ansible_collections.baremetal.legacy_storage.plugins.controller." + module)
        for name in names:
            setattr(module, name, _watched(name, getattr(module, name), point))


def _watch_files(point):
    """Make what Cinder's NFS driver does inside of its methods points as well, "amid" them."""
    from cinder.image import image_utils

    driver = importlib.import_module("shared_files").SharedFileDriver
    for name in FILE_STEPS + DRIVER_METHODS:
        if hasattr(driver, name):
            setattr(driver, name, _watched(name, getattr(driver, name), point))
    image_utils.convert_image = _watched("convert_image", image_utils.convert_image, point)


def _lose_connections(fault):
    """Break the connections to the store's database."""
    from ansible_collections.baremetal.legacy_storage.tests.postgresql import Server

    folder, name = os.environ["BLS_TEST_DATABASE"].split()
    server = Server(Path(folder))
    if fault == "away":
        server.admit(name, False)
    server.cut(name, locks=fault != "disconnect")


def _lose_answer(dialect, lose):
    """Let the next transaction be committed, and whoever does so find the connection broken by ``lose``."""
    commit = dialect.do_commit

    def committed_unheard(connection):
        del dialect.do_commit
        commit(connection)
        lose()
        connection.execute("SELECT 1")

    dialect.do_commit = committed_unheard


def _watch_backups(point):
    """Make the steps of a backup points, too, and the middle of its content."""
    from ansible_collections.baremetal.legacy_storage.plugins.controller.backup import catalogue, content, restic

    for name in ("save", "record", "read", "delete"):
        setattr(catalogue.Catalogue, name, _watched(name, getattr(catalogue.Catalogue, name), point))
    restic.Restic.create = _watched("restic create", restic.Restic.create, point)
    blocks, put = content.blocks, content._put

    def watched_blocks(device, length):
        for number, block in enumerate(blocks(device, length)):
            yield block
            if number == 0:
                point("amid blocks")

    def watched_put(stream, block):
        put(stream, block)
        if stream.tell() == content.BLOCK:
            point("amid write")

    content.blocks, content._put = watched_blocks, watched_put


def _spoil():
    """Let every copy be another one by a byte."""
    from ansible_collections.baremetal.legacy_storage.plugins.controller.engine import copying

    copy = copying.copy

    def spoiled(source, target, *rest):
        copy(source, target, *rest)
        with open(target.path, "r+b") as stream:
            stream.write(b"G")

    copying.copy = spoiled


def _watched(name, method, point):
    @functools.wraps(method)  # what a driver inherits is told by where a method comes from
    def call(*args, **kwargs):
        point("before " + name)
        result = method(*args, **kwargs)
        point("after " + name)
        return result

    return call


if __name__ == "__main__":
    serve(sys.argv[1])
