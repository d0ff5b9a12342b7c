# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted: task parameters, parsed and checked before anything is read or changed."""

from __future__ import annotations

import dataclasses
import typing as t

from .attachment import Connector
from .errors import StorageError, invalid
from .identity import is_id
from .images import WRITTEN_FORMATS, ImageSource
from .redaction import is_secret_key
from .replication import OPTION as REPLICATION_DEVICE
from .replication import check_spec, parse_devices
from .sizes import parse_size

STATES = ("present", "absent")
KEPT_STATES = ("present", "absent", "released")
SET_BY_PARAMETERS = {"volume_driver": "driver", "volume_backend_name": "name"}  # options of Cinder to parameters of a backend
MIGRATION_POLICIES = ("never", "on-demand")  # as in Cinder's retype
OVERRIDES = ("attached", "snapshots")
IMAGE_OVERRIDES = ("existing",)
MAX_NAME = 255  # Cinder's limit for display_name


def _name(data, parameter, required=True):
    value = data.get(parameter)
    if value is None and not required:
        return None
    text = "" if value is None else str(value)
    if not text.strip():
        raise StorageError("invalid", "%s: is required and must not be empty." % parameter, parameter)
    if len(text) > MAX_NAME:
        raise invalid(parameter, text[:20] + "...", "is longer than %d characters." % MAX_NAME)
    if text != text.strip() or any(ord(character) < 32 for character in text):
        raise invalid(parameter, text, "must not begin or end with a space or hold control characters.")
    return text


def _choice(data, parameter, choices, default):
    value = data.get(parameter) or default
    if value not in choices:
        raise invalid(parameter, value, "must be one of: %s." % ", ".join(choices))
    return value


def _overrides(data, choices):
    force = frozenset(data.get("force") or ())
    for word in sorted(force):
        if word not in choices:
            raise invalid("force", word, "must be one of: %s." % ", ".join(choices))
    return force


def _renamed_from(data):
    former = _name(data, "renamed_from", required=False)
    if former is None:
        return None
    if data.get("state") not in (None, "present"):
        raise invalid("renamed_from", former, "renames a thing that stays; leave it out for state=%s." % data["state"])
    if is_id(data.get("name")):
        raise invalid("name", data["name"], "is an id. Beside renamed_from, give the new name.")
    if former == data.get("name"):
        raise invalid("renamed_from", former, "is the new name as well. Give the name it had before.")
    return former


def _revert_to(data):
    snapshot = _name(data, "revert_to", required=False)
    if snapshot is not None and data.get("state") not in (None, "present"):
        raise invalid("revert_to", snapshot, "changes a volume that stays; leave it out for state=%s." % data["state"])
    return snapshot


def _adopt(data):
    reference = _texts(data, "adopt")
    if reference is None:
        return None
    if not reference:
        raise invalid("adopt", reference, "names nothing. Give what the driver knows it by, as in {source-name: lun7}.")
    if data.get("state") not in (None, "present"):
        raise invalid("adopt", reference, "is for what is to be managed; leave it out for state=%s." % data["state"])
    for other in ("source_volume", "source_snapshot", "source_image", "source_backup", "renamed_from", "revert_to", "migrate_to"):
        if data.get(other) is not None:
            raise StorageError("invalid", "adopt and %s exclude each other." % other, "adopt")
    if is_id(data.get("name")):
        raise invalid("name", data["name"], "is an id. Beside adopt, give the name it gets here.")
    return reference


def _texts(data, parameter):
    value = data.get(parameter)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid(parameter, value, "must be a dictionary of texts.")
    for key, item in value.items():
        if isinstance(item, (dict, list)):
            raise invalid("%s.%s" % (parameter, key), item, "must be a text, not a list or dictionary.")
    return {str(key): "" if item is None else str(item) for key, item in value.items()}


