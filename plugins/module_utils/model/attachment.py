# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The typed data that passes between controller, node and play. Plain data only; no I/O."""

from __future__ import annotations

import dataclasses
import typing as t

from .encryption import EncryptionRecord, mapping_uuid
from .errors import StorageError

UNREADABLE = "unreadable"  # what a node lists as the state of an attachment whose record is damaged


def _known(cls, data):
    names = {field.name for field in dataclasses.fields(cls)}
    return {key: value for key, value in dict(data).items() if key in names}


@dataclasses.dataclass(frozen=True)
class Connector:
    """What a host is to an array, as os-brick tells it, and the public key that connection_info is sealed to.

    :param host: the node's name, unique over the inventory.
    :param properties: os-brick's connector properties (``initiator``, ``wwpns``, ``nqn``, ``ip``, ``multipath`` ...).
    :param sealing_key: the node's X25519 public key, base64.
    """

    host: str
    properties: t.Dict[str, t.Any]
    sealing_key: str

    @classmethod
    def from_dict(cls, data):
        """Build from :meth:`to_dict`'s data. Raises StorageError ``invalid`` when a part is missing."""
        try:
            return cls(str(data["host"]), dict(data["properties"]), str(data["sealing_key"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                "invalid",
                "connector: lacks %s. Pass the connector that legacy_connector_info returned on the node." % error,
                "connector",
            ) from error

    def to_dict(self):
        """Return JSON-ready data."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Export:
    """A volume mapped to one host's connector, as the controller hands it out.

    :param sealed_connection_info: connection_info that only the node named by ``host`` can open; ``None`` in listings.
    :param connection_info: the same, redacted, for people.
    :param size: the volume's size in GiB.
    :param exported_at: when it was mapped or last renewed, which tells one export from the next of the same volume to the same host.
    :param access_mode: ``rw``, or ``ro`` where the host must not write, as Cinder calls it.
    """

    id: str
    backend: str
    volume_id: str
    volume_name: str
    host: str
    size: int
    protocol: str
    connection_info: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    sealed_connection_info: t.Optional[str] = None
    access_mode: str = "rw"
    exported_at: t.Optional[str] = None

    @classmethod
    def from_dict(cls, data):
        """Build from :meth:`to_dict`'s data. Raises StorageError ``invalid`` when a part is missing."""
        try:
            return cls(**_known(cls, data))
        except TypeError as error:
            raise StorageError("invalid", "export: %s. Pass the export that legacy_export returned." % error, "export") from error

    def to_dict(self):
        """Return JSON-ready data."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class AttachmentRecord:
    """What a node remembers of one attachment, written before connecting.

    :param state: ``connecting``, ``connected`` or ``disconnecting``.
    :param boot_id: ``/proc/sys/kernel/random/boot_id`` at the time of writing; a record of another boot
        describes no device of this one.
    :param multipath: ``required``, ``preferred`` or ``no``.
    :param device: os-brick's device info (type, path, scsi_wwn, multipath_id), kept for disconnecting.
    :param link: the stable path handed to users.
    :param identity: what the device calls itself (``kind``, ``serial``, and ``key``, its name in udev), compared at every use.
    :param attached: a task has attached it and none has begun to detach it: boots connect it again, also after a run that failed.
    :param encryption: ``None`` for a volume that is not encrypted. ``device`` and ``identity`` are of what lies below the encryption.
    :param former: exports that this same device was connected by before, at other places than now: detaching takes away what stands there as well.
    """

    export: Export
    state: str
    boot_id: str
    multipath: str
    device: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    link: t.Optional[str] = None
    identity: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    attached: bool = False
    encryption: t.Optional[EncryptionRecord] = None
    former: t.Tuple[Export, ...] = ()

    @classmethod
    def from_dict(cls, data):
        """Build from :meth:`to_dict`'s data. Records from before there was ``attached`` tell it by their state."""
        values = _known(cls, data)
        values["export"] = Export.from_dict(values["export"])
        values["former"] = tuple(Export.from_dict(export) for export in values.get("former") or ())
        values.setdefault("attached", values["state"] == "connected")
        if values.get("encryption") is not None:
            values["encryption"] = EncryptionRecord(**_known(EncryptionRecord, values["encryption"]))
        return cls(**values)

    def to_dict(self):
        """Return JSON-ready data."""
        return dataclasses.asdict(self)

    def all_but(self, export):
        """Return what ``former`` must hold once the record names ``export``, the latest last. Where only secrets differ, it is the same place."""
        places = []
        for other in (*self.former, self.export):
            if other.connection_info not in [export.connection_info] + [place.connection_info for place in places]:
                places.append(other)
        return tuple(places)

    @property
    def link_key(self):
        """The name under which udev's rule finds the stable path: of the opened device where the volume is encrypted; ``None`` where there is none."""
        if self.encryption is None:
            return self.identity.get("key")
        return mapping_uuid(self.encryption.uuid, self.export.volume_id) if self.encryption.uuid else None


def stable_link(volume_id):
    """Return the stable path of an attached volume, the same for every protocol and after every reboot."""
    return "/dev/disk/by-id/legacy-storage-%s" % volume_id
