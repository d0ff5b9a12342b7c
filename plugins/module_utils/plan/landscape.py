# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is, as far as a request touches it, and what it will be after operations."""

from __future__ import annotations

import dataclasses

from ..model.errors import missing_parent
from ..model.identity import derive_id, derived_from
from .effects import EFFECTS


class Landscape:
    """What is, as far as a request touches it. Treated as immutable: :meth:`after` returns a new one.

    :param snapshots: oldest first.
    """

    def __init__(
        self,
        backends=(),
        volumes=(),
        snapshots=(),
        mappings=(),
        unsettled=(),
        taken_ids=(),
        images=(),
        offers=None,
        repositories=(),
        backups=(),
        unreachable=None,
        namespace=None,
        group_snapshots=(),
        born=None,
        former_namespaces=(),
        formats=None,
    ):
        self.backends = {backend.name: backend for backend in backends}
        self.volumes = {volume.id: volume for volume in volumes}
        self.snapshots = {snapshot.id: snapshot for snapshot in snapshots}
        self.mappings = {mapping.id: mapping for mapping in mappings}
        self.unsettled = {record.operation_id: record for record in unsettled}
        self.taken_ids = frozenset(taken_ids)
        self.images = {image.path: image for image in images}
        self.offers = dict(offers or {})  # {ImageSource: Offer or Refusal} of images to make volumes from, {path: Refusal} where none can be
        self.repositories = {repository.name: repository for repository in repositories}
        self.backups = {(backup.repository, backup.name): backup for backup in backups}
        self.unreachable = dict(unreachable or {})  # repository's name: why its backups are not known
        self.namespace = namespace  # the store's, from which ids are derived
        self.former_namespaces = tuple(former_namespaces)  # of the stores that went before it: things keep the ids that they have from there
        self.group_snapshots = {item.id: item for item in group_snapshots}  # without their members, which are among the snapshots
        self.born = dict(born or {})  # {volume's id: when it was made} where that matters, since ids are given again
        self.formats = dict(formats or {})  # {volume's id: in which format its driver keeps it in a file, as far as it has noted that} where that matters

    def copy(self):
        """Return a landscape that can be changed without changing this one."""
        return Landscape(
            self.backends.values(),
            self.volumes.values(),
            self.snapshots.values(),
            self.mappings.values(),
            self.unsettled.values(),
            self.taken_ids,
            self.images.values(),
            self.offers,
            self.repositories.values(),
            self.backups.values(),
            self.unreachable,
            self.namespace,
            self.group_snapshots.values(),
            self.born,
            self.former_namespaces,
            self.formats,
        )

    def backend(self, name):
        """Return the backend called ``name``. Raises StorageError ``not_found`` that lists those there are."""
        if name not in self.backends:
            known = ", ".join(sorted(self.backends)) or "none"
            raise missing_parent(
                "backend", "%r is not registered on this controller (registered: %s). Register it with legacy_backend." % (name, known)
            )
        return self.backends[name]

    def volume(self, backend, name_or_id):
        """Return the volume with that name or id on ``backend``, or None."""
        return _find(self.volumes, backend, name_or_id)

    def snapshot(self, backend, name_or_id):
        """Return the snapshot with that name or id on ``backend``, or None."""
        return _find(self.snapshots, backend, name_or_id)

    def group_snapshot(self, backend, name_or_id):
        """Return the group snapshot with that name or id on ``backend``, with its members, or None."""
        found = _find(self.group_snapshots, backend, name_or_id)
        if found is None:
            return None
        members = [item for item in self.snapshots.values() if item.group_snapshot_id == found.id]
        return dataclasses.replace(found, members=tuple(sorted(members, key=lambda item: (item.volume_name, item.id))))

    def backup(self, repository, name):
        """Return the backup of that name in ``repository``, or None. Raises StorageError where the repository cannot tell."""
        if repository not in self.repositories:
            known = ", ".join(sorted(self.repositories)) or "none"
            raise missing_parent(
                "repository",
                "%r is not registered on this controller (registered: %s). Register it with legacy_backup_repository."
                % (repository, known),
            )
        if repository in self.unreachable:
            raise self.unreachable[repository]
        return self.backups.get((repository, name))

    def snapshots_of(self, volume):
        """Return the snapshots of a volume, by name."""
        return sorted((item for item in self.snapshots.values() if item.volume_id == volume.id), key=lambda item: item.name)

    def newer_snapshots(self, snapshot):
        """Return the snapshots of the same volume that were taken after ``snapshot``, oldest first: the order in which they came here."""
        line = [item for item in self.snapshots.values() if item.volume_id == snapshot.volume_id]
        return line[[item.id for item in line].index(snapshot.id) + 1 :]

    def mapping(self, volume, host):
        """Return the export of ``volume`` to ``host``, or None."""
        return next((item for item in self.mappings.values() if item.volume_id == volume.id and item.host == host), None)

    def mappings_of(self, volume):
        """Return the exports of a volume, by host."""
        return sorted((item for item in self.mappings.values() if item.volume_id == volume.id), key=lambda item: item.host)

    def free_id(self, noun, backend, name, avoid=""):
        """Return the id that a new thing called ``name`` gets: derived from it, borne by nothing else and no part of ``avoid``."""
        generation = 0
        while True:
            candidate = derive_id(noun, backend, name, generation, self.namespace)
            if (
                candidate not in self.taken_ids
                and candidate not in avoid
                and candidate not in self.volumes
                and candidate not in self.snapshots
                and candidate not in self.group_snapshots
            ):
                return candidate
            generation += 1

    def made_as(self, noun, backend, name, identity):
        """Tell whether ``identity`` is what a noun called ``name`` got when it was made, in this store or one that went before it."""
        return any(derived_from(noun, backend, name, identity, namespace) for namespace in (self.namespace, *self.former_namespaces))

    def after(self, operations):
        """Return the landscape as it will be once ``operations`` have been carried out."""
        result = self.copy()
        for operation in operations:
            EFFECTS[operation.noun](result, operation)
            if operation.settles:
                result.unsettled.pop(operation.settles, None)
        return result


def _find(table, backend, name_or_id):
    by_id = table.get(name_or_id)
    if by_id is not None and by_id.backend == backend:
        return by_id
    return next((item for item in table.values() if item.backend == backend and item.name == name_or_id), None)
