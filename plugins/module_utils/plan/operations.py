# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations: what planning decides, execution carries out and a task lists."""

from __future__ import annotations

import dataclasses
import typing as t

_SHOWN = (
    "size",
    "host",
    "volume_name",
    "volume_names",
    "new_name",
    "snapshot_name",
    "to_backend",
    "to_pool",
    "format",
    "extra_specs",
    "qos_specs",
    "backup",
    "adopted_from",
    "replication_target",
)


@dataclasses.dataclass(frozen=True)
class Operation:
    """One step that changes something.

    :param action: ``register``, ``create``, ``rename``, ``retype``, ``revert``, ``restore``, ``migrate``, ``adopt``, ``release``, ``extend``,
        ``update``, ``renew``, ``replace``, ``delete``, ``forget``; and for what a killed run left: ``undo_create``, ``finish_adopt``, ``finish_update``,
        ``finish_extend``, ``undo_migrate``, ``finish_move``, ``finish_discard``, ``finish_release``, ``finish_delete``, ``forget``,
        ``undo_restore``, ``fail_restore``, ``fail_revert``, ``clean_up``. Of a backend also ``fail_over`` and ``fail_back``, with
        ``finish_``, ``record_`` or ``confirm_`` before them.
    :param noun: ``backend``, ``volume``, ``snapshot``, ``group_snapshot``, ``export``, ``image``, ``repository`` or ``backup``.
    :param backend: where the name is unique; for a backup, its repository.
    :param name: the thing's name; for an export, the volume's name; for an image, its path.
    :param arguments: plain data the action needs.
    :param settles: id of the unsettled record that this operation brings to an end.
    :param spares: the task did not name this thing and holds no lock of it: it is left alone while another task works on it.
    """

    action: str
    noun: str
    backend: str
    name: str
    arguments: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    settles: t.Optional[str] = None
    spares: bool = False

    def to_public(self):
        """Return what a task lists under ``operations``."""
        place = "repository" if self.noun in ("repository", "backup") else "backend"
        shown = {"action": self.action, "noun": self.noun, place: self.backend, "name": self.name}
        for key in _SHOWN:
            if key in self.arguments:
                shown[key] = self.arguments[key]
        return shown
