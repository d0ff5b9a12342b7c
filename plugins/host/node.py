# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node at work: settings, records, the kernel, and os-brick when it is needed."""

from __future__ import annotations

import os

from ..module_utils.model.encryption import PARAMETER, mapping_name
from ..module_utils.model.errors import StorageError
from ..secrets.sealing import SealingKey
from . import devices, keys, loop, neighbours, remains
from .connectors import by_users, choice
from .records import Records


class Node:
    """What every step of an attachment needs.

    :param warn: called with a sentence that the task must tell.
    :param by_user: an account that is not root asks, so nothing that it names may run as root.
    """

    def __init__(self, settings, warn, system=None, by_user=False):
        self.settings = settings
        self.by_user = by_user
        self.warn = warn
        self.system = system or devices.System()
        self.records = Records(settings.state_dir)
        self.mount_dir = os.path.join(settings.state_dir, "mounts")
        self._key = None
        self._brick = None

    def prepare(self):
        """Make the directories of this node, root-only."""
        os.makedirs(self.settings.state_dir, mode=0o700, exist_ok=True)

    def sealing_key(self):
        """Return this node's SealingKey, made when there is none."""
        if self._key is None:
            self.prepare()
            self._key = SealingKey.load_or_create(os.path.join(self.settings.state_dir, "sealing.key"))
        return self._key

    def has_sealing_key(self):
        """Tell whether the key has been made."""
        return os.path.exists(os.path.join(self.settings.state_dir, "sealing.key"))

    def brick(self):
        """Return the module ``brick``, set up. Importing os-brick takes half a second, so nothing does it in vain."""
        if self._brick is None:
            from . import brick  # pylint: disable=import-outside-toplevel

            brick.prepare(self.settings.lock_dir)
            self._brick = brick
        return self._brick

    def open(self, export):
        """Return connection_info of an export, with its secrets. Raises StorageError ``invalid`` when it was sealed to another node, or is of a listing."""
        if export.sealed_connection_info is None:
            raise StorageError("invalid", "export: has no sealed_connection_info. Pass the export that legacy_export returned.", "export")
        return self.sealing_key().open(export.sealed_connection_info)

    def key(self, source):
        """Return a key as bytes. Raises StorageError, which never shows it."""
        return keys.read(source, self._unsealed)

    def _unsealed(self, sealed):
        try:
            return self.sealing_key().open(sealed)
        except StorageError as error:
            raise StorageError("invalid", "encryption: the key was sealed to another node, or to an earlier key of this one.", PARAMETER) from error

    def address(self, export):
        """Return connection_info's data as far as it says where the volume is: the redacted form will do where the sealed cannot be opened."""
        try:
            info = self.open(export) if export.sealed_connection_info and self.has_sealing_key() else export.connection_info
        except StorageError:
            info = export.connection_info
        info = info.get("conn", info)
        return info.get("data", info)

    def connector_for(self, export, use_multipath, tolerant=False):
        """Return the Connector for an export.

        :param tolerant: disconnecting needs no secrets, so a redacted connection_info will do when the key was lost.
        """
        try:
            info = self.open(export)
        except StorageError:
            if not tolerant:
                raise
            info = export.connection_info
        protocol, data = choice.unwrap(info, export.protocol)
        if self.by_user:
            by_users.refuse(protocol, data)
        connector = choice.choose(
            self.system, protocol, data, lambda: self.brick().Brick(self.system, protocol, data, use_multipath, self.mount_dir)
        )
        return loop.Looped(self.system, connector, lambda: self.loops(export), self.warn) if loop.serves(protocol) else connector

    def loops(self, export):
        """Return the loop devices (kernel names) over an export's file; none where its volume is none."""
        return loop.over(self.system, self.mount_dir, export.protocol, self.address(export))

    def what_stays(self, export, identity):
        """Return what a disconnected volume left in the kernel or in open-iscsi: one sentence part each."""
        protocol, _data = choice.unwrap(export.connection_info, export.protocol)
        found = ["device /dev/mapper/" + mapping_name(export.volume_id)] if devices.mapping(self.system, mapping_name(export.volume_id)) else []
        loops = ["device %s" % self.system.node(name) for name in self.loops(export)]
        data = self.address(export)
        data = {} if neighbours.theirs(self, export.volume_id, identity or {}, data) else data
        return list(dict.fromkeys(found + remains.what_stays(self.system, data, identity, protocol) + loops))
