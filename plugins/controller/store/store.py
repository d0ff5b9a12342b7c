# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata store: reading, and writing in transactions that carry their journal entry with them."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import uuid

import sqlalchemy as sa

from ...module_utils.model.errors import StorageError
from ...module_utils.model.resources import left_behind
from ...module_utils.plan.exports import identities
from . import contents, database, marks, tables
from .reading import Reader
from .twins import exports_to

# What a driver keeps in these fields opens the array or a LUN, so it is encrypted.
SECRET_DRIVER_FIELDS = ("provider_auth", "replication_driver_data")


class Store:
    """One database, one vault.

    :param guard: called before a transaction of a writer ends; raises when the writer must not go on, as its locks are lost.
    """

    def __init__(self, engine, vault, guard=lambda: None):
        self.engine = engine
        self.vault = vault
        self._guard = guard

    @contextlib.contextmanager
    def reading(self):
        """Yield a Reader with one consistent view. Raises StorageError ``store`` when the database fails or was moved away."""
        with database.speaking(self.engine):
            with self.engine.begin() as connection:
                self._require_open(connection)  # or whoever waited while it was moved settles what the new one settles
                yield Reader(connection, self.vault)

    @contextlib.contextmanager
    def writing(self):
        """Yield a Writer whose changes appear together at the end, or not at all. Raises StorageError ``store`` or ``conflict``."""
        with database.writing(self.engine) as connection, contextlib.ExitStack() as before_commit:
            self._require_open(connection)
            before_commit.push(self._check)
            yield Writer(connection, self.vault)

    def _require_open(self, connection):
        """Raise StorageError unless the store is still the one that was opened: it may have been moved or migrated since."""
        database.require(database.revision_in(connection), self.engine.url)

    def _check(self, failure, _error, _traceback):
        if failure is None:
            self.check_locks()

    def check_locks(self):
        """Raise StorageError ``store`` where this run's locks are lost: others may be at work on the same things, and undoing would undo theirs."""
        self._guard()

    def check_key(self):
        """Raise StorageError ``invalid`` unless the vault's key is the one that this store's secrets were encrypted with.

        A store that was just made gets what is its own: the mark of its key, and the namespace of its ids.
        """
        with self.reading() as reader:
            token = contents.mark(reader.connection, marks.KEY_CHECK)
        if token is None:
            with self.writing() as writer:
                contents.set_mark(writer.connection, marks.KEY_CHECK, self.vault.encrypt({}))
                if next(contents.rows(writer.connection), None) is None:
                    contents.set_mark(writer.connection, marks.NAMESPACE, str(uuid.uuid4()))
        elif not self.vault.opens(token):
            raise StorageError(
                "invalid",
                "key_file: what it holds is not the key of this store. Put the key there that the store's other controllers have.",
                "key_file",
            )


