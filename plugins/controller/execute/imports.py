# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes from images: fetched, checked and inspected before the array is asked, then poured into the new volume and compared."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess

from ...module_utils.model.errors import StorageError
from ...module_utils.model.images import ImageSource, find_digest, is_url
from ...module_utils.model.sizes import GIB
from ..engine import copying
from ..images import download, files
from ..images.looking import check_source, offer_of
from .access import opened_volume
from .copying import telling

_QEMU_NAMES = {"vhd": "vpc"}
# Telling what an image is takes little of either; one made to take much is refused (CVE-2015-5162).
_LIMITS = ("prlimit", "--as=%d" % GIB, "--cpu=60")


@dataclasses.dataclass(frozen=True)
class Content:
    """An image that may be poured into a volume: checksum verified, format known, small enough."""

    work: object
    entry: str
    volume: object
    path: str
    format: str
    virtual_size: int
    checksum: str
    stamp: tuple  # of the file that this was told of

    def pour(self, source):
        """Write the image to the volume on the array and compare every byte. Return the volume's Source."""
        from ..engine.access import Device  # with os-brick, which only the engine loads

        self._refuse_changed(source)  # another image may refer to other files
        image = Device(self.path, _QEMU_NAMES.get(self.format, self.format), self.virtual_size, False)
        with opened_volume(self.work, self.volume.id) as device:
            copying.copy(image, device, self.virtual_size, telling(self.work, self.entry, "copying"))
            copying.compare(image, device, self.virtual_size, telling(self.work, self.entry, "verifying"))
        self._refuse_changed(source)
        return dataclasses.replace(source, id=self.checksum)

    def _refuse_changed(self, source):
        if _stamp(self.path) != self.stamp:
            raise StorageError("conflict", "source_image: %s changed while it was read. Run the task again." % source.name, "source_image")


def taken_out(operation):
    """Return (the image a creation is to be filled from or None, the operation without it): its secrets stay out of the journal."""
    image = operation.arguments.get("image")
    if image is None:
        return None, operation
    arguments = {key: value for key, value in operation.arguments.items() if key != "image"}
    return ImageSource(**image), dataclasses.replace(operation, arguments=arguments)


@contextlib.contextmanager
def fetched(work, entry, volume, image):
    """Yield the Content of an ImageSource, or None where there is none. What was downloaded is removed in the end.

    :raises StorageError: naming the parameter, before anything was asked of the array.
    """
    if image is None:
        yield None
        return
    try:
        path = _download(work, entry, volume, image) if image.is_url else image.location
        check_source(path)
        stamp = _stamp(path)
        checksum = _verify(work, entry, path, image)
        offer = offer_of(dataclasses.replace(image, location=path))
        virtual_size = _sectors(offer.virtual_size) if offer.format == "raw" else _ask_size(path, offer.format)
        if virtual_size > volume.size * GIB:
            raise StorageError(
                "invalid",
                "size: %d GiB is less than image %s holds (%d bytes). Give at least %d."
                % (volume.size, image.shown, virtual_size, -(-virtual_size // GIB)),
                "size",
            )
        yield Content(work, entry, volume, path, offer.format, virtual_size, checksum, stamp)
    except OSError as error:
        raise StorageError(
            "host", "source_image: %s cannot be read: %s." % (image.shown, error.strerror or error), "source_image"
        ) from error
    finally:
        forget(work, volume.id)


def take_back(work, volume_id):
    """Delete what a failed creation left on the array.

    :raises StorageError: also when the controller still has the volume open: it must be closed first, which the next task tries again.
    """
    with work.store.reading() as reader:
        opened = [item for item in reader.unsettled(set(), {volume_id}) if item.noun == "access"]
    if opened:
        raise StorageError("host", "This controller still has it open.")
    work.engine().volumes.delete(volume_id)


def forget(work, volume_id):
    """Remove what was downloaded for a volume."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_place(work, volume_id))


def _place(work, volume_id):
    return os.path.join(work.engine().download_dir, volume_id)


def _download(work, entry, volume, image):
    path = _place(work, volume.id)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    files.reserve(path)
    download.download(image, path, telling(work, entry, "downloading"))
    return path


def _verify(work, entry, path, image):
    """Return the checksum of the file, once it is what it must be: what the task says, or else what stands beside an image of ours."""
    known = None if image.is_url else files.read_image(path)
    if image.checksum is None and known is not None and known.status == "changed":
        raise StorageError(
            "conflict",
            "source_image: %s is not what %s says that was written there. Make it again with legacy_image, or say which it must be with image_checksum."
            % (path, files.beside(path)),
            "source_image",
        )
    algorithm = image.checksum.partition(":")[0] if image.checksum else "sha256"
    wanted = _wanted_digest(image, algorithm) if image.checksum else None
    with work.store.writing() as writer:
        writer.step(entry, "checksum")
    found = files.digest(path, algorithm)
    if wanted not in (None, found):
        raise StorageError(
            "invalid",
            "image_checksum: %s has the %s digest %s, not %s. It is damaged, or another file; no volume was made of it."
            % (image.shown, algorithm, found, wanted),
            "image_checksum",
        )
    return "%s:%s" % (algorithm, found)


def _wanted_digest(image, algorithm):
    if image.digest:
        return image.digest.partition(":")[2]
    location = image.checksum.partition(":")[2]
    if is_url(location):
        text = download.read_list(image, location)
    else:
        with open(location, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
    name = image.shown.rpartition("/")[2]
    found = find_digest(text, name, algorithm)
    if found is None:
        raise StorageError("invalid", "image_checksum: %s tells no %s digest of %s." % (location, algorithm, name), "image_checksum")
    return found


def _ask_size(path, form):
    """Return the size in bytes of what is in an image, as qemu-img will convert it; it too must see no other file in it."""
    name = {"driver": _QEMU_NAMES.get(form, form), "file": {"driver": "file", "filename": path}}
    command = [*_LIMITS, "qemu-img", "info", "--output=json", "json:" + json.dumps(name)]
    try:
        told = json.loads(subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120).stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        words = (getattr(error, "stderr", None) or b"").decode("utf-8", "replace").strip()
        raise StorageError("invalid", "source_image: qemu-img cannot read it: %s." % (words or error), "source_image") from error
    data = (told.get("format-specific") or {}).get("data") or {}
    if told.get("backing-filename") or data.get("data-file") or told.get("encrypted"):
        raise StorageError("invalid", "source_image: it refers to another file or is encrypted, and is not taken.", "source_image")
    return int(told["virtual-size"])


def _sectors(size):
    """Return a size in bytes, rounded up to what qemu-img reads a file in; it fills the last one with zeros."""
    return -(-size // 512) * 512


def _stamp(path):
    """Return what tells whether a file is still the same, or None where it is gone."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
