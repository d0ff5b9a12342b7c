# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the metadata store: rows to the model's records. Needs no cinder."""

from __future__ import annotations

import dataclasses
import itertools
import json

import sqlalchemy as sa

from ...module_utils.model.backups import Repository
from ...module_utils.model.identity import GENERATIONS, NAMESPACE, derive_id
from ...module_utils.model.resources import Backend, GroupSnapshot, Snapshot, Source, Unsettled, Volume
from ...module_utils.plan.landscape import Landscape
from . import contents, marks, tables
from .twins import exported_at, exports_to, mapping

_CHUNK = 500  # SQLite takes at most 999 bound values in old builds


@dataclasses.dataclass(frozen=True)
class Driven:
    """A volume, snapshot or export with what its driver wants to find again (secrets included, so never shown)."""

    resource: object
    data: dict = dataclasses.field(default_factory=dict, repr=False)
    created_at: object = None


class Reader:
    """Questions to the store over one connection; a :class:`Vault` opens the secrets."""

    def __init__(self, connection, vault):
        self.connection = self._connection = connection
        self._vault = vault

    def backends(self):
        """Return every Backend, by name."""
        return [self._backend(row) for row in sorted(self._connection.execute(sa.select(tables.backends)).mappings(), key=lambda row: row["name"])]

    def backend(self, name):
        """Return the Backend of this name. Raises KeyError where there is none."""
        row = self._connection.execute(sa.select(tables.backends).where(tables.backends.c.name == name)).mappings().first()
        if row is None:
            raise KeyError(name)
        return self._backend(row)

    def repositories(self):
        """Return every Repository of backups, by name."""
        rows = self._connection.execute(sa.select(tables.repositories).order_by(tables.repositories.c.name)).mappings()
        return [Repository(row["name"], row["location"], row["environment"], **self._vault.decrypt(row["secrets"])) for row in rows]

    def count_volumes(self, backend):
        """Return how many volumes (int) the store has on ``backend``."""
        return self._connection.scalar(sa.select(sa.func.count()).select_from(tables.volumes).where(tables.volumes.c.backend == backend))

    def driven_volumes(self, ids=None, backend=None, name=None):
        """Return Driven volumes, all of them or those with these ids, on this backend, of this name."""
        query = sa.select(tables.volumes)
        rows = self._rows_in_order(query, tables.volumes.c.id, ids, {tables.volumes.c.backend: backend, tables.volumes.c.name: name})
        if ids is None and name is None:  # many of them: one query for their hosts, not thousands of values
            hosts = _grouped(self._connection.execute(sa.select(tables.exports.c.volume_id, tables.exports.c.host)))
        else:
            hosts = {}
            for part in _chunks([row["id"] for row in rows]):
                hosts.update(
                    _grouped(
                        self._connection.execute(
                            sa.select(tables.exports.c.volume_id, tables.exports.c.host).where(tables.exports.c.volume_id.in_(part))
                        )
                    )
                )
        return [self._volume(row, hosts.get(row["id"], ())) for row in rows]

    def driven_group_snapshots(self, ids=None, group_id=None, backend=None, name=None):
        """Return Driven group snapshots with their members, all of them or those with these ids, of this group, on this backend, of this name."""
        columns = tables.group_snapshots.c
        filters = {columns.backend: backend, columns.name: name, columns.group_id: group_id}
        rows = self._rows_in_order(sa.select(tables.group_snapshots), columns.id, ids, filters)
        members = {}
        for item in self.driven_snapshots(group_snapshot_ids=[row["id"] for row in rows]):
            members.setdefault(item.resource.group_snapshot_id, []).append(item.resource)
        found = []
        for row in rows:
            keys = ("id", "backend", "name", "group_id", "status", "description", "metadata")
            its = tuple(sorted(members.get(row["id"], ()), key=lambda item: (item.volume_name, item.id)))
            found.append(Driven(GroupSnapshot(members=its, **{key: row[key] for key in keys}), {}, row["created_at"]))
        return found

    def driven_snapshots(self, ids=None, volume_ids=None, backend=None, name=None, group_snapshot_ids=None):
        """Return Driven snapshots, all of them or those with these ids, of these volumes, on this backend, of this name, of these group snapshots."""
        group_name = tables.group_snapshots.c.name.label("group_snapshot")
        query = (
            sa.select(tables.snapshots, tables.volumes.c.name.label("volume_name"), group_name)
            .join(tables.volumes, tables.volumes.c.id == tables.snapshots.c.volume_id)
            .outerjoin(tables.group_snapshots, tables.group_snapshots.c.id == tables.snapshots.c.group_snapshot_id)
        )
        column, values = (tables.snapshots.c.volume_id, volume_ids) if ids is None else (tables.snapshots.c.id, ids)
        if group_snapshot_ids is not None:
            column, values = tables.snapshots.c.group_snapshot_id, group_snapshot_ids
        return [
            self._snapshot(row)
            for row in self._rows_in_order(query, column, values, {tables.snapshots.c.backend: backend, tables.snapshots.c.name: name})
        ]

    def driven_exports(self, ids=None, volume_ids=None, host=None):
        """Return Driven exports, all of them or those with these ids, of these volumes, to this host; ``data`` is their connection_info."""
        query = sa.select(tables.exports, tables.volumes.c.name.label("volume_name"), tables.volumes.c.backend).join(
            tables.volumes, tables.volumes.c.id == tables.exports.c.volume_id
        )
        column, values = (tables.exports.c.volume_id, volume_ids) if ids is None else (tables.exports.c.id, ids)
        return [self._export(row) for row in self._rows(query, column, values, {tables.exports.c.host: host})]

    def exported_at(self, volume_ids):
        """Return {volume's id: {host: when it was exported there}} of the volumes with these ids."""
        found, columns = {}, tables.exports.c
        for row in self._rows(sa.select(columns.volume_id, columns.host, columns.created_at), columns.volume_id, volume_ids, {}):
            found.setdefault(row["volume_id"], {})[row["host"]] = exported_at(row["created_at"])
        return found

    def protocol(self, backend):
        """Return how hosts reach a backend's volumes, by what its driver said of any that is exported (``iscsi``); ``""`` where none is."""
        query = sa.select(tables.exports.c.connection).join(tables.volumes, tables.volumes.c.id == tables.exports.c.volume_id)
        row = self._connection.execute(query.where(tables.volumes.c.backend == backend, tables.exports.c.connection.is_not(None)).limit(1)).first()
        return self._vault.decrypt(row.connection).get("driver_volume_type", "") if row else ""

    def landscape(self, keys, identities=()):
        """Return the Landscape that concerns ``keys``, a set of (noun, backend, name or id).

        It holds the volumes, snapshots and group snapshots named, the volumes of those snapshots, every snapshot and export of
        these volumes with the group snapshots that they are of, exports to hosts of the given names, and what nobody settled of all
        of them. With a backup or an image that a killed run was making comes what it was of.
        """
        journal, (namespace, *former) = self.unsettled(), self.namespaces()
        keys = set(keys) | {record.read_from for record in _those(journal, keys) if record.read_from}
        volumes, snapshots, groups = {}, {}, {}
        for noun, table, found in (
            ("volume", tables.volumes, volumes),
            ("snapshot", tables.snapshots, snapshots),
            ("group_snapshot", tables.group_snapshots, groups),
        ):
            names = {}
            for key_noun, backend, name in keys:
                if key_noun == noun:
                    names.setdefault(backend, set()).add(name)
            ids = set()
            for backend, wanted in names.items():
                for part in _chunks(sorted(wanted)):
                    query = sa.select(table.c.id).where(table.c.backend == backend, sa.or_(table.c.name.in_(part), table.c.id.in_(part)))
                    ids.update(self._connection.scalars(query))
            found.update(dict.fromkeys(ids))
        for item in self.driven_group_snapshots(ids=list(groups)):
            snapshots.update((member.id, member) for member in item.resource.members)
        for item in self.driven_snapshots(ids=list(snapshots)):
            snapshots[item.resource.id] = item.resource
            volumes.setdefault(item.resource.volume_id)
        driven = self.driven_volumes(ids=list(volumes))
        for item in sorted(self.driven_snapshots(volume_ids=list(volumes)), key=lambda item: item.created_at):
            snapshots.pop(item.resource.id, None)
            snapshots[item.resource.id] = item.resource  # the oldest first
        groups.update(dict.fromkeys(item.group_snapshot_id for item in snapshots.values() if item.group_snapshot_id))
        for item in self.driven_group_snapshots(ids=list(groups)):
            groups[item.resource.id] = item.resource
            for member in item.resource.members:
                snapshots.setdefault(member.id, member)
        exports = {item.resource.id: item.resource for item in self.driven_exports(volume_ids=list(volumes))}
        exports.update((item.id, item) for item in exports_to(self._connection, identities) if item.id not in exports)
        related = set(volumes) | set(snapshots) | set(exports) | set(groups)
        return Landscape(
            backends=self.backends(),
            volumes=[item.resource for item in driven],
            snapshots=snapshots.values(),
            mappings=exports.values(),
            unsettled=_those(journal, keys | {("backend", backend, backend) for _noun, backend, _name in keys}, related),
            taken_ids=self._taken_ids(keys, namespace),
            repositories=self.repositories(),
            namespace=namespace,
            former_namespaces=former,
            group_snapshots=[dataclasses.replace(item, members=()) for item in groups.values()],
        )

    def adopted(self, noun, backend, reference):
        """Return the name of the ``volume`` or ``snapshot`` that stands for what the array calls ``reference``, or None."""
        table = {"volume": tables.volumes, "snapshot": tables.snapshots}[noun]
        for row in self._connection.execute(sa.select(table.c.id, table.c.name, table.c.adopted_from).where(table.c.backend == backend)):
            if row.adopted_from == reference or any(row.id in value for value in reference.values()):
                return row.name
        return None

    def unsettled(self, keys=None, resource_ids=()):
        """Return Unsettled records: all of them, or those of these keys and ids."""
        rows = self._connection.execute(sa.select(tables.operations).order_by(tables.operations.c.started_at)).mappings()
        records = [_unsettled(row) for row in rows]
        return records if keys is None else _those(records, set(keys), resource_ids)

    def bears(self, volume_id):
        """Tell whether a volume has this id, has an object on an array that was made under it (``_name_id``), or left one there for good."""
        columns = tables.volumes.c
        object_id = columns.driver_data["_name_id"].as_string()
        found = sa.select(columns.id).where(sa.or_(columns.id == volume_id, object_id == volume_id))
        left = sa.select(tables.released.c.id).where(tables.released.c.id == volume_id)
        return self._connection.execute(found.union_all(left)).first() is not None

    def released(self):
        """Return the ids (set) that the array may keep something under that is no longer in the store."""
        return set(self._connection.scalars(sa.select(tables.released.c.id)))

    def operation(self, entry):
        """Return the Unsettled record with this id."""
        return _unsettled(self._connection.execute(sa.select(tables.operations).where(tables.operations.c.id == entry)).mappings().one())

    def started(self):
        """Return {id of an unsettled operation: when it began}."""
        return dict(self._connection.execute(sa.select(tables.operations.c.id, tables.operations.c.started_at)).tuples().all())

    def namespaces(self):
        """Return the namespaces of ids (str): this store's own, or the one that all old stores share, then those of stores that went before it."""
        found = contents.marks_of(self._connection, (marks.NAMESPACE, marks.FORMER))
        return (found.get(marks.NAMESPACE, NAMESPACE), *json.loads(found.get(marks.FORMER, "[]")))

    def former_ids(self, noun, backend, name):
        """Return the ids under which a store that went before this one made a thing that this one does not know, if it made one of this name."""
        found = []
        for namespace in self.namespaces()[1:]:
            derived = (derive_id(noun, backend, name, generation, namespace) for generation in range(GENERATIONS))
            found += itertools.islice((identity for identity in derived if not self._is_known(identity)), 1)
        return found

    def _is_known(self, identity):
        return self.bears(identity) or bool(self._borne_or_buried(tables.snapshots, {identity: None}))

    def check(self):
        """Let SQLite look through its own file. Return "ok" or what it finds."""
        return str(self._connection.exec_driver_sql("PRAGMA quick_check(3)").scalar())

    def key_values(self, key=None):
        """Return {key: value} of what drivers keep for themselves."""
        query = sa.select(tables.key_values).where(~tables.key_values.c.key.startswith(marks.PREFIX))
        if key:
            query = query.where(tables.key_values.c.key == key)
        return {row.key: row.value for row in self._connection.execute(query)}

    def _taken_ids(self, keys, namespace):
        """Ids that a name would derive but that another thing bears (renamed or migrated since), or that the array may keep (released).

        A name that was given again and again, as a nightly clone's, is traced in growing strides.
        """
        taken = set()
        for noun, table in (("volume", tables.volumes), ("snapshot", tables.snapshots), ("group_snapshot", tables.group_snapshots)):
            named = [(backend, name) for key_noun, backend, name in keys if key_noun == noun]
            first, stride = 0, 1
            while named:
                generations = range(first, first + stride)
                derived = {derive_id(noun, *key, generation, namespace): key for key in named for generation in generations}
                found = self._borne_or_buried(table, derived)
                taken |= found
                named = [key for key in named if all(derive_id(noun, *key, generation, namespace) in found for generation in generations)]
                first, stride = first + stride, stride * 4
        return taken

    def _borne_or_buried(self, table, derived):
        """Return those of ``derived``, {id: (backend, name)}, that something of another name bears or that the array may keep."""
        found = set()
        for part in _chunks(sorted(derived)):
            borne = self._connection.execute(sa.select(table.c.id, table.c.backend, table.c.name).where(table.c.id.in_(part)))
            found |= {row.id for row in borne if (row.backend, row.name) != derived[row.id]}
            found.update(self._connection.scalars(sa.select(tables.released.c.id).where(tables.released.c.id.in_(part))))
        return found

    def _rows_in_order(self, *question):
        """Return rows by backend and name, in the same order whatever the database's collation."""
        return sorted(self._rows(*question), key=lambda row: (row["backend"], row["name"]))

    def _rows(self, query, column, values, filters):
        for filter_column, value in filters.items():
            if value is not None:
                query = query.where(filter_column == value)
        if values is None:
            return list(self._connection.execute(query).mappings())
        rows = []
        for part in _chunks(list(values)):
            rows.extend(self._connection.execute(query.where(column.in_(part))).mappings())
        return rows

    def _backend(self, row):
        secrets, pools = self._vault.decrypt(row["secrets"]), tuple(row["pools"])
        return Backend(row["name"], row["driver"], row["options"], secrets, pools, row["max_parallel"], row["failed_over_to"])

    def _volume(self, row, hosts):
        source = Source(**row["source"]) if row["source"] else None
        volume = Volume(
            source=source,
            attached_to=tuple(sorted(hosts)),
            replication_status=row["driver_data"].get("replication_status"),
            previous_status=row["driver_data"].get("previous_status"),
            **{
                key: row[key]
                for key in (
                    "id",
                    "backend",
                    "name",
                    "size",
                    "status",
                    "description",
                    "metadata",
                    "extra_specs",
                    "qos_specs",
                    "pool",
                    "restored",
                    "reverted_to",
                    "adopted_from",
                )
            },
        )
        return Driven(volume, self._data(row), row["created_at"])

    def _snapshot(self, row):
        keys = ("id", "backend", "name", "volume_id", "volume_name", "size", "status", "description", "metadata", "adopted_from")
        groups = ("group_snapshot_id", "group_snapshot")
        return Driven(Snapshot(**{key: row[key] for key in keys + groups}), self._data(row), row["created_at"])

    def _export(self, row):
        return Driven(mapping(row), self._vault.decrypt(row["connection"]) if row["connection"] else {}, row["created_at"])

    def _data(self, row):
        return dict(row["driver_data"], **(self._vault.decrypt(row["secrets"]) if row["secrets"] else {}))


def _those(records, keys, resource_ids=()):
    return [record for record in records if record.resource_id in resource_ids or (record.noun, record.backend, record.name) in keys]


def _unsettled(row):
    keys = ("noun", "action", "backend", "name", "resource_id", "arguments", "step", "started_at")
    return Unsettled(row["id"], **{key: row[key] for key in keys})


def _chunks(values):
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _grouped(rows):
    result = {}
    for key, value in rows:
        result.setdefault(key, []).append(value)
    return result
