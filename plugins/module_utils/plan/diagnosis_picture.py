# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the doctor looks at, and what it finds: the records that the other files of the diagnosis pass on. No I/O, no clock."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model.resources import GroupSnapshot, Mapping, Snapshot, Unsettled, Volume

SEVERITIES = ("error", "warning", "note")
_SHOWN = 5  # names listed of many


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    :param severity: ``error`` (data or access is in danger, or something does not work), ``warning`` (something is left over
        or about to go wrong) or ``note`` (could not be compared).
    :param check: a stable word for the kind of finding.
    :param where: what it is about, as in ``volume one/data``.
    :param problem: what is wrong. :param remedy: what would mend it.
    :param mend: what the doctor can do itself, or None: ("settle", operation's id), ("unexport", export's id), ("protect", path) or
        ("forget", (repository, run that left a content there)).
    """

    severity: str
    check: str
    where: str
    problem: str
    remedy: str
    mend: t.Optional[t.Tuple[str, t.Any]] = None

    def to_public(self):
        """Return what a task shows."""
        shown = {key: getattr(self, key) for key in ("severity", "check", "where", "problem", "remedy")}
        return dict(shown, mendable=self.mend is not None, mended=False, mend_error=None)


@dataclasses.dataclass(frozen=True)
class ArrayView:
    """What one backend's array said.

    :param error: why it said nothing, or None.
    :param volumes: its list, dicts with ``id`` (ours, or None), ``name`` and ``size`` in GiB; None where the driver keeps no such list.
    :param snapshots: the same for snapshots.
    :param sizes: {volume id: size in GiB, "missing", or None where the driver cannot tell}, of volumes that are not in its list.
    """

    error: t.Optional[str] = None
    volumes: t.Optional[t.List[dict]] = None
    snapshots: t.Optional[t.List[dict]] = None
    sizes: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class RepositoryView:
    """What one repository of backups said.

    :param error: why it said nothing, or None. :param unfinished: contents without a record, dicts with ``run``, ``name`` and ``age``
        in seconds.
    """

    error: t.Optional[str] = None
    unfinished: t.Sequence[dict] = ()


@dataclasses.dataclass(frozen=True)
class NodeView:
    """What one node said.

    :param name: its name in the inventory. :param host: what its connector calls it; None where it did not answer.
    :param error: why it said nothing, or None.
    :param attachments: as legacy_attachment_info returns them.
    """

    name: str
    host: t.Optional[str] = None
    initiator: t.Optional[str] = None
    error: t.Optional[str] = None
    attachments: t.List[dict] = dataclasses.field(default_factory=list)

    @property
    def names(self):
        """By what exports may know it."""
        return {self.name, self.host or self.name}


@dataclasses.dataclass(frozen=True)
class Picture:
    """All that is compared.

    :param ages: {operation's id: seconds since it began}.
    :param arrays: {backend: ArrayView}; a backend that was not to be asked is not in it.
    :param nodes: NodeViews, or None where no node was asked.
    :param fenced: hosts, controllers among them, that somebody swears to be dead.
    :param released: ids of what the store let go of on purpose, which may still be there.
    :param repositories: {repository: RepositoryView}; one that was not to be asked is not in it.
    :param host: this controller's name. :param boot: the id of its boot.
    """

    backends: t.Sequence[str] = ()
    volumes: t.Sequence[Volume] = ()
    snapshots: t.Sequence[Snapshot] = ()
    mappings: t.Sequence[Mapping] = ()
    unsettled: t.Sequence[Unsettled] = ()
    ages: t.Dict[str, float] = dataclasses.field(default_factory=dict)
    arrays: t.Dict[str, ArrayView] = dataclasses.field(default_factory=dict)
    nodes: t.Optional[t.Sequence[NodeView]] = None
    fenced: t.Sequence[str] = ()
    released: t.AbstractSet[str] = frozenset()
    repositories: t.Dict[str, RepositoryView] = dataclasses.field(default_factory=dict)
    group_snapshots: t.Sequence[GroupSnapshot] = ()
    host: t.Optional[str] = None
    boot: t.Optional[str] = None


def titled(noun, backend, name):
    """Return what a finding is about, as people say it."""
    return "%s %s/%s" % (noun, backend, name)


def some_of(names):
    """Return names as a text; of many only the first."""
    names = sorted(names)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (" and %d more" % more if more > 0 else "")


def busy_ids(picture):
    """Return the ids of what somebody works on, or an interrupted run did."""
    made = {record.arguments[key] for record in picture.unsettled for key in ("target", "temporary") if key in record.arguments}
    made |= {member["id"] for record in picture.unsettled if record.noun == "group_snapshot" for member in record.arguments["members"]}
    return made | {record.resource_id for record in picture.unsettled}