class Writer:
    """Changes within one transaction."""

    def __init__(self, connection, vault):
        self.connection = self._connection = connection
        self._vault = vault

    def begin(self, operation, resource_id):
        """Record an operation before the array is asked (write-ahead). Return the record's id."""
        entry = str(uuid.uuid4())
        self._connection.execute(
            tables.operations.insert().values(
                id=entry,
                noun=operation.noun,
                action=operation.action,
                backend=operation.backend,
                name=operation.name,
                resource_id=resource_id,
                arguments=operation.arguments,
                step="begun",
                started_at=database.now(),
            )
        )
        return entry

    def step(self, entry, step):
        """Record how far an operation got."""
        self._connection.execute(tables.operations.update().where(tables.operations.c.id == entry).values(step=step))

    def step_of(self, entry):
        """Return how far an operation got."""
        return self._connection.scalar(sa.select(tables.operations.c.step).where(tables.operations.c.id == entry))

    def note(self, entry, arguments):
        """Record what an operation learned on its way and needs in order to be settled; secrets as the vault's tokens."""
        self._connection.execute(tables.operations.update().where(tables.operations.c.id == entry).values(arguments=arguments))

    def settle(self, entry):
        """Take an operation's record away: it ended, well or badly, and nothing is left to do."""
        self._connection.execute(tables.operations.delete().where(tables.operations.c.id == entry))

    def put_backend(self, backend):
        """Insert or change a Backend."""
        values = {
            "driver": backend.driver,
            "options": backend.options,
            "secrets": self._vault.encrypt(backend.secret_options),
            "pools": list(backend.pools),
            "max_parallel": backend.max_parallel,
        }
        changed = self._connection.execute(tables.backends.update().where(tables.backends.c.name == backend.name).values(**values))
        if not changed.rowcount:
            self._connection.execute(tables.backends.insert().values(name=backend.name, **values))

    def count_volumes(self, backend):
        """Return how many volumes (int) the store has on ``backend``."""
        return Reader(self._connection, self._vault).count_volumes(backend)

    def set_pools(self, name, pools):
        """Remember the pools of a backend; nothing else of it is touched."""
        self._connection.execute(tables.backends.update().where(tables.backends.c.name == name).values(pools=list(pools)))

    def set_failed_over(self, name, target):
        """Record which replication target serves a backend; ``None`` for the array that its options name."""
        self._connection.execute(tables.backends.update().where(tables.backends.c.name == name).values(failed_over_to=target))

    def drop_backend(self, name):
        """Delete a backend's row; refused by the database while volumes refer to it."""
        self._connection.execute(tables.backends.delete().where(tables.backends.c.name == name))

    def put_repository(self, repository):
        """Insert or change a Repository of backups."""
        secrets = {"password": repository.password, "secret_environment": repository.secret_environment}
        values = {"location": repository.location, "environment": repository.environment, "secrets": self._vault.encrypt(secrets)}
        table = tables.repositories
        if not self._connection.execute(table.update().where(table.c.name == repository.name).values(**values)).rowcount:
            self._connection.execute(table.insert().values(name=repository.name, **values))

    def drop_repository(self, name):
        """Delete a repository's row."""
        self._connection.execute(tables.repositories.delete().where(tables.repositories.c.name == name))

    def add_volume(self, volume):
        """Insert a Volume."""
        values = dataclasses.asdict(volume)
        for key in ("attached_to", "replication_status", "previous_status"):  # other tables' and the driver's
            values.pop(key)
        self._connection.execute(tables.volumes.insert().values(driver_data={}, created_at=database.now(), **values))

    def add_snapshot(self, snapshot):
        """Insert a Snapshot."""
        values = dataclasses.asdict(snapshot)
        for shown in ("volume_name", "group_snapshot"):
            values.pop(shown)
        self._connection.execute(tables.snapshots.insert().values(driver_data={}, created_at=database.now(), **values))

    def add_group_snapshot(self, group_snapshot):
        """Insert a GroupSnapshot with its members."""
        values = dataclasses.asdict(group_snapshot)
        values.pop("members")
        self._connection.execute(tables.group_snapshots.insert().values(created_at=database.now(), **values))
        for member in group_snapshot.members:
            self.add_snapshot(member)

    def change_volume(self, volume_id, **values):
        """Change columns of a volume."""
        self._connection.execute(tables.volumes.update().where(tables.volumes.c.id == volume_id).values(**values))

    def exchange_objects(self, volume_id, other_id):
        """Let two volumes have each other's objects on the arrays, and what their types are; all else stays with the volume, ``volume_id``.

        Cinder's ``_name_id`` tells a driver which id the object was made under.
        """
        query = sa.select(tables.volumes).where(tables.volumes.c.id.in_((volume_id, other_id)))
        rows = {row["id"]: row for row in self._connection.execute(query).mappings()}
        for mine, its in ((other_id, volume_id), (volume_id, other_id)):
            data = dict(rows[its]["driver_data"])
            made_under = data.pop("_name_id", None) or its
            if made_under != mine:
                data["_name_id"] = made_under
            values = {key: rows[its][key] for key in ("backend", "pool", "extra_specs", "qos_specs", "secrets")}
            self.change_volume(mine, driver_data=data, **values)
        backend, adopted_from = rows[volume_id]["backend"], rows[volume_id]["adopted_from"]
        if adopted_from and rows[other_id]["backend"] != backend:
            self.change_volume(volume_id, adopted_from=left_behind(adopted_from, backend))

    def change_snapshot(self, snapshot_id, **values):
        """Change columns of a snapshot."""
        self._connection.execute(tables.snapshots.update().where(tables.snapshots.c.id == snapshot_id).values(**values))

    def change_group_snapshot(self, identity, **values):
        """Change columns of a group snapshot."""
        self._connection.execute(tables.group_snapshots.update().where(tables.group_snapshots.c.id == identity).values(**values))

    def drop_group_snapshot(self, identity):
        """Delete a group snapshot's row and those of its members."""
        members = sa.select(tables.snapshots.c.id).where(tables.snapshots.c.group_snapshot_id == identity)
        for member in self._connection.scalars(members).all():
            self.drop_snapshot(member)
        self._connection.execute(tables.group_snapshots.delete().where(tables.group_snapshots.c.id == identity))

    def rename(self, noun, resource_id, name):
        """Give a ``volume``, ``snapshot`` or ``group_snapshot`` another name, also where volumes remember it as their source."""
        table = {"volume": tables.volumes, "snapshot": tables.snapshots, "group_snapshot": tables.group_snapshots}[noun]
        self._connection.execute(table.update().where(table.c.id == resource_id).values(name=name))
        source = tables.volumes.c.source
        born = sa.and_(source["kind"].as_string() == noun, source["id"].as_string() == resource_id)
        for row in self._connection.execute(sa.select(tables.volumes.c.id, source.label("source")).where(born)).mappings().all():
            self._connection.execute(
                tables.volumes.update().where(tables.volumes.c.id == row["id"]).values(source=dict(row["source"], name=name))
            )

    def set_driver_data(self, noun, resource_id, data):
        """Keep what a driver wants to find again of a ``volume`` or ``snapshot``; secret fields encrypted."""
        table = {"volume": tables.volumes, "snapshot": tables.snapshots}[noun]
        secrets = {key: data[key] for key in SECRET_DRIVER_FIELDS if data.get(key) is not None}
        shown = {key: value for key, value in data.items() if key not in SECRET_DRIVER_FIELDS}
        self._connection.execute(
            table.update()
            .where(table.c.id == resource_id)
            .values(driver_data=shown, secrets=self._vault.encrypt(secrets) if secrets else None)
        )

    def drop_volume(self, volume_id):
        """Delete a volume's row; refused by the database while snapshots or exports refer to it."""
        self._connection.execute(tables.volumes.delete().where(tables.volumes.c.id == volume_id))

    def drop_snapshot(self, snapshot_id):
        """Delete a snapshot's row; what was reverted to it may be called so no longer, since another may get its id."""
        volume = sa.select(tables.snapshots.c.volume_id).where(tables.snapshots.c.id == snapshot_id).scalar_subquery()
        reverted = sa.and_(tables.volumes.c.id == volume, tables.volumes.c.reverted_to == snapshot_id)
        self._connection.execute(tables.volumes.update().where(reverted).values(reverted_to=None))
        self._connection.execute(tables.snapshots.delete().where(tables.snapshots.c.id == snapshot_id))

    def status_of(self, noun, resource_id):
        """Return the status of a ``volume``, ``snapshot`` or ``group_snapshot``, or None where there is no such row."""
        table = {"volume": tables.volumes, "snapshot": tables.snapshots, "group_snapshot": tables.group_snapshots}[noun]
        return self._connection.scalar(sa.select(table.c.status).where(table.c.id == resource_id))

    def adopted(self, noun, backend, reference):
        """Return the name of what stands for ``reference`` by now (Reader.adopted)."""
        return Reader(self._connection, self._vault).adopted(noun, backend, reference)

    def bury(self, noun, resource_id, backend, name):
        """Remember an id that the array may keep something under for longer than we do, so that nothing else gets it."""
        known = sa.select(tables.released.c.id).where(tables.released.c.id == resource_id)
        if self._connection.execute(known).first() is None:
            values = {"id": resource_id, "noun": noun, "backend": backend, "name": name}
            self._connection.execute(tables.released.insert().values(released_at=database.now(), **values))

    def put_export(self, export_id, volume_id, host, connector, status, connection_info=None):
        """Insert or change an export; connection_info is encrypted."""
        values = {
            "volume_id": volume_id,
            "host": host,
            "connector": connector,
            "status": status,
            "connection": self._vault.encrypt(connection_info) if connection_info else None,
        }
        changed = self._connection.execute(tables.exports.update().where(tables.exports.c.id == export_id).values(**values))
        if not changed.rowcount:
            self._connection.execute(tables.exports.insert().values(id=export_id, created_at=self._later_than_all(), **values))
        self._connection.execute(tables.export_names.delete().where(tables.export_names.c.export_id == export_id))
        names = [{"export_id": export_id, "name": name} for name in sorted(identities(connector))]
        if names:
            self._connection.execute(tables.export_names.insert(), names)

    def renew_export(self, export_id):
        """Give an export a later time: so whoever was told the one it had means another export."""
        columns = tables.exports.c
        before = self._connection.scalar(sa.select(columns.created_at).where(columns.id == export_id))
        moment = self._later_than_all(before)
        self._connection.execute(tables.exports.update().where(columns.id == export_id).values(created_at=moment))

    def _later_than_all(self, known=None):
        """Return the time, but later than that of every export there was, and than ``known``: nodes tell by it which of two came first."""
        last = contents.mark(self._connection, marks.LAST_EXPORT)
        moments = [known, last and datetime.datetime.fromisoformat(last)]
        moment = max([database.now()] + [moment + datetime.timedelta(microseconds=1) for moment in moments if moment])
        contents.set_mark(self._connection, marks.LAST_EXPORT, moment.isoformat())
        return moment

    def exports_to(self, names):
        """Return the Mappings to hosts that arrays know by one of these names."""
        return exports_to(self._connection, names)

    def mark_exports(self, volume_ids, status):
        """Give all exports of these volumes a status."""
        for volume_id in volume_ids:
            self._connection.execute(tables.exports.update().where(tables.exports.c.volume_id == volume_id).values(status=status))

    def has_exports(self, volume_id):
        """Tell whether any export of a volume is recorded."""
        return (
            self._connection.execute(sa.select(tables.exports.c.id).where(tables.exports.c.volume_id == volume_id).limit(1)).first()
            is not None
        )

    def drop_export(self, export_id):
        """Delete an export's row."""
        self._connection.execute(tables.export_names.delete().where(tables.export_names.c.export_id == export_id))
        self._connection.execute(tables.exports.delete().where(tables.exports.c.id == export_id))

    def set_key_value(self, key, value):
        """Keep a driver's own key; ``None`` drops it."""
        self._connection.execute(tables.key_values.delete().where(tables.key_values.c.key == key))
        if value is not None:
            self._connection.execute(tables.key_values.insert().values(key=key, value=value))
