# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error type that crosses layers and processes."""

from __future__ import annotations

EXISTS = "exists"  # in an error's details: the array refused to make what it has already


class StorageError(Exception):
    """A request that was refused or failed, told so that a person can mend it.

    :param code: stable word for programs: ``invalid``, ``not_found``, ``conflict``, ``in_use``, ``busy``,
        ``unsupported``, ``backend``, ``host``, ``interrupted``, ``store``, ``not_installed`` or ``internal``.
    :param message: one or two sentences: what is wrong, and what to do.
    :param parameter: the task parameter that caused it, if one did.
    :param details: further plain data (never a secret).
    """

    def __init__(self, code, message, parameter=None, details=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.parameter = parameter
        self.details = dict(details or {})

    def to_dict(self):
        """Return the error as JSON-ready data."""
        return {"code": self.code, "message": self.message, "parameter": self.parameter, "details": self.details}

    @classmethod
    def from_dict(cls, data):
        """Build the error that :meth:`to_dict` described."""
        return cls(data["code"], data["message"], data.get("parameter"), data.get("details"))


def invalid(parameter, value, problem):
    """Return the error for a parameter whose value cannot be used."""
    return StorageError("invalid", "%s: %r: %s" % (parameter, value, problem), parameter)


def missing_parent(parameter, problem):
    """Return the error for a thing that a task builds on and that is not there.

    In check mode an earlier task of the same run may be what makes it, so check mode warns instead of failing.
    """
    return StorageError("not_found", "%s: %s" % (parameter, problem), parameter, {"parent": True})