@dataclasses.dataclass(frozen=True)
class MigrationTarget:
    """Where a volume should move: another backend; ``None`` for its pool means the first."""

    backend: str
    pool: t.Optional[str] = None

    @classmethod
    def from_params(cls, data):
        """Parse a task's ``migrate_to``, or return None. Raises StorageError ``invalid`` naming the parameter."""
        value = data.get("migrate_to")
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid("migrate_to", value, "must be a dictionary with backend and perhaps pool.")
        for parameter, why in (
            ("renamed_from", "Rename it in a task of its own"),
            ("pool", "Give the pool as migrate_to.pool"),
            ("source_volume", "A volume that is migrated exists"),
            ("source_snapshot", "A volume that is migrated exists"),
            ("source_image", "A volume that is migrated exists"),
        ):
            if data.get(parameter) is not None:
                raise invalid(parameter, data[parameter], "does not go with migrate_to. %s." % why)
        if data.get("state") not in (None, "present"):
            raise StorageError("invalid", "migrate_to: moves a volume that stays; leave it out for state=%s." % data["state"], "migrate_to")
        if is_id(data.get("name")):
            raise invalid("name", data["name"], "is an id. Beside migrate_to, give the name: it is what both backends are asked for.")
        if value.get("backend") == data.get("backend"):
            raise invalid(
                "migrate_to.backend", value["backend"], "is where it is. For another pool there, say pool and migration_policy: on-demand."
            )
        return cls(_name(value, "backend"), _name(value, "pool", required=False))


@dataclasses.dataclass(frozen=True)
class WantedVolume:
    """A volume as a task describes it; ``None`` means "as it is".

    ``found`` is no parameter: the size in GiB that the array told of what ``adopt`` names.
    """

    backend: str
    name: str
    state: str = "present"
    size: t.Optional[int] = None
    source_volume: t.Optional[str] = None
    source_snapshot: t.Optional[str] = None
    source_backup: t.Optional[str] = None
    source_repository: t.Optional[str] = None
    source_image: t.Optional[ImageSource] = None
    description: t.Optional[str] = None
    metadata: t.Optional[t.Dict[str, str]] = None
    extra_specs: t.Optional[t.Dict[str, str]] = None
    qos_specs: t.Optional[t.Dict[str, str]] = None
    pool: t.Optional[str] = None
    force: t.FrozenSet[str] = frozenset()
    renamed_from: t.Optional[str] = None
    migrate_to: t.Optional[MigrationTarget] = None
    migration_policy: str = "never"
    revert_to: t.Optional[str] = None
    adopt: t.Optional[t.Dict[str, str]] = None
    found: t.Optional[int] = None

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        sources = [key for key in ("source_volume", "source_snapshot", "source_image", "source_backup") if data.get(key) is not None]
        if len(sources) > 1:
            raise StorageError("invalid", "%s exclude each other: a volume has one source." % " and ".join(sources), sources[0])
        if (data.get("source_backup") is None) != (data.get("source_repository") is None):
            raise StorageError("invalid", "source_backup: needs source_repository beside it, and the other way round.", "source_backup")
        extra_specs = _texts(data, "extra_specs")
        check_spec(extra_specs)
        return cls(
            backend=_name(data, "backend"),
            name=_name(data, "name"),
            state=_choice(data, "state", KEPT_STATES, "present"),
            size=None if data.get("size") is None else parse_size(data["size"]),
            source_volume=_name(data, "source_volume", required=False),
            source_snapshot=_name(data, "source_snapshot", required=False),
            source_backup=_name(data, "source_backup", required=False),
            source_repository=_name(data, "source_repository", required=False),
            source_image=ImageSource.from_params(data),
            description=None if data.get("description") is None else str(data["description"]),
            metadata=_texts(data, "metadata"),
            extra_specs=extra_specs,
            qos_specs=_texts(data, "qos_specs"),
            pool=_name(data, "pool", required=False),
            force=_overrides(data, OVERRIDES),
            renamed_from=_renamed_from(data),
            migrate_to=MigrationTarget.from_params(data),
            migration_policy=_choice(data, "migration_policy", MIGRATION_POLICIES, "never"),
            revert_to=_revert_to(data),
            adopt=_adopt(data),
        )

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes."""
        keys = {("volume", self.backend, self.name)}
        if self.migrate_to:
            keys.add(("volume", self.migrate_to.backend, self.name))
        if self.source_volume:
            keys.add(("volume", self.backend, self.source_volume))
        if self.source_snapshot:
            keys.add(("snapshot", self.backend, self.source_snapshot))
        if self.source_backup:
            keys.add(("backup", self.source_repository, self.source_backup))
        if self.renamed_from:
            keys.add(("volume", self.backend, self.renamed_from))
        if self.revert_to:
            keys.add(("snapshot", self.backend, self.revert_to))
        return keys


@dataclasses.dataclass(frozen=True)
class WantedSnapshot:
    """A snapshot as a task describes it; ``volume`` is a name or an id; ``found`` as of a volume."""

    backend: str
    name: str
    state: str = "present"
    volume: t.Optional[str] = None
    description: t.Optional[str] = None
    metadata: t.Optional[t.Dict[str, str]] = None
    renamed_from: t.Optional[str] = None
    adopt: t.Optional[t.Dict[str, str]] = None
    found: t.Optional[int] = None

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        return cls(
            backend=_name(data, "backend"),
            name=_name(data, "name"),
            state=_choice(data, "state", KEPT_STATES, "present"),
            volume=_name(data, "volume", required=False),
            description=None if data.get("description") is None else str(data["description"]),
            metadata=_texts(data, "metadata"),
            renamed_from=_renamed_from(data),
            adopt=_adopt(data),
        )

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes."""
        keys = {("snapshot", self.backend, self.name)}
        if self.volume:
            keys.add(("volume", self.backend, self.volume))
        if self.renamed_from:
            keys.add(("snapshot", self.backend, self.renamed_from))
        return keys


