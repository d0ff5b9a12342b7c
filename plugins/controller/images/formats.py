# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an image from outside is: its format and size, or why it is refused. Reads the file's own bytes; no tool opens it before.

An image can name other files: a qcow2's backing or data file, a VMDK's extents. Whoever converts such an image copies the
controller's own files into a volume (CVE-2024-32498), so those are refused. oslo.utils knows them all, and finds images that are
two formats at once.
"""

from __future__ import annotations

import io

from oslo_utils.imageutils import format_inspector

from ...module_utils.model.errors import StorageError, invalid
from ...module_utils.model.images import READ_FORMATS, Offer

_CHUNK = 65536
_AS_THEY_ARE = ("raw", "gpt", "iso", "luks")  # what a disk holds, byte by byte
_PACKED = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"PK\x03\x04": "zip"}


def inspect(stream, length, shown, told=None, whole=True):
    """Return the Offer of an image.

    :param stream: its bytes, or its first ones when not ``whole``. :param length: of all of it, or None.
    :param shown: what messages call it. :param told: the format that the task says it has.
    :raises StorageError: ``invalid`` for an image that must not or cannot be used.
    """
    if told == "raw":
        return Offer("raw", length)
    head = stream.read(_CHUNK)
    found = _formats(io.BytesIO(head), stream, shown)
    names = {str(item) for item in found} - set(_AS_THEY_ARE)
    if not names:
        return _raw(head, length, shown, told)
    if len(found) > 1:
        raise _refused(shown, "is several formats at once (%s), as no honest image is" % ", ".join(sorted(str(item) for item in found)))
    (name,) = names
    if name not in READ_FORMATS:
        raise _refused(shown, "is of format %s, which is not taken. Convert it to qcow2 or raw" % name)
    if told is not None and told != name:
        raise invalid("image_format", told, "is not what %s is: %s. Leave image_format out, or say what it is." % (shown, name))
    return Offer(name, _checked_size(found[0], shown, whole))


def _formats(head, rest, shown):
    wrapper = format_inspector.InspectWrapper(_Chain(head, rest))
    try:
        while wrapper.formats is None and wrapper.read(_CHUNK):
            pass
        wrapper.close()
        return wrapper.formats
    except format_inspector.ImageFormatError as error:
        raise _refused(shown, "cannot be understood: %s" % error) from error


def _checked_size(inspector, shown, whole):
    try:
        inspector.safety_check()
    except format_inspector.SafetyCheckFailed as error:
        why = ", ".join("%s: %s" % (name, failure) for name, failure in sorted(error.failures.items()))
        raise _refused(
            shown, "refers to other files or has features that are not known (%s), so it could copy the controller's own files" % why
        ) from error
    except format_inspector.ImageFormatError as error:
        if whole:
            raise _refused(shown, "cannot be understood: %s" % error) from error
        return None
    return inspector.virtual_size or None


def _raw(head, length, shown, told):
    if told is not None:
        raise invalid(
            "image_format", told, "is not what %s is: nothing in it says so. Say image_format: raw to take it byte by byte." % shown
        )
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise _refused(shown, "is packed with %s. Unpack it first, or say image_format: raw to take it as it is" % name)
    return Offer("raw", length)


def _refused(shown, why):
    return StorageError("invalid", "source_image: %s %s." % (shown, why), "source_image")


class _Chain:
    """Two streams read as one."""

    def __init__(self, *streams):
        self._streams = list(streams)

    def read(self, size):
        while self._streams:
            data = self._streams[0].read(size)
            if data:
                return data
            self._streams.pop(0)
        return b""
