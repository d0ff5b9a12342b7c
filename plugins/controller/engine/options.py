# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A driver's options: does each exist, has each a value the driver can use, which of them are secret."""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib

from oslo_config import cfg

from ...module_utils.model.errors import StorageError, invalid
from .declarations import options_of, options_taken_by

_GROUP = "backend_defaults"  # where importing a driver's module registers its options (cinder.volume.configuration)


def validate(backend):
    """Check a Backend's driver and options against the driver's own declarations; the array is not contacted.

    Returns a text for each option that will go with a later Cinder.

    :raises StorageError: ``invalid``, naming the option and the nearest one there is.
    """
    known, outdated = _known(load_driver(backend.driver)), []
    for parameter, values in (("options", backend.options), ("secret_options", backend.secret_options)):
        for key, value in values.items():
            _check(backend, known, parameter, key, value)
            if known[key].deprecated_for_removal:
                outdated.append(_outdated(backend, known[key], "%s.%s" % (parameter, key)))
    return outdated


def _known(cls):
    """Return {name: option} of what a backend of a driver class may be given; lists of options may also hold some of other groups."""
    taken = options_taken_by(cls)
    declared = _declared()  # also for other backends of this process
    return {name: option for name, option in taken.items() if name in declared}


def _outdated(backend, option, label):
    reason = " ".join(str(option.deprecated_reason or "").split())
    return "Backend %s: %s: is deprecated, and will go with a later Cinder%s" % (backend.name, label, ": " + reason if reason else ".")


@functools.lru_cache(maxsize=None)
def load_driver(path):
    """Import a driver class by its dotted path and declare its options, which some drivers do only when they start.

    :raises StorageError: ``invalid`` when it cannot be imported.
    """
    module_name, dot, class_name = str(path).rpartition(".")
    try:
        if not dot:
            raise ImportError("it is no dotted path")
        cls = getattr(import_driver_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise invalid(
            "driver",
            path,
            "cannot be imported: %s. Give a class of cinder.volume.drivers by its dotted path, as in "
            "cinder.volume.drivers.lvm.LVMVolumeDriver; a driver may also need its vendor's Python package." % error,
        ) from error
    for option in options_of(cls).values():
        with contextlib.suppress(cfg.DuplicateOptError):  # two vendors may give one name another default
            cfg.CONF.register_opt(option, group=_GROUP)
    return cls


def import_driver_module(module_name):
    """Import a driver's module, which may declare an option that another driver's module declares in other words.

    HPE's Alletra MP and 3PAR drivers do (cinder 29). Cinder never has both in one process; the first one's declaration gives way.
    """
    while True:
        try:
            return importlib.import_module(module_name)
        except cfg.DuplicateOptError as error:
            declared = _declared().get(error.opt_name.replace("-", "_"))
            if declared is None:
                raise
            cfg.CONF.unregister_opt(declared, group=_GROUP)


def _declared():
    group = cfg.CONF._get_group(_GROUP)  # the public API can look one option up, not list them
    return {name: entry["opt"] for name, entry in group._opts.items()}


def _check(backend, known, parameter, key, value):
    label = "%s.%s" % (parameter, key)
    option = known.get(key)
    if option is None:
        for other in known.values():
            if any(key in (old.name, str(old.name).replace("-", "_")) for old in other.deprecated_opts):
                raise StorageError("invalid", "%s: was renamed; this driver calls it %r now." % (label, other.dest), parameter)
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = " Did you mean %r?" % near[0] if near else ""
        raise StorageError("invalid", "%s: %s has no such option.%s" % (label, backend.driver, hint), parameter)
    if option.secret and parameter == "options":
        raise StorageError(
            "invalid",
            "%s: is a secret of this driver. Give it under secret_options, where it is kept out of logs and encrypted." % label,
            parameter,
        )
    try:
        cfg.CONF.set_override(key, value, _GROUP)
    except (ValueError, TypeError) as error:
        shown = "(hidden)" if parameter == "secret_options" else repr(value)
        reason = "its value is refused" if parameter == "secret_options" else error
        raise StorageError("invalid", "%s: %s cannot be used: %s" % (label, shown, reason), parameter) from error
    finally:
        cfg.CONF.clear_override(key, _GROUP, clear_cache=True)
