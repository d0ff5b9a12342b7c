# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is connected for an account that is not root: it can seal connection_info of its own making, and root's programs and files get what is in it.

So only protocols whose data is names and addresses, and nothing among them that would be an option, a further line of a file, or a way out of a folder.
"""

from __future__ import annotations

import re

from ...module_utils.model.errors import StorageError

PROTOCOLS = ("iscsi", "iser", "fibre_channel", "nvmeof", "nvme", "rbd", "nfs", "gpfs", "local", "aoe")
_TARGET = re.compile(r"(iqn|eui|naa)\.[A-Za-z0-9.:_-]+")
_FORMS = {
    "target_iqn": _TARGET,
    "target_iqns": _TARGET,
    "name": re.compile(r"[^/-][^/]*(/[^/-][^/]*)?"),  # of an image in its pool, of a file on its share
    # Of mount, which takes words for its own options that are none of a share's.
    "options": re.compile(r"(-o )?[a-z0-9_]+(=[a-z0-9_.:]+)?(,[a-z0-9_]+(=[a-z0-9_.:]+)?)*"),
    # Stands in Ceph's configuration.
    "keyring": re.compile(r"\s*\[client\.[\w.-]+\]\s*\n(\s*(key|caps \w+)\s*=[^\r\n]*(\n|$))+\s*"),
}
_NOT_OF_A_SHARE = re.compile(r"(^|[ ,])(r?bind|move|remount|loop|helper|uhelper)\b")


def refuse(protocol, data):
    """Raise StorageError ``unsupported`` for a protocol that is root's alone, ``invalid`` for what is no name or address.

    :param data: connection_info's data, with its secrets, which no message shows.
    """
    if protocol not in PROTOCOLS:
        raise StorageError(
            "unsupported",
            "Volumes are not attached by %s without becoming root: what tells where they are can make root run programs or write files. Let the task "
            "become root; without, there are: %s." % (protocol.upper(), ", ".join(PROTOCOLS)),
        )
    for key, value in _values("", data):
        if not _is_harmless(key, value):
            raise StorageError(
                "invalid",
                "connection_info: %s is not taken as it is without becoming root, since it is more than a name or an address to the programs that get it. "
                "Let the task become root. Nothing was connected." % (key or "a key"),
                "export",
            )


def _values(key, value):
    """Yield ``(the key above, text)`` of every text in the data; keys as ``("", key)``."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield "", str(name)
            yield from _values(str(name), each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _values(key, each)
    elif isinstance(value, str):
        yield key, value


def _is_harmless(key, text):
    form = _FORMS.get(key)
    if form is not None and not form.fullmatch(text):
        return False
    if key == "keyring":
        return True
    if key == "options":
        return not _NOT_OF_A_SHARE.search(text)
    if not text.isprintable() or ".." in text.split("/"):
        return False
    return key.endswith("password") or not text.startswith("-")
