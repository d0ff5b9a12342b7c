# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From pure functions to filters: a refusal becomes the error of a filter."""

from __future__ import annotations

import functools

from ansible.errors import AnsibleFilterError

from ...module_utils.model.errors import StorageError


def as_filter(name, function):
    """Return ``function`` as a filter of that name. StorageError, and arguments that it does not take, become AnsibleFilterError."""

    @functools.wraps(function)
    def apply(*arguments, **keywords):
        try:
            return function(*arguments, **keywords)
        except StorageError as error:
            raise AnsibleFilterError("%s: %s" % (name, error.message)) from error
        except TypeError as error:
            raise AnsibleFilterError("%s: %s" % (name, error)) from error

    return apply
