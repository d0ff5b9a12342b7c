# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wanted volumes as they are meant. Ansible checks a role's arguments and converts none: a "no" from ``-e`` is a text, and so true. Pure."""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean

from ...module_utils.model.errors import StorageError, invalid

_BOOLEANS = ("remove_claim", "delete_volume", "read_only")
_LISTS = ("nodes", "access_modes", "mount_options")


def read_items(wanted, defaults=None):
    """Return wanted volumes with booleans and lists in place of texts, and with the defaults of what they leave out; null leaves out as well.

    :raises StorageError: ``invalid``, naming the volume and its parameter.
    """
    return [_read(item, defaults or {}) for item in wanted]


def _read(item, defaults):
    read = dict(defaults, **{key: value for key, value in item.items() if value is not None})
    try:
        read.update({key: truth(read[key], key) for key in _BOOLEANS if key in read})
    except StorageError as error:
        raise StorageError("invalid", "%s: %s" % (item.get("name"), error.message), error.parameter) from error
    read.update({key: [part.strip() for part in read[key].split(",")] for key in _LISTS if isinstance(read.get(key), str)})
    return read


def truth(value, parameter):
    """Return what Ansible takes a value for: ``no``, ``false``, ``off`` and ``0`` are false. Raises StorageError ``invalid``."""
    try:
        return boolean(value)
    except TypeError as error:
        raise invalid(parameter, value, "is neither true nor false.") from error
