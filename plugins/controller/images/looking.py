# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What planning must know of image files, looked at before it: only reading, also in check mode."""

from __future__ import annotations

import dataclasses
import io
import os
import stat

from ...module_utils.model.errors import StorageError, missing_parent
from ...module_utils.model.images import Refusal
from . import download, files


def look_at_images(store, landscape, wanted):
    """Return the landscape with the image files that ``wanted`` (WantedImages) name."""
    landscape = landscape.copy()
    for item in wanted:
        try:
            if item.state == "present" or os.path.lexists(item.path):
                files.check_place(item.path)
        except StorageError as error:
            landscape.offers[item.path] = Refusal(error)
            continue
        image = files.read_image(item.path)
        if image is not None:
            landscape.images[item.path] = dated(store, image)
    return landscape


def look_at_offers(store, landscape, wanted):
    """Return the landscape with what the images are that ``wanted`` (WantedVolumes) are to be made from."""
    landscape = landscape.copy()
    for item in wanted:
        image, volume = item.source_image, landscape.volume(item.backend, item.name)
        if item.state == "absent" or image is None or item.renamed_from or (volume is not None and volume.status != "creating"):
            continue
        try:
            landscape.offers[image] = offer_of(image)
        except StorageError as error:
            landscape.offers[image] = Refusal(error)
    return landscape


def offer_of(image):
    """Return the Offer of an ImageSource, of a URL by its first bytes. Raises StorageError."""
    from . import formats  # oslo.utils takes a moment to import, and most tasks have no image

    if image.is_url:
        try:
            head, length = download.open_head(image)
        except (ConnectionError, TimeoutError) as error:
            raise StorageError("host", "source_image: %s cannot be reached: %s." % (image.shown, error), "source_image") from error
        return formats.inspect(io.BytesIO(head), length, image.shown, image.format, whole=length is not None and len(head) >= length)
    check_source(image.location)
    with open(image.location, "rb") as stream:
        return formats.inspect(stream, os.fstat(stream.fileno()).st_size, image.shown, image.format)


def check_source(path):
    """Refuse a path that is no file that can be read. Raises StorageError naming ``source_image``."""
    try:
        kind = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise missing_parent(
            "source_image", "there is no file %s on this controller. legacy_image makes one; ansible.builtin.copy brings one." % path
        ) from None
    except OSError as error:
        raise StorageError("host", "source_image: %s cannot be read: %s." % (path, error.strerror), "source_image") from error
    if not stat.S_ISREG(kind):
        raise StorageError("invalid", "source_image: %s is no regular file." % path, "source_image")


def dated(store, image):
    """Return an Image with ``outdated`` set where its source's id is borne by another thing now: ids come from names."""
    if not image.source or not image.source.get("created_at"):
        return image
    with store.reading() as reader:
        listing = reader.driven_volumes if image.source["kind"] == "volume" else reader.driven_snapshots
        found = listing(ids=[image.source["id"]])
    if not found or found[0].created_at.isoformat() + "Z" == image.source["created_at"]:
        return image
    return dataclasses.replace(image, outdated=True)
