# Copyright: (c) 2026, baremetal.legacy_storage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What drivers there are, what options each declares and what Python packages it wants. No array is asked.

Everything is read from the drivers themselves: their classes' attributes, the oslo.config options that their modules
declare, and the imports that their sources guard because the package may be missing.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.metadata
import inspect
import pkgutil
import re
import sys

# Its stand-ins for packages that drivers import, but never use here, must come before any driver.
import cinderlib  # noqa: F401  # pylint: disable=unused-import
from cinder import interface
from cinder.volume import driver as base
from cinder.volume import drivers

from ...module_utils.model.redaction import is_secret_key
from ...module_utils.model.wanted import SET_BY_PARAMETERS
from .declarations import guarded_imports, modules_of, options_of
from .features import features_of
from .options import import_driver_module, load_driver

_IN_TREE = drivers.__name__ + "."
# Import name to the project's name on a package index, where they differ (Cinder's own extras, setup.cfg of cinder 28).
_PROJECTS = {
    "OpenSSL": "pyOpenSSL",
    "dfs_sdk": "dfs-sdk",
    "hpe3parclient": "python-3parclient",
    "linstor": "python-linstor",
    "pypureclient": "py-pure-client",
    "rbd_iscsi_client": "rbd-iscsi-client",
    "rsd_lib": "rsd-lib",
    "websocket": "websocket-client",
}


def catalogue():
    """Return ({dotted path: class} of all drivers in Cinder's tree, {module: why it cannot be imported})."""
    broken = {}
    for module in pkgutil.walk_packages(drivers.__path__, _IN_TREE, onerror=lambda name: None):
        try:
            import_driver_module(module.name)
        except Exception as error:  # a module of a vendor may fail in any way; the others are still of use
            broken[module.name] = "%s: %s" % (type(error).__name__, error)
    return {"%s.%s" % (cls.__module__, cls.__name__): cls for cls in interface._volume_register}, broken


def describe(path, with_options):
    """Return one driver as a dict. Raises StorageError ``invalid`` when ``path`` cannot be imported."""
    cls = load_driver(path)
    found = {
        "name": path,
        "description": _paragraph(cls.__doc__),
        "version": str(cls.VERSION) if getattr(cls, "VERSION", None) else None,
        "supported": bool(getattr(cls, "SUPPORTED", True)),
        "ci_wiki_name": getattr(cls, "CI_WIKI_NAME", None),
        "python_packages": _packages(modules_of(cls)),
        **features_of(cls),
    }
    if with_options:
        found["options"] = _tell(options_of(cls).values())
    return found


def common_options():
    """Return the options that every driver takes, as dicts."""
    return _tell(base.volume_opts)


def _paragraph(text):
    """Return a docstring's first paragraph as one line."""
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())


def _tell(options):
    return [_option(option) for option in sorted(options, key=lambda option: option.dest) if option.dest not in SET_BY_PARAMETERS]


def _option(option):
    kind = option.type
    return {
        "name": option.dest,
        "parameter": "secret_options" if option.secret or is_secret_key(option.dest) else "options",
        "type": _type(kind),
        "default": _plain(option.default),
        "required": bool(option.required),
        "choices": [_plain(choice) for choice in getattr(kind, "choices", None) or []],
        "min": getattr(kind, "min", None),
        "max": getattr(kind, "max", None),
        "deprecated": " ".join(str(option.deprecated_reason or "").split()) or True if option.deprecated_for_removal else False,
        "former_names": sorted({old.name.replace("-", "_") for old in option.deprecated_opts if old.name and old.name != option.name}),
        "description": " ".join(str(option.help or "").split()),
    }


def _type(kind):
    name = type(kind).__name__
    return {"String": "str", "Integer": "int", "Float": "float", "Boolean": "bool", "List": "list", "Dict": "dict"}.get(
        name, re.sub(r"\W", "", name).lower()
    )


def _plain(value):
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def _packages(modules):
    """Return the packages that a driver imports only where they are there: [{"import", "requirement", "installed"}]."""
    names = set().union(*(_guarded_imports_of(module) for module in modules))
    wanted = _requirements()
    return [
        {
            "import": name,
            "requirement": wanted.get(_canonical(_PROJECTS.get(name, name)), _PROJECTS.get(name, name)),
            "installed": importlib.machinery.PathFinder.find_spec(name) is not None,
        }
        for name in sorted(names)
        if name not in sys.stdlib_module_names and name != "cinder"
    ]


@functools.lru_cache(maxsize=None)  # drivers of one vendor share modules
def _guarded_imports_of(module):
    return guarded_imports(inspect.getsource(module))


@functools.lru_cache(maxsize=None)
def _requirements():
    """Return {canonical project name: requirement} of what Cinder calls its extras."""
    found = {}
    for line in importlib.metadata.requires("cinder") or ():
        requirement, _semicolon, marker = line.partition(";")
        if "extra" in marker:
            name = re.match(r"[\w.-]+", requirement).group()
            found[_canonical(name)] = requirement.strip()
    return found


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()
