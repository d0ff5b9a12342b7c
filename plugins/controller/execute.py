# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying operations out: record, ask the array, settle. Each function handles one noun's operations.

Every change of the array stands between two transactions: the first records what is about to happen (the journal
entry and the row), the second settles it. A process killed anywhere between leaves the entry; plan/settlement.py
says what the next run does about it.
"""

from __future__ import annotations

import dataclasses

from ..module_utils.model.errors import StorageError
from ..module_utils.model.resources import Backend, Snapshot, Source, Volume


class Executor:
    """Carries operations out on one store through one engine.

    :param engine: a function that returns the Engine; called only when something must be carried out.
    :param unprobed: names of backends to register without asking them.
    """

    def __init__(self, store, engine, unprobed=()):
        self._store = store
        self._engine = engine
        self._unprobed = unprobed

    def prepare(self):
        """Load the engine. Call it in the main thread, before threads run operations.

        cinder imports eventlet, which imports a second copy of threading; that copy takes the thread it is made in for the
        main one, and a join of that thread would wait for ever (eventlet 0.40 on CPython 3.11).
        """
        self._engine()

    def run(self, operation):
        """Carry one Operation out. Raises StorageError; then nothing is left over, or the journal knows of it."""
        if operation.noun == "export" or (operation.noun != "backend" and operation.action != "update"):
            self._engine().start(operation.backend)  # an array that cannot be reached is told before anything is recorded
        getattr(self, "_%s_%s" % (operation.action, operation.noun))(operation, operation.arguments)

    def _register_backend(self, operation, arguments):
        backend = Backend(**arguments)
        if backend.name not in self._unprobed:
            pools = self._engine().probe(backend).get("pools", ())
            backend = dataclasses.replace(backend, pools=tuple(pool["pool_name"] for pool in pools))
        with self._store.writing() as writer:
            writer.put_backend(backend)

    _update_backend = _register_backend

    def _delete_backend(self, operation, arguments):
        with self._store.writing() as writer:
            writer.drop_backend(operation.name)

    def _create_volume(self, operation, arguments):
        source = Source(**arguments["source"]) if arguments.get("source") else None
        values = {key: value for key, value in arguments.items() if key != "source"}
        volume = Volume(backend=operation.backend, name=operation.name, source=source, **dict(values, status="creating"))
        with self._store.writing() as writer:
            entry = writer.begin(operation, volume.id)
            writer.add_volume(volume)
        try:
            pool = self._engine().create_volume(volume.id)
        except StorageError as error:
            self._give_up(error, entry, lambda: self._engine().delete_volume(volume.id), lambda writer: writer.drop_volume(volume.id))
        with self._store.writing() as writer:
            writer.change_volume(volume.id, status="available", pool=pool)
            writer.settle(entry)

    def _undo_create_volume(self, operation, arguments):
        self._engine().delete_volume(arguments["id"])
        with self._store.writing() as writer:
            writer.drop_volume(arguments["id"])
            writer.settle(operation.settles)

    def _delete_volume(self, operation, arguments):
        with self._store.writing() as writer:
            entry = writer.begin(operation, arguments["id"])
            writer.change_volume(arguments["id"], status="deleting")
        try:
            self._engine().delete_volume(arguments["id"])
        except StorageError:
            with self._store.writing() as writer:  # the array still has it, so it stays usable
                writer.change_volume(arguments["id"], status="available")
                writer.settle(entry)
            raise
        with self._store.writing() as writer:
            writer.drop_volume(arguments["id"])
            writer.settle(entry)

    def _finish_delete_volume(self, operation, arguments):
        self._undo_create_volume(operation, arguments)

    def _extend_volume(self, operation, arguments):
        with self._store.writing() as writer:
            entry = writer.begin(operation, arguments["id"])
            writer.change_volume(arguments["id"], status="extending")
        try:
            self._engine().extend_volume(arguments["id"], arguments["size"])
        except StorageError:
            with self._store.writing() as writer:
                self._rest(writer, arguments["id"])
                writer.settle(entry)
            raise
        with self._store.writing() as writer:
            self._rest(writer, arguments["id"], size=arguments["size"])
            writer.settle(entry)

    def _finish_extend_volume(self, operation, arguments):
        size = arguments["size"]
        failure = None
        try:
            self._engine().extend_volume(arguments["id"], size)
        except StorageError as error:
            # Many arrays refuse to extend to the size there is; then it was done before the run was killed.
            size, failure = self._engine().size_on_array(arguments["id"]), error
        with self._store.writing() as writer:
            self._rest(writer, arguments["id"], **({"size": size} if size else {}))
            writer.settle(operation.settles)
        if size != arguments["size"]:
            raise StorageError(
                "interrupted",
                "Volume %r was being extended to %d GiB when a run was killed, and that cannot be finished now: %s It counts as having %s; "
                "mend the cause and run the task again."
                % (operation.name, arguments["size"], failure.message, "%d GiB" % size if size else "its size of before"),
            ) from failure

    def _forget_extend_volume(self, operation, arguments):
        with self._store.writing() as writer:
            self._rest(writer, arguments["id"])
            writer.settle(operation.settles)

    def _update_volume(self, operation, arguments):
        with self._store.writing() as writer:
            writer.change_volume(arguments["id"], **{key: value for key, value in arguments.items() if key != "id"})

    def _create_snapshot(self, operation, arguments):
        snapshot = Snapshot(backend=operation.backend, name=operation.name, status="creating", **arguments)
        with self._store.writing() as writer:
            entry = writer.begin(operation, snapshot.id)
            writer.add_snapshot(snapshot)
        try:
            self._engine().create_snapshot(snapshot.id)
        except StorageError as error:
            self._give_up(
                error, entry, lambda: self._engine().delete_snapshot(snapshot.id), lambda writer: writer.drop_snapshot(snapshot.id)
            )
        with self._store.writing() as writer:
            writer.change_snapshot(snapshot.id, status="available")
            writer.settle(entry)

    def _undo_create_snapshot(self, operation, arguments):
        self._engine().delete_snapshot(arguments["id"])
        with self._store.writing() as writer:
            writer.drop_snapshot(arguments["id"])
            writer.settle(operation.settles)

    def _delete_snapshot(self, operation, arguments):
        with self._store.writing() as writer:
            entry = writer.begin(operation, arguments["id"])
            writer.change_snapshot(arguments["id"], status="deleting")
        try:
            self._engine().delete_snapshot(arguments["id"])
        except StorageError:
            with self._store.writing() as writer:
                writer.change_snapshot(arguments["id"], status="available")
                writer.settle(entry)
            raise
        with self._store.writing() as writer:
            writer.drop_snapshot(arguments["id"])
            writer.settle(entry)

    def _finish_delete_snapshot(self, operation, arguments):
        self._undo_create_snapshot(operation, arguments)

    def _update_snapshot(self, operation, arguments):
        with self._store.writing() as writer:
            writer.change_snapshot(arguments["id"], **{key: value for key, value in arguments.items() if key != "id"})

    def _create_export(self, operation, arguments):
        export_id, volume_id, host, connector = (arguments[key] for key in ("id", "volume_id", "host", "connector"))
        with self._store.writing() as writer:
            entry = writer.begin(operation, export_id)
            writer.put_export(export_id, volume_id, host, connector, "exporting")
        try:
            self._engine().create_export(volume_id, connector)
            with self._store.writing() as writer:
                writer.step(entry, "exported")
            connection_info = self._engine().initialize_connection(volume_id, connector)
        except StorageError as error:
            self._give_up(error, entry, lambda: self._unmap(arguments), lambda writer: writer.drop_export(export_id), volume_id)
        with self._store.writing() as writer:
            writer.put_export(export_id, volume_id, host, connector, "exported", connection_info)
            writer.change_volume(volume_id, status="in-use")
            writer.settle(entry)

    def _update_export(self, operation, arguments):
        with self._store.writing() as writer:
            entry = writer.begin(operation, arguments["id"])
        try:
            self._map_again(entry, arguments)
        except StorageError:
            with self._store.writing() as writer:  # the host may be using the export as it was: leave it
                writer.settle(entry)
            raise

    def _finish_update_export(self, operation, arguments):
        self._map_again(operation.settles, arguments)

    def _map_again(self, entry, arguments):
        export_id, volume_id, host, connector = (arguments[key] for key in ("id", "volume_id", "host", "connector"))
        self._engine().create_export(volume_id, connector)
        connection_info = self._engine().initialize_connection(volume_id, connector)
        with self._store.writing() as writer:
            writer.put_export(export_id, volume_id, host, connector, "exported", connection_info)
            writer.settle(entry)

    def _delete_export(self, operation, arguments):
        with self._store.writing() as writer:
            entry = writer.begin(operation, arguments["id"])
        self._unmap(arguments)
        self._forget_export(entry, arguments)

    def _undo_create_export(self, operation, arguments):
        try:
            self._unmap(arguments)
        except StorageError:
            # Some drivers cannot unmap what was only half mapped: bring it to a known state, then take it back.
            connector = self._connector(arguments)
            self._engine().create_export(arguments["volume_id"], connector)
            self._engine().initialize_connection(arguments["volume_id"], connector)
            self._unmap(arguments)
        self._forget_export(operation.settles, arguments)

    _finish_delete_export = _undo_create_export

    def _unmap(self, arguments):
        volume_id = arguments["volume_id"]
        self._engine().terminate_connection(volume_id, self._connector(arguments), force=bool(arguments.get("fenced")))
        with self._store.reading() as reader:
            others = [item for item in reader.driven_exports(volume_ids=[volume_id]) if item.resource.id != arguments["id"]]
        if not others:
            self._engine().remove_export(volume_id)

    def _connector(self, arguments):
        if "connector" in arguments:
            return arguments["connector"]
        with self._store.reading() as reader:
            (driven,) = reader.driven_exports(ids=[arguments["id"]])
        return driven.resource.connector

    def _forget_export(self, entry, arguments):
        with self._store.writing() as writer:
            writer.drop_export(arguments["id"])
            self._rest(writer, arguments["volume_id"])
            writer.settle(entry)

    def _give_up(self, error, entry, undo, forget, volume_id=None):
        """Take back what a failed creation left on the array, then raise ``error``; what cannot be taken back stays in the journal."""
        try:
            undo()
        except StorageError as second:
            raise StorageError(
                error.code,
                "%s What it left could not be taken back either (%s); the next task that names it tries again."
                % (error.message, second.message),
                error.parameter,
            ) from error
        with self._store.writing() as writer:
            forget(writer)
            if volume_id is not None:
                self._rest(writer, volume_id)
            writer.settle(entry)
        raise error

    @staticmethod
    def _rest(writer, volume_id, **values):
        """Give a volume the status it has at rest."""
        writer.change_volume(volume_id, status="in-use" if writer.has_exports(volume_id) else "available", **values)