@dataclasses.dataclass(frozen=True)
class WantedImage:
    """An image file as a task describes it; ``volume`` and ``snapshot`` are names or ids, and one of them is given."""

    backend: str
    path: str
    state: str = "present"
    volume: t.Optional[str] = None
    snapshot: t.Optional[str] = None
    format: t.Optional[str] = None
    compressed: t.Optional[bool] = None
    force: t.FrozenSet[str] = frozenset()

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        path, state = _name(data, "path"), _choice(data, "state", STATES, "present")
        if not path.startswith("/") or path.endswith("/") or "/../" in path + "/":
            raise invalid("path", path, "must be the absolute path of a file, without '..'.")
        volume, snapshot = _name(data, "volume", required=False), _name(data, "snapshot", required=False)
        if volume is not None and snapshot is not None:
            raise StorageError("invalid", "volume and snapshot exclude each other: an image has one source.", "volume")
        if state == "present" and volume is None and snapshot is None:
            raise StorageError("invalid", "volume: give the volume, or the snapshot, to make an image of.", "volume")
        form = _choice(data, "format", WRITTEN_FORMATS, None) if data.get("format") is not None else None
        compressed = None if data.get("compressed") is None else bool(data["compressed"])
        if compressed and form not in (None, "qcow2"):
            raise invalid("compressed", compressed, "is for images of format qcow2; %s knows none." % form)
        return cls(_name(data, "backend"), path, state, volume, snapshot, form, compressed, _overrides(data, IMAGE_OVERRIDES))

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes; the file is one, whatever backend it is of."""
        keys = {("image", self.backend, self.path), ("file", "", self.path)}
        if self.volume:
            keys.add(("volume", self.backend, self.volume))
        if self.snapshot:
            keys.add(("snapshot", self.backend, self.snapshot))
        return keys


@dataclasses.dataclass(frozen=True)
class WantedBackend:
    """A backend as a task describes it."""

    name: str
    state: str = "present"
    driver: t.Optional[str] = None
    options: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    secret_options: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict, repr=False)
    max_parallel: t.Optional[int] = None
    probe: bool = True

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        name = _name(data, "name")
        if any(character in name for character in "@#/ "):
            # Cinder writes host@backend#pool, and the name becomes an oslo.config group.
            raise invalid("name", name, "must not hold '@', '#', '/' or spaces. Use letters, digits, '-', '_' and '.'.")
        state = _choice(data, "state", STATES, "present")
        options, secrets = dict(data.get("options") or {}), dict(data.get("secret_options") or {})
        if state == "present" and not data.get("driver"):
            raise StorageError(
                "invalid",
                "driver: is required: the dotted path of a Cinder driver class, as in cinder.volume.drivers.lvm.LVMVolumeDriver.",
                "driver",
            )
        for key in options:
            if key in secrets:
                raise StorageError("invalid", "options.%s: stands in options and in secret_options; keep one." % key, "options")
            if is_secret_key(key):
                raise StorageError(
                    "invalid",
                    "options.%s: looks like a secret. Give it under secret_options, where it is kept out of logs and encrypted." % key,
                    "options",
                )
        for key, place in SET_BY_PARAMETERS.items():
            if key in options or key in secrets:
                raise StorageError("invalid", "options.%s: is set from the parameter %s; leave it out." % (key, place), "options")
        for parameter, values in (("options", options), ("secret_options", secrets)):
            if values.get(REPLICATION_DEVICE) is not None:
                values[REPLICATION_DEVICE] = parse_devices(values[REPLICATION_DEVICE], parameter)
        max_parallel = data.get("max_parallel")
        if max_parallel is not None and int(max_parallel) < 1:
            raise invalid("max_parallel", max_parallel, "must be at least 1.")
        return cls(
            name=name,
            state=state,
            driver=data.get("driver"),
            options=options,
            secret_options=secrets,
            max_parallel=None if max_parallel is None else int(max_parallel),
            probe=data.get("probe") is not False,
        )

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes."""
        return {("backend", self.name, self.name)}


