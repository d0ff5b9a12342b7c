# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own code as a wheel: the same bytes from the same sources, on every machine and at every time."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zipfile

from ..module_utils.worker.protocol import VERSION

PARTS = ("controller", "host", "metrics", "module_utils", "secrets")
NAME = "baremetal_legacy_storage"
_PACKAGE = "ansible_collections/baremetal/legacy_storage/plugins/"
_DIST_INFO = "%s-%s.dist-info/" % (NAME, VERSION)
_METADATA = """\
Metadata-Version: 2.1
Name: baremetal-legacy-storage
Version: %s
Summary: Code of the Ansible collection baremetal.legacy_storage that runs on controllers and nodes
License: GPL-3.0-or-later
Requires-Python: >=3.11
""" % VERSION
_WHEEL = """\
Wheel-Version: 1.0
Generator: baremetal.legacy_storage
Root-Is-Purelib: true
Tag: py3-none-any
"""


def read_sources(plugins):
    """Return ``{path in the wheel: bytes}`` of what the collection's ``plugins`` directory holds for hosts.

    Data files (such as templates of migrations) count as much as Python; byte code and editors' leftovers do not.
    """
    sources = {}
    for part in PARTS:
        for folder, folders, names in os.walk(os.path.join(plugins, part)):
            folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
            for name in names:
                if name.startswith(".") or name.endswith((".pyc", "~")):
                    continue
                path = os.path.join(folder, name)
                with open(path, "rb") as stream:
                    sources[_PACKAGE + os.path.relpath(path, plugins).replace(os.sep, "/")] = stream.read()
    return sources


def checksum(sources):
    """Return the SHA-256 (hex) over names and contents of ``{path: bytes}``."""
    lines = ["%s %s\n" % (hashlib.sha256(data).hexdigest(), path) for path, data in sorted(sources.items())]
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def file_name():
    """Return the wheel's file name, which pip reads name and version from."""
    return "%s-%s-py3-none-any.whl" % (NAME, VERSION)


def build(sources, marker):
    """Return the wheel (bytes) of ``{path: bytes}``, with their checksum in the file called ``marker``."""
    files = dict(sources)
    files[_DIST_INFO + "METADATA"] = _METADATA.encode("utf-8")
    files[_DIST_INFO + "WHEEL"] = _WHEEL.encode("utf-8")
    files[_DIST_INFO + marker] = (checksum(sources) + "\n").encode("ascii")
    files[_DIST_INFO + "RECORD"] = _record(files, _DIST_INFO + "RECORD")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(files.items(), key=lambda item: (item[0].startswith(_DIST_INFO), item[0])):
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))  # the oldest that zip knows: no clock in the bytes
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _record(files, own_path):
    lines = []
    for path, data in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
        lines.append("%s,sha256=%s,%d\n" % (path, digest, len(data)))
    return ("".join(lines) + own_path + ",,\n").encode("utf-8")
