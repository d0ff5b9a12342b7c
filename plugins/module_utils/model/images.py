# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images: files that hold a volume's content, and what is told about one that a volume is made from. Plain data; no I/O."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import urllib.parse

from .errors import StorageError, invalid

WRITTEN_FORMATS = ("raw", "qcow2", "vmdk", "vhdx", "vdi")  # those that keep a volume's size to the byte
READ_FORMATS = WRITTEN_FORMATS + ("vhd",)
DIGESTS = {"sha256": 64, "sha384": 96, "sha512": 128}  # hexadecimal digits
_CHECKSUM = re.compile(r"^(?P<algorithm>[a-z0-9]+):(?P<rest>\S.*)$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Image:
    """A file on the controller, at a path where an image is wanted.

    :param status: ``available``; ``changed`` when it is no longer what was recorded beside it; ``unknown`` when nothing is recorded.
    :param source: what it is an image of: kind, backend, id, name, size in GiB and created_at.
    :param virtual_size: bytes of the volume in it. :param file_size: bytes of the file.
    :param outdated: whether what it is an image of was deleted since, and another thing bears its name now.
    """

    path: str
    status: str = "available"
    format: t.Optional[str] = None
    compressed: bool = False
    virtual_size: t.Optional[int] = None
    source: t.Optional[t.Dict[str, t.Any]] = None
    file_size: t.Optional[int] = None
    checksum: t.Optional[str] = None
    created_at: t.Optional[str] = None
    outdated: bool = False

    def to_public(self):
        """Return what a diff shows: what is known before the image is made."""
        source = {key: value for key, value in self.source.items() if key != "created_at"} if self.source else None
        shown = {key: getattr(self, key) for key in ("path", "status", "format", "compressed", "virtual_size")}
        return dict(shown, source=source)

    def to_record(self):
        """Return what a task returns."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """An image that a volume is to be made from, as a task describes it.

    :param location: absolute path on the controller, or an http or https URL.
    :param checksum: ``algorithm:digest``, or ``algorithm:location`` of a list of checksums.
    :param format: what the image must be; None to find out.
    """

    location: str
    checksum: t.Optional[str] = None
    format: t.Optional[str] = None
    username: t.Optional[str] = None
    password: t.Optional[str] = dataclasses.field(default=None, repr=False)

    @classmethod
    def from_params(cls, data):
        """Parse legacy_volume's parameters, or return None where none of them is given. Raises StorageError ``invalid``."""
        location = data.get("source_image")
        if location is None:
            for key in ("image_checksum", "image_format", "image_url_username", "image_url_password"):
                if data.get(key) is not None:
                    raise StorageError("invalid", "%s: has no effect without source_image." % key, key)
            return None
        _check_location("source_image", location)
        checksum = data.get("image_checksum")
        if data.get("image_url_password") is not None and data.get("image_url_username") is None:
            raise StorageError("invalid", "image_url_password: needs image_url_username beside it.", "image_url_password")
        form = data.get("image_format")
        if form is not None and form not in READ_FORMATS:
            raise invalid("image_format", form, "must be one of: %s." % ", ".join(READ_FORMATS))
        return cls(
            str(location),
            None if checksum is None else _parse_checksum(checksum),
            form,
            data.get("image_url_username"),
            data.get("image_url_password"),
        )

    @property
    def is_url(self):
        """Whether it must be downloaded."""
        return is_url(self.location)

    @property
    def shown(self):
        """The location as it is recorded and shown: a URL without its query, where signatures and tokens stand."""
        return shown_location(self.location)

    @property
    def digest(self):
        """The checksum where it is known (``algorithm:digest``), None where it stands in a list or nowhere."""
        return self.checksum if self.checksum and _is_digest(*self.checksum.split(":", 1)) else None


def is_url(location):
    """Tell whether a location is one to download from."""
    return location.lower().startswith(("http://", "https://"))


def shown_location(location):
    """Return a path as it is, and a URL without what may be secret in it."""
    return urllib.parse.urlsplit(location)._replace(query="", fragment="").geturl() if is_url(location) else location


def same_content(source, image):
    """Tell whether a volume's recorded Source is the wanted ``image``: by checksum where both tell it, else by location."""
    if source is None or source.kind != "image":
        return False
    if image.digest and source.id and image.digest.partition(":")[0] == source.id.partition(":")[0]:
        return image.digest == source.id
    return source.name == image.shown


def find_digest(text, name, algorithm):
    """Return the digest that a list of checksums (GNU, BSD or a bare digest) gives for the file ``name``, or None."""
    digits = r"(?P<digest>[0-9a-fA-F]{%d})" % DIGESTS[algorithm]
    bare = []
    for line in text.splitlines():
        gnu = re.match(r"^\\?%s\s+\*?(?P<name>.+?)\s*$" % digits, line)
        bsd = re.match(r"^%s\s*\((?P<name>.+)\)\s*=\s*%s\s*$" % (algorithm, digits), line, re.IGNORECASE)
        found = gnu or bsd
        if found and found.group("name").rpartition("/")[2] == name:
            return found.group("digest").lower()
        alone = re.match(r"^\s*%s\s*$" % digits, line)
        if alone:
            bare.append(alone.group("digest").lower())
    return bare[0] if len(bare) == 1 else None


def _check_location(parameter, location):
    text = str(location)
    if is_url(text):
        parts = urllib.parse.urlsplit(text)
        if parts.username or parts.password:
            raise StorageError(
                "invalid",
                "%s: holds a user name or password, which would be shown in logs. Give them as image_url_username and image_url_password."
                % parameter,
                parameter,
            )
        if not parts.hostname:
            raise invalid(parameter, text, "names no host.")
    elif not text.startswith("/"):
        raise invalid(parameter, text, "must be an absolute path on the controller, or an http or https URL.")


def _parse_checksum(value):
    match = _CHECKSUM.match(str(value).strip())
    algorithm = match.group("algorithm").lower() if match else None
    if algorithm not in DIGESTS:
        raise invalid(
            "image_checksum",
            value,
            "must be algorithm:digest or algorithm:URL, with one of the algorithms %s." % ", ".join(sorted(DIGESTS)),
        )
    rest = match.group("rest")
    if _is_digest(algorithm, rest):
        return "%s:%s" % (algorithm, rest.lower())
    if is_url(rest) or rest.startswith("/"):
        _check_location("image_checksum", rest)
        return "%s:%s" % (algorithm, rest)
    raise invalid(
        "image_checksum",
        value,
        "a %s digest has %d hexadecimal digits; a list of checksums is named by URL or path." % (algorithm, DIGESTS[algorithm]),
    )


def _is_digest(algorithm, text):
    return re.match(r"^[0-9a-fA-F]{%d}$" % DIGESTS[algorithm], text) is not None


@dataclasses.dataclass(frozen=True)
class Offer:
    """What an image to make a volume from turned out to be; ``virtual_size`` in bytes, None where only the whole file tells."""

    format: str
    virtual_size: t.Optional[int]


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why an image cannot be read or written, found while looking and raised by planning."""

    error: StorageError