@dataclasses.dataclass(frozen=True)
class WantedExport:
    """A volume mapped to a host, as a task describes it. ``fenced`` says the host is known to be dead; ``access_mode`` is ``rw`` or ``ro``.

    :param renew: an export that is there already becomes another one, which who means to unmap the one before leaves alone.
    :param exported_at: the only export that is to be unmapped; "" where there was none, ``None`` for whichever there is.
    """

    backend: str
    volume: str
    host: str
    state: str = "present"
    connector: t.Optional[Connector] = None
    fenced: bool = False
    access_mode: str = "rw"
    renew: bool = False
    exported_at: t.Optional[str] = None

    @classmethod
    def from_params(cls, data):
        """Parse task parameters (a dict). Raises StorageError ``invalid`` naming the parameter."""
        state = _choice(data, "state", STATES, "present")
        for key, other in (("renew", "absent"), ("exported_at", "present")):
            if state == other and data.get(key):
                raise invalid(key, data[key], "has no meaning with state: %s. Leave it out." % state)
        connector = None if data.get("connector") is None else Connector.from_dict(data["connector"])
        if state == "present" and connector is None:
            raise StorageError(
                "invalid", "connector: is required for state=present. legacy_connector_info on the node returns it.", "connector"
            )
        host = data.get("host") or (connector.host if connector else None)
        if not host:
            raise StorageError("invalid", "host: give the node's name, or its connector.", "host")
        if connector is not None and connector.host != str(host):
            raise invalid("host", host, "is not the host that the connector is of (%s). Leave host out." % connector.host)
        mode = _choice(data, "access_mode", ("rw", "ro"), "rw")
        renew, exported_at = bool(data.get("renew")), data.get("exported_at")
        return cls(_name(data, "backend"), _name(data, "volume"), str(host), state, connector, bool(data.get("fenced")), mode, renew, exported_at)

    def touches(self):
        """Return the (noun, backend, name) keys this item reads or changes."""
        return {("volume", self.backend, self.volume)}
